"""Which chains rescue less than they promise: one provider, shorter prompts, other abilities."""

from collections.abc import Iterator

from gateway.rules.known_models import PRICES, Group, KnownModels, known_models
from gateway.rules.quoting import listed
from gateway.subject import WILDCARD, Chain, Subject
from stacks.problem import Severity
from stacks.rule import Example, Finding, Rule

CLEARLY = 0.5  # a target that takes less than half of the source's prompt is clearly smaller
DEARER = 10  # times the price
SUGGESTED_FROM = 200  # groups that are looked through for a suggestion
ABILITIES = {"vision": "images", "function_calling": "tools"}
CATALOGUE = "LiteLLM's price map, model_prices_and_context_window.json"
TRANSITIVE = "facts on LiteLLM, section 2: each hop looks up its own chain"


def _chains(subject: Subject) -> Iterator[tuple[KnownModels, Chain, Group]]:
    """Yield each general chain of a group that is known; `"*"` is for everybody, and for none."""
    for source, chain in subject.general_chains.items():
        if source == WILDCARD or not set(chain.targets) - {source, ""}:
            continue
        known = known_models(subject)
        group = known.group(source)
        if group is not None:
            yield known, chain, group


def _one_provider(subject: Subject) -> Iterator[Finding]:
    for known, chain, source in _chains(subject):
        if len(source.origins) > 1:
            continue
        fallen_to = (known.group(name) for name in known.reached(chain, subject.chain_of_hop))
        if any(group is None or group.origins - source.origins for group in fallen_to):
            continue
        other = _elsewhere(known, subject, source)
        example = f', for example "{other}"' if other else ""
        yield Finding(
            chain.path,
            listed(chain.targets),
            f"{chain.source} and all that it falls to are served by "
            f"{listed(sorted(source.merits.providers))}: an outage there takes the whole chain",
            f"add a target of another provider at its end{example}",
        )


def _elsewhere(known: KnownModels, subject: Subject, source: Group) -> str | None:
    names = [*subject.groups, *subject.general_chains]
    for name in names[:SUGGESTED_FROM]:
        group = known.group(name)
        if (
            group
            and not group.origins & source.origins
            and group.merits.modes == source.merits.modes
        ):
            return name
    return None


def _shorter_prompts(subject: Subject) -> Iterator[Finding]:
    of_context = {
        chain.source: chain for chain in subject.chains if chain.key == "context_window_fallbacks"
    }

    def following(name: str) -> Chain | None:
        if of_context:  # then this list alone answers a prompt that is too long
            return of_context.get(name)
        return subject.chain_of_hop(name)

    for known, chain, source in _chains(subject):
        takes = source.merits.shortest_prompt
        if takes is None:
            continue
        enough = takes * CLEARLY
        most = 0.0
        for name in known.reached(chain, following):
            group = known.group(name)
            longest = group.merits.longest_prompt if group is not None else None
            most = max(most, enough if longest is None else longest)
            if most >= enough:
                break
        if 0 < most < enough:
            yield Finding(
                chain.path,
                listed(chain.targets),
                f"{chain.source} takes prompts of {_tokens(takes)} tokens, and nothing that it "
                f"falls to more than {_tokens(most)}: longer ones are not rescued",
                "add a target that takes as much, or limit the prompts",
            )


def _tokens(number: float) -> str:
    return f"{int(number):,}"


def _lost_ability(subject: Subject) -> Iterator[Finding]:
    for known, chain, source in _chains(subject):
        lost = source.merits.abilities
        for name in known.reached(chain, subject.chain_of_hop):
            group = known.group(name)
            unlike = group is None or group.merits.modes != source.merits.modes
            lost = frozenset() if group is None or unlike else lost - group.merits.sometimes
            if not lost:
                break
        if lost:
            words = " and ".join(sorted(ABILITIES[key] for key in lost))
            yield Finding(
                chain.path,
                listed(chain.targets),
                f"{chain.source} takes {words}, and nothing that it falls to does: such "
                " a request is not rescued, or answered without them (`drop_params`)",
                "add a target that takes them",
            )


