"""Which references to the environment find nothing, or are none."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from gateway.rules.quoting import did_you_mean
from gateway.spelling import Speller
from gateway.subject import Subject, reference
from stacks.paths import Path
from stacks.problem import Severity
from stacks.rule import Edit, Example, Finding, Put, Rule

ALWAYS_THERE = frozenset({"FLY_APP_NAME", "FLY_REGION", "FLY_MACHINE_ID", "HOME", "PATH", "PORT"})

# `os.environ.NAME`, `os.environ["NAME"]`, `OS.ENVIRON/NAME`, `os.environ:NAME`, `env/NAME`
_ALMOST = re.compile(
    r"""(?:os\.environ?\s*[.:\[/(]+|os\.getenv\(|env(?:iron)?[/:])["']?(?P<name>[A-Za-z_]\w*)["'\])]*""",
    re.IGNORECASE,
)
_SHELL = re.compile(r"\$\{?(?P<name>[A-Z_][A-Z0-9_]*)\}?|\{\{\s*(?P<other>[A-Z_][A-Z0-9_]*)\s*\}\}")
_SUSPICIOUS = re.compile(r"env|ENV|Env|\$|\{\{")
_SEEN: WeakKeyDictionary[Subject, tuple[tuple[Path, str], ...]] = WeakKeyDictionary()
# What names an environment as a word of a variable's name, by the environment that it names.
_ENVIRONMENTS = {
    **dict.fromkeys(("live", "prod", "production", "prd"), "live"),
    **dict.fromkeys(("dev", "development", "sandbox", "nonprod"), "dev"),
    **dict.fromkeys(("staging", "stage", "stg"), "staging"),
}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def references(subject: Subject) -> Iterator[tuple[Path, str]]:
    """Yield the place and the name of every `os.environ/NAME` in LiteLLM's file."""
    for path, text in _texts(subject):
        name = reference(text)
        if name is not None:
            yield path, name


def _unset(subject: Subject) -> Iterator[Finding]:
    secrets = subject.configuration.secrets
    if secrets is None or subject.general_settings.get("key_management_system"):
        return  # nobody knows the names, or another store than the environment answers
    declared = _own_variables(subject) | set(subject.environment) | ALWAYS_THERE
    known = secrets | declared
    speller = Speller(known)
    for path, name in references(subject):
        if name in known or not _NAME.fullmatch(name):
            continue
        yield Finding(
            path,
            f"os.environ/{name}",
            "neither a secret nor a variable of the machine has this name: LiteLLM reads it as not "
            "set, and says nothing",
            did_you_mean(speller.nearest(name), f"set it: `fly secrets set {name}=...`"),
        )


def _of_another(subject: Subject) -> Iterator[Finding]:
    here = _ENVIRONMENTS.get(str(subject.configuration.environment_name).lower())
    if here is None:
        return
    for path, name in references(subject):
        words = [_ENVIRONMENTS.get(word) for word in name.lower().split("_")]
        others = [word for word in words if word is not None]
        if others and here not in others:
            yield Finding(
                path,
                f"os.environ/{name}",
                f"by its name this key is {others[0]}'s: what {others[0]} spends, leaks or rotates "
                f"is then {subject.configuration.environment_name}'s too",
                "give this environment a key of its own at the provider, under a name that has no "
                "environment in it: each app has secrets of its own",
            )


def _own_variables(subject: Subject) -> set[str]:
    """Return the names that the file's own `environment_variables` sets before it is read."""
    variables = subject.top.get("environment_variables")
    return {str(name) for name in variables} if isinstance(variables, Mapping) else set()


def _malformed(subject: Subject) -> Iterator[Finding]:
    in_store = bool(subject.general_settings.get("key_management_system"))
    for path, text in _texts(subject):
        name = reference(text)
        if name is not None:
            if not in_store and not _NAME.fullmatch(name):
                yield Finding(
                    path,
                    "os.environ/ (the rest is not shown)" if name else "os.environ/",
                    "after `os.environ/` stands the name of one variable and nothing else: no "
                    "variable has this name, and LiteLLM reads it as not set",
                    "write `os.environ/NAME`; a text around a variable has to be in the variable",
                    _trimmed(path, name),
                )
            continue
        found = _ALMOST.fullmatch(text.strip()) or _SHELL.fullmatch(text.strip())
        if found is None:
            continue
        parts = found.groupdict()
        name = parts.get("name") or parts.get("other") or ""
        yield Finding(
            path,
            text.strip(),
            "LiteLLM takes this text itself as the value: only `os.environ/NAME` is replaced",
            f"write os.environ/{name}",
            (Put(path, f"os.environ/{name}"),),
        )


def _trimmed(path: Path, name: str) -> tuple[Edit, ...]:
    plain = name.strip().strip("/")
    return (Put(path, f"os.environ/{plain}"),) if _NAME.fullmatch(plain) else ()


def _texts(subject: Subject) -> tuple[tuple[Path, str], ...]:
    """Return every text that may name a variable, with its place; two rules look at them."""
    if subject not in _SEEN:
        _SEEN[subject] = tuple(_suspicious(("litellm",), subject.top))
    return _SEEN[subject]


def _suspicious(path: Path, value: Any) -> Iterator[tuple[Path, str]]:
    """Yield these texts; what an anchor repeats is looked at in one place only."""
    waiting = [(path, value)]
    seen: set[int] = set()
    while waiting:
        place, inner = waiting.pop()
        if isinstance(inner, str):
            yield place, inner
            continue
        if id(inner) in seen:
            continue
        seen.add(id(inner))
        keyed = inner.items() if isinstance(inner, Mapping) else enumerate(inner)
        below = [
            ((*place, key if isinstance(key, int) else str(key)), item)
            for key, item in keyed
            if isinstance(item, Mapping | list | tuple)
            or (isinstance(item, str) and _SUSPICIOUS.search(item))
        ]
        waiting += reversed(below)


def _keyed(name: str) -> Example:
    return Example(
        litellm="litellm_settings: {request_timeout: 60}\n"
        "model_list:\n- model_name: grok\n  litellm_params:\n"
        f"    {{model: xai/grok-4.3, api_key: os.environ/{name}}}\n",
        environment_name="live",
    )


RULES = (
    Rule(
        id="L033",
        title="A reference names a variable that nobody sets",
        severity=Severity.ERROR,
        about="os.environ/NAME",
        evidence=(
            "litellm/secret_managers/main.py (get_secret)",
            "facts on LiteLLM, section 1: an unresolved reference is None, in silence",
            "facts on peers, section 0: `--validate_config` accepts it",
        ),
        remedy="Set it as a secret of the app, or correct the name.",
        failing=Example(
            litellm="litellm_settings: {request_timeout: 60}\n"
            "model_list:\n- model_name: grok\n  litellm_params:\n"
            "    {model: xai/grok-4.3, api_key: os.environ/XAI_API_KY}\n",
            secrets=frozenset({"XAI_API_KEY", "LITELLM_MASTER_KEY"}),
        ),
        passing=Example(
            litellm="litellm_settings: {request_timeout: 60}\n"
            "model_list:\n- model_name: grok\n  litellm_params:\n"
            "    {model: xai/grok-4.3, api_key: os.environ/XAI_API_KEY}\n",
            secrets=frozenset({"XAI_API_KEY", "LITELLM_MASTER_KEY"}),
        ),
        find=_unset,
    ),
    Rule(
        id="L106",
        title="A reference to the environment is written as LiteLLM does not read it",
        severity=Severity.ERROR,
        about="os.environ/NAME",
        evidence=("litellm/secret_managers/main.py (get_secret)",),
        remedy="Write `os.environ/NAME`.",
        failing=Example(litellm="general_settings: {master_key: '${LITELLM_MASTER_KEY}'}\n"),
        passing=Example(litellm="general_settings: {master_key: os.environ/LITELLM_MASTER_KEY}\n"),
        find=_malformed,
    ),
    Rule(
        id="L042",
        title="A key belongs to another environment",
        severity=Severity.WARNING,
        about="os.environ/NAME",
        evidence=("facts on LiteLLM, section 11: the names alone can be compared, values are not",),
        remedy="Give each environment keys of its own.",
        failing=_keyed("XAI_API_KEY_DEV"),
        passing=_keyed("XAI_API_KEY"),
        find=_of_another,
    ),
)
