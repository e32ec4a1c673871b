"""How often a deployment is asked again before LiteLLM goes to the next group."""

from stacks.litellm import Model
from stacks.settings import Settings
from stacks.values import Rescue

RETRIES = {Rescue.NOW: 0, Rescue.RETRY_ONCE: 1, Rescue.ROUTER: None}
LITELLM_DEFAULT = 2  # openai.DEFAULT_MAX_RETRIES, which router.py of 1.106.2 takes over


def retries_of(settings: Settings, model: Model) -> int | None:
    """Return the deployment's `num_retries`; None leaves it to the router.

    Only a model that owns a chain can be rescued, so only there the rescue decides.
    """
    if model.num_retries is not None:
        return model.num_retries
    if "num_retries" in model.extras or model.name not in settings.chain_sources():
        return None
    return RETRIES[model.rescue or settings.rescue]


def retries_of_a_hang(settings: Settings, num_retries: int | None) -> int:
    """Return how often a deployment that does not answer is asked again."""
    router = settings.router_settings
    if num_retries is not None:
        return num_retries
    policy = router.retry_policy
    if policy is not None and policy.TimeoutErrorRetries is not None:
        return policy.TimeoutErrorRetries
    return LITELLM_DEFAULT if router.num_retries is None else router.num_retries