def _other_mode(subject: Subject) -> Iterator[Finding]:
    for known, chain, source in _chains(subject):
        for position, name in enumerate(chain.targets):
            target = known.group(name)
            if target is None:
                continue
            asked, answered = source.merits.modes, target.merits.modes
            if asked and answered and not asked & answered:
                yield Finding(
                    chain.at(position),
                    name,
                    f"{chain.source} is for {listed(sorted(asked))}, this group for "
                    f"{listed(sorted(answered))}: it can answer none of its requests",
                    "name a group of the same kind",
                )


def _dearer(subject: Subject) -> Iterator[Finding]:
    for known, chain, source in _chains(subject):
        for position, name in enumerate(chain.targets):
            target = known.group(name)
            if target is None or name == chain.source:
                continue
            ratio = max(
                _ratio(source.merits.prices[key], target.merits.prices[key]) for key in PRICES
            )
            if ratio > DEARER:
                yield Finding(
                    chain.at(position),
                    name,
                    f"a token costs {ratio:.0f} times as much as {chain.source}'s: an outage "
                    "multiplies the bill, and nothing in LiteLLM says so",
                    "name a target of a similar price, or set a budget",
                )


def _ratio(source: tuple[float, float] | None, target: tuple[float, float] | None) -> float:
    """Return how much dearer the cheapest target is than the dearest source; 0 where unknown."""
    if source is None or target is None or source[1] <= 0:
        return 0
    return target[0] / source[1]


MODELS = """model_list:
- {model_name: opus, litellm_params: {model: anthropic/claude-opus-4-7}}
- {model_name: sonnet, litellm_params: {model: anthropic/claude-sonnet-4-6}}
- {model_name: haiku, litellm_params: {model: anthropic/claude-haiku-4-5}}
- {model_name: gpt, litellm_params: {model: openai/gpt-5.5}}
- {model_name: nano, litellm_params: {model: openai/gpt-5.4-nano}}
- {model_name: seek, litellm_params: {model: deepseek/deepseek-v4-pro}}
- {model_name: vectors, litellm_params: {model: openai/text-embedding-3-small}}
litellm_settings: {request_timeout: 60}
"""


def _chain(text: str) -> Example:
    return Example(litellm=f"{MODELS}router_settings: {{fallbacks: [{text}]}}\n")


RULES = (
    Rule(
        id="L150",
        title="A chain never leaves its provider",
        severity=Severity.WARNING,
        about="router_settings.fallbacks",
        evidence=(
            "arXiv 2501.12469 (ICPE 2025): one provider's services fail together",
            TRANSITIVE,
        ),
        remedy="End the chain at a model of another provider.",
        failing=_chain("{opus: [sonnet, haiku]}"),
        passing=_chain("{opus: [sonnet, gpt]}"),
        find=_one_provider,
    ),
    Rule(
        id="L151",
        title="A chain's targets take much shorter prompts than its source",
        severity=Severity.WARNING,
        about="router_settings.fallbacks",
        evidence=(CATALOGUE, TRANSITIVE),
        remedy="Add a target that takes as much.",
        failing=_chain("{gpt: [haiku]}"),
        passing=_chain("{gpt: [haiku, sonnet]}"),
        find=_shorter_prompts,
    ),
    Rule(
        id="L152",
        title="A chain's targets lack an ability of its source",
        severity=Severity.WARNING,
        about="router_settings.fallbacks",
        evidence=(CATALOGUE, TRANSITIVE),
        remedy="Add a target that has it.",
        failing=_chain("{haiku: [seek]}"),
        passing=_chain("{haiku: [seek, gpt]}"),
        find=_lost_ability,
    ),
    Rule(
        id="L153",
        title="A chain's target is of another kind than its source",
        severity=Severity.ERROR,
        about="router_settings.fallbacks",
        evidence=(CATALOGUE,),
        remedy="Name a group of the same kind.",
        failing=_chain("{vectors: [gpt]}"),
        passing=_chain("{sonnet: [gpt]}"),
        find=_other_mode,
    ),
    Rule(
        id="L154",
        title="A chain's target is more than ten times dearer",
        severity=Severity.WARNING,
        about="router_settings.fallbacks",
        evidence=(CATALOGUE,),
        remedy="Name a target of a similar price.",
        failing=_chain("{nano: [opus]}"),
        passing=_chain("{nano: [haiku]}"),
        find=_dearer,
    ),
)
