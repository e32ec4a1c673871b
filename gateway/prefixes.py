"""How LiteLLM finds a chain whose name differs from the group's by a provider's prefix only.

Both ways stand in get_fallback_model_group, litellm/router_utils/fallback_event_handlers.py.
"""

import re

from gateway.effective_router import SOURCE_WITH_PREFIX
from gateway.models import facts_of
from gateway.providers import STRIPPED
from stacks.versions import Holds

# Where get_llm_provider looks for a name without a prefix: lists of these providers' models, ...
_TOLD_BY_NAME = frozenset(
    {"anthropic", "bedrock", "cohere", "cohere_chat", "nlp_cloud", "openai", "vertex_ai"}
)
# ... and, for a model that no list has, `fallback_generalizations` of the price map.
_CLAUDE = re.compile(r"claude-[a-z]+-\d+(?:[-.]\d+)?(?:-\d{8})?")


def without_prefix(group: str) -> str:
    """Return the other name that a group's chain may have, `""` where there is none.

    Only the prefix of a provider is taken off: `acme/gpt` is not looked up under `gpt`.
    """
    prefix, slash, rest = group.partition("/")
    return rest if slash and prefix in STRIPPED else ""


def finds_prefixed(group: str, source: str, version: str) -> bool:
    """Tell whether the chain of `source`, which has a prefix, belongs to `group`, which has none.

    It does if LiteLLM can tell the provider from the group's name, as it can for the names of its
    price map and no others.
    """
    prefix, slash, rest = source.partition("/")
    if not slash or rest != group or "/" in group:
        return False
    if SOURCE_WITH_PREFIX.versions.hold(version) is Holds.NO:
        return False
    return prefix == _told_provider(group)


def _told_provider(name: str) -> str:
    facts = facts_of(name, "")
    if facts is not None and facts.provider in _TOLD_BY_NAME:
        return facts.provider
    return "anthropic" if _CLAUDE.fullmatch(name) else ""
