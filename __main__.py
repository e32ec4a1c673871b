"""The Pulumi program: settings in, one proven gateway out."""

import os

import pulumi

from components.gateway import Gateway
from components.validate import load_checked
from stacks.program import read_program_config, secret_value

loaded = load_checked(pulumi.get_stack(), read_program_config(), os.environ)
for warning in loaded.warnings:
    pulumi.log.warn(warning.render())
gateway = Gateway("gateway", loaded.settings, secret_value)
for name, value in gateway.outputs.items():
    pulumi.export(name, value)
