"""Which group each fault is drilled on, so that no breaker opens before its fault is met.

LiteLLM's breaker counts failures of a group for a while. A group of which `room` failures are
remembered is left alone until they are forgotten; everything else about it is as it serves.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from gateway.drill.fault import Fault, Meets, On
from gateway.drill.seen import Form

_WHOLE_GROUP = 3  # failures: it takes a group for as long as about so many others would


@dataclass(frozen=True, slots=True)
class Group:
    """A model group with one deployment; `deployment` is what its provider is asked for."""

    name: str
    provider: str
    model: str
    targets: tuple[str, ...]
    aimed_at: bool = False
    """Whether it rescues others: it must not rest while they fail."""

    @property
    def deployment(self) -> str:
        """Return how the attempt log names it."""
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True, slots=True)
class Run:
    """One fault in one form on one group."""

    fault: Fault
    form: Form
    group: Group

    @property
    def label(self) -> str:
        """Return it for a reader: which fault, how asked, of whom."""
        return f"{self.fault.id} {self.fault.title}, {self.form.value}, {self.group.name}"


def assigned(faults: Iterable[Fault], groups: Sequence[Group]) -> tuple[Run, ...]:
    """Give every fault its groups: those that can be rescued, the least used first.

    The same faults and groups give the same runs, so that two configurations meet the same faults.
    A fault whose providers no group has is left out.
    """
    used: Counter[str] = Counter()
    found: dict[str, list[Run]] = {}
    catalogue = list(faults)
    # Those that take a whole group for a while choose first; the order of the runs stays.
    for fault in sorted(catalogue, key=lambda fault: not rests_at_once(fault)):
        allowed = fault.providers or tuple(group.provider for group in groups)
        fitting = [one for one in groups if one.targets and one.provider in allowed]
        if rests_at_once(fault):
            fitting = [one for one in fitting if not one.aimed_at] or fitting
        for form in fault.forms:
            for chosen in _chosen(fault, form, fitting, used):
                used[chosen.name] += _WHOLE_GROUP if rests_at_once(fault) else counts(fault)
                found.setdefault(fault.id, []).append(Run(fault, form, chosen))
    return tuple(run for fault in catalogue for run in found.get(fault.id, ()))


def counts(fault: Fault) -> bool:
    """Tell whether LiteLLM's breaker may count the fault; a caller's own error never is."""
    return fault.meets not in (Meets.CONTEXT_WINDOW, Meets.CONTENT_POLICY)


def rests_at_once(fault: Fault) -> bool:
    """Tell whether one such error puts a group to rest, whatever the settings allow.

    LiteLLM does so with an error that no retry can mend (cooldown_handlers.py).
    """
    return fault.meets in (Meets.UNAUTHORIZED, Meets.NOT_FOUND) or fault.lasts_s is not None


def _chosen(
    fault: Fault, form: Form, fitting: Sequence[Group], used: Counter[str]
) -> Iterable[Group]:
    def least_used(among: Sequence[Group]) -> Group:
        return min(among, key=lambda group: (used[group.name], among.index(group)))

    if fault.on is On.EACH_PROVIDER or (
        fault.on is On.EACH_PROVIDER_STREAMED and form is Form.STREAM
    ):
        for provider in dict.fromkeys(group.provider for group in fitting):
            yield least_used([group for group in fitting if group.provider == provider])
    elif fitting:
        yield least_used(fitting)


@dataclass
class Breakers:
    """How many failures each group may still have before its breaker opens.

    `room` failures are met by the provider, the last of them opens the breaker: a group that
    rescues others is spared that one. Failures are forgotten `window_s` after the first of them,
    or after the one that opened the breaker: the time to live of LiteLLM's counter and of its
    cool-down. `clock` is in seconds.
    """

    room: int
    window_s: float
    clock: Callable[[], float]
    _failed: dict[str, list[float]] = field(default_factory=dict)
    _busy: Counter[str] = field(default_factory=Counter)

    def free(self, run: Run) -> bool:
        """Tell whether the group would try its provider for this run, whatever else goes on."""
        taken = self._taken(run.group.name)
        if any(self._taken(name) for name in self._charges(run) if name != run.group.name):
            return False  # targets that fail as well have to be able to
        if not counts(run.fault):
            return taken < self.room
        if taken and (rests_at_once(run.fault) or run.fault.target_step):
            return False
        return taken < self.room - (1 if run.group.aimed_at and self.room > 1 else 0)

    def begin(self, run: Run) -> None:
        """Keep the room of a run that begins."""
        self._busy.update(self._charges(run))

    def end(self, run: Run, *, failed: bool) -> None:
        """Remember the failures that the run was, if LiteLLM took it for one."""
        charges = self._charges(run)
        self._busy.subtract(charges)
        for name, count in charges.items() if failed else ():
            self._forget(name)
            self._failed.setdefault(name, []).extend([self.clock()] * count)

    def _charges(self, run: Run) -> Counter[str]:
        """Return the failures of each group: all that it has room for when it rests at once."""
        if not counts(run.fault):
            return Counter()
        charges = Counter({run.group.name: self.room if rests_at_once(run.fault) else 1})
        if run.fault.target_step.get("kind") == "status":
            charges.update(run.group.targets)
        return charges

    def _taken(self, name: str) -> int:
        self._forget(name)
        return len(self._failed.get(name, ())) + self._busy[name]

    def _forget(self, name: str) -> None:
        found = self._failed.get(name)
        if found:
            since = found[-1] if len(found) >= self.room else found[0]
            if self.clock() - since > self.window_s:
                found.clear()
