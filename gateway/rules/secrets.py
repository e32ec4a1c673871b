"""Which secrets are written out, missing, or of a kind that everybody knows."""

import json
from collections.abc import Iterator
from typing import Any

from gateway.rules.literal_secrets import is_secret, secrets_in
from gateway.subject import Subject, mapping, reference
from stacks.paths import Path
from stacks.problem import Severity
from stacks.rule import Example, Finding, Rule

MASTER_KEY, SALT_KEY = "LITELLM_MASTER_KEY", "LITELLM_SALT_KEY"
KEY_PATH = ("litellm", "general_settings", "master_key")
KNOWN_DEFAULTS = frozenset({"sk-1234"})
LEAST_KEY = 20  # letters of a master key that nobody guesses
NOT_SHOWN = "(the value is not shown)"
BOOT_CHECK = "litellm/proxy/auth/master_key_boot_check.py"
REFUSED = ("master_key_boot_check of 1.106.2", "BerriAI/litellm #42019")
GENERATE = 'fly secrets set LITELLM_MASTER_KEY="sk-$(openssl rand -hex 32)"'


def _master_keys(subject: Subject) -> Iterator[tuple[Path, Any]]:
    yield KEY_PATH, subject.general_settings.get("master_key")
    variables = mapping(subject.top.get("environment_variables"))
    yield ("litellm", "environment_variables", MASTER_KEY), variables.get(MASTER_KEY)
    yield ("environment", MASTER_KEY), subject.environment.get(MASTER_KEY)


def _written_master_key(subject: Subject) -> Iterator[Finding]:
    for path, value in _master_keys(subject):
        if value is None or reference(value) is not None:
            continue
        text = value if isinstance(value, str) else ""
        if text.startswith(("${", "$", "os.environ")):
            continue  # a reference that is misspelt; L106 tells
        known = "; this one everybody knows, and LiteLLM refuses to start with it"
        weak = "; this one is short enough to be guessed"
        why = known if text in KNOWN_DEFAULTS else weak if len(text) < LEAST_KEY else ""
        yield Finding(
            path,
            "",
            "the master key is written out: whoever reads the file administers the gateway"
            f"{why} {NOT_SHOWN}",
            f"{GENERATE}, and write master_key: os.environ/{MASTER_KEY}",
        )


def _written_secret(subject: Subject) -> Iterator[Finding]:
    own = {path for path, _ in _master_keys(subject)}
    for path in secrets_in(subject.top, ("litellm",)):
        if path not in own:
            name = _variable(path)
            yield Finding(
                path,
                "",
                f"a secret in plain text {NOT_SHOWN}: it is in every copy of this file, in its "
                "history and in the machine's configuration",
                f"write os.environ/{name}, set it by `fly secrets set {name}=...`, and replace the "
                "key at its provider",
            )


def _variable(path: Path) -> str:
    words = [part for part in path if isinstance(part, str)]
    name = "".join(sign if sign.isalnum() else "_" for sign in words[-1]) if words else ""
    return name.upper() or "NAME"


def _secret_in_environment(subject: Subject) -> Iterator[Finding]:
    for name, value in subject.environment.items():
        if name != MASTER_KEY and is_secret(str(name), str(value)):
            yield Finding(
                ("environment", str(name)),
                "",
                f"a secret in plain text {NOT_SHOWN}: [env] is in the repository, in the release's "
                "definition and in every machine's configuration",
                f"remove it here, and set it by `fly secrets set {name}=...`",
            )


def _no_master_key(subject: Subject) -> Iterator[Finding]:
    secrets = subject.configuration.secrets
    if secrets is None or not subject.given:
        return
    if any(value is not None for _, value in _master_keys(subject)) or MASTER_KEY in secrets:
        return
    yield Finding(
        KEY_PATH,
        "",
        "no secret or setting known here is the master key; without one LiteLLM refuses to start, "
        "or, as an older release, answers everybody",
        f"{GENERATE}, and write master_key: os.environ/{MASTER_KEY}",
    )


def _no_salt(subject: Subject) -> Iterator[Finding]:
    secrets = subject.configuration.secrets
    if secrets is None or subject.general_settings.get("store_model_in_db") is not True:
        return
    if SALT_KEY not in secrets and SALT_KEY not in subject.environment:
        yield Finding(
            ("litellm", "general_settings", "store_model_in_db"),
            "true",
            f"without {SALT_KEY} the master key encrypts what the database holds: a new master key "
            "makes every stored provider key unreadable (BerriAI/litellm #32369)",
            f'fly secrets set {SALT_KEY}="sk-$(openssl rand -hex 32)", once, and never change it',
        )


