"""How flyctl deploys as a part of an `up`: by a Command of fixed words before the Release."""

import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import IO, Any

import pulumi

from components.bundle import Bundle
from components.machine_config import gateway_machine_config
from fly.flyctl_deployment import Deployment, FlyctlFailedError, Outcome
from fly.release import Release
from stacks.settings import Settings

MODULE = "components.flyctl_program"
SHOWN_LINES = 12  # of a program that failed
# The Python that Pulumi itself runs the program with. `exec`: what the engine ends is our process,
# and not a shell before it. All that varies comes on its standard input.
COMMAND = f'exec "${{PULUMI_RUNTIME_VIRTUALENV:-.venv}}/bin/python" -m {MODULE}'


class FlyctlDeployment(pulumi.ComponentResource):
    """Runs flyctl when the release changes, and before the Release, which judges what it did.

    `deployment` holds the fields that `Deployment.parse` reads; `triggers` are digests. Deletes
    nothing, ever: a trigger replaces the Command, and the delete of the one before would come
    after the new one has deployed. Holds no secret: the token comes from the engine's environment.
    """

    def __init__(
        self,
        name: str,
        *,
        deployment: Mapping[str, pulumi.Input[Any]],
        triggers: list[pulumi.Input[Any]],
        depends_on: list[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        from pulumi_command import local  # noqa: PLC0415 (its plugin is for this deployer only)

        super().__init__("gateway:index:FlyctlDeployment", name, {}, opts)
        local.Command(
            f"{name}-command",
            create=COMMAND,
            stdin=pulumi.Output.json_dumps(dict(deployment), sort_keys=True),
            triggers=triggers,
            # Standard output is the outcome, which nobody reads from here but a curious person.
            logging=local.Logging.STDERR,
            add_previous_output_in_env=False,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=depends_on,
                custom_timeouts=pulumi.CustomTimeouts(create="60m", update="60m"),
            ),
        )
        self.register_outputs({})


def run_program(deployment: Deployment, *, progress: Callable[[str], None]) -> Outcome:
    """Run the same program as the Command does, from within the Release.

    A process of its own can be asked to stop, cleans up after itself, and ends with us. Raises
    `FlyctlFailedError`.
    """
    last: list[str] = []

    def relay(stream: IO[str]) -> None:
        for line in stream:
            last.append(line.rstrip())
            progress(line.rstrip())

    with subprocess.Popen(
        [sys.executable, "-m", MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
        if stdin is None or stdout is None or stderr is None:
            raise AssertionError  # each was asked for
        reader = threading.Thread(target=relay, args=(stderr,), daemon=True)
        reader.start()
        stdin.write(deployment.as_json())
        stdin.close()
        answer = stdout.read()
        code = process.wait()
        reader.join()
    if code != 0:
        told = "\n".join(last[-SHOWN_LINES:])
        raise FlyctlFailedError(f"the deployment by flyctl ended with {code}\n{told}")
    return Outcome.parse(answer)


def previous_deployment(release: Release, before: Mapping[str, Any]) -> Deployment | None:
    """Return the release that was proven last, with the secrets that there are now.

    `before` holds the Release's outputs until now. None where nothing was ever proven; without a
    toml where it was not flyctl that deployed it.
    """
    config = before.get("applied")
    if not config:
        return None
    known = before.get("applied_release") or {}
    went = replace(
        release,
        config=config,
        counts=known.get("counts", release.counts),
        digest=str(known.get("bundle") or before.get("bundle") or ""),
        strategy=known.get("strategy", release.strategy),
    )
    return Deployment(went, known.get("toml", ""))


def deployment_fields(
    settings: Settings,
    bundle: Bundle,
    *,
    app: pulumi.Input[str],
    secrets_version: pulumi.Input[int],
    migration: Mapping[str, Any],
) -> Mapping[str, pulumi.Input[Any]]:
    """Return what `Deployment.parse` reads of an environment's bundle."""
    fly = settings.fly
    return {
        "app": app,
        "config": gateway_machine_config(settings, bundle),
        "counts": dict(fly.regions),
        "secrets_version": secrets_version,
        "digest": bundle.digest,
        "primary_region": fly.primary_region,
        "strategy": fly.strategy.value,
        "wait_timeout_s": fly.wait_timeout_s,
        "toml": bundle.fly_toml,
        "migration": dict(migration),
    }
