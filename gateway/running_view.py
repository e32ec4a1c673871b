"""What a running LiteLLM says of itself, asked once and kept without its secrets."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.chains import EdgeKind
from gateway.client import Details, GatewayClient, Setting

NO_DATABASE = "Not connected"


@dataclass(frozen=True, slots=True)
class RunningView:
    """One process's answers. With several workers each answer is that of whichever took it.

    `router` are the router's settings as the file has them now, `live_router` what the router
    works with. `general` is None without a database: then LiteLLM does not answer.
    """

    details: Details
    deployments: tuple[Mapping[str, Any], ...]
    chains: Mapping[EdgeKind, Mapping[str, tuple[Any, ...]]]
    router: Mapping[str, Setting]
    live_router: Mapping[str, Any]
    general: Mapping[str, Setting] | None = None

    @property
    def has_database(self) -> bool:
        """True when LiteLLM was given a database, whether or not it answers now."""
        return self.details.db != NO_DATABASE


def read_view(client: GatewayClient, general_settings: Iterable[str] = ()) -> RunningView:
    """Ask everything that LiteLLM tells; `general_settings` are asked by name, with a database.

    Seven requests, and with a database one more and one for each name (`asked_by_name` knows
    them). `GatewayError` when anything cannot be read. /fallback/{model} is not asked: it looks
    up what /v1/models gave already, and has no route for a name with a slash (seen on 1.106.2).
    """
    details = client.details()
    general = None
    if details.db != NO_DATABASE:
        listed = client.general_settings()
        asked = {name: client.general_setting(name) for name in general_settings}
        general = listed | {
            name: Setting(found.value, found.source, _stored(listed, name, found))
            for name, found in asked.items()
            if found is not None
        }
    return RunningView(
        details=details,
        deployments=tuple(client.deployments()),
        chains={kind: client.models(kind) for kind in EdgeKind},
        router=client.router_settings(),
        live_router=client.live_router(),
        general=general,
    )


def _stored(listed: Mapping[str, Setting], name: str, found: Setting) -> bool | None:
    """Tell whether the database holds a value: before 1.103 only those were answered for."""
    if found.source is None:
        return True
    return listed[name].stored_in_db if name in listed else None