def _unreadable_credentials(subject: Subject) -> Iterator[Finding]:
    for deployment in subject.deployments:
        value = deployment.params.get("vertex_credentials")
        if not isinstance(value, str) or not value.strip().startswith("{"):
            continue
        try:
            read = json.loads(value)
        except (ValueError, RecursionError):
            read = None
        if not isinstance(read, dict):
            yield Finding(
                (*deployment.path, "litellm_params", "vertex_credentials"),
                "",
                f"this is no JSON {NOT_SHOWN}: often the private key's line breaks are written out "
                "instead of as \\n; every call fails to authenticate",
                "write os.environ/VERTEX_CREDENTIALS_JSON, and set the secret from the file that "
                "Google Cloud gave you",
            )


def _params(text: str) -> Example:
    params = f"{{model: openai/gpt-5.5, {text}}}"
    return Example(litellm=f"model_list:\n- {{model_name: gpt, litellm_params: {params}}}\n")


GENERAL = "general_settings: {store_model_in_db: true, master_key: os.environ/LITELLM_MASTER_KEY}\n"
MADE = "sk-proj-" + "0a1B2c3D" * 4  # of the shape of a key, and of no account
RULES = (
    Rule(
        id="L031",
        title="The master key is written out, or everybody knows it",
        severity=Severity.ERROR,
        about="general_settings.master_key",
        evidence=(*REFUSED, "facts on LiteLLM, section 7"),
        remedy="Reference a secret: `os.environ/LITELLM_MASTER_KEY`.",
        failing=Example(litellm="general_settings: {master_key: sk-1234}\n"),
        passing=Example(litellm="general_settings: {master_key: os.environ/LITELLM_MASTER_KEY}\n"),
        find=_written_master_key,
    ),
    Rule(
        id="L162",
        title="A secret is written out in LiteLLM's file",
        severity=Severity.ERROR,
        about="api_key, password, token, credentials",
        evidence=("facts on LiteLLM, section 10.12",),
        remedy="Reference a secret: `os.environ/NAME`.",
        failing=_params(f"api_key: {MADE}"),
        passing=_params("api_key: os.environ/OPENAI_API_KEY"),
        find=_written_secret,
    ),
    Rule(
        id="L163",
        title="A secret is written out in `[env]`",
        severity=Severity.ERROR,
        about="[env]",
        evidence=("facts on flyctl's contract, section 5: flyctl itself only warns, at deploy",),
        remedy="Set it as a secret of the app.",
        failing=Example(fly=f"[env]\nOPENAI_API_KEY = '{MADE}'\n"),
        passing=Example(fly="[env]\nPYTHON_GC_THRESHOLD = '50000,50,50'\n"),
        find=_secret_in_environment,
    ),
    Rule(
        id="L164",
        title="There is no master key",
        severity=Severity.WARNING,  # what is merely missing may come from elsewhere
        about="general_settings.master_key",
        evidence=(BOOT_CHECK, "BerriAI/litellm #42019"),
        remedy="Set LITELLM_MASTER_KEY as a secret of the app.",
        failing=Example(litellm="general_settings: {}\n", secrets=frozenset()),
        passing=Example(litellm="general_settings: {}\n", secrets=frozenset({MASTER_KEY})),
        find=_no_master_key,
    ),
    Rule(
        id="L032",
        title="Models are stored in the database, and no salt encrypts their keys",
        severity=Severity.ERROR,
        about="LITELLM_SALT_KEY",
        evidence=("BerriAI/litellm #32369, #42019", "facts on LiteLLM, section 7"),
        remedy="Set LITELLM_SALT_KEY once, before the first model is stored.",
        failing=Example(litellm=GENERAL, secrets=frozenset({MASTER_KEY, "DATABASE_URL"})),
        passing=Example(litellm=GENERAL, secrets=frozenset({MASTER_KEY, "DATABASE_URL", SALT_KEY})),
        find=_no_salt,
    ),
    Rule(
        id="L034",
        title="Credentials of Vertex AI are no JSON",
        severity=Severity.ERROR,
        about="litellm_params.vertex_credentials",
        evidence=("litellm/llms/vertex_ai/vertex_llm_base.py", "facts on LiteLLM, section 7"),
        remedy="Reference a secret that holds the file as Google Cloud gave it.",
        failing=_params("vertex_credentials: '{\"type\": service_account}'"),
        passing=_params("vertex_credentials: os.environ/VERTEX_CREDENTIALS_JSON"),
        find=_unreadable_credentials,
    ),
)
