"""What is deployed, proven and promoted as one: image, rendered texts, names of secrets, digest."""

import hashlib
import json
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import yaml

from fly.toml import render_fly_toml
from gateway.own_variables import own_variables
from gateway.proof_archive import PATH_IN_MACHINE as PROOF_IN_MACHINE
from gateway.proof_archive import proof_archive
from gateway.proof_plan import render_proof_plan
from gateway.render import PATH_IN_MACHINE, render_litellm_config
from gateway.secret_names import required_secrets
from gateway.server import server_arguments, server_environment
from stacks.merge import canonical
from stacks.settings import SCHEMA_VERSION, Settings

GUEST_FILES: Mapping[str, str] = MappingProxyType(
    {
        PATH_IN_MACHINE: "litellm_config.yaml",
        PROOF_IN_MACHINE: "gateway_proof.pyz",
    }
)

# What an environment decides for itself: two environments with one bundle may differ in these.
_OWN_SECTIONS = frozenset({"app", "primary_region", "build", "deploy", "vm"})
_OWN_SERVICE_KEYS = frozenset({"concurrency", "force_https", "min_machines_running"})


@dataclass(frozen=True, slots=True)
class Bundle:
    """One release's content. Secrets are in it by name only."""

    image: str
    litellm_yaml: str
    fly_toml: str
    proof_plan: str
    proof_archive: bytes
    secret_names: tuple[str, ...]
    """Without those that are the environment's own."""
    own_variables: frozenset[str] = frozenset()
    """Variables in the fly.toml whose values are the environment's own."""
    schema_version: int = SCHEMA_VERSION

    @property
    def digest(self) -> str:
        """SHA-256, 64 hexadecimal digits, of what dev and live share (design D9)."""
        return _sha256(
            _canonical_json(
                {
                    "image": self.image.rpartition("@")[2],
                    "litellm": yaml.load(self.litellm_yaml, Loader=yaml.CSafeLoader),
                    "fly": environment_neutral(tomllib.loads(self.fly_toml), self.own_variables),
                    "schema": self.schema_version,
                    "secrets": sorted(self.secret_names),
                }
            )
        )

    @property
    def yaml_digest(self) -> str:
        """`sha256:` and the digest of the LiteLLM YAML's bytes."""
        return f"sha256:{_sha256(self.litellm_yaml)}"

    @property
    def toml_digest(self) -> str:
        """`sha256:` and the digest of the fly.toml's bytes."""
        return f"sha256:{_sha256(self.fly_toml)}"

    @property
    def files(self) -> dict[str, bytes]:
        """What is shipped to a machine, by its `local_path` in the fly.toml."""
        contents = (self.litellm_yaml.encode(), self.proof_archive)
        return dict(zip(GUEST_FILES.values(), contents, strict=True))


def make_bundle(settings: Settings) -> Bundle:
    """Render everything that one environment deploys; equal settings give equal bundles."""
    settings = canonical(settings)
    return Bundle(
        image=settings.image.reference,
        litellm_yaml=render_litellm_config(settings),
        fly_toml=render_fly_toml(
            settings,
            command=shlex.join(server_arguments(settings)),
            environment=server_environment(settings),
            files=GUEST_FILES,
        ),
        proof_plan=render_proof_plan(settings),
        proof_archive=proof_archive(),
        secret_names=tuple(s.name for s in required_secrets(settings) if not s.own),
        own_variables=own_variables(settings),
    )


def environment_neutral(toml: Mapping[str, Any], own: frozenset[str]) -> dict[str, Any]:
    """Return a parsed fly.toml without what an environment decides for itself.

    `own` are the variables among that.
    """
    shared = {key: value for key, value in toml.items() if key not in _OWN_SECTIONS}
    shared["env"] = _without(toml.get("env", {}), own)
    shared["http_service"] = _without(toml.get("http_service", {}), _OWN_SERVICE_KEYS)
    return shared


def _without(table: Mapping[str, Any], keys: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key not in keys}


def _canonical_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
