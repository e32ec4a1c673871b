"""Which lists of fallbacks LiteLLM does not read as they are written, or not at all."""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.rules.examples import MODELS, SOUND, with_chains
from gateway.rules.quoting import listed, shown
from gateway.subject import CHAIN_KEYS, WILDCARD, Chain, Subject, mapping, sequence
from stacks.paths import Path
from stacks.problem import Severity
from stacks.rule import Append, Edit, Finding, Put, Remove, Rule

SECTIONS = ("router_settings", "litellm_settings")
ROUTER = "litellm/router.py"
LOOKUP = "litellm/router_utils/fallback_event_handlers.py"
ACCEPTED = "facts on peers, section 0: `--validate_config` accepts it"


def _shape(subject: Subject) -> Iterator[Finding]:
    for section in SECTIONS:
        values = mapping(subject.top.get(section))
        for key in CHAIN_KEYS:
            if values.get(key) is not None:
                yield from _shape_of_chains(("litellm", section, key), values[key])
        default = values.get("default_fallbacks")
        if default is not None:
            yield from _shape_of_targets(("litellm", section, "default_fallbacks"), default)


def _shape_of_chains(path: Path, written: Any) -> Iterator[Finding]:
    if isinstance(written, Mapping):
        entries = [{source: targets} for source, targets in written.items()]
        yield Finding(
            path,
            shown(written),
            "LiteLLM reads a list of mappings with one key each, and does not start with a mapping",
            "write each chain as an entry of its own: `- group: [target]`",
            (Put(path, entries),),
        )
        return
    if not isinstance(written, list | tuple):
        yield Finding(
            path,
            shown(written),
            "LiteLLM reads a list of mappings with one key each",
            "write `- group: [target]`",
        )
        return
    for index, entry in enumerate(written):
        if isinstance(entry, Mapping) and len(entry) == 1:
            source, targets = next(iter(entry.items()))
            yield from _shape_of_targets((*path, index, str(source)), targets)
        else:
            yield Finding(
                (*path, index),
                shown(entry),
                "an entry is a mapping with exactly one key: of several LiteLLM reads the first, "
                "or does not start",
                "write each chain as an entry of its own: `- group: [target]`",
            )


def _shape_of_targets(path: Path, written: Any) -> Iterator[Finding]:
    if not isinstance(written, list | tuple):
        as_list = (Put(path, [written]),) if isinstance(written, str) else ()
        yield Finding(
            path,
            shown(written),
            "targets are a list: LiteLLM 1.106 walks through a text letter by letter, finds no "
            "group under any and rescues nobody; 1.109 does not start",
            f"write [{written}]" if isinstance(written, str) else "write a list of groups",
            as_list,
        )
        return
    if not written and path[-1] != "default_fallbacks":
        yield Finding(
            path,
            "[]",
            "a chain without a target rescues nobody, and keeps the group from `*`",
            "name a target, or remove the chain",
        )
    for position, target in enumerate(written):
        named = target.get("model") if isinstance(target, Mapping) else target
        if not isinstance(named, str) or not named:
            yield Finding(
                (*path, position),
                shown(target),
                "a target is a group's name, or a mapping with `model`",
                "write the name of a group",
            )


def _declared_twice(subject: Subject) -> Iterator[Finding]:
    answering: dict[tuple[str, str, str], Chain] = {}
    declared = [chain for chain in subject.chains if chain.key != "default_fallbacks"]
    for chain in declared:
        place = (chain.section, chain.key, chain.source)
        if chain.source == WILDCARD:
            answering[place] = chain
        answering.setdefault(place, chain)
    for chain in declared:
        kept = answering[chain.section, chain.key, chain.source]
        if chain.key == "fallbacks" and chain.source == WILDCARD:
            kept = subject.general_chains.get(WILDCARD, kept)
        if kept is chain or (kept.section != chain.section and kept.key == chain.key):
            continue
        same = kept.targets == chain.targets
        yield Finding(
            chain.path,
            listed(chain.targets),
            f"{_which(kept)} answers for {chain.source}, with [{listed(kept.targets)}]: this one "
            "is never read",
            "remove it" if same else "put both lists into one",
            (Remove(chain.path[:-1]),) if same else (),
        )


