"""Where a request ends that walks from chain to chain, and which groups no chain covers."""

from collections.abc import Iterator, Mapping

from gateway.rules.examples import SOUND, with_chains, with_router
from gateway.rules.quoting import listed
from gateway.rules.served import Served
from gateway.subject import WILDCARD, Subject, mapping
from stacks.problem import Severity
from stacks.rule import Finding, Rule

DEFAULT_MAX_FALLBACKS = 5
WALKED = 50  # sources whose walk is followed to its end: each walk may see every chain
LOOKUP = "litellm/router_utils/fallback_event_handlers.py"
Graph = Mapping[str, tuple[str, ...]]


def graph_of(subject: Subject) -> dict[str, tuple[str, ...]]:
    """Return the groups that each group of a general chain falls to by its own chain."""
    found: dict[str, tuple[str, ...]] = {}
    waiting = [source for source in subject.general_chains if source != WILDCARD]
    waiting += [name for chain in subject.general_chains.values() for name in chain.targets]
    for group in waiting:
        if group and group not in found:
            chain = subject.chain_of_hop(group)
            found[group] = tuple(t for t in chain.targets if t and t != group) if chain else ()
    return found


def _too_deep(subject: Subject) -> Iterator[Finding]:
    most = _max_fallbacks(subject)
    graph = graph_of(subject)
    aimed_at = {target for targets in graph.values() for target in targets}
    roots = [s for s in subject.general_chains if s != WILDCARD and s not in aimed_at]
    for source in roots[:WALKED]:
        beyond = _beyond(graph, source, most)
        if beyond:
            yield Finding(
                subject.general_chains[source].path,
                source,
                f"a request walks {most} chains at most (`max_fallbacks`), each of which may lead "
                f"to the next: {listed(beyond)} would be one further, and is never tried",
                "put the targets into one list, which is walked to its end, or raise "
                "`router_settings.max_fallbacks`",
            )


def _beyond(graph: Graph, source: str, most: int) -> list[str]:
    """Return the groups that a walk from `source` needs more than `most` hops to reach."""
    depth = {source: 0}
    waiting = [source]
    for node in waiting:
        for target in graph.get(node, ()):
            if target not in depth:
                depth[target] = depth[node] + 1
                waiting.append(target)
    return [group for group in waiting if depth[group] > most]


def _max_fallbacks(subject: Subject) -> int:
    for value in (
        subject.router_settings.get("max_fallbacks"),
        subject.litellm_settings.get("max_fallbacks"),
        subject.environment.get("ROUTER_MAX_FALLBACKS"),
    ):
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and value.isascii() and value.isdigit():
            return int(value[:9])
    return DEFAULT_MAX_FALLBACKS


def _unprotected_wildcard(subject: Subject) -> Iterator[Finding]:
    chain = subject.general_chains.get(WILDCARD)
    if chain is None or len(set(chain.targets)) != 1:
        return  # of two targets the other one answers for the one that fails
    target = chain.targets[0]
    if Served(subject).as_target(target) and subject.chain_of(target) is chain:
        yield Finding(
            chain.at(0),
            target,
            'it answers for every group without a chain, and itself falls to `"*"`: LiteLLM skips '
            "the group that has just failed, so that nobody answers for this one",
            f"give {target} a chain of its own at another provider, or `*` a second target",
        )


def _uncovered(subject: Subject) -> Iterator[Finding]:
    general = [source for source in subject.general_chains if source != WILDCARD]
    for section in ("router_settings", "litellm_settings"):
        for key in ("context_window_fallbacks", "content_policy_fallbacks"):
            sources = [c.source for c in subject.chains if (c.section, c.key) == (section, key)]
            if not sources or WILDCARD in sources:
                continue
            listed_here = frozenset(sources)
            missing = [source for source in general if source not in listed_here]
            if missing:
                yield Finding(
                    ("litellm", section, key),
                    listed(sources),
                    "once this list exists it alone answers its class of error: "
                    f"{listed(missing)} no longer fall to their own chain after it",
                    "give these groups an entry here too",
                )


def _names_of_the_database(subject: Subject) -> Iterator[Finding]:
    served = Served(subject)
    if not served.elsewhere or not subject.chains:
        return
    unknown = [n for c in subject.chains for n in c.targets if n and not served.as_target(n)]
    if unknown:
        first = subject.chains[0]
        yield Finding(
            ("litellm", first.section, first.key),
            "",
            f"{listed(dict.fromkeys(unknown))}: no group of this file has the name, and nothing "
            "compares it with the groups that LiteLLM reads elsewhere; renaming one there takes "
            "the fallback away in silence",
            "declare the targets of chains in `model_list`",
        )


