"""Which callbacks nobody answers to, and who may read the metrics."""

from collections.abc import Iterator
from typing import Any

from gateway.keys import known_keys
from gateway.rules.flags import flag, port, starts_litellm, tables
from gateway.rules.numbers import count
from gateway.rules.quoting import did_you_mean, shown
from gateway.rules.server import started_with
from gateway.spelling import Speller
from gateway.subject import Subject, mapping, sequence
from stacks.paths import Path
from stacks.problem import Severity
from stacks.rule import Example, Finding, Put, Rule

LISTS = ("callbacks", "success_callback", "failure_callback")
SILENT = "LiteLLM takes any name in silence, and sends nothing anywhere"
REFUSED = "LiteLLM takes it for a module, does not find it, and refuses to start"
METRICS_PATH = "/metrics/"
# They speak HTTP by a table of their own: integrations/generic_api, 1.84.0 to 1.109.1.
GENERIC = frozenset({"sample_callback", "rubrik", "sumologic", "qualifire_eval", "ramp"})
VERBOSE_FLAGS = ("detailed_debug", "debug")


def _names(subject: Subject) -> Iterator[tuple[Path, str, str]]:
    """Yield place, list and name of every callback; a text where a list is read is L141's."""
    for key in LISTS:
        path: Path = ("litellm", "litellm_settings", key)
        for position, name in enumerate(sequence(subject.litellm_settings.get(key))):
            if isinstance(name, str):
                yield (*path, position), key, name


def _unknown(subject: Subject) -> Iterator[Finding]:
    known = known_keys(subject.version).callbacks | GENERIC
    own = mapping(subject.top.get("callback_settings"))
    speller = Speller(known)
    for path, key, name in _names(subject):
        if name in known or "." in name or name in own or name.startswith("os.environ/"):
            continue
        yield Finding(
            path,
            name,
            f"LiteLLM {subject.version} has no callback of this name: "
            + (REFUSED if key == "callbacks" else SILENT),
            did_you_mean(speller.nearest(name), "remove it"),
        )
    yield from _without_its_key(subject)


def _without_its_key(subject: Subject) -> Iterator[Finding]:
    secrets = subject.configuration.secrets
    if secrets is None:
        return
    own = mapping(subject.top.get("environment_variables"))
    there = "POSTHOG_API_KEY" in secrets or "POSTHOG_API_KEY" in subject.environment
    first = next((path for path, _, name in _names(subject) if name == "posthog"), None)
    if first is not None and not there and "POSTHOG_API_KEY" not in own:
        yield Finding(
            first,
            "posthog",
            "LiteLLM reads POSTHOG_API_KEY and no other name: without it the proxy serves, and no "
            "event is sent (measured)",
            "set it: `fly secrets set POSTHOG_API_KEY=...`",
        )


def _no_list(subject: Subject) -> Iterator[Finding]:
    for key in LISTS:
        written = subject.litellm_settings.get(key)
        if not isinstance(written, str) or (key == "callbacks" and "." in written):
            continue
        path: Path = ("litellm", "litellm_settings", key)
        really = REFUSED if key == "callbacks" else "LiteLLM takes each letter for a callback"
        yield Finding(
            path,
            shown(written),
            f"a list is read here: {really}",
            f"write [{written}]",
            (Put(path, [written]),),
        )


def _prometheus(subject: Subject) -> bool:
    return any(name == "prometheus" for _, _, name in _names(subject))


def _shows_metrics(subject: Subject) -> Iterator[Finding]:
    key = "require_auth_for_metrics_endpoint"
    on = _prometheus(subject) or flag(subject, "prometheus_metrics_port") is not None
    if not on or subject.litellm_settings.get(key) is not False:
        return
    main = port(subject)
    scraped = main and any(count(table.get("port")) == main for _, table in _scrapes(subject))
    yield Finding(
        ("litellm", "litellm_settings", key),
        "false",
        "/metrics/ on the public port then shows hashed keys, team names and client addresses to "
        "everyone" + (", as Fly's `[metrics]` asks for it there" if scraped else ""),
        "remove it, add `--prometheus_metrics_port 4001`"
        + (", and write port = 4001 in `[metrics]`" if scraped else ""),
    )


def _scraped_with_a_key(subject: Subject) -> Iterator[Finding]:
    key = "require_auth_for_metrics_endpoint"
    if not _prometheus(subject) or subject.litellm_settings.get(key) is False:
        return
    for path, table in _scrapes(subject):
        if starts_litellm(subject) and count(table.get("port")) == port(subject):
            yield Finding(
                ("fly", *path, "port"),
                shown(table["port"]),
                "the proxy's own port asks for a key at /metrics/, and Fly's scraper has none: it "
                "reads 401, and no metrics",
                "add `--prometheus_metrics_port 4001`, and write port = 4001 here",
            )


