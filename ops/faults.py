"""How `gateway sandbox break` is put into words that the model providers' scripts understand."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from stacks.problem import Problem, ProblemError
from stacks.settings import Settings

DEFAULT_STATUS = 500


@dataclass(frozen=True, slots=True)
class Fault:
    """What a broken model does; at most one of these is given, `times` beside it."""

    status: int | None = None
    rate_limit_s: float | None = None
    latency_s: float | None = None
    hang: bool = False
    reset: bool = False
    cut_stream_after: int | None = None
    malformed: bool = False
    times: int | None = None

    def step(self) -> dict[str, Any]:
        """Return the one step of the script; without any fault named, HTTP 500."""
        steps = [step for step in self._steps() if step is not None]
        if len(steps) > 1:
            raise ProblemError([_several([str(step["kind"]) for step in steps])])
        step = steps[0] if steps else {"kind": "status", "status": DEFAULT_STATUS}
        return step if self.times is None else {**step, "times": self.times}

    def described(self) -> str:
        """Say for a reader what calls now get."""
        step = self.step()
        what = {
            "status": f"answers HTTP {step.get('status')}",
            "rate_limit": f"answers HTTP 429 with Retry-After: {self.rate_limit_s:g}"
            if self.rate_limit_s is not None
            else "",
            "latency": f"answers well, {self.latency_s or 0:g} s late",
            "hang": "never answers",
            "reset": "resets the connection",
            "cut_stream": f"ends its stream after {self.cut_stream_after} pieces",
            "malformed": "answers 200 with a body that is no answer",
        }[str(step["kind"])]
        if self.times is None:
            return what
        return f"{what}, {self.times} time{'s' if self.times > 1 else ''}, then is well again"

    def _steps(self) -> Iterable[dict[str, Any] | None]:
        def if_given(value: Any, kind: str, key: str) -> dict[str, Any] | None:
            return None if value is None else {"kind": kind, key: value}

        return (
            if_given(self.status, "status", "status"),
            if_given(self.rate_limit_s, "rate_limit", "retry_after"),
            if_given(self.latency_s, "latency", "seconds"),
            if_given(self.cut_stream_after, "cut_stream", "after"),
            {"kind": "hang"} if self.hang else None,
            {"kind": "reset"} if self.reset else None,
            {"kind": "malformed"} if self.malformed else None,
        )


def deployments(settings: Settings, group: str) -> list[tuple[str, str]]:
    """Return (provider, the provider's own model name) of each deployment of a model group."""
    found = [
        (model.provider, _upstream(model.model or model.name))
        for model in settings.models
        if model.name == group
    ]
    if not found:
        raise ProblemError([_unknown(group, sorted({model.name for model in settings.models}))])
    return found


def _upstream(model: str) -> str:
    """Return what LiteLLM sends as the model: without its own prefixes."""
    name = model.split("/", 1)[-1]
    return name.removeprefix("responses/")


def _unknown(group: str, known: list[str]) -> Problem:
    near = difflib.get_close_matches(group, known, n=1, cutoff=0.4)
    return Problem(
        f'model group "{group}"',
        "sandbox.model",
        "",
        f"no model group has this name; there are {', '.join(known)}",
        f'did you mean "{near[0]}"?' if near else "name one of them",
    )


def _several(kinds: list[str]) -> Problem:
    return Problem(
        "gateway sandbox break",
        "sandbox.fault",
        ", ".join(kinds),
        "a model breaks in one way at a time; nothing was changed",
        "name one fault; a second `gateway sandbox break` replaces the first",
    )
