"""How two model lists differ: groups, deployments of a group, and what stands in a deployment."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.change import ABSENT, Change, Kind, canonical, change, same, shown_name
from gateway.changed_chains import ordinal
from gateway.changed_values import value_changes
from stacks.paths import Part, Path

_PATH: Path = ("model_list",)


@dataclass(slots=True)
class ModelList:
    """A `model_list`: deployments by group, and entries without the name of one."""

    groups: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    nameless: list[Any] = field(default_factory=list)


def model_list(value: Any) -> ModelList | None:
    """Read plain data; None for what is no list."""
    if value is None or value is ABSENT:
        return ModelList()
    if not isinstance(value, list):
        return None
    read = ModelList()
    for entry in value:
        name = entry.get("model_name") if isinstance(entry, Mapping) else None
        if isinstance(name, str):
            read.groups.setdefault(name, []).append(dict(entry))
        else:
            read.nameless.append(entry)
    return read


def model_changes(before: ModelList, after: ModelList) -> Iterator[Change]:
    """Yield the groups that came or went, then what changed inside those that stayed."""
    for name in dict.fromkeys([*before.groups, *after.groups]):
        old, new = before.groups.get(name, []), after.groups.get(name, [])
        if not old or not new:
            yield _group_change(name, old, new)
        elif not same(old, new):
            yield from _deployment_changes(name, old, new)
    if not same(before.nameless, after.nameless):
        said = "model_list: the entries without a model_name are others now"
        yield change(Kind.MODEL, _PATH, before.nameless, after.nameless, said)


def _group_change(name: str, old: list[Any], new: list[Any]) -> Change:
    models = ", ".join(_model(entry) for entry in old or new)
    said = f"model group {shown_name(name)} is {f'new: {models}' if new else f'gone ({models})'}"
    return change(Kind.MODEL, (*_PATH, name), old or ABSENT, new or ABSENT, said)


def _deployment_changes(name: str, old: list[Any], new: list[Any]) -> Iterator[Change]:
    group, count, alone = shown_name(name), len(old), len(old) == len(new) == 1
    for before, after in _paired(old, new):
        label = _label(before, old) if after is None else _label(after, new)
        path: Path = (*_PATH, name) if alone else (*_PATH, name, label)
        if before is None:
            said = f"{group} has a {ordinal(count)} deployment ({_model(after)})"
            count += 1
            yield change(Kind.DEPLOYMENT, path, ABSENT, after, said)
        elif after is None:
            said = f"{group} lost one of its {len(old)} deployments ({_model(before)})"
            yield change(Kind.DEPLOYMENT, path, before, ABSENT, said)
        else:
            at = f"model {group}" if alone else f"model {group}, deployment {label}"
            yield from _entry_changes(path, before, after, at)


def _entry_changes(
    path: Path, before: dict[str, Any], after: dict[str, Any], at: str
) -> Iterator[Change]:
    for key in dict.fromkeys([*before, *after]):
        values = before.get(key, ABSENT), after.get(key, ABSENT)
        said = f"{at}: {shown_name(key)}"
        yield from value_changes((*path, key), *values, kind=Kind.DEPLOYMENT, at=said)


def _paired(
    old: Sequence[Any], new: Sequence[Any]
) -> list[tuple[Any, None] | tuple[None, Any] | tuple[Any, Any]]:
    """Pair deployments that are the same, then those of one id, of one model, then the rest."""
    pairs: dict[int, int] = {}
    keys: tuple[Callable[[Any], Any], ...] = (canonical, _id, _target, lambda _: "any")
    for key in keys:
        taken = set(pairs.values())
        for index, before in enumerate(old):
            wanted = key(before)
            match = (i for i, after in enumerate(new) if i not in taken and key(after) == wanted)
            found = next(match, None)
            if index not in pairs and wanted is not None and found is not None:
                pairs[index] = found
                taken.add(found)
    rest = [entry for index, entry in enumerate(new) if index not in pairs.values()]
    return [
        *((before, new[pairs[i]] if i in pairs else None) for i, before in enumerate(old)),
        *((None, entry) for entry in rest),
    ]


def _label(entry: Any, group: Sequence[Any]) -> Part:
    """Return a deployment's id, else its position in the group."""
    own = _id(entry)
    position = next(index for index, each in enumerate(group) if each is entry)
    return shown_name(own) if own is not None else position


def _id(entry: Any) -> str | None:
    return _inner(entry, "model_info", "id")


def _target(entry: Any) -> str | None:
    return _inner(entry, "litellm_params", "model")


def _model(entry: Any) -> str:
    return shown_name(_target(entry) or "no model")


def _inner(entry: Any, part: str, key: str) -> str | None:
    inner = entry.get(part)
    value = inner.get(key) if isinstance(inner, Mapping) else None
    return value if isinstance(value, str) else None
