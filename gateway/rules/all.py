"""Every rule about LiteLLM, in the order of the reference."""

from gateway.rules.breaker import RULES as BREAKER
from gateway.rules.callbacks import RULES as CALLBACKS
from gateway.rules.database import RULES as DATABASE
from gateway.rules.database_url import RULES as DATABASE_URL
from gateway.rules.environment import RULES as ENVIRONMENT
from gateway.rules.exposure import RULES as EXPOSURE
from gateway.rules.fallback_circles import RULES as FALLBACK_CIRCLES
from gateway.rules.fallback_lists import RULES as FALLBACK_LISTS
from gateway.rules.fallback_walk import RULES as FALLBACK_WALK
from gateway.rules.fallbacks import RULES as FALLBACKS
from gateway.rules.file import RULES as FILE
from gateway.rules.graph import RULES as GRAPH
from gateway.rules.machine import RULES as MACHINE
from gateway.rules.model_list import RULES as MODEL_LIST
from gateway.rules.redis_and_cache import RULES as REDIS_AND_CACHE
from gateway.rules.release import RULES as RELEASE
from gateway.rules.retirement import RULES as RETIREMENT
from gateway.rules.retries import RULES as RETRIES
from gateway.rules.secrets import RULES as SECRETS
from gateway.rules.sections import RULES as SECTIONS
from gateway.rules.server import RULES as SERVER
from gateway.rules.timeout_precedence import RULES as TIMEOUT_PRECEDENCE
from gateway.rules.timeouts import RULES as TIMEOUTS
from gateway.rules.variables import RULES as VARIABLES
from gateway.subject import Subject
from stacks.rule import Rule

RULES: tuple[Rule[Subject], ...] = (
    *FILE,
    *SECTIONS,
    *MODEL_LIST,
    *FALLBACKS,
    *FALLBACK_LISTS,
    *FALLBACK_CIRCLES,
    *FALLBACK_WALK,
    *BREAKER,
    *RETRIES,
    *TIMEOUTS,
    *TIMEOUT_PRECEDENCE,
    *REDIS_AND_CACHE,
    *CALLBACKS,
    *SERVER,
    *MACHINE,
    *VARIABLES,
    *ENVIRONMENT,
    *GRAPH,
    *RETIREMENT,
    *DATABASE_URL,
    *DATABASE,
    *SECRETS,
    *EXPOSURE,
    *RELEASE,
)
