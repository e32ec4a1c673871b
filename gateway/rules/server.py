"""Which flags of the proxy's command line its server ignores, or does not survive."""

from collections.abc import Iterator

from gateway.effective import ONE_WORKER_ENDS
from gateway.keys import known_keys
from gateway.rules.flags import KIND_FLAGS, flag, kind, starts_litellm, workers
from gateway.rules.numbers import count
from gateway.rules.quoting import did_you_mean
from gateway.spelling import nearest
from gateway.subject import Subject
from stacks.problem import Severity
from stacks.rule import Example, Finding, Rule

# A worker imports LiteLLM for 12 s before it can answer its supervisor (measured).
SHORTEST_HEALTHCHECK_S = 30
READ_BY = {
    "keepalive_timeout": ("uvicorn",),
    "timeout_worker_healthcheck": ("uvicorn",),
    "limit_concurrency": ("uvicorn",),
    "max_requests_before_restart": ("uvicorn", "gunicorn"),
    "max_requests_before_restart_jitter": ("uvicorn", "gunicorn"),
    "granian_threads": ("granian",),
    "num_workers": ("uvicorn", "gunicorn", "granian"),
}
TOLD_ELSEWHERE = {
    ("keepalive_timeout", "gunicorn"),
    ("max_requests_before_restart", "granian"),
}
COMMAND_LINE = "litellm/proxy/proxy_cli.py (run_server)"


def _unknown_flag(subject: Subject) -> Iterator[Finding]:
    if not starts_litellm(subject):
        return
    known = known_keys(subject.version).server_flags
    for name in subject.server:
        if name not in known and name != "help":
            near = nearest(name, known)
            yield Finding(
                ("server", name),
                "",
                f"LiteLLM {subject.version} has no `--{name}`, and does not start",
                did_you_mean(f"--{near}" if near else None, "remove it"),
            )


def _several_kinds(subject: Subject) -> Iterator[Finding]:
    given = [name for name in KIND_FLAGS if name in subject.server]
    for name in given[1:]:
        yield Finding(
            ("server", name),
            "",
            f"`--{given[0]}` stands beside it, and LiteLLM starts the first of gunicorn, "
            "hypercorn and granian that it finds",
            "keep one of them",
        )


def _keepalive(subject: Subject) -> Iterator[Finding]:
    given = flag(subject, "keepalive_timeout")
    if kind(subject) == "gunicorn" and given is not None:
        yield Finding(
            ("server", "keepalive_timeout"),
            given,
            "gunicorn ignores it here and closes an idle connection after 2 s (measured): a proxy "
            "in front that reuses connections meets closed ones",
            "leave it out, or start uvicorn: leave `--run_gunicorn` out",
        )


