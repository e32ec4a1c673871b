"""What a drill may have seen, in short words."""

from typing import Any

from gateway.drill.seen import Answer, Attempt, Form, Seen

PRIMARY = "xai/grok-4.3"
TARGET = "anthropic/claude-sonnet-4-6"


def answered(by: str = TARGET, **more: Any) -> Answer:
    """Return a whole answer with everything that LiteLLM tells of it."""
    rescued = by != PRIMARY
    usual: dict[str, Any] = {
        "form": Form.WHOLE,
        "status": 200,
        "text": f"answered by {by} (sandbox)",
        "took_s": 0.06,
        "model": by.rpartition("/")[2],
        "usage": True,
        "group": by,
        "fallbacks": 1 if rescued else 0,
    }
    return Answer(**{**usual, **more})


def refused(**more: Any) -> Answer:
    """Return a clean error."""
    usual: dict[str, Any] = {"form": Form.WHOLE, "status": 500, "text": "", "took_s": 0.1}
    return Answer(**{**usual, "error": "no luck", **more})


def tried(*at_s: float, deployment: str = PRIMARY, **more: Any) -> tuple[Attempt, ...]:
    """Return attempts at these seconds."""
    return tuple(Attempt(at, deployment, "status", **more) for at in at_s)


def saw(*answers: Answer, log: tuple[Attempt, ...] | None = None, **more: Any) -> Seen:
    """Return a run whose primary was tried once, and then whoever answered."""
    given = answers or (answered(),)
    helpers = {answer.by for answer in given} - {"", PRIMARY}
    usual = tried(1000.0) + tuple(a for by in helpers for a in tried(1000.1, deployment=by))
    return Seen(PRIMARY, PRIMARY, given, usual if log is None else log, **{"alive": True, **more})
