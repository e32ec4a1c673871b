"""A LiteLLM configuration as its rules look at it: sections that are there, indexes built once."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, NamedTuple

from gateway.prefixes import finds_prefixed, without_prefix
from stacks.configuration import Configuration
from stacks.paths import Path
from stacks.versions import Holds, Versions

WILDCARD = "*"
CHAIN_KEYS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
EMPTY: Mapping[str, Any] = {}

_SIGN = re.compile(r"[*?\[]")  # what fnmatch gives a meaning

ORIGINAL_CHAIN_RESUMED = Versions(since="1.104.0")
"""A hop without a chain of its own goes on in that of the group that was asked for, and so `"*"`
does not rescue it (fallback_lookup_groups in litellm/router_utils/fallback_event_handlers.py;
released versions compared, and seen on 1.106.2)."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One well-formed entry of `model_list`; `index` is its position there."""

    index: int
    name: str
    params: Mapping[str, Any]
    info: Mapping[str, Any]

    @property
    def path(self) -> Path:
        """Where it stands."""
        return ("litellm", "model_list", self.index)

    @property
    def model(self) -> str:
        """`litellm_params.model`, `""` where it is no text."""
        model = self.params.get("model")
        return model if isinstance(model, str) else ""

    @property
    def provider(self) -> str:
        """The prefix of `model`, or `custom_llm_provider`; `""` where there is neither."""
        named = self.params.get("custom_llm_provider")
        if isinstance(named, str):
            return named
        prefix, slash, _ = self.model.partition("/")
        return prefix if slash else ""


class Chain(NamedTuple):
    """One declared chain; `path` is that of its list of targets.

    `targets` are names only: of a mapping as target, its `model`. Positions are those of the
    list as written: an entry that names nothing is `""`.
    """

    section: str
    key: str
    source: str
    targets: tuple[str, ...]
    path: Path

    def at(self, position: int) -> Path:
        """Return where the target at `position` stands."""
        return (*self.path, position)


