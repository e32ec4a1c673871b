"""Which answer each model gives next: fault scripts, and counts of what was answered."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sandbox.providers.attempts import AttemptLog

ANY_MODEL = "*"  # a script under this name holds for every model of the provider without its own


class Kind(StrEnum):
    """What happens to a request."""

    OK = "ok"
    STATUS = "status"  # an error in the provider's own shape
    RATE_LIMIT = "rate_limit"  # 429 with Retry-After
    LATENCY = "latency"  # a good answer, late
    HANG = "hang"  # silence, then disconnected
    RESET = "reset"  # the connection is reset before anything was answered
    CUT_STREAM = "cut_stream"  # the connection ends in the middle of the answer
    TRUNCATED = "truncated"  # the answer ends in the middle, and HTTP calls it complete
    NO_END = "no_end"  # a whole stream without its provider's last event, such as [DONE]
    GARBAGE = "garbage"  # a whole stream with one event in it that is no JSON
    MALFORMED = "malformed"  # 200 with a body that is not what its type says
    WRONG_TYPE = "wrong_type"  # 200 with an HTML page
    EMPTY = "empty"  # 200 with the right type and nothing in it
    NO_PREFILL = "no_prefill"  # a good answer, unless the last message is the assistant's own


class Then(StrEnum):
    """What comes after the last step."""

    RECOVER = "recover"
    REPEAT = "repeat"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a script, taken `times` times.

    `after` counts the pieces of a stream that still arrive; for `hang` and `latency`, None is
    silence before the status line and 0 silence after the headers. `between_s` is the pause between
    pieces, `code` what OpenAI calls an error beside its message.
    """

    kind: Kind = Kind.OK
    status: int = 500
    message: str = "the sandbox was told to answer like this"
    code: str | None = None
    retry_after_s: float | None = None
    seconds: float = math.inf
    between_s: float = 0
    after: int | None = None
    times: float = math.inf


@dataclass(frozen=True, slots=True)
class Script:
    """Steps in order and what follows them; `source` is the text they were read from."""

    steps: tuple[Step, ...]
    then: Then = Then.RECOVER
    source: tuple[Mapping[str, Any], ...] = ()


