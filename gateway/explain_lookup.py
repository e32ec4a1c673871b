"""What LiteLLM finds under a name: who answers to it, and which chain belongs to it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from gateway.prefixes import finds_prefixed, without_prefix
from gateway.subject import WILDCARD, Chain, Deployment, Subject

IN_DATABASE = -1  # the `index` of a deployment that no file lists


class Kind(StrEnum):
    """How a name is found, in the order in which LiteLLM looks."""

    GROUP = "group"
    DEPLOYMENT_ID = "deployment id"
    ALIAS = "alias"
    PATTERN = "wildcard"
    MODEL = "model of a deployment"
    DATABASE = "taken for stored in the database"
    DEFAULT = 'first target of "*"'
    NOTHING = "nothing"


class Order(StrEnum):
    """Which lists of chains answer an error; the first is asked for all that the others are not."""

    GENERAL = "fallbacks"
    CONTEXT_WINDOW = "context_window_fallbacks"
    CONTENT_POLICY = "content_policy_fallbacks"


@dataclass(frozen=True, slots=True)
class Served:
    """What answers to a name. `by` is the group, or the pattern, that it was found under.

    `how` says it in a sentence; for `NOTHING` it is the answer that a caller gets.
    """

    name: str
    kind: Kind
    by: str
    deployments: tuple[Deployment, ...]
    how: str

    @property
    def found(self) -> bool:
        """Tell whether a deployment answers to it."""
        return bool(self.deployments)


class Chains:
    """The chains of one kind, by the name of the group that failed."""

    def __init__(self, by_source: Mapping[str, Chain], version: str) -> None:
        self._by_source = by_source
        self._version = version
        self._prefixed: dict[str, list[str]] = {}
        for source in by_source:
            if "/" in source:
                self._prefixed.setdefault(source.partition("/")[2], []).append(source)

    def specific(self, group: str) -> Chain | None:
        """Return the chain of this name, with or without its provider's prefix; `"*"` is none."""
        for name in (group, without_prefix(group)):
            if name != WILDCARD and name in self._by_source:
                return self._by_source[name]
        prefixed = self._prefixed.get(group, ())
        found = (source for source in prefixed if finds_prefixed(group, source, self._version))
        return next((self._by_source[source] for source in found), None)

    def exact(self, source: str) -> Chain | None:
        """Return the chain that is declared under this very name."""
        return self._by_source.get(source)

    def of(self, groups: Iterable[str]) -> Chain | None:
        """Return the first own chain of these groups, and only if none has one, `"*"`."""
        own = (self.specific(group) for group in groups)
        found = next((chain for chain in own if chain is not None), None)
        return found or self.any()

    def any(self) -> Chain | None:
        """Return the chain of `"*"`."""
        return self.exact(WILDCARD)


