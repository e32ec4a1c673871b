"""Which keys LiteLLM does not read where they stand."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gateway.keys import Keys, known_keys
from gateway.rules.quoting import did_you_mean, shown
from gateway.spelling import Speller
from gateway.subject import Subject, mapping
from stacks.paths import Path, spell
from stacks.problem import Severity
from stacks.rule import Edit, Example, Finding, Move, Remove, Rule

SECTIONS = ("litellm_settings", "general_settings", "router_settings")
BY_ARGUMENT = frozenset({"health_check_interval", "health_check_concurrency"})
NEAR_MISS = 6  # letters that a parameter has at least, before a likeness says anything
# Where a key that two sections read is documented: https://docs.litellm.ai/docs/proxy/config_settings
DOCUMENTED_IN = {
    "request_timeout": "litellm_settings",
    "stream_timeout": "router_settings",
    "fallbacks": "router_settings",
    "context_window_fallbacks": "router_settings",
    "content_policy_fallbacks": "router_settings",
    "num_retries": "router_settings",
    "allowed_fails": "router_settings",
    "cooldown_time": "router_settings",
    "max_fallbacks": "router_settings",
    "timeout": "router_settings",
    "set_verbose": "litellm_settings",
    "litellm_jwtauth": "general_settings",
}
# LiteLLM's module imports these, and others read them as its attributes: setting them works.
IMPORTED = frozenset({"set_verbose", "REPEATED_STREAMING_CHUNK_LIMIT", "ROUTER_MAX_FALLBACKS"})
SILENT = {
    "litellm_settings": "LiteLLM sets it as an attribute that nobody reads",
    "general_settings": "LiteLLM keeps it, and nobody asks for it",
    "router_settings": "LiteLLM leaves it out, with a line in the log",
    "": "LiteLLM does not look at it",
}


def _known(keys: Keys, section: str) -> frozenset[str]:
    match section:
        case "":
            return keys.top_level
        case "litellm_settings":
            return keys.litellm_settings | IMPORTED
        case "general_settings":
            return keys.general_settings
        case _:
            return keys.router_settings - keys.router_managed_elsewhere


def _unknown(subject: Subject) -> Iterator[Finding]:
    keys = known_keys(subject.version)
    for section in ("", *SECTIONS):
        speller = Speller(_known(keys, section))
        for path, key, _ in _strangers(subject, keys, section):
            if _homes(keys, section, key):
                continue  # L002 says where it belongs
            near = speller.nearest(key)
            if section or near:  # L134 tells of the others at the top level
                yield Finding(
                    path,
                    "",
                    f"LiteLLM {keys.version} reads no `{key}` here: {SILENT[section]}",
                    did_you_mean(near, "remove it"),
                )
    yield from _unknown_in_policies(subject, keys)


def _foreign(subject: Subject) -> Iterator[Finding]:
    keys = known_keys(subject.version)
    speller = Speller(keys.top_level)
    for path, key, _ in _strangers(subject, keys, ""):
        if not _homes(keys, "", key) and speller.nearest(key) is None:
            yield Finding(
                path,
                "",
                f"LiteLLM {keys.version} has no section of this name, and does not look at it",
                "remove it, or begin its name with `x-` if other entries refer to it by an anchor",
            )


def _unknown_in_policies(subject: Subject, keys: Keys) -> Iterator[Finding]:
    for path, values, known, silent in _policies(subject, keys):
        speller = Speller(known)
        for key in values:
            if str(key) not in known:
                yield Finding(
                    (*path, str(key)),
                    "",
                    f"this mapping has no `{key}`: {silent}",
                    did_you_mean(speller.nearest(str(key)), "remove it"),
                )


def _policies(
    subject: Subject, keys: Keys
) -> Iterator[tuple[Path, Mapping[str, Any], frozenset[str], str]]:
    router: Path = ("litellm", "router_settings")
    silent = "a policy takes any name in silence, and the class of error keeps its default"
    settings = subject.router_settings
    yield (
        (*router, "retry_policy"),
        mapping(settings.get("retry_policy")),
        keys.retry_policy,
        silent,
    )
    for group, policy in mapping(settings.get("model_group_retry_policy")).items():
        path = (*router, "model_group_retry_policy", str(group))
        yield path, mapping(policy), keys.retry_policy, silent
    allowed = "allowed_fails_policy"
    yield (*router, allowed), mapping(settings.get(allowed)), keys.allowed_fails_policy, silent
    for deployment in subject.deployments:
        policy = deployment.info.get(allowed)
        if policy:
            path = (*deployment.path, "model_info", allowed)
            yield path, mapping(policy), keys.allowed_fails_policy, silent
    params = mapping(subject.litellm_settings.get("cache_params"))
    path = ("litellm", "litellm_settings", "cache_params")
    yield path, params, keys.cache_params, "the cache's client refuses it, and LiteLLM to start"


def _misplaced(subject: Subject) -> Iterator[Finding]:
    keys = known_keys(subject.version)
    for section in ("", *SECTIONS):
        for path, key, value in _strangers(subject, keys, section):
            homes = _homes(keys, section, key)
            if not homes:
                continue
            to: Path = ("litellm", homes[0], key) if homes[0] else ("litellm", key)
            read_in = " or ".join(f"`{home}`" if home else "the top level" for home in homes)
            yield Finding(
                path,
                shown(value) if isinstance(value, bool | int | float) else "",
                f"LiteLLM reads it in {read_in}, not here: {SILENT[section]}"
                + _consequence(section, key),
                f"move it to `{spell(to[1:])}`"
                + ("" if homes[0] else ", at the beginning of a line"),
                _moved(subject, path, to, value, homes),
            )


def _consequence(section: str, key: str) -> str:
    if key == "request_timeout":
        return ". 6000 s holds instead, unless another time-out is set (x-litellm-timeout)"
    if section == "router_settings" and key in BY_ARGUMENT:
        return ". It refuses to start with this one"
    return ""


def _moved(
    subject: Subject, path: Path, to: Path, value: Any, homes: tuple[str, ...]
) -> tuple[Edit, ...]:
    if len(homes) > 1:
        return ()
    there = subject.top if len(to) == 2 else mapping(subject.top.get(str(to[1])))  # noqa: PLR2004 - the document and a key
    if to[-1] not in there:
        return (Move(path, to),)
    return (Remove(path),) if there[str(to[-1])] == value else ()


def _strangers(subject: Subject, keys: Keys, section: str) -> Iterator[tuple[Path, str, Any]]:
    """Yield place, key and value of what a section does not read.

    A table that has no key for a section says nothing about it.
    """
    known = _known(keys, section)
    if not known:
        return
    values = mapping(subject.top.get(section)) if section else subject.top
    start: Path = ("litellm", section) if section else ("litellm",)
    for key, value in values.items():
        name = str(key)
        if name not in known and not name.startswith(("x-", "_", ".")):
            yield (*start, name), name, value


def _homes(keys: Keys, section: str, key: str) -> tuple[str, ...]:
    """Return the other sections that read `key`; of several only the documented one, if any."""
    homes = [home for home in (*SECTIONS, "") if home != section and key in _known(keys, home)]
    documented = DOCUMENTED_IN.get(key)
    return (documented,) if documented in homes else tuple(homes)


def _near_misses(subject: Subject) -> Iterator[Finding]:
    keys = known_keys(subject.version)
    places: tuple[tuple[str, frozenset[str]], ...] = (
        ("litellm_params", keys.litellm_params),
        ("model_info", keys.model_info),
    )
    for part, known in places:
        speller = Speller(name for name in known if len(name) >= NEAR_MISS)
        for deployment in subject.deployments:
            values = deployment.params if part == "litellm_params" else deployment.info
            for name in _long_strangers(values, known):
                near = speller.nearest(name)
                if near is None or near in values:
                    continue
                what = (
                    "it is sent to the provider as it is"
                    if part == "litellm_params"
                    else "model_info takes any key in silence"
                )
                yield Finding(
                    (*deployment.path, part, name),
                    "",
                    f"LiteLLM knows no `{name}`, and `{near}` is near: {what}",
                    f'did you mean "{near}"?',
                )


def _long_strangers(values: Mapping[str, Any], known: Iterable[str]) -> Iterator[str]:
    for key in values:
        name = str(key)
        if len(name) >= NEAR_MISS and name not in known:
            yield name


RULES = (
    Rule(
        id="L001",
        title="A key that LiteLLM does not read",
        severity=Severity.ERROR,
        about="every section",
        evidence=(
            "litellm/proxy/proxy_server.py (load_config)",
            "facts on LiteLLM, sections 1 and 8: unknown keys are silent in every section",
            "facts on peers, section 0: `--validate_config` accepts it",
        ),
        remedy="Correct the name, or remove the key.",
        failing=Example(litellm="router_settings:\n  num_retires: 1\n"),
        passing=Example(litellm="router_settings:\n  num_retries: 1\n"),
        find=_unknown,
    ),
    Rule(
        id="L002",
        title="A key stands in a section that does not read it",
        severity=Severity.ERROR,
        about="general_settings.request_timeout",
        evidence=(
            "litellm/proxy/proxy_server.py (load_config)",
            "facts on LiteLLM, section 0.3 (measured: x-litellm-timeout: 6000.0)",
        ),
        remedy="Move it to the section that reads it.",
        failing=Example(litellm="general_settings:\n  request_timeout: 90\n"),
        passing=Example(litellm="litellm_settings:\n  request_timeout: 90\n"),
        find=_misplaced,
    ),
    Rule(
        id="L134",
        title="A section that LiteLLM does not know",
        severity=Severity.WARNING,
        about="the top level",
        evidence=("litellm/proxy/proxy_server.py (load_config)",),
        remedy="Remove it, or begin its name with `x-`.",
        failing=Example(litellm="common: {timeout: 10}\n"),
        passing=Example(litellm="x-common: {timeout: 10}\n"),
        find=_foreign,
    ),
    Rule(
        id="L107",
        title="A parameter of a model is nearly one that LiteLLM knows",
        severity=Severity.WARNING,
        about="model_list[].litellm_params",
        evidence=("litellm/types/router.py (GenericLiteLLMParams allows any key)",),
        remedy="Correct the name; what is meant for the provider may stay.",
        failing=Example(
            litellm="litellm_settings: {request_timeout: 60}\nmodel_list:\n- model_name: grok\n"
            "  litellm_params: {model: xai/grok-4.3, stream_timout: 10}\n"
        ),
        passing=Example(
            litellm="litellm_settings: {request_timeout: 60}\nmodel_list:\n- model_name: grok\n"
            "  litellm_params: {model: xai/grok-4.3, stream_timeout: 10}\n"
        ),
        find=_near_misses,
    ),
)
