"""Whether what the flyctl deployer needs is on this machine, told before anything begins."""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from fly.flyctl import GET_IT
from fly.flyctl_run import find_flyctl
from ops.settings import plain_settings
from ops.stack import Stack
from stacks.problem import Problem, ProblemError
from stacks.values import Deployer

PLUGIN = "pulumi-resource-command"
PLUGIN_VERSION = "1.2.1"
NO_DOWNLOADS = "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"
YES = frozenset({"1", "true"})


def need_deployer(stack: Stack) -> None:
    """Raise `ProblemError` when an environment is deployed by flyctl and something for it lacks.

    Settings that cannot be read are left to the program, which tells all that is wrong with them.
    """
    try:
        settings = plain_settings(stack.root, stack.environment)
    except ProblemError:
        return
    if settings.fly.deployer is Deployer.FLYCTL:
        problems = tuple(missing(stack.environment, stack.environ))
        if problems:
            raise ProblemError(problems)


def missing(environment: str, environ: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what lacks of flyctl and of Pulumi's command plugin, which runs it."""
    place = f"Pulumi.{environment}.yaml: gateway:fly.deployer"
    if find_flyctl(environ.get("PATH")) is None:
        expected = "neither flyctl nor fly is on PATH; nothing was changed"
        yield Problem(place, "deploy.flyctl", "flyctl", expected, GET_IT)
    if environ.get(NO_DOWNLOADS, "").lower() in YES and not _has_plugin(environ):
        yield Problem(
            place,
            "deploy.plugin",
            "flyctl",
            f"Pulumi runs it by the plugin `command`, which is not installed, and {NO_DOWNLOADS}"
            " keeps the engine from fetching it; nothing was changed",
            f"pulumi plugin install resource command {PLUGIN_VERSION}, in the shell of"
            f' eval "$(gateway env {environment})" (with `--file PROGRAM` where there is no'
            " network); or set gateway:fly.deployer to machines_api, which needs none",
        )


def _has_plugin(environ: Mapping[str, str]) -> bool:
    home = environ.get("PULUMI_HOME") or str(Path(environ.get("HOME", os.sep)) / ".pulumi")
    installed = Path(home, "plugins").glob("resource-command-v1.*")
    folders = (path for path in installed if path.is_dir())
    return shutil.which(PLUGIN, path=environ.get("PATH", "")) is not None or any(folders)
