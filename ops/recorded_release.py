"""What a stack's state says of the release that serves; its secrets stay encrypted, and unasked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.render import PATH_IN_MACHINE
from ops.stack import Stack
from stacks.config_file import PROJECT


@dataclass(frozen=True, slots=True)
class Recorded:
    """One environment as the engine last left it; empty where nothing was deployed.

    `key_digests` are the program's own, of the providers' keys: Fly's are no two apps' alike.
    """

    bundle: str = ""
    image: str = ""
    litellm_yaml: str = ""
    guest: Mapping[str, Any] = field(default_factory=dict)
    machines: Mapping[str, int] = field(default_factory=dict)
    """Machines per region."""
    key_digests: Mapping[str, str] = field(default_factory=dict)
    secrets_version: int = 0
    resources: int = 0


def recorded_release(stack: Stack) -> Recorded:
    """Return what the state of a stack holds of its gateway."""
    if not stack.exists():
        return Recorded()
    exported: Mapping[str, Any] = json.loads(stack.engine.read("stack", "export"))
    resources = (exported.get("deployment") or {}).get("resources") or []
    by_name = {str(row["urn"]).rsplit("::", 1)[-1]: row.get("outputs") or {} for row in resources}
    release = by_name.get("gateway-release", {})
    applied = release.get("applied") or {}
    slots = [slot.rsplit("-", 1)[0] for slot in release.get("machines") or ()]
    return Recorded(
        bundle=str(release.get("bundle") or ""),
        image=str((release.get("contents") or {}).get("image") or ""),
        litellm_yaml=_text((applied.get("files") or {}).get(PATH_IN_MACHINE)),
        guest=applied.get("guest") or {},
        machines={region: slots.count(region) for region in sorted(set(slots))},
        key_digests=by_name.get(f"{PROJECT}-{stack.environment}", {}).get("key_digests") or {},
        secrets_version=int(release.get("secrets_version") or 0),
        resources=len(resources),
    )


def _text(file: Any) -> str:
    """Return a file of a canonical configuration; one that is no text is none of LiteLLM's."""
    return file if isinstance(file, str) else ""
