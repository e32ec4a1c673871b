"""Which values of LiteLLM's file are an environment's own, and the variables that hold them.

Dev and live share one LiteLLM YAML. What differs between them stands in it as a reference
(`os.environ/NAME`), and its value in the machine's environment. LiteLLM resolves references in
every key of `litellm_params` (litellm 1.106.2, router.py:9952).
"""

from collections.abc import Mapping
from types import MappingProxyType

from stacks.extras import REFERENCE
from stacks.settings import Settings

VERTEX = "vertex_ai"
# LiteLLM's own names for both, which a Vertex model without any parameter falls back to.
VERTEX_VARIABLES: Mapping[str, str] = MappingProxyType(
    {"vertex_project": "VERTEXAI_PROJECT", "vertex_location": "VERTEXAI_LOCATION"}
)


def vertex_variables(settings: Settings) -> dict[str, tuple[str, str]]:
    """Return variable and value of each field of the provider `vertex_ai` that is referred to.

    A value that is a reference already, and one whose variable the settings use for something
    else, stand in the YAML as they are given.
    """
    provider = settings.providers.get(VERTEX)
    if provider is None:
        return {}
    taken = {*settings.secrets, *settings.server.environment}
    given = {field: getattr(provider, field) for field in VERTEX_VARIABLES}
    return {
        field: (VERTEX_VARIABLES[field], value)
        for field, value in given.items()
        if value is not None
        and not value.startswith(REFERENCE)
        and VERTEX_VARIABLES[field] not in taken
    }


def own_variables(settings: Settings) -> frozenset[str]:
    """Return the names of the variables whose values are an environment's own.

    Two environments whose machines differ in nothing but these run one bundle.
    """
    router = settings.router_settings
    redis = {"REDIS_HOST", "REDIS_PORT", router.redis_host, router.redis_port}
    vertex = set(VERTEX_VARIABLES.values()) if VERTEX in settings.providers else set()
    return frozenset(name for name in redis | vertex if name)
