"""Which chains name a group that nobody serves, or none but their own."""

from collections.abc import Iterator

from gateway.effective import WILDCARD_LETS_EVERYTHING_IN
from gateway.rules.examples import SOUND, with_chains, with_router
from gateway.rules.quoting import did_you_mean, listed
from gateway.rules.served import Served
from gateway.subject import WILDCARD, Chain, Subject
from stacks.problem import Severity
from stacks.rule import Finding, Remove, Rule

SKIPPED = "LiteLLM does not look at names as it loads, and skips an unknown target in silence"
ROUTER = "litellm/router.py"
LOOKUP = "litellm/router_utils/fallback_event_handlers.py"
ACCEPTED = "facts on peers, section 0: `--validate_config` accepts it"


def _unknown_names(subject: Subject) -> Iterator[Finding]:
    served = Served(subject)
    if served.elsewhere:
        return
    for chain in subject.chains:
        if chain.key != "default_fallbacks" and chain.source != WILDCARD:
            yield from _unknown_source(served, chain)
        rest = [name for name in chain.targets if name and served.as_target(name)]
        for position, name in enumerate(chain.targets):
            if name and not served.as_target(name):
                left = f"left in the chain: {listed(rest)}" if rest else "the chain has no other"
                yield Finding(
                    chain.at(position),
                    name,
                    f"no model group has this name, and {left}. {SKIPPED}",
                    did_you_mean(served.speller.nearest(name), "add the group to `model_list`"),
                )


def _unknown_source(served: Served, chain: Chain) -> Iterator[Finding]:
    if not served.as_source(chain.source):
        yield Finding(
            chain.path,
            chain.source,
            "no model group has this name, so no request looks this chain up: it protects nothing",
            did_you_mean(served.speller.nearest(chain.source), "add the group to `model_list`"),
        )


def _no_target(subject: Subject) -> Iterator[Finding]:
    for chain in subject.chains:
        if chain.targets and set(chain.targets) == {chain.source}:
            yield Finding(
                chain.at(0),
                chain.source,
                "LiteLLM skips the group that has just failed: this chain has no other target",
                "name another group",
            )


def _itself_among_others(subject: Subject) -> Iterator[Finding]:
    for chain in subject.chains:
        if chain.source not in chain.targets or set(chain.targets) == {chain.source}:
            continue
        position = chain.targets.index(chain.source)
        yield Finding(
            chain.at(position),
            chain.source,
            "LiteLLM skips the group that has just failed: this target is never tried",
            "remove it; a further try of the same group is `num_retries`",
            (Remove(chain.at(position)),),
        )


def _keyed_by_model(subject: Subject) -> Iterator[Finding]:
    served = Served(subject)
    for chain in subject.chains:
        if chain.key == "default_fallbacks" or subject.is_served(chain.source, as_source=True):
            continue
        groups = [
            group
            for group in served.groups_of_model(chain.source)
            if (found := subject.chain_of(group)) is None
            or found.source in (WILDCARD, chain.source)
        ]
        if groups:
            yield Finding(
                chain.path,
                chain.source,
                "this is the `litellm_params.model` of the group; a chain is looked up by the name "
                f"that a request has, and that is {listed(groups)}: it is not rescued",
                f'write "{groups[0]}" as the source',
            )


def _lets_every_name_in(subject: Subject) -> Iterator[Finding]:
    chain = subject.general_chains.get(WILDCARD)
    wild = [name for name in subject.groups if WILDCARD in name]
    if chain is None or not chain.targets or not wild or WILDCARD in wild:
        return  # a group called `*` serves every name on purpose
    yield Finding(
        chain.path,
        listed(chain.targets),
        f"beside a wildcard group ({listed(wild)}) LiteLLM refuses no name: it answers one that "
        f"nothing serves, a misspelt one too, with {chain.targets[0]}, instead of HTTP 400",
        'list the groups in place of the wildcard, give each chain a source in place of `"*"`, or '
        "bind every key to its `models`",
    )


ANY_GROQ = SOUND.replace(
    "model_list:\n",
    "model_list:\n- {model_name: groq/*, litellm_params: {model: groq/*}}\n",
)

RULES = (
    Rule(
        id="L006",
        title="A chain names a group that does not exist",
        severity=Severity.ERROR,
        about="router_settings.fallbacks",
        evidence=(f"{ROUTER} (validate_fallbacks)", "facts on LiteLLM, section 2", ACCEPTED),
        remedy="Name a group of `model_list`, an alias, or what a wildcard group serves.",
        failing=with_chains("[{grok: [sonet]}]"),
        passing=with_chains("[{grok: [sonnet]}]"),
        find=_unknown_names,
    ),
    Rule(
        id="L100",
        title="A chain has no target but itself",
        severity=Severity.ERROR,
        about="router_settings.fallbacks",
        evidence=(f"{LOOKUP} (run_async_fallback)", "facts on LiteLLM, section 2", ACCEPTED),
        remedy="Name at least one other group.",
        failing=with_chains("[{grok: [grok]}]"),
        passing=with_chains("[{grok: [sonnet]}]"),
        find=_no_target,
    ),
    Rule(
        id="L101",
        title="A chain's target is the group itself",
        severity=Severity.WARNING,
        about="router_settings.fallbacks",
        evidence=(f"{LOOKUP} (run_async_fallback)", "facts on LiteLLM, section 2"),
        remedy="Remove it.",
        failing=with_chains("[{grok: [grok, sonnet]}]"),
        passing=with_chains("[{grok: [sonnet]}]"),
        find=_itself_among_others,
    ),
    Rule(
        id="L102",
        title="A chain belongs to a provider's model string instead of a group",
        severity=Severity.ERROR,
        about="router_settings.fallbacks",
        evidence=(f"{LOOKUP} (get_fallback_model_group)", "facts on LiteLLM, section 13.1"),
        remedy="Write the group's `model_name` as the source.",
        failing=with_chains("[{anthropic/claude-sonnet-4-6: [grok]}]"),
        passing=with_chains("[{sonnet: [grok]}]"),
        find=_keyed_by_model,
    ),
    Rule(
        id="L145",
        title='Beside a wildcard group `"*"` answers for names that do not exist',
        severity=Severity.WARNING,
        about='router_settings.fallbacks["*"]',
        evidence=WILDCARD_LETS_EVERYTHING_IN.evidence,
        remedy="List the groups, or name the chains' sources.",
        failing=with_router('fallbacks: [{"*": [sonnet, grok]}]', ANY_GROQ),
        passing=with_router("fallbacks: [{large: [sonnet]}]", ANY_GROQ),
        find=_lets_every_name_in,
        versions=WILDCARD_LETS_EVERYTHING_IN.versions,
    ),
)
