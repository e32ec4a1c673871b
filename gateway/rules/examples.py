"""What the examples of the rules about fallbacks begin with: models, a time-out, a breaker."""

from stacks.rule import Example

MODELS = """model_list:
- {model_name: grok, litellm_params: {model: xai/grok-4.3}}
- {model_name: small, litellm_params: {model: openai/gpt-5.4-mini}}
- {model_name: large, litellm_params: {model: openai/gpt-5.5}}
- {model_name: sonnet, litellm_params: {model: anthropic/claude-sonnet-4-6}}
"""
SOUND = f"{MODELS}litellm_settings: {{request_timeout: 60}}\n"
GROK = "model_list:\n- model_name: grok\n  litellm_params: {model: xai/grok-4.3%s}\n"
SONNET = "- {model_name: sonnet, litellm_params: {model: anthropic/claude-sonnet-4-6}}\n"
CHAIN = "router_settings: {fallbacks: [{grok: [sonnet]}], allowed_fails: 2, num_retries: 0}\n"
ROUTER = "router_settings:\n  num_retries: 0\n  allowed_fails: 2\n"


def with_router(settings: str, before: str = SOUND) -> Example:
    """Return a sound configuration with these lines, indented by two, in `router_settings`."""
    return Example(litellm=f"{before}{ROUTER}  {settings}\n")


def with_chains(chains: str, before: str = SOUND) -> Example:
    """Return a sound configuration with this list of fallbacks."""
    return with_router(f"fallbacks: {chains}", before)


def grok(rest: str = "", params: str = "", more: str = "") -> Example:
    """Return a configuration of one model, with these parameters and these texts after it."""
    return Example(litellm=GROK % params + more + rest)
