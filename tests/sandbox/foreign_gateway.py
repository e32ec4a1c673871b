"""A gateway that this project did not make: as a team would have put it on Fly by flyctl."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.bundle import make_bundle
from fly.machine_config import DeployInputs, machine_config
from ops.settings import plain_settings
from tests.sandbox.engine.sandbox_program import SandboxProgram, wait_until


@dataclass(frozen=True)
class ForeignGateway:
    """An app, its addresses, secrets and machines, made by plain calls of Fly's API."""

    sandbox: SandboxProgram
    app: str

    @classmethod
    def make(
        cls,
        sandbox: SandboxProgram,
        root: Path,
        environment: str,
        *,
        secrets: Mapping[str, str],
        machines: int,
        edits: Mapping[str, Any] | None = None,
    ) -> "ForeignGateway":
        """Put up what `gateway render` writes for an environment; `edits` replace parts of it."""
        settings = plain_settings(root, environment)
        made = cls(sandbox, settings.fly.app)
        bundle = make_bundle(settings)
        inputs = DeployInputs(image=settings.image.reference, files=bundle.files)
        config = machine_config(tomllib.loads(bundle.fly_toml), "app", inputs) | dict(edits or {})
        made.post("/apps", app_name=made.app, org_slug=settings.fly.organization)
        for kind in ("v6", "shared_v4"):
            made.post(f"/apps/{made.app}/ip_assignments", type=kind)
        made.post(f"/apps/{made.app}/secrets", values=dict(secrets))
        for _ in range(machines):
            made.post(f"/apps/{made.app}/machines", config=config, region="iad")
        wait_until(made.passing, 30, "the machines of the foreign gateway are well")
        return made

    def post(self, path: str, **body: Any) -> None:
        """Call Fly's API, which must answer well."""
        answer = self.sandbox.fly("POST", path, body)
        assert answer.is_success, (path, answer.status_code, answer.text)

    def passing(self) -> bool:
        """Tell whether every machine passes every check."""
        return all(
            row["state"] == "started" and {c["status"] for c in row["checks"]} == {"passing"}
            for row in self.sandbox.machines(self.app)
        )

    def instances(self) -> dict[str, tuple[str, Any]]:
        """Return what changes with every restart and update, by machine."""
        return {
            row["id"]: (row["instance_id"], [e["type"] for e in row["events"]])
            for row in self.sandbox.machines(self.app)
        }
