"""The Pulumi program: settings in, one proven gateway out."""

import os
from pathlib import Path

import pulumi

from components.gateway import Gateway
from components.suppressing import suppressions_in
from components.validate import load_checked
from stacks.problem import ProblemError
from stacks.program import read_program_config, secret_value

ROOT = Path(__file__).parent

try:
    loaded = load_checked(
        pulumi.get_stack(),
        read_program_config(),
        os.environ,
        suppressions=suppressions_in([ROOT]),
        root=ROOT,
        deploying=True,
    )
except ProblemError as error:
    # Told without a traceback: the problems are in the configuration, not in the program.
    raise pulumi.RunError(f"nothing was changed\n\n{error}") from None
for warning in loaded.warnings:
    pulumi.log.warn(warning.render())
gateway = Gateway("gateway", loaded.settings, secret_value)
for name, value in gateway.outputs.items():
    pulumi.export(name, value)
