"""Which fallbacks the settings declare: every edge, its probe group, and LiteLLM's lookup rules."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from fnmatch import fnmatchcase

from gateway.prefixes import finds_prefixed, without_prefix
from stacks.settings import Settings

WILDCARD = "*"  # the chain of every group that owns none


class EdgeKind(StrEnum):
    """Which class of error an edge answers.

    GENERAL: every error, as long as the class below has no list of its own.
    CONTEXT_WINDOW, CONTENT_POLICY: only that class, and then exclusively: a group without an
    entry in a list that exists is not rescued at all (facts on LiteLLM, section 2).
    """

    GENERAL = "general"
    CONTEXT_WINDOW = "context_window"
    CONTENT_POLICY = "content_policy"


@dataclass(frozen=True, slots=True)
class Edge:
    """One promise: when `source` fails, `target` answers, if the targets before it failed too.

    `position` counts from 0 in the chain. `probe` names the hidden group whose primary is dead and
    whose chain begins at this target; None for what cannot be proven: the chain of a wildcard
    group, which LiteLLM never finds (it looks for the name that was asked for, not for the pattern
    that serves it).
    """

    kind: EdgeKind
    source: str
    position: int
    target: str
    probe: str | None


def edges(settings: Settings) -> tuple[Edge, ...]:
    """Return every edge in the order of the settings, `"*"` last."""
    return tuple(
        Edge(kind, source, position, target, _probe(settings, kind, source, position))
        for kind, chains in declared_chains(settings).items()
        for source, targets in _wildcard_last(chains)
        for position, target in enumerate(targets)
    )


def declared_chains(settings: Settings) -> dict[EdgeKind, dict[str, tuple[str, ...]]]:
    """Return the chains of each kind that hold on a running gateway."""
    router = settings.router_settings
    return {
        EdgeKind.GENERAL: general_chains(settings),
        EdgeKind.CONTEXT_WINDOW: dict(router.context_window_fallbacks or {}),
        EdgeKind.CONTENT_POLICY: dict(router.content_policy_fallbacks or {}),
    }


def general_chains(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return the chains that hold on a running gateway, `"*"` included.

    `litellm_settings.default_fallbacks` becomes the `"*"` chain, unless the first sync with the
    database puts the file's `router_settings.fallbacks` back over it (router.py of 1.106.2,
    facts on LiteLLM, section 0, finding 1).
    """
    declared = dict(settings.router_settings.fallbacks or {})
    default = settings.litellm_settings.default_fallbacks
    if default and WILDCARD not in declared and not default_fallbacks_are_lost(settings):
        declared[WILDCARD] = default
    return declared


def default_fallbacks_are_lost(settings: Settings) -> bool:
    """Tell whether LiteLLM drops `default_fallbacks` at its first sync with the database."""
    return bool(
        settings.litellm_settings.default_fallbacks
        and settings.general_settings.store_model_in_db
        and settings.router_settings.fallbacks is not None
    )


def mode_of(settings: Settings, group: str) -> str:
    """Return what kind of request a group answers, that of a wildcard group for what it serves."""
    modes = {model.name: model.mode for model in settings.models}
    if group in modes:
        return modes[group] or "chat"
    patterns = (name for name in modes if WILDCARD in name and fnmatchcase(group, name))
    return modes.get(next(patterns, "")) or "chat"


def effective_chain(
    chains: Mapping[str, Sequence[str]], group: str, version: str
) -> tuple[str, ...]:
    """Return what LiteLLM looks up for `group`: its own chain, a prefix match, `"*"`, or nothing.

    The order is that of get_fallback_model_group in 1.106.2, router_utils.
    """
    exact = chains.get(group)
    if exact is not None:
        return tuple(exact)
    for source, targets in chains.items():
        if same_but_for_the_prefix(source, group, version):
            return tuple(targets)
    return tuple(chains.get(WILDCARD, ()))


def same_but_for_the_prefix(source: str, group: str, version: str) -> bool:
    """Tell whether LiteLLM finds a chain by a group's name that a provider's prefix parts it of."""
    return source == without_prefix(group) or finds_prefixed(group, source, version)


def nearest(name: str, groups: Iterable[str]) -> str | None:
    """Return the group that `name` was probably meant to be."""
    return next(iter(get_close_matches(name, list(groups), n=1, cutoff=0.6)), None)


def _wildcard_last(
    chains: Mapping[str, tuple[str, ...]],
) -> list[tuple[str, tuple[str, ...]]]:
    return sorted(chains.items(), key=lambda entry: entry[0] == WILDCARD)


def _probe(settings: Settings, kind: EdgeKind, source: str, position: int) -> str | None:
    if WILDCARD in source and source != WILDCARD:
        return None
    prefix = settings.proof.probe_prefix
    if kind is not EdgeKind.GENERAL:
        prefix = f"{prefix}/{kind.value.replace('_', '-')}"
    if source != WILDCARD:
        return f"{prefix}/{position}/{source}"
    # "*" in a group's name would make it a wildcard group.
    return f"{prefix}/any" if position == 0 else f"{prefix}/any/{position}"