class Lookup:
    """The indexes behind both questions, built once for any number of them."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject

    def requested(self, name: str) -> Served:
        """Return what a caller reaches who asks for `name`.

        Unlike a target of a chain, an unlisted name is refused by the proxy before any router
        sees it, unless a wildcard group exists (litellm/proxy/route_llm_request.py).
        """
        found = self.target(name)
        if found.found and (found.kind is not Kind.DEFAULT or self._patterns):
            return found
        return Served(name, Kind.NOTHING, "", (), self._refusal(name))

    def target(self, name: str) -> Served:
        """Return what the router takes for a name in a chain.

        The order is that of `_common_checks_available_deployment` in 1.106.2, litellm/router.py,
        and the last resort a surprise: a name that nothing serves is answered by the first target
        of `"*"`, without a word in the log above INFO.
        """
        groups = self.subject.groups
        if name in groups:
            return Served(name, Kind.GROUP, name, groups[name], "")
        alias = self.subject.aliases.get(name)
        if name not in self._by_id and alias is not None and alias in groups:
            how = f"an alias of {alias}; a chain is looked up by the name that was asked for"
            return Served(name, Kind.ALIAS, alias, groups[alias], how)
        return self._single(name) or self._by_pattern(name) or self._last_resort(name)

    @cached_property
    def general(self) -> Chains:
        """The chains for every error that no list of its own answers."""
        return Chains(self.subject.general_chains, self.subject.version)

    def exclusive(self, order: Order) -> Chains | None:
        """Return a kind's own chains; None where there are none and the general ones answer."""
        return self._exclusive[order]

    @cached_property
    def _models_are_elsewhere(self) -> bool:
        stored = self.subject.general_settings.get("store_model_in_db") is True
        return stored and not self.subject.top.get("model_list")

    @cached_property
    def _exclusive(self) -> Mapping[Order, Chains | None]:
        return {order: self._own(order) for order in Order}

    def _own(self, order: Order) -> Chains | None:
        if order is Order.GENERAL:
            return None
        for section in ("router_settings", "litellm_settings"):
            found: dict[str, Chain] = {}
            for chain in self.subject.chains:
                if chain.key == order.value and chain.section == section:
                    if chain.source == WILDCARD:
                        found[WILDCARD] = chain  # the last one decides
                    found.setdefault(chain.source, chain)
            if found:
                return Chains(found, self.subject.version)
        return None

    @cached_property
    def _by_id(self) -> Mapping[str, Deployment]:
        given = ((one.info.get("id"), one) for one in self.subject.deployments)
        return {name: one for name, one in given if isinstance(name, str)}

    @cached_property
    def _by_model(self) -> Mapping[str, Deployment]:
        found: dict[str, Deployment] = {}
        for deployment in self.subject.deployments:
            found.setdefault(deployment.model, deployment)
        return found

    @cached_property
    def _patterns(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        """The wildcard groups; the longest is tried first (pattern_match_deployments.py)."""
        found = [
            (re.escape(group).replace(r"\*", "(.*)"), group)
            for group in self.subject.groups
            if WILDCARD in group
        ]
        found.sort(key=lambda entry: (len(entry[0]), entry[0].count("*")), reverse=True)
        return tuple((re.compile(expression), group) for expression, group in found)

    @cached_property
    def _first_of_star(self) -> str:
        """The first target of the first `"*"`; for a rescue it is the last `"*"` that decides."""
        effective = self.general.any()
        section = effective.section if effective is not None else ""
        for chain in self.subject.chains:
            if (chain.key, chain.source, chain.section) == ("fallbacks", WILDCARD, section):
                effective = chain
                break
        return effective.targets[0] if effective is not None and effective.targets else ""

    def _single(self, name: str) -> Served | None:
        deployment = self._by_id.get(name)
        if deployment is None:
            return None
        how = f"the id of a deployment of {deployment.name}"
        return Served(name, Kind.DEPLOYMENT_ID, deployment.name, (deployment,), how)

    def _by_pattern(self, name: str) -> Served | None:
        for expression, pattern in self._patterns:
            if expression.match(name):  # from the start, and not to the end: as LiteLLM does it
                how = f"served by the wildcard {pattern}"
                return Served(name, Kind.PATTERN, pattern, self.subject.groups[pattern], how)
        return None

    def _last_resort(self, name: str) -> Served:
        one = self._by_model.get(name)
        if one is not None:
            how = f"the `model` of a deployment of {one.name}, not its group's name"
            return Served(name, Kind.MODEL, one.name, (one,), how)
        if self._models_are_elsewhere and name != WILDCARD:
            how = "the file lists no model: taken for one deployment in the database"
            one = Deployment(IN_DATABASE, name, {"model": name}, {})
            return Served(name, Kind.DATABASE, name, (one,), how)
        return self._default(name)

    def _default(self, name: str) -> Served:
        first = self._first_of_star
        deployments = self.subject.groups.get(first, ())
        if not deployments:
            said = "nothing serves this name: skipped in silence"
            return Served(name, Kind.NOTHING, "", (), said)
        how = f'nothing serves this name: LiteLLM takes {first}, the first of "*", instead'
        return Served(name, Kind.DEFAULT, first, deployments, how)

    def _refusal(self, name: str) -> str:
        said = f'HTTP 400 "Invalid model name passed in model={name}"'
        groups = self.subject.groups
        meant = next((group for group in groups if group.partition("/")[2] == name), None)
        if meant is not None:
            return f"{said}: the group is called {meant}, and no request may leave out a prefix"
        if self.general.any() is not None:
            return f'{said}; "*" rescues models that fail, not names that do not exist'
        return said
