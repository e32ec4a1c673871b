"""How two sets of fallback chains differ, as people say it: lost, gained, swapped, reordered."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.chains import WILDCARD
from gateway.change import ABSENT, Change, Kind, canonical, change, same, shown_name
from stacks.paths import Path

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
_QUALIFIED = {
    "context_window_fallbacks": "context-window chain",
    "content_policy_fallbacks": "content-policy chain",
}


@dataclass(slots=True)
class ChainList:
    """A list of fallbacks as LiteLLM reads it: `chains` by source, `unread` what it passes over.

    Of two entries for one group the first counts, of two for `"*"` the last, and of an entry with
    several keys the first key (get_fallback_model_group in router_utils/fallback_event_handlers.py
    of 1.106.2, lines 549 to 562).
    """

    chains: dict[str, Any] = field(default_factory=dict)
    unread: list[Any] = field(default_factory=list)


def chain_list(value: Any) -> ChainList | None:
    """Read plain data; None for what is no list of chains at all."""
    if value is None or value is ABSENT:
        return ChainList()
    if not isinstance(value, list):
        return None
    read = ChainList()
    for entry in value:
        if not isinstance(entry, Mapping) or not entry:
            read.unread.append(entry)
            continue
        (source, targets), *others = entry.items()
        if others:
            read.unread.append(dict(others))
        if source in read.chains:
            loser = read.chains[source] if source == WILDCARD else targets
            read.unread.append({source: loser})
        if source == WILDCARD or source not in read.chains:
            read.chains[source] = targets
    return read


def chain_changes(path: Path, before: ChainList, after: ChainList) -> Iterator[Change]:
    """Yield the difference of each source's chain; `path` is that of the list."""
    for source in dict.fromkeys([*before.chains, *after.chains]):
        old = before.chains.get(source, ABSENT)
        new = after.chains.get(source, ABSENT)
        if not same(old, new):
            yield targets_change((*path, source), old, new)
    if not same(before.unread, after.unread):
        said = f"{'.'.join(map(str, path))}: entries that LiteLLM passes over are others now"
        yield change(Kind.CHAIN, path, before.unread, after.unread, said)


def targets_change(path: Path, before: Any, after: Any) -> Change:
    """Return the one change from a chain to another; ABSENT is no chain at all.

    `path` is section, list and source, or that of the default chain.
    """
    return change(Kind.CHAIN, path, before, after, _sentence(chain_subject(path), before, after))


def chain_subject(path: Path) -> str:
    """Return how a sentence calls the chain at `path`: section, list and source."""
    if path[-1] == "default_fallbacks":
        return "the default chain (default_fallbacks)"
    section, key, source = path
    what = _QUALIFIED.get(str(key), "chain")
    whose = 'every other group ("*")' if source == WILDCARD else shown_name(str(source))
    where = " in litellm_settings" if section == "litellm_settings" else ""
    return f"the {what} of {whose}{where}"


def target_names(targets: Any) -> str:
    """Return a chain as a sentence lists it."""
    if not isinstance(targets, list):
        return "something that is no list"
    return ", ".join(_name(target) for target in targets) or "no target"


def ordinal(position: int) -> str:
    """Return the word for a position that counts from 0: first, second, ... 9th."""
    return _ORDINALS[position] if position < len(_ORDINALS) else f"{position + 1}th"


def _sentence(subject: str, before: Any, after: Any) -> str:
    if before is ABSENT:
        return f"{subject} is new: {target_names(after)}"
    if after is ABSENT:
        return f"{subject} is gone (it was {target_names(before)})"
    said = None
    if isinstance(before, list) and isinstance(after, list):
        said = _step(before, after)
    return f"{subject} {said or f'is {target_names(after)} in place of {target_names(before)}'}"


def _step(before: list[Any], after: list[Any]) -> str | None:
    """Say in a word how one list became the other; None where it takes more."""
    lost, gained = _beyond(before, after), _beyond(after, before)
    said = None
    if not lost and not gained:
        said = f"has a new order: {target_names(after)} (it was {target_names(before)})"
    elif not gained and _without(before, lost) == _texts(after):
        said = f"lost {_listed('its', before, lost)}"
    elif not lost and _without(after, gained) == _texts(before):
        said = f"has {_listed('a new', after, gained)}"
    elif lost == gained and len(lost) == 1 and len(before) == len(after):
        position = lost[0]
        old, new = _name(before[position]), _name(after[position])
        said = f"has {new} as its {ordinal(position)} target in place of {old}"
        said += " (its parameters are others)" if old == new else ""
    return said


def _beyond(targets: Sequence[Any], others: Sequence[Any]) -> list[int]:
    """Return the positions of what `targets` has more than `others`."""
    left = _texts(others)
    found = []
    for position, text in enumerate(_texts(targets)):
        if text in left:
            left.remove(text)
        else:
            found.append(position)
    return found


def _without(targets: Sequence[Any], positions: Sequence[int]) -> list[str]:
    return [text for index, text in enumerate(_texts(targets)) if index not in positions]


def _texts(targets: Sequence[Any]) -> list[str]:
    return [canonical(target) for target in targets]


def _listed(article: str, targets: Sequence[Any], positions: Sequence[int]) -> str:
    named = target_names([targets[position] for position in positions])
    if len(positions) == 1:
        return f"{article} {ordinal(positions[0])} target ({named})"
    return f"{len(positions)} {'new ' if article == 'a new' else ''}targets: {named}"


def _name(target: Any) -> str:
    if isinstance(target, Mapping):
        target = target.get("model", "a mapping without a model")
    return shown_name(target) if isinstance(target, str) else "(no name)"
