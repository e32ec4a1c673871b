"""Promotions as tests make them: dev's bundle, whole and sealed, in a project of their own."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from ops.promotion_candidate import Candidate, make_candidate
from stacks.config_file import read_config_file
from stacks.gateway import DEFINITION
from stacks.litellm import RouterSettings
from stacks.load import load_settings
from stacks.promotion import FOLDER, file_name, sealed, text_of
from stacks.settings import Definition, Settings

TODAY = date(2026, 11, 24)
DIGEST = f"sha256:{'a' * 64}"
OLDER = DEFINITION.model_copy(
    update={
        "router_settings": RouterSettings.model_validate(
            DEFINITION.router_settings.model_dump(exclude_unset=True) | {"cooldown_time": 61}
        )
    }
)
"""What stacks/gateway.py may have said on the day of a promotion: not what it says today."""


def fly(environment: str) -> dict[str, Any]:
    """Return the part of an environment that is always its own."""
    regions = {"iad": 2} if environment == "dev" else {"iad": 1, "lhr": 1}
    app = f"acme-gateway-{environment}"
    return {"organization": "acme", "app": app, "regions": regions, "primary": "iad"}


def vertex(environment: str) -> dict[str, Any]:
    """Return where Vertex AI is, for an environment."""
    return {"vertex_ai": {"vertex_project": f"acme-{environment}", "vertex_location": "global"}}


def write_config(root: Path, environment: str, **more: Any) -> None:
    """Write Pulumi.<environment>.yaml: what is its own, and `more`."""
    values = {"fly": fly(environment), "providers": vertex(environment), "posthog": {}, **more}
    if environment == "live":
        values.setdefault("promotion", {"source": "dev"})
    config = {f"gateway:{key}": value for key, value in values.items()}
    text = f"# what {environment} is\n{yaml.safe_dump({'config': config})}"
    (root / f"Pulumi.{environment}.yaml").write_text(text, encoding="utf-8")


def dev_settings(root: Path, definition: Definition = OLDER) -> Settings:
    """Return dev's settings over a definition."""
    return load_settings("dev", read_config_file(root, "dev"), definition=definition).settings


def candidate(root: Path, definition: Definition = OLDER) -> Candidate:
    """Return what dev would hand on to live."""
    settings = dev_settings(root, definition)
    return make_candidate(root, settings, "live", image_digest=DIGEST, today=TODAY)


def document(made: Candidate, number: int = 1, **more: Any) -> dict[str, Any]:
    """Return a sealed promotion of a candidate."""
    return sealed(
        {
            "schema": 1,
            "number": number,
            **made.document(),
            "source_bundle": "0" * 64,
            "evidence": None,
            "gates": [],
            "changes": [],
            "program": {"version": "0.1.0", "revision": "c0ffee" * 6 + "c0ff", "changed": False},
            "by": "Ada <ada@acme.example>",
            "at": "2026-11-24T12:00:00+00:00",
            "previous": None,
        }
        | more
    )


def write(root: Path, promotion: Mapping[str, Any]) -> str:
    """Write a promotion where it belongs, and return its file, relative to the project."""
    folder = root / FOLDER / str(promotion["environment"])
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / file_name(promotion["number"], promotion["bundle"])
    target.write_text(text_of(promotion), encoding="utf-8")
    return str(target.relative_to(root))


def promoted(root: Path, **more: Any) -> str:
    """Make a project with dev, live and one promotion that live names; return the file."""
    write_config(root, "dev")
    write_config(root, "live")
    file = write(root, document(candidate(root), **more))
    write_config(root, "live", promotion={"source": "dev", "file": file})
    return file
