"""`gateway sandbox break` and `heal`: which provider's model a group stands for, and its script."""

import os
from pathlib import Path

from ops.exit_codes import ExitCode
from ops.faults import Fault, deployments
from ops.local_state import local_state
from ops.output import Output
from ops.project import project_root
from ops.running_sandbox import need_sandbox
from ops.sandbox_client import SandboxClient
from ops.settings import plain_settings


def break_model(environment: str, group: str, fault: Fault, *, output: Output) -> ExitCode:
    """Let every deployment of a model group fail; a fault given before is replaced."""
    step = fault.step()
    targets = _targets(environment, group)
    with SandboxClient.of(need_sandbox(local_state(os.environ))) as client:
        for provider, model in targets:
            client.break_model(provider, model, [step])
    output.show(f"{group}: {fault.described()}; undo with: gateway sandbox heal {group}")
    output.answer({"model": group, "script": [step], "deployments": targets})
    return ExitCode.OK


def heal_models(environment: str, group: str | None, *, output: Output) -> ExitCode:
    """Take back the faults of a model group, or of all."""
    targets = _targets(environment, group) if group else []
    with SandboxClient.of(need_sandbox(local_state(os.environ))) as client:
        if group:
            healed = sum(client.heal_model(provider, model) for provider, model in targets)
        else:
            healed = client.heal_all()
    name = group or "all models"
    output.show(f"{name}: well again" if healed else f"{name}: nothing was broken")
    output.answer({"model": group, "healed": healed})
    return ExitCode.OK


def _targets(environment: str, group: str) -> list[tuple[str, str]]:
    return deployments(plain_settings(project_root(Path.cwd()), environment), group)