class Subject:
    """What rules read. Every property is total: a section that is no mapping is an empty one."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.version = configuration.version
        self.server = configuration.server
        self.environment = configuration.environment

    @cached_property
    def given(self) -> bool:
        """Tell whether there is a LiteLLM file at all: rules about what is missing ask first."""
        return self.configuration.litellm is not None

    @cached_property
    def top(self) -> Mapping[str, Any]:
        """The whole file."""
        return mapping(self.configuration.litellm)

    @cached_property
    def litellm_settings(self) -> Mapping[str, Any]:
        """The section of this name."""
        return mapping(self.top.get("litellm_settings"))

    @cached_property
    def general_settings(self) -> Mapping[str, Any]:
        """The section of this name."""
        return mapping(self.top.get("general_settings"))

    @cached_property
    def router_settings(self) -> Mapping[str, Any]:
        """The section of this name."""
        return mapping(self.top.get("router_settings"))

    @cached_property
    def deployments(self) -> tuple[Deployment, ...]:
        """The entries of `model_list` that have a name and parameters."""
        found = []
        for index, entry in enumerate(sequence(self.top.get("model_list"))):
            fields = mapping(entry)
            name, params = fields.get("model_name"), fields.get("litellm_params")
            if isinstance(name, str) and isinstance(params, Mapping):
                found.append(Deployment(index, name, params, mapping(fields.get("model_info"))))
        return tuple(found)

    @cached_property
    def groups(self) -> Mapping[str, tuple[Deployment, ...]]:
        """Deployments by model group."""
        found: dict[str, list[Deployment]] = {}
        for deployment in self.deployments:
            found.setdefault(deployment.name, []).append(deployment)
        return {name: tuple(members) for name, members in found.items()}

    @cached_property
    def aliases(self) -> Mapping[str, str]:
        """`model_group_alias`: alias to group, both places that LiteLLM reads it from."""
        found: dict[str, str] = {}
        for section in (self.router_settings, self.litellm_settings):
            for alias, target in mapping(section.get("model_group_alias")).items():
                group = _name(target)
                if group:
                    found.setdefault(str(alias), group)
        return found

    @cached_property
    def chains(self) -> tuple[Chain, ...]:
        """Every declared chain in the order of the file, whichever section holds it."""
        return tuple(self._chains())

    @cached_property
    def general_chains(self) -> Mapping[str, Chain]:
        """The chains that hold on a running gateway, by source; `"*"` among them.

        `router_settings.fallbacks` wins over the list of `litellm_settings` (facts on LiteLLM,
        section 13, 5). A source declared twice is answered by its first entry, but `"*"` by its
        last one. LiteLLM adds `default_fallbacks` behind the list, so that it overrules a `"*"`
        there, and loses it at the first sync with the database (all observed on 1.106.2).
        """
        declared = [chain for chain in self.chains if chain.key == "fallbacks"]
        in_router = "fallbacks" in self.router_settings
        found: dict[str, Chain] = {}
        for chain in declared:
            if chain.section == "router_settings" or not in_router:
                if chain.source == WILDCARD:
                    found[WILDCARD] = chain
                found.setdefault(chain.source, chain)
        default = next((c for c in self.chains if c.key == "default_fallbacks"), None)
        if default is not None and not self.default_fallbacks_are_lost:
            found[WILDCARD] = default
        return found

    @cached_property
    def default_fallbacks_are_lost(self) -> bool:
        """Tell whether the first sync with the database drops `default_fallbacks`."""
        return (
            bool(self.litellm_settings.get("default_fallbacks"))
            and self.general_settings.get("store_model_in_db") is True
            and "fallbacks" in self.router_settings
        )

    def is_served(self, name: str, *, as_source: bool = False) -> bool:
        """Tell whether LiteLLM finds something under `name`: group, alias, wildcard.

        As the source of a chain a name may also lack a provider's prefix, or have one where
        LiteLLM can tell the provider from the group's name.
        """
        if name in self.groups or name in self.aliases or self._is_matched(name):
            return True
        if not as_source:
            return False
        bare = name.partition("/")[2]
        return (
            name in self._bare_names
            or (bare in self.groups and finds_prefixed(bare, name, self.version))
            or any(self._is_matched(f"{prefix}/{name}") for prefix in self._wildcard_prefixes)
        )

    def _is_matched(self, name: str) -> bool:
        return any(
            fnmatchcase(name, pattern)
            for length, patterns in self._patterns.items()
            for pattern in patterns.get(name[:length], ())
        )

    def chain_of(self, group: str) -> Chain | None:
        """Return what LiteLLM looks up: the own chain, one whose prefix differs, `"*"`, none.

        The order is that of get_fallback_model_group in 1.106.2, router_utils.
        """
        return self._own_chain(group) or self.general_chains.get(WILDCARD)

    def chain_of_hop(self, group: str) -> Chain | None:
        """Return what is looked up for a target that failed: its own chain, and not `"*"`."""
        if ORIGINAL_CHAIN_RESUMED.hold(self.version) is Holds.NO:
            return self.chain_of(group)
        return self._own_chain(group)

    def _own_chain(self, group: str) -> Chain | None:
        chains = self.general_chains
        for source in (group, without_prefix(group)):
            if source in chains:
                return chains[source]
        prefixed = self._bare_sources.get(group, ())
        found = (source for source in prefixed if finds_prefixed(group, source, self.version))
        return next((chains[source] for source in found), None)

    @cached_property
    def _patterns(self) -> Mapping[int, Mapping[str, list[str]]]:
        """The names with a `*`, by what they begin with before any sign, and its length.

        A name is then compared with the few that begin as it does, not with all.
        """
        found: dict[int, dict[str, list[str]]] = {}
        for name in self.groups:
            if WILDCARD in name:
                begins = _SIGN.split(name, maxsplit=1)[0]
                found.setdefault(len(begins), {}).setdefault(begins, []).append(name)
        return found

    @cached_property
    def _bare_names(self) -> frozenset[str]:
        return frozenset(map(without_prefix, self.groups)) - {""}

    @cached_property
    def _wildcard_prefixes(self) -> frozenset[str]:
        """The providers whose prefix LiteLLM takes off a name that a wildcard serves."""
        wild = (name for name in self.groups if WILDCARD in name and without_prefix(name))
        return frozenset(name.partition("/")[0] for name in wild)

    @cached_property
    def _bare_sources(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for source in self.general_chains:
            bare = source.partition("/")[2]
            if bare:
                found.setdefault(bare, []).append(source)
        return found

    def _chains(self) -> Iterator[Chain]:
        for section, values in (
            ("router_settings", self.router_settings),
            ("litellm_settings", self.litellm_settings),
        ):
            for key in CHAIN_KEYS:
                for index, entry in enumerate(sequence(values.get(key))):
                    for source, targets in mapping(entry).items():
                        path: Path = ("litellm", section, key, index, str(source))
                        yield Chain(section, key, str(source), names(targets), path)
            default = values.get("default_fallbacks")
            if isinstance(default, Sequence) and not isinstance(default, str):
                whole = ("litellm", section, "default_fallbacks")
                yield Chain(section, "default_fallbacks", WILDCARD, names(default), whole)


def mapping(value: Any) -> Mapping[str, Any]:
    """Return `value` if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else EMPTY


def sequence(value: Any) -> Sequence[Any]:
    """Return `value` if it is a list, else an empty one: a text is no list."""
    return value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else ()


def names(targets: Any) -> tuple[str, ...]:
    """Return the model groups that a list of targets names, `""` for an entry that names none."""
    return tuple(_name(target) for target in sequence(targets))


def _name(target: Any) -> str:
    name = target.get("model") if isinstance(target, Mapping) else target
    return name if isinstance(name, str) else ""


def reference(value: Any) -> str | None:
    """Return NAME of `os.environ/NAME`, None for any other value."""
    if isinstance(value, str) and value.startswith("os.environ/"):
        return value.removeprefix("os.environ/")
    return None
