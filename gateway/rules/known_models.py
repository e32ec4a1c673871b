"""What is known of each model group: where it is served, its limits, abilities and prices."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from gateway.models import ModelFacts, facts_of
from gateway.rules.numbers import number
from gateway.subject import WILDCARD, Chain, Deployment, Subject

DEEPEST = 5  # hops that LiteLLM follows (ROUTER_MAX_FALLBACKS)
WIDEST = 60  # groups that one chain is followed to: a rule's time is linear in the file
PATTERNS = 50  # wildcard groups that a name is compared with
PLACE_KEYS = ("api_base", "aws_region_name", "vertex_location", "region_name")
CHAT = frozenset({"chat", "completion", "responses"})


@dataclass(frozen=True, slots=True)
class Group:
    """A model group that everything is known of; of several deployments the weakest and the best.

    `origins` say where its deployments are served: provider, and place where one is named.
    """

    name: str
    origins: frozenset[str]
    facts: tuple[ModelFacts, ...]
    own: tuple[Mapping[str, Any], ...]
    """What the file says of each deployment itself: its `model_info` and its parameters."""

    def values(self, key: str) -> list[float] | None:
        """Return a number of each deployment, the file's or the catalogue's; None: unknown."""
        found = [
            number(own.get(key)) if own.get(key) is not None else getattr(facts, key)
            for facts, own in zip(self.facts, self.own, strict=True)
        ]
        return None if None in found or not found else [value for value in found if value]

    def able(self, key: str) -> list[bool]:
        """Return for each deployment whether it has an ability (`vision`, `function_calling`)."""
        return [
            bool(own.get(f"supports_{key}", getattr(facts, key)))
            for facts, own in zip(self.facts, self.own, strict=True)
        ]

    @property
    def modes(self) -> frozenset[str]:
        """The kinds of request that it answers; all that talk are one."""
        found = {
            str(own.get("mode") or facts.mode)
            for facts, own in zip(self.facts, self.own, strict=True)
        }
        return frozenset("chat" if mode in CHAT else mode for mode in found if mode)


class KnownModels:
    """The groups of one configuration, looked up once each."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._groups: dict[str, Group | None] = {}
        self._facts: dict[tuple[str, str], ModelFacts | None] = {}
        names = [name for name in subject.groups if WILDCARD in name]
        self._patterns = names[:PATTERNS]

    def group(self, name: str) -> Group | None:
        """Return what is known of the group that answers to `name`; None where anything is not."""
        if name not in self._groups:
            self._groups[name] = self._group(name)
        return self._groups[name]

    def facts(self, deployment: Deployment) -> ModelFacts | None:
        """Return what is known of a deployment's model."""
        base = deployment.info.get("base_model")
        if isinstance(base, str):
            return self._lookup(base, deployment.provider) or self._lookup(base, "")
        return self._lookup(deployment.model, deployment.provider)

    def named(self, name: str) -> ModelFacts | None:
        """Return what is known of a model by its group's name, for groups of another file."""
        prefix, slash, _ = name.partition("/")
        return self._lookup(name, prefix) if slash else None

    def reached(self, chain: Chain, more: Callable[[str], Chain | None]) -> Iterator[str]:
        """Yield the groups that a request of the chain's source may fall to, in order of hops.

        Each hop looks up its own chain again; `more` is how: general, or for one class of error.
        """
        seen = {chain.source}
        hop = [name for name in chain.targets if name]
        for _ in range(DEEPEST):
            beyond: list[str] = []
            for name in hop:
                if name in seen:
                    continue
                if len(seen) > WIDEST:
                    return
                seen.add(name)
                yield name
                following = more(name)
                beyond += [] if following is None else following.targets[:WIDEST]
            hop = beyond

    def _group(self, name: str) -> Group | None:
        subject = self._subject
        members = subject.groups.get(subject.aliases.get(name, name), ())
        if members:
            known = [(self.facts(member), member) for member in members]
            facts = tuple(found for found, _ in known if found is not None)
            if len(facts) < len(members):
                return None
            own = tuple({**member.params, **member.info} for member in members)
            origins = frozenset(_origin(member, found) for found, member in known if found)
            return Group(name, origins, facts, own)
        pattern = next((p for p in self._patterns if fnmatchcase(name, p)), None)
        if pattern is None and subject.groups and not self._elsewhere:
            return None  # another rule tells that nobody serves it
        found = self.named(name)
        return None if found is None else Group(name, frozenset({found.provider}), (found,), ({},))

    @property
    def _elsewhere(self) -> bool:
        return self._subject.general_settings.get("store_model_in_db") is True

    def _lookup(self, model: str, provider: str) -> ModelFacts | None:
        key = (model, provider)
        if key not in self._facts:
            self._facts[key] = facts_of(model, provider) if model else None
        return self._facts[key]


@lru_cache(maxsize=1)
def known_models(subject: Subject) -> KnownModels:
    """Return the groups of a configuration; the rules that look at one share them."""
    return KnownModels(subject)


def _origin(deployment: Deployment, facts: ModelFacts) -> str:
    places = [str(deployment.params[key]) for key in PLACE_KEYS if deployment.params.get(key)]
    return " at ".join([deployment.provider or facts.provider, *places])