def _together(subject: Subject) -> Iterator[Finding]:
    given = flag(subject, "max_requests_before_restart")
    if given is None or workers(subject) < 2 or kind(subject) not in ("uvicorn", "gunicorn"):  # noqa: PLR2004 - two are several
        return
    if flag(subject, "max_requests_before_restart_jitter") is None:
        tenth = max(1, (count(given) or 10_000) // 10)
        yield Finding(
            ("server", "max_requests_before_restart"),
            given,
            "without jitter all workers of a machine restart together",
            f"add `--max_requests_before_restart_jitter {tenth}`",
        )


def _never_restarted(subject: Subject) -> Iterator[Finding]:
    given = flag(subject, "max_requests_before_restart")
    if kind(subject) == "granian" and given is not None:
        yield Finding(
            ("server", "max_requests_before_restart"),
            given,
            "granian ignores it: workers never restart, and keep what they leak",
            "leave it out, or start uvicorn: leave `--run_granian` out",
        )


def _the_only_worker(subject: Subject) -> Iterator[Finding]:
    given = flag(subject, "max_requests_before_restart")
    if given is None or kind(subject) != "uvicorn" or workers(subject) > 1:
        return
    yield Finding(
        ("server", "max_requests_before_restart"),
        given,
        "one uvicorn worker is the whole server, and nothing starts it again: after so many "
        "requests, health probes among them, the process ends and the machine with it, until "
        "Fly's restart policy starts it and LiteLLM is imported anew",
        "leave it out, add `--num_workers 2`, or `--run_gunicorn`, whose master starts a new one",
    )


def _boot_loop(subject: Subject) -> Iterator[Finding]:
    if kind(subject) != "uvicorn" or workers(subject) < 2:  # noqa: PLR2004 - two are several
        return
    given = flag(subject, "timeout_worker_healthcheck")
    seconds = count(given)
    if seconds is None or seconds < SHORTEST_HEALTHCHECK_S:
        yield Finding(
            ("server", "timeout_worker_healthcheck"),
            given or "",
            "uvicorn kills a worker that is silent for 5 s, or for as long as this says, and "
            "importing LiteLLM takes 12 s: several workers can restart each other for ever "
            "(measured)",
            "add `--timeout_worker_healthcheck 120`",
        )


def _ignored(subject: Subject) -> Iterator[Finding]:
    chosen = kind(subject)
    for name, readers in READ_BY.items():
        given = flag(subject, name)
        if given is None or (name, chosen) in TOLD_ELSEWHERE:
            continue
        if chosen not in readers and not (name == "num_workers" and count(given) == 1):
            yield Finding(
                ("server", name),
                given,
                f"LiteLLM starts {chosen}, which does not get it: only {' and '.join(readers)} do",
                "leave it out",
            )
    jitter = flag(subject, "max_requests_before_restart_jitter")
    if jitter is not None and flag(subject, "max_requests_before_restart") is None:
        yield Finding(
            ("server", "max_requests_before_restart_jitter"),
            jitter,
            "without `--max_requests_before_restart` no worker restarts, and nothing varies",
            "add `--max_requests_before_restart 10000`, or leave it out",
        )


def started_with(flags: str, settings: str = "router_settings: {redis_url: x}\n") -> Example:
    """Return a configuration whose fly.toml starts LiteLLM with these flags."""
    command = f"--config /app/config.yaml --port 4000 {flags}".strip()
    fly = f"[processes]\napp = '{command}'\n[env]\nLITELLM_MODE = 'PRODUCTION'\n"
    return Example(litellm=settings, fly=f"kill_signal = 'SIGTERM'\nkill_timeout = '60s'\n{fly}")


RULES = (
    Rule(
        id="L142",
        title="A flag that LiteLLM does not know",
        severity=Severity.ERROR,
        about="fly.toml [processes]",
        evidence=(COMMAND_LINE,),
        remedy="Correct the name, or remove the flag.",
        failing=started_with("--num_worker 1"),
        passing=started_with("--num_workers 1"),
        find=_unknown_flag,
    ),
    Rule(
        id="L127",
        title="Several servers are asked for",
        severity=Severity.WARNING,
        about="fly.toml [processes]",
        evidence=(COMMAND_LINE,),
        remedy="Keep one of them.",
        failing=started_with("--run_gunicorn --run_granian"),
        passing=started_with("--run_gunicorn"),
        find=_several_kinds,
    ),
    Rule(
        id="L014",
        title="gunicorn ignores the keep-alive time",
        severity=Severity.ERROR,
        about="--keepalive_timeout",
        evidence=("facts on LiteLLM, section 0.8 (measured)", COMMAND_LINE),
        remedy="Leave it out, or start uvicorn.",
        failing=started_with("--run_gunicorn --keepalive_timeout 75"),
        passing=started_with("--keepalive_timeout 75"),
        find=_keepalive,
    ),
    Rule(
        id="L015",
        title="All workers restart together",
        severity=Severity.WARNING,
        about="--max_requests_before_restart",
        evidence=("facts on LiteLLM, section 5",),
        remedy="Add `--max_requests_before_restart_jitter`.",
        failing=started_with("--run_gunicorn --num_workers 2 --max_requests_before_restart 10000"),
        passing=started_with(
            "--run_gunicorn --num_workers 2 --max_requests_before_restart 10000 "
            "--max_requests_before_restart_jitter 1000"
        ),
        find=_together,
    ),
    Rule(
        id="L016",
        title="granian never restarts a worker after a number of requests",
        severity=Severity.ERROR,
        about="--max_requests_before_restart",
        evidence=("facts on LiteLLM, section 5", COMMAND_LINE),
        remedy="Leave it out, or start uvicorn.",
        failing=started_with("--run_granian --max_requests_before_restart 10000"),
        passing=started_with("--run_granian"),
        find=_never_restarted,
    ),
    Rule(
        id="L143",
        title="The only worker ends after a number of requests, and the server with it",
        severity=Severity.WARNING,
        about="--max_requests_before_restart",
        evidence=ONE_WORKER_ENDS.evidence,
        remedy="Leave it out, or start several workers or gunicorn.",
        failing=started_with("--max_requests_before_restart 10000"),
        passing=started_with("--run_gunicorn --max_requests_before_restart 10000"),
        find=_the_only_worker,
        versions=ONE_WORKER_ENDS.versions,
    ),
    Rule(
        id="L051",
        title="uvicorn's workers can restart each other for ever",
        severity=Severity.ERROR,
        about="--timeout_worker_healthcheck",
        evidence=("facts on a local gateway, section 0.5 (measured)",),
        remedy="Add `--timeout_worker_healthcheck 120`.",
        failing=started_with("--num_workers 4"),
        passing=started_with("--num_workers 4 --timeout_worker_healthcheck 120"),
        find=_boot_loop,
    ),
    Rule(
        id="L130",
        title="A flag that the chosen server does not get",
        severity=Severity.WARNING,
        about="fly.toml [processes]",
        evidence=(COMMAND_LINE,),
        remedy="Leave it out.",
        failing=started_with("--run_gunicorn --limit_concurrency 200"),
        passing=started_with("--limit_concurrency 200"),
        find=_ignored,
    ),
)