def _aliases_without_chain(subject: Subject) -> Iterator[Finding]:
    chains = subject.general_chains
    if WILDCARD in chains:
        return
    for alias, group in subject.aliases.items():
        chain = subject.chain_of(group)
        if chain is not None and subject.chain_of(alias) is None:
            section = "router_settings"
            if alias not in mapping(subject.router_settings.get("model_group_alias")):
                section = "litellm_settings"
            yield Finding(
                ("litellm", section, "model_group_alias", alias),
                group,
                f"a chain is looked up by the name that was asked for: {group} has one, and a "
                f"request for {alias} is not rescued",
                f"give {alias} an entry of its own in the fallbacks",
            )


LINE = "fallbacks: [{a: [b]}, {b: [c]}, {c: [d]}, {d: [e]}, {e: [f]}, {f: [g]}]"
SEVEN = (
    "model_list:\n"
    + "".join(f"- {{model_name: {n}, litellm_params: {{model: openai/{n}}}}}\n" for n in "abcdefg")
    + "litellm_settings: {request_timeout: 60}\n"
)
IN_DATABASE = f"general_settings: {{store_model_in_db: true}}\n{SOUND}"

RULES = (
    Rule(
        id="L109",
        title="A line of chains is longer than LiteLLM walks",
        severity=Severity.WARNING,
        about="router_settings.max_fallbacks",
        evidence=(f"{LOOKUP} (max_fallbacks)", "facts on LiteLLM, section 2 (measured)"),
        remedy="Put the targets into one list, or raise `max_fallbacks`.",
        failing=with_router(LINE, SEVEN),
        passing=with_router(f"{LINE}\n  max_fallbacks: 6", SEVEN),
        find=_too_deep,
    ),
    Rule(
        id="L007",
        title='The only target of `"*"` has no chain of its own',
        severity=Severity.WARNING,
        about='router_settings.fallbacks["*"]',
        evidence=(f"{LOOKUP} (run_async_fallback)", "facts on LiteLLM, section 2 (measured)"),
        remedy="Give it a chain at another provider.",
        failing=with_router('fallbacks: [{"*": [sonnet]}]'),
        passing=with_router('fallbacks: [{"*": [sonnet]}, {sonnet: [large]}]'),
        find=_unprotected_wildcard,
    ),
    Rule(
        id="L009",
        title="Fallbacks for one class of error leave groups out",
        severity=Severity.WARNING,
        about="router_settings.context_window_fallbacks",
        evidence=(LOOKUP, "facts on LiteLLM, section 2 (measured)"),
        remedy="Give every group with a chain an entry in these lists too.",
        failing=with_router(
            "fallbacks: [{small: [sonnet]}]\n  context_window_fallbacks: [{large: [sonnet]}]"
        ),
        passing=with_router(
            "fallbacks: [{small: [sonnet]}]\n  context_window_fallbacks: [{small: [sonnet]}]"
        ),
        find=_uncovered,
    ),
    Rule(
        id="L110",
        title="Chains name groups that are not in the file",
        severity=Severity.WARNING,
        about="router_settings.fallbacks",
        evidence=("facts on LiteLLM, section 9: a renamed model breaks a chain in silence",),
        remedy="Declare the groups that chains name in `model_list`.",
        failing=with_chains("[{small: [haiku]}]", IN_DATABASE),
        passing=with_chains("[{small: [sonnet]}]", IN_DATABASE),
        find=_names_of_the_database,
    ),
    Rule(
        id="L111",
        title="An alias is not rescued as its group is",
        severity=Severity.WARNING,
        about="router_settings.model_group_alias",
        evidence=(f"{LOOKUP} (get_fallback_model_group)", "facts on LiteLLM, section 13.1"),
        remedy="Give the alias a chain of its own.",
        failing=with_router("model_group_alias: {fast: small}\n  fallbacks: [{small: [sonnet]}]"),
        passing=with_router(
            "model_group_alias: {fast: small}\n  fallbacks: [{small: [sonnet]}, {fast: [sonnet]}]"
        ),
        find=_aliases_without_chain,
    ),
)