def _redirected(subject: Subject) -> Iterator[Finding]:
    for path, table in _scrapes(subject):
        if table.get("path") == METRICS_PATH.rstrip("/"):
            place: Path = ("fly", *path, "path")
            yield Finding(
                place,
                shown(table["path"]),
                "LiteLLM answers it with a redirect, which Fly's scraper does not follow: no "
                "metrics arrive",
                f'write path = "{METRICS_PATH}"',
                (Put(place, METRICS_PATH),),
            )


def _scrapes(subject: Subject) -> list[tuple[tuple[str | int, ...], Any]]:
    return tables(mapping(subject.configuration.fly), "metrics") if subject.given else []


def _verbose(subject: Subject) -> Iterator[Finding]:
    really = "requests and answers are written to the log in full, and each takes longer"
    for section in ("litellm_settings", "router_settings"):
        if mapping(subject.top.get(section)).get("set_verbose") is True:
            yield Finding(
                ("litellm", section, "set_verbose"),
                "true",
                f"it is deprecated, and where it still works {really}",
                "remove it; LITELLM_LOG decides what is logged",
            )
    for name in VERBOSE_FLAGS:
        if name in subject.server and starts_litellm(subject):
            yield Finding(("server", name), "", really, "leave it out")
    if subject.environment.get("LITELLM_LOG") == "DEBUG":
        yield Finding(("environment", "LITELLM_LOG"), "DEBUG", really, "set INFO or ERROR")


ON = "litellm_settings: {callbacks: [prometheus]%s}\n"


def _scraped(metrics: str, settings: str = ON % "", flags: str = "") -> Example:
    example = started_with(flags, settings)
    return Example(litellm=settings, fly=f"{example.fly}[metrics]\n{metrics}\n")


RULES = (
    Rule(
        id="L035",
        title="A callback that nobody answers to",
        severity=Severity.ERROR,
        about="litellm_settings.callbacks, success_callback, failure_callback",
        evidence=("facts on LiteLLM, section 1 (run)",),
        remedy="Correct the name; set the variables that the callback reads.",
        failing=Example(litellm="litellm_settings: {success_callback: [posthogg]}\n"),
        passing=Example(litellm="litellm_settings: {success_callback: [posthog]}\n"),
        find=_unknown,
    ),
    Rule(
        id="L141",
        title="Callbacks are a text in place of a list",
        severity=Severity.ERROR,
        about="litellm_settings.success_callback",
        evidence=("litellm/proxy/proxy_server.py (load_config)",),
        remedy="Write a list.",
        failing=Example(litellm="litellm_settings: {success_callback: langfuse}\n"),
        passing=Example(litellm="litellm_settings: {success_callback: [langfuse]}\n"),
        find=_no_list,
    ),
    Rule(
        id="L012",
        title="Everybody may read the metrics",
        severity=Severity.ERROR,
        about="litellm_settings.require_auth_for_metrics_endpoint",
        evidence=("facts on LiteLLM, section 0.10 (measured)",),
        remedy="Serve metrics on a private port: `--prometheus_metrics_port`.",
        failing=Example(litellm=ON % ", require_auth_for_metrics_endpoint: false"),
        passing=Example(litellm=ON % ""),
        find=_shows_metrics,
    ),
    Rule(
        id="L144",
        title="Fly's scraper has no key for the metrics",
        severity=Severity.WARNING,
        about="fly.toml [metrics]",
        evidence=("facts on LiteLLM, section 5 (measured)",),
        remedy="Serve metrics on a private port: `--prometheus_metrics_port`.",
        failing=_scraped("port = 4000\npath = '/metrics/'"),
        passing=_scraped("port = 4001\npath = '/metrics/'", flags="--prometheus_metrics_port 4001"),
        find=_scraped_with_a_key,
    ),
    Rule(
        id="L013",
        title="The path of the metrics is redirected",
        severity=Severity.ERROR,
        about="fly.toml [metrics] path",
        evidence=("facts on LiteLLM, section 5 (measured)",),
        remedy='Write "/metrics/".',
        failing=_scraped("port = 4001\npath = '/metrics'", flags="--prometheus_metrics_port 4001"),
        passing=_scraped("port = 4001\npath = '/metrics/'", flags="--prometheus_metrics_port 4001"),
        find=_redirected,
    ),
    Rule(
        id="L135",
        title="Everything is logged",
        severity=Severity.WARNING,
        about="litellm_settings.set_verbose",
        evidence=("litellm/_logging.py", "facts on LiteLLM, section 1"),
        remedy="Leave it out; LITELLM_LOG decides.",
        failing=Example(litellm="litellm_settings: {set_verbose: true}\n"),
        passing=Example(litellm="litellm_settings: {set_verbose: false}\n"),
        find=_verbose,
    ),
)
