"""`gateway render`: the texts that a deployment would send, for reading."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.bundle import Bundle, make_bundle
from gateway.database_url import HIDDEN, database_url, redacted
from gateway.secret_names import required_secrets
from ops.deployed import DIGEST_SHOWN
from ops.exit_codes import ExitCode
from ops.output import Output
from ops.settings import checked_settings
from stacks.settings import Settings

URL_FILE = "database_url.txt"


def render(
    root: Path, environment: str, *, folder: Path | None, to_stdout: bool, output: Output
) -> ExitCode:
    """Write the LiteLLM YAML, the fly.toml and the redacted DATABASE_URL of an environment.

    Needs no network, no engine and no value of a secret: secrets stand in the texts by name.
    """
    loaded = checked_settings(root, environment)
    for warning in loaded.warnings:
        output.say(warning.render())
    bundle = make_bundle(loaded.settings)
    texts = rendered(loaded.settings, bundle)
    document: dict[str, Any] = {
        "environment": environment,
        "bundle": bundle.digest,
        "image": bundle.image,
        "secrets": [secret.name for secret in required_secrets(loaded.settings)],
        "warnings": [warning.as_json() for warning in loaded.warnings],
    }
    if to_stdout:
        for name, text in texts.items():
            output.show(f"# --- {name}\n{text}")
        output.answer({**document, "texts": dict(texts)})
        return ExitCode.OK
    target = folder or root / "rendered" / environment
    target.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (target / name).write_text(text, encoding="utf-8")
        output.show(str(target / name))
    output.show(f"bundle {bundle.digest[:DIGEST_SHOWN]}, image {bundle.image}")
    output.answer({**document, "files": [str(target / name) for name in texts]})
    return ExitCode.OK


def rendered(settings: Settings, bundle: Bundle) -> Mapping[str, str]:
    """Return the texts by file name; without Postgres there is no address of it."""
    texts = {"litellm_config.yaml": bundle.litellm_yaml, "fly.toml": bundle.fly_toml}
    if settings.postgres is not None:
        # The password is put in by Pulumi; here is none, and so none can be shown.
        texts[URL_FILE] = redacted(database_url(settings, HIDDEN)) + "\n"
    return texts
