"""How the step after a finding is taken in typed settings, where the words of the files do not fit.

A rule names flags, variables and keys of files, which settings render. What is not here can be
taken as the rule says it.
"""

from collections.abc import Mapping
from types import MappingProxyType

from stacks.rule import Result

_REDIS = "give `redis` settings"

STEPS: Mapping[str, str] = MappingProxyType(
    {
        "L010": f"{_REDIS} and set `router_settings.redis_host: REDIS_HOST` (port and password "
        "likewise), or run one worker on one machine",
        "L011": f"{_REDIS}, or leave it out",
        "L012": "leave it out: `metrics` serves them on a private port of their own",
        "L014": "set `server.keepalive_timeout_s: null`, or `server.kind: uvicorn`",
        "L015": "set `server.max_requests_before_restart_jitter`, for example to a tenth of it",
        "L016": "set it to null, or `server.kind: uvicorn`",
        "L040": "raise it, or lower `server.graceful_shutdown_timeout_s`",
        "L051": "set `server.worker_healthcheck_timeout_s: 120`",
        "L060": f"{_REDIS}, or leave the cache out",
        "L130": "set it to null, or `server.kind: uvicorn`",
        "L144": "choose another port, for example 4001",
        "F022": "set 1 to 60",
        "F026": "set `fly.check`",
    }
)


def next_step(result: Result) -> str:
    """Return what to do about a finding in typed settings."""
    return STEPS.get(result.rule_id, result.finding.next_step)
