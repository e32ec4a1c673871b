"""How literal keys, fields and arguments are read off Python source without running it."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_READERS = frozenset({"get", "pop", "setdefault", "__contains__"})

Strings = Mapping[str, frozenset[str]]


def strings(nodes: Iterable[ast.AST]) -> dict[str, set[str]]:
    """Return the texts that a name may hold: constants, literal lists, what a loop goes through."""
    found: dict[str, set[str]] = defaultdict(set)
    for node in nodes:
        for name, value in _bindings(node):
            found[name] |= _texts(value, found)
    return found


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            yield name, value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value
        case ast.For(target=ast.Name(id=name), iter=value):
            yield name, value
        case ast.comprehension(target=ast.Name(id=name), iter=value):
            yield name, value
        case _:
            pass


def _texts(value: ast.expr, known: Mapping[str, Iterable[str]]) -> set[str]:
    match value:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.List(elts=entries) | ast.Tuple(elts=entries) | ast.Set(elts=entries):
            return {text for entry in entries for text in _texts(entry, known)}
        case ast.Call(func=ast.Name(id="frozenset" | "tuple" | "set"), args=[inner]):
            return _texts(inner, known)
        case ast.Starred(value=inner):
            return _texts(inner, known)
        case ast.Name(id=name):
            return set(known.get(name, ()))
        case _:
            return set()


def receiver(node: ast.expr) -> str:
    """Return the name that an expression goes by: `b` for `a.b`, `a["b"]`, `a.get("b") or {}`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case (
            ast.Subscript(slice=ast.Constant(value=str(name)))
            | ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[], keywords=[])
            | ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(name)), *_])
            | ast.Call(func=ast.Name(id="getattr"), args=[_, ast.Constant(value=str(name)), *_])
        ):
            return name
        case (
            ast.Call(func=ast.Name(id="cast" | "dict"), args=[*_, inner])
            | ast.BoolOp(values=[inner, *_])
            | ast.IfExp(body=inner)
            | ast.Await(value=inner)
        ):
            return receiver(inner)
        case _:
            return ""


def reads(tree: ast.Module, known: Strings) -> dict[str, set[str]]:
    """Return the keys that are read off mappings, by the name of the mapping.

    `m.get("k")`, `m["k"]`, `"k" in m`, `m.pop("k")`, and `helper(m, "k")`. A key may be a name of
    the file or of `known`. `m = config.get("section")` makes m another name of section, for the
    function that says it.
    """
    module = strings(tree.body)
    found: dict[str, set[str]] = defaultdict(set)
    for scope in _scopes(tree.body):
        nodes = list(ast.walk(scope))
        aliases = _aliases_in(nodes)
        local = {**module, **strings(nodes)}
        for node in nodes:
            for owner, key in _accesses(node):
                name = receiver(owner)
                texts = (_texts(key, local) or _texts(key, known)) if name else set()
                keys = {text for text in texts if _KEY.fullmatch(text)}
                for each in (name, *aliases.get(name, ())):
                    found[each] |= keys
    return found


def _aliases_in(nodes: Iterable[ast.AST]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for node in nodes:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            for name, value in _bindings(node):
                found[name] |= {receiver(value)} - {"", name}
    return found


def _scopes(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield outermost functions, methods among them, and the statements between them."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _scopes(node.body)
        else:
            yield node


def _accesses(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    match node:
        case ast.Call(func=ast.Attribute(attr=attribute, value=owner), args=[key, *_]) if (
            attribute in _READERS
        ):
            yield owner, key
        case ast.Subscript(value=owner, slice=key, ctx=ast.Load()):
            yield owner, key
        case ast.Compare(left=key, ops=[ast.In() | ast.NotIn()], comparators=[owner]):
            yield owner, key
        case ast.Call(func=ast.Name() | ast.Attribute(), args=[owner, key, *_]):
            yield owner, key
        case _:
            pass


def validated(tree: ast.AST) -> dict[str, set[str]]:
    """Return the classes that mappings are validated by, by the name of the mapping."""
    found: dict[str, set[str]] = defaultdict(set)
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="model_validate", value=ast.Name(id=cls)), args=[owner]
            ):
                found[receiver(owner)].add(cls)
            case ast.Call(func=ast.Name(id=cls), keywords=[ast.keyword(arg=None, value=owner)]):
                if cls[:1].isupper():
                    found[receiver(owner)].add(cls)
            case _:
                pass
    return found


def classes(trees: Iterable[ast.Module]) -> dict[str, ast.ClassDef]:
    """Return the classes at the top of the files, by name; the first of a name counts."""
    found: dict[str, ast.ClassDef] = {}
    for tree in trees:
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, node)
    return found


def fields(name: str, known: Mapping[str, ast.ClassDef]) -> set[str]:
    """Return the annotated fields of a class and of its known bases, with their aliases."""
    node = known.get(name)
    if node is None:
        return set()
    found: set[str] = set()
    for base in node.bases:
        found |= fields(receiver(base), known) if receiver(base) != name else set()
    for statement in node.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=field), annotation=annotation, value=value):
                if not ast.unparse(annotation).startswith("ClassVar") and field != "model_config":
                    found |= {field} | _aliases(value)
            case _:
                pass
    return found


def _aliases(value: ast.expr | None) -> set[str]:
    if not isinstance(value, ast.Call):
        return set()
    named = [word.value for word in value.keywords if word.arg in ("alias", "validation_alias")]
    return {
        node.value
        for expression in named
        for node in ast.walk(expression)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def arguments(tree: ast.AST, function: str, *, cls: str | None = None) -> set[str]:
    """Return the named arguments of a function, or of a class's method."""
    for node in ast.walk(tree):
        if cls is not None and isinstance(node, ast.ClassDef) and node.name == cls:
            return arguments(node, function)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if cls is None and node.name == function:
            every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            return {argument.arg for argument in every} - {"self"}
    return set()


def compared(tree: ast.AST, name: str) -> set[str]:
    """Return the texts that a variable is compared with: `key == "a"`, `key in {"a", "b"}`."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Compare(
                left=ast.Name(id=left), ops=[ast.Eq() | ast.In()], comparators=[right]
            ) if left == name:
                found |= _texts(right, {})
            case _:
                pass
    return found


def function(tree: ast.AST, name: str) -> ast.AST:
    """Return the function or class of this name, an empty tree where there is none."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=found) | ast.AsyncFunctionDef(name=found):
                pass
            case ast.ClassDef(name=found):
                pass
            case _:
                continue
        if found == name:
            return node
    return ast.Module([], [])
