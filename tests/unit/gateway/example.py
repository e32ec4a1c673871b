"""The settings that the tests of this folder begin with."""

from typing import Any

from stacks.gateway import DEFINITION
from stacks.merge import merged
from stacks.settings import Settings

MINIMAL: dict[str, Any] = {
    "environment": "dev",
    "fly": {"organization": "acme", "app": "acme-gateway-dev", "regions": {"iad": 2}},
}


def example(**changes: Any) -> Settings:
    """Return the shared definition as environment `dev`, with `changes` merged over it."""
    base = merged(DEFINITION.model_dump(mode="json"), MINIMAL)
    return Settings.model_validate(merged(base, changes))


def bare(**given: Any) -> Settings:
    """Return settings that say nothing but `given`, in its order: no models and no chains."""
    return Settings.model_validate({**MINIMAL, **given})


def chained(chains: dict[str, list[str]], **changes: Any) -> Settings:
    """Return settings with exactly these chains and a model for every group they name."""
    names = dict.fromkeys(
        [
            *(source for source in chains if source != "*"),
            *(t for ts in chains.values() for t in ts),
        ]
    )
    return bare(
        providers={"openai": {"api_key": "OPENAI_API_KEY"}},
        models=[{"name": name, "provider": "openai"} for name in names],
        router_settings={"fallbacks": chains},
        **changes,
    )
