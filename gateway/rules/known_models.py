"""What is known of each model group: where it is served, its limits, abilities and prices."""

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple

from gateway.models import ModelFacts, facts_of
from gateway.rules.numbers import number
from gateway.subject import WILDCARD, Chain, Deployment, Subject

DEEPEST = 5  # hops that LiteLLM follows (ROUTER_MAX_FALLBACKS)
WIDEST = 60  # groups that one chain is followed to: a rule's time is linear in the file
PATTERNS = 50  # wildcard groups that a name is compared with
PLACE_KEYS = ("api_base", "aws_region_name", "vertex_location", "region_name")
CHAT = frozenset({"chat", "completion", "responses"})
ABILITIES = ("vision", "function_calling")
PRICES = ("input_cost_per_token", "output_cost_per_token")
# What the file may say of a deployment in place of the catalogue.
OWN_KEYS = frozenset({"mode", "max_input_tokens", *PRICES, *(f"supports_{a}" for a in ABILITIES)})
NOBODY = Deployment(-1, "", {}, {})  # of a group that no entry of this file has


class Merits(NamedTuple):
    """What some deployments can do together; None is unknown.

    `abilities` are those that every one of them has, `sometimes` those that one has. Prompts count
    tokens, prices are dollars per token, of the cheapest and of the dearest.
    """

    providers: frozenset[str]
    modes: frozenset[str]
    abilities: frozenset[str]
    sometimes: frozenset[str]
    shortest_prompt: float | None
    longest_prompt: float | None
    prices: Mapping[str, tuple[float, float] | None]


class Group(NamedTuple):
    """A model group that everything is known of.

    `origins` say where its deployments are served: provider, and place where one is named.
    """

    name: str
    origins: frozenset[str]
    merits: Merits


class KnownModels:
    """The groups of one configuration, looked up once each."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._groups: dict[str, Group | None] = {}
        self._of_models: dict[str, Merits] = {}
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
            known = [(member, self.facts(member)) for member in members]
            whole = [(member, facts) for member, facts in known if facts is not None]
            if len(whole) < len(known):
                return None
            origins = frozenset(_origin(member, facts) for member, facts in whole)
            return Group(name, origins, self._merits(whole))
        pattern = next((p for p in self._patterns if fnmatchcase(name, p)), None)
        if pattern is None and subject.groups and not self._elsewhere:
            return None  # another rule tells that nobody serves it
        found = self.named(name)
        if found is None:
            return None
        return Group(name, frozenset({found.provider}), self._merits([(NOBODY, found)]))

    def _merits(self, members: list[tuple[Deployment, ModelFacts]]) -> Merits:
        """Return the merits of deployments; a plain one has those of its model."""
        member, facts = members[0]
        if len(members) > 1 or not OWN_KEYS.isdisjoint(member.info):
            return _merits(members)
        if not OWN_KEYS.isdisjoint(member.params):
            return _merits(members)
        if facts.name not in self._of_models:
            self._of_models[facts.name] = _merits([(NOBODY, facts)])
        return self._of_models[facts.name]

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


def _merits(members: list[tuple[Deployment, ModelFacts]]) -> Merits:
    prompts = [_number(member, facts, "max_input_tokens") for member, facts in members]
    able = [
        {key for key in ABILITIES if member.info.get(f"supports_{key}", getattr(facts, key))}
        for member, facts in members
    ]
    modes = {str(member.info.get("mode") or facts.mode) for member, facts in members}
    known = [prompt for prompt in prompts if prompt]
    all_known = len(known) == len(prompts)
    return Merits(
        providers=frozenset(facts.provider for _, facts in members),
        modes=frozenset("chat" if mode in CHAT else mode for mode in modes if mode),
        abilities=frozenset(set.intersection(*able)),
        sometimes=frozenset(set.union(*able)),
        shortest_prompt=min(known) if all_known else None,
        longest_prompt=max(known) if all_known else None,
        prices={key: _prices(members, key) for key in PRICES},
    )


def _prices(members: list[tuple[Deployment, ModelFacts]], key: str) -> tuple[float, float] | None:
    found = [_number(member, facts, key) for member, facts in members]
    known = [price for price in found if price is not None]
    return (min(known), max(known)) if len(known) == len(found) else None


def _number(member: Deployment, facts: ModelFacts, key: str) -> float | None:
    """Return a figure as the file says it of this deployment, else as the catalogue does."""
    own = member.info.get(key, member.params.get(key))
    known: float | None = getattr(facts, key)
    return known if own is None else number(own)


def _origin(deployment: Deployment, facts: ModelFacts) -> str:
    params = deployment.params
    places = [str(params[key]) for key in PLACE_KEYS if params.get(key)]
    return " at ".join([deployment.provider or facts.provider, *places])