def _which(kept: Chain) -> str:
    if kept.key == "default_fallbacks":
        return f"`{kept.section}.default_fallbacks`"
    return "the last such entry" if kept.source == WILDCARD else "the first such entry"


def _in_both_sections(subject: Subject) -> Iterator[Finding]:
    for key in CHAIN_KEYS:
        lost = subject.litellm_settings.get(key)
        kept = subject.router_settings.get(key)
        if lost and kept:
            path = ("litellm", "litellm_settings", key)
            yield Finding(
                path,
                shown(lost),
                f"`router_settings.{key}` wins, and this whole list is never read",
                "remove it" if lost == kept else f"put its chains into `router_settings.{key}`",
                (Remove(path),) if lost == kept else (),
            )


def _lost_default(subject: Subject) -> Iterator[Finding]:
    if subject.general_settings.get("store_model_in_db") is not True:
        return
    if not isinstance(subject.router_settings.get("fallbacks"), list):
        return
    for section in SECTIONS:
        default = mapping(subject.top.get(section)).get("default_fallbacks")
        if default:
            path = ("litellm", section, "default_fallbacks")
            yield Finding(
                path,
                shown(default),
                "with `store_model_in_db` the first sync with the database puts "
                "`router_settings.fallbacks` over it, before the first request is served: no model "
                "has this fallback",
                'write the list as `"*"` in `router_settings.fallbacks`',
                _as_wildcard(subject, path, default),
            )


def _as_wildcard(subject: Subject, path: Path, default: Any) -> tuple[Edit, ...]:
    entries = sequence(subject.router_settings.get("fallbacks"))
    if any(WILDCARD in mapping(entry) for entry in entries):
        return (Remove(path),)
    if not isinstance(default, list):
        return ()
    chains = ("litellm", "router_settings", "fallbacks")
    return (Append(chains, {WILDCARD: list(default)}), Remove(path))


RULES = (
    Rule(
        id="L103",
        title="Fallbacks do not have the shape that LiteLLM reads",
        severity=Severity.ERROR,
        about="router_settings.fallbacks",
        evidence=(f"{ROUTER} (validate_fallbacks)", ACCEPTED),
        remedy="Write a list of mappings with one key each, whose value is a list of groups.",
        failing=with_chains("[{grok: sonnet}]"),
        passing=with_chains("[{grok: [sonnet]}]"),
        find=_shape,
    ),
    Rule(
        id="L104",
        title="A group has two chains",
        severity=Severity.ERROR,
        about="router_settings.fallbacks",
        evidence=(f"{LOOKUP} (get_fallback_model_group)", ACCEPTED),
        remedy="Put both into one list.",
        failing=with_chains("[{grok: [sonnet]}, {grok: [sonnet]}]"),
        passing=with_chains("[{grok: [sonnet]}]"),
        find=_declared_twice,
    ),
    Rule(
        id="L105",
        title="Fallbacks stand in two sections, and one of them vanishes",
        severity=Severity.ERROR,
        about="litellm_settings.fallbacks",
        evidence=(ROUTER, "facts on LiteLLM, section 13.5"),
        remedy="Keep all chains in `router_settings`.",
        failing=with_chains(
            "[{grok: [sonnet]}]",
            f"{MODELS}litellm_settings: {{request_timeout: 60, fallbacks: [{{grok: [sonnet]}}]}}\n",
        ),
        passing=with_chains("[{grok: [sonnet]}]"),
        find=_in_both_sections,
    ),
    Rule(
        id="L003",
        title="`default_fallbacks` is lost at the first sync with the database",
        severity=Severity.ERROR,
        about="litellm_settings.default_fallbacks",
        evidence=(
            "litellm/proxy/proxy_server.py 7998-8020",
            f"{ROUTER} 12712-12753",
            "facts on LiteLLM, section 0.1",
        ),
        remedy='Write the list as `"*"` in `router_settings.fallbacks`.',
        failing=with_chains(
            "[{sonnet: [grok]}]",
            "general_settings: {store_model_in_db: true}\n"
            f"{MODELS}litellm_settings: {{request_timeout: 60, default_fallbacks: [sonnet]}}\n",
        ),
        passing=with_chains(
            '[{sonnet: [grok]}, {"*": [sonnet]}]',
            f"general_settings: {{store_model_in_db: true}}\n{SOUND}",
        ),
        find=_lost_default,
    ),
)
