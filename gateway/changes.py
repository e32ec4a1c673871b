"""How two LiteLLM configurations differ, as data and as sentences that a person would say.

Order counts only where LiteLLM goes by it: inside a chain. The order of the models, of the chains
and of a section's keys is no difference.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from gateway.change import ABSENT, Change, Kind, change, plain, same, shown_name
from gateway.changed_chains import chain_changes, chain_list, targets_change
from gateway.changed_models import model_changes, model_list
from gateway.changed_values import value_changes
from gateway.render import CHAIN_KEYS
from stacks.paths import Path

_OF_GROUPS = frozenset({Kind.MODEL, Kind.DEPLOYMENT, Kind.CHAIN})
_RANKS = tuple(Kind)  # what is told first
_NAMED = 3  # probes that a sentence names


def changes(before: Any, after: Any, *, probe_prefix: str = "proof") -> tuple[Change, ...]:
    """Return every difference of two parsed configurations, models and chains first.

    Any data is taken, also what LiteLLM could not load. `probe_prefix` is that of the settings'
    `proof`: the groups and chains below it are the proof's own, and all that happened to them is
    one change. Values that may be secrets are told as changed and not shown.
    """
    return folded(differences(before, after), probe_prefix)


def differences(before: Any, after: Any) -> Iterator[Change]:
    """Yield every difference as `changes` does, those of probes one by one, in no set order."""
    yield from _below((), plain(before), plain(after))


def folded(found: Iterable[Change], probe_prefix: str) -> tuple[Change, ...]:
    """Return models and chains first, and as the one change all that is about probes."""
    others: list[Change] = []
    probes: list[Change] = []
    for each in found:
        (probes if _is_of_probe(each, f"{probe_prefix}/") else others).append(each)
    all_probes = [_folded(probes, probe_prefix)] if probes else []
    return tuple(sorted(others + all_probes, key=lambda each: _RANKS.index(each.kind)))


def text_changes(before: str, after: str, *, probe_prefix: str = "proof") -> tuple[Change, ...]:
    """Return the differences of two texts, as `changes` does; a text may also be no YAML."""
    trees = []
    for text in (before, after):
        try:
            trees.append(yaml.load(text, Loader=yaml.CSafeLoader))
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            trees.append(error)
    if not any(isinstance(tree, Exception) for tree in trees):
        return changes(*trees, probe_prefix=probe_prefix)
    if before == after:
        return ()
    old, new = ("no YAML" if isinstance(tree, Exception) else "YAML" for tree in trees)
    said = "the text is no YAML that LiteLLM could load"
    said = said if new == "no YAML" else "the text is YAML again"
    return (change(Kind.SETTING, (), old, new, said),)


def _below(path: Path, before: Any, after: Any) -> Iterator[Change]:
    """Yield what differs at `path`, in the words of whatever stands there."""
    match path:
        case ("model_list",):
            yield from _models(path, before, after)
        case ("router_settings" | "litellm_settings", str(key)) if key in CHAIN_KEYS:
            yield from _chains(path, before, after)
        case ("litellm_settings", "default_fallbacks"):
            if not same(before, after):
                yield targets_change(path, before, after)
        case ("router_settings", "model_group_alias"):
            yield from _aliases(path, before, after)
        case () | (_,) if _may_be_mappings(before, after):
            old, new = _mapping(before), _mapping(after)
            for key in dict.fromkeys([*old, *new]):
                yield from _below((*path, key), old.get(key, ABSENT), new.get(key, ABSENT))
        case _:
            yield from value_changes(path, before, after)


def _may_be_mappings(*sides: Any) -> bool:
    """Tell whether nothing but mappings is there; a section that is missing is an empty one."""
    return all(side is None or side is ABSENT or isinstance(side, Mapping) for side in sides)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _models(path: Path, before: Any, after: Any) -> Iterator[Change]:
    old, new = model_list(before), model_list(after)
    if old is None or new is None:
        yield from value_changes(path, before, after)
    else:
        yield from model_changes(old, new)


def _chains(path: Path, before: Any, after: Any) -> Iterator[Change]:
    old, new = chain_list(before), chain_list(after)
    if old is None or new is None:
        yield from value_changes(path, before, after)
        return
    found = tuple(chain_changes(path, old, new))
    if not found and (before is ABSENT) != (after is ABSENT):
        # An empty list is not the same as none: it alone decides for its class of errors.
        found = tuple(value_changes(path, before, after))
    yield from found


def _aliases(path: Path, before: Any, after: Any) -> Iterator[Change]:
    if not _may_be_mappings(before, after):
        yield from value_changes(path, before, after)
        return
    old, new = _mapping(before), _mapping(after)
    for alias in dict.fromkeys([*old, *new]):
        was, now = old.get(alias, ABSENT), new.get(alias, ABSENT)
        if not same(was, now):
            said = f"alias {shown_name(alias)} {_alias_sentence(was, now)}"
            yield change(Kind.ALIAS, (*path, alias), was, now, said)


def _alias_sentence(was: Any, now: Any) -> str:
    if was is ABSENT:
        return f"is new: it stands for {_stands_for(now)}"
    if now is ABSENT:
        return f"is gone (it stood for {_stands_for(was)})"
    if _stands_for(was) == _stands_for(now):
        return f"still stands for {_stands_for(now)}, with other parameters"
    return f"stands for {_stands_for(now)} in place of {_stands_for(was)}"


def _stands_for(value: Any) -> str:
    target = value.get("model") if isinstance(value, Mapping) else value
    return shown_name(target) if isinstance(target, str) else "no model"


def _is_of_probe(each: Change, beginning: str) -> bool:
    return each.kind in _OF_GROUPS and (_group(each) or "").startswith(beginning)


def _group(each: Change) -> str | None:
    """Return the group that a change is about; in a list of chains it stands one level deeper."""
    rest = each.path[2 if each.kind is Kind.CHAIN else 1 :]
    return str(rest[0]) if rest else None


def _folded(found: list[Change], prefix: str) -> Change:
    names = {str(_group(each)): each for each in found if each.kind is not Kind.MODEL}
    names |= {str(_group(each)): each for each in found if each.kind is Kind.MODEL}
    new = [name for name, each in names.items() if each.kind is Kind.MODEL and each.after]
    gone = [name for name, each in names.items() if each.kind is Kind.MODEL and each.before]
    others = [name for name in names if name not in new and name not in gone]
    counted = ((len(new), "new"), (len(gone), "gone"), (len(others), "changed"))
    said = ", ".join(f"{number} {what}" for number, what in counted if number)
    shown = ", ".join(list(names)[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
    path: Path = ("model_list", f"{prefix}/*")
    sentence = f"hidden groups of the fallback proof: {said} ({shown})"
    return Change(Kind.PROBES, path, gone + others or None, new + others or None, sentence)