class ScriptError(ValueError):
    """A script cannot be read; `problems` names every place."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(slots=True)
class _Progress:
    """How far a model is in its script: a state machine that `take` drives."""

    script: Script
    position: int = 0
    taken: int = 0  # of the step at `position`
    recovered: bool = False

    def take(self) -> Step:
        if self.recovered:
            return Step()
        step = self.script.steps[self.position]
        self.taken += 1
        if self.taken >= step.times:
            self.taken = 0
            self.position += 1
        if self.position == len(self.script.steps):
            self.position = 0
            self.recovered = self.script.then is Then.RECOVER
        return step


@dataclass(slots=True)
class FaultScripts:
    """The scripts and the counts of all models; in memory only, so a restart heals everything.

    A script that is `only` for a marker holds for requests that carry it, before any other script:
    whoever breaks a model so breaks it for nobody else.
    """

    log: AttemptLog = field(default_factory=AttemptLog)
    _scripts: dict[tuple[str, str, str], _Progress] = field(default_factory=dict)
    _counts: dict[str, Counter[str]] = field(default_factory=dict)

    def put(self, provider: str, model: str, script: Script, *, only: str = "") -> None:
        """Start a script at its first step, in place of the one that was there."""
        self._scripts[provider, model, only] = _Progress(script)

    def heal(self, provider: str, model: str, *, only: str = "") -> bool:
        """Remove a script; False when there was none."""
        return self._scripts.pop((provider, model, only), None) is not None

    def heal_all(self, *, only: str | None = None) -> int:
        """Remove every script, or those of one marker, and say how many there were."""
        found = [key for key in self._scripts if only in (None, key[2])]
        for key in found:
            del self._scripts[key]
        return len(found)

    def take(self, provider: str, model: str, marker: str = "") -> Step:
        """Return what happens to the request that came just now, and count it."""
        names = (
            (name, only) for only in dict.fromkeys((marker, "")) for name in (model, ANY_MODEL)
        )
        found = (self._scripts.get((provider, *name)) for name in names)
        progress = next((one for one in found if one is not None), None)
        step = progress.take() if progress else Step()
        self.count(provider, model, step.kind)
        return step

    def count(self, provider: str, model: str, what: str) -> None:
        """Count an answer that no script decided, such as `unauthorized`."""
        self._counts.setdefault(f"{provider}/{model}", Counter())[what] += 1

    def faults(self) -> list[dict[str, Any]]:
        """Return every script with how far it is, in the order of their names."""
        return [
            {
                "provider": provider,
                "model": model,
                "only": only,
                "script": list(progress.script.source),
                "then": progress.script.then.value,
                "step": progress.position,
                "taken": progress.taken,
                "recovered": progress.recovered,
            }
            for (provider, model, only), progress in sorted(self._scripts.items())
        ]

    def counters(self) -> dict[str, dict[str, int]]:
        """Return answers by `provider/model` and kind."""
        return {name: dict(sorted(kinds.items())) for name, kinds in sorted(self._counts.items())}


def parse_script(body: object) -> Script:
    """Read `{"script": [step, ...], "then": "recover" | "repeat"}`; raise `ScriptError`.

    A step without `times` is taken once; the last one for ever.
    """
    if not isinstance(body, dict):
        raise ScriptError(['expected an object {"script": [...], "then": "recover" | "repeat"}'])
    problems = [f"{key}: no such key" for key in sorted(set(body) - {"script", "then"})]
    sources = body.get("script")
    steps: list[Step] = []
    if not isinstance(sources, list) or not sources:
        problems.append("script: expected a list of at least one step")
        sources = []
    for number, source in enumerate(sources):
        times = math.inf if number == len(sources) - 1 else 1
        steps += _step(source, f"script[{number}]", times, problems)
    then = body.get("then", Then.RECOVER)
    if then not in list(Then):
        problems.append(f'then: {then!r}; expected "recover" or "repeat"')
    if problems:
        raise ScriptError(problems)
    return Script(tuple(steps), Then(then), tuple(sources))


@dataclass(frozen=True, slots=True)
class _Key:
    """A key of a step in the text: the field it sets and the numbers it may hold."""

    field: str
    low: float = 0
    high: float = math.inf
    whole: bool = False
    text: bool = False

    def problem(self, value: Any) -> str | None:
        """Say what was expected instead of `value`, or None."""
        if self.text:
            return None if isinstance(value, str) else "expected a text"
        kinds = (int,) if self.whole else (int, float)
        is_number = isinstance(value, kinds) and not isinstance(value, bool)
        if is_number and math.isfinite(value) and self.low <= value <= self.high:
            return None
        number = "a whole number" if self.whole else "a number"
        limit = f"of at least {self.low:g}" if self.high == math.inf else ""
        return f"expected {number} {limit or f'from {self.low:g} to {self.high:g}'}"


_SECONDS = _Key("seconds")
_AFTER = _Key("after", whole=True)
_MESSAGE = _Key("message", text=True)
_TIMES = _Key("times", low=1, whole=True)
_KEYS: dict[Kind, dict[str, _Key]] = {
    Kind.OK: {"between": _Key("between_s")},
    Kind.STATUS: {
        "status": _Key("status", 400, 599, whole=True),
        "message": _MESSAGE,
        "code": _Key("code", text=True),
        "retry_after": _Key("retry_after_s"),
    },
    Kind.RATE_LIMIT: {"retry_after": _Key("retry_after_s"), "message": _MESSAGE},
    Kind.LATENCY: {"seconds": _SECONDS, "between": _Key("between_s"), "after": _AFTER},
    Kind.HANG: {"seconds": _SECONDS, "after": _AFTER},
    Kind.RESET: {},
    Kind.CUT_STREAM: {"after": _AFTER},
    Kind.TRUNCATED: {"after": _AFTER},
    Kind.GARBAGE: {"after": _AFTER},
    **{kind: {} for kind in (Kind.NO_END, Kind.MALFORMED, Kind.WRONG_TYPE, Kind.EMPTY)},
    Kind.NO_PREFILL: {},
}
_DEFAULTS: dict[Kind, dict[str, Any]] = {
    Kind.LATENCY: {"seconds": 2.0},
    **{kind: {"after": 2} for kind in (Kind.CUT_STREAM, Kind.TRUNCATED, Kind.GARBAGE)},
    Kind.RATE_LIMIT: {"message": "rate limit reached (sandbox)", "retry_after_s": 4.0},
}


def _step(source: object, place: str, times: float, problems: list[str]) -> list[Step]:
    """Return the step in a list, or an empty one after noting what is wrong."""
    if not isinstance(source, dict) or source.get("kind") not in list(Kind):
        kinds = ", ".join(Kind)
        problems.append(f'{place}: expected an object whose "kind" is one of {kinds}')
        return []
    kind = Kind(source["kind"])
    keys = {**_KEYS[kind], "times": _TIMES}
    before = len(problems)
    values: dict[str, Any] = {"times": times, **_DEFAULTS.get(kind, {})}
    for name, value in source.items():
        if name == "kind":
            continue
        if name not in keys:
            problems.append(f"{place}.{name}: {kind} has no such key; it has {', '.join(keys)}")
        elif problem := keys[name].problem(value):
            problems.append(f"{place}.{name}: {value!r}; {problem}")
        else:
            values[keys[name].field] = value
    return [Step(kind, **values)] if len(problems) == before else []
