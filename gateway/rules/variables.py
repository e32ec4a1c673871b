"""Which variables of the machine change what the files say."""

from collections.abc import Iterator

from gateway.rules.flags import starts_litellm
from gateway.rules.server import started_with
from gateway.subject import Subject, mapping
from stacks.problem import Severity
from stacks.rule import Example, Finding, Rule

# They change what the files say without a trace in them (facts on LiteLLM, section 7).
HIDDEN = frozenset(
    {
        "ROUTER_MAX_FALLBACKS",
        "DEFAULT_COOLDOWN_TIME_SECONDS",
        "DEFAULT_ALLOWED_FAILS",
        "SINGLE_DEPLOYMENT_TRAFFIC_FAILURE_THRESHOLD",
    }
)
ALSO_SETTINGS = frozenset({"REQUEST_TIMEOUT", "STORE_MODEL_IN_DB", "NUM_WORKERS"})
WEAK_KEY = "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY"


def _hidden(subject: Subject) -> Iterator[Finding]:
    if WEAK_KEY in subject.environment:
        yield Finding(
            ("environment", WEAK_KEY),
            "",
            "LiteLLM then starts with a known master key, or without one: everybody is admin",
            "remove it, and set LITELLM_MASTER_KEY",
        )
    written = mapping(mapping(subject.configuration.settings).get("server")).get("environment")
    for name, value in mapping(written).items():
        pinned = subject.environment.get(str(name))
        if name in HIDDEN | ALSO_SETTINGS:
            really = "this variable changes what the settings say without a trace in any file"
        elif pinned is not None and pinned != value:
            really = f"{pinned} is pinned, and wins"
        else:
            continue
        yield Finding(
            ("environment", str(name)),
            str(value),
            really,
            "remove it; what has a setting of its own is changed there",
        )


def _hidden_in_files(subject: Subject) -> Iterator[Finding]:
    if subject.configuration.settings is not None:
        return  # L062 says so
    for name in sorted(HIDDEN & set(subject.environment)):
        yield Finding(
            ("environment", name),
            str(subject.environment[name]),
            "this variable changes what LiteLLM's file says without a trace in it",
            "remove it, and write the setting into `router_settings`",
        )


def _loads_dotenv(subject: Subject) -> Iterator[Finding]:
    if subject.configuration.fly is None or not starts_litellm(subject):
        return
    mode = subject.environment.get("LITELLM_MODE")
    if mode is None or mode == "DEV":
        yield Finding(
            ("environment", "LITELLM_MODE"),
            mode or "",
            "LiteLLM then loads a `.env` that lies in its working directory: what one image brings "
            "along changes the settings of every environment",
            "set LITELLM_MODE = 'PRODUCTION' in `[env]`",
        )


SETTINGS = {"server": {"environment": {"STORE_MODEL_IN_DB": "True"}}}

RULES = (
    Rule(
        id="L062",
        title="A variable overrides the settings unseen",
        severity=Severity.ERROR,
        about="[env]",
        evidence=("facts on LiteLLM, section 7",),
        remedy="Remove it.",
        failing=Example(litellm="{}", settings=SETTINGS),
        passing=Example(litellm="{}", settings={"server": {"environment": {}}}),
        find=_hidden,
    ),
    Rule(
        id="L138",
        title="A variable changes what LiteLLM's file says",
        severity=Severity.WARNING,
        about="[env]",
        evidence=("facts on LiteLLM, section 7",),
        remedy="Write the setting into the file.",
        failing=Example(litellm="{}", fly="[env]\nROUTER_MAX_FALLBACKS = '9'\n"),
        passing=Example(litellm="{}", fly="[env]\nLITELLM_LOG = 'ERROR'\n"),
        find=_hidden_in_files,
    ),
    Rule(
        id="L131",
        title="A `.env` in the image is loaded",
        severity=Severity.WARNING,
        about="[env] LITELLM_MODE",
        evidence=("facts on LiteLLM, section 5",),
        remedy="Set LITELLM_MODE to PRODUCTION.",
        failing=Example(litellm="{}", fly="[processes]\napp = '--config /app/config.yaml'\n"),
        passing=started_with(""),
        find=_loads_dotenv,
    ),
)
