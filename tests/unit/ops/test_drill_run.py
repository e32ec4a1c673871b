"""How a drill is run: on fakes, so that every end of it can be looked at."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from components.configuration import configuration_of
from components.validate import load_checked_file
from gateway.drill.assignment import Group, Run
from gateway.drill.catalogue import BY_ID
from gateway.drill.promise import Promises
from gateway.drill.scoring import Score
from gateway.drill.seen import Answer, Form
from ops.drill import exit_code
from ops.drill_run import Drill

if TYPE_CHECKING:
    from ops.drill_ask import Asker

ROOT = Path(__file__).parents[3]
PROMISES = Promises(
    configuration_of(
        load_checked_file(ROOT, "local").settings, secrets=None, today=date(2026, 11, 24)
    )
)
GROK = Group("xai/grok-4.3", "xai", "grok-4.3", ("anthropic/claude-sonnet-4-6",))
SONNET = Group(
    "anthropic/claude-sonnet-4-6", "anthropic", "claude-sonnet-4-6", ("anthropic/claude-haiku-4-5",)
)
HAIKU = Group("anthropic/claude-haiku-4-5", "anthropic", "claude-haiku-4-5", ("xai/grok-4.3",))


@dataclass
class World:
    """A gateway, its providers and a clock: groups in `resting` are not asked."""

    now: float = 1000.0
    broken: dict[str, set[str]] = field(default_factory=dict)
    log: dict[str, list[str]] = field(default_factory=dict)
    resting: dict[str, float] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    on_ask: Callable[[], None] = lambda: None
    limit_s: float = 15.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def break_for(self, marker: str, deployment: str, step: Any) -> None:
        del step
        self.broken.setdefault(marker, set()).add(deployment)

    def heal_for(self, marker: str) -> None:
        self.broken.pop(marker, None)

    def attempts(self, marker: str) -> list[dict[str, Any]]:
        usual = {"given": "status", "tokens": 9, "prefilled": False, "at": self.now}
        return [
            dict(zip(("provider", "model"), one.split("/"), strict=True), number=number, **usual)
            for number, one in enumerate(self.log.get(marker, []))
        ]

    def ask(self, group: str, form: Form, marker: str, *, began: float | None = None) -> Answer:
        del began
        self.asked.append(group)
        self.on_ask()
        self.now += 0.05
        chain = {GROK.name: SONNET.name, SONNET.name: HAIKU.name, HAIKU.name: GROK.name}
        for name in (group, chain[group]):
            if self.resting.get(name, 0) > self.now:
                continue
            self.log.setdefault(marker, []).append(name)
            if name not in self.broken.get(marker, set()):
                text = f"answered by {name} (sandbox)"
                return Answer(form, 200, text, 0.05, group=name, fallbacks=int(name != group))
        return Answer(form, 500, "", 0.05, error="nobody")

    def alive(self, group: str, marker: str) -> bool:
        return bool(self.ask(group, Form.WHOLE, marker).by)

    def drill(self, said: list[str] | None = None) -> Drill:
        say = (lambda _: None) if said is None else said.append
        return Drill(cast("Asker", self), self, PROMISES, say, self.clock, self.sleep)


def one(fault: str, group: Group = GROK) -> Run:
    return Run(BY_ID[fault], BY_ID[fault].forms[0], group)


def test_a_fault_is_put_in_met_and_taken_back() -> None:
    world = World()
    (found,) = world.drill().run([one("S04")])
    assert (found.scored.score, found.seen.rescued, world.broken) == (Score.PASS, True, {})


def test_what_met_an_open_breaker_is_looked_at_once_more_when_it_has_closed() -> None:
    world, said = World(resting={GROK.name: 1020.0}), list[str]()
    (found,) = world.drill(said).run([one("S04")])
    assert found.scored.score is Score.PASS
    assert world.slept == [31.0]
    assert "drill: 1 runs met an open breaker; again in 31 s" in said


def test_a_fault_that_nobody_meets_stays_unmet_and_ends_with_one() -> None:
    world = World(resting={GROK.name: 9999.0})
    found = world.drill().run([one("S04")])
    assert found[0].scored.score is Score.UNMET
    assert exit_code(found) == 1


def test_groups_that_rest_are_waited_for_and_no_longer_than_a_rest_takes() -> None:
    world = World(resting={GROK.name: 1012.0})
    assert world.drill().healthy([GROK, SONNET]) == []
    assert world.slept == [5.0, 5.0, 5.0]
    dead = World(resting={GROK.name: 9999.0})
    assert dead.drill().healthy([GROK, SONNET]) == [GROK.name]
    assert 25 <= sum(dead.slept) <= 36


def test_an_interrupted_drill_takes_back_what_stands_and_breaks_nothing_more() -> None:
    world = World()

    def interrupt() -> None:
        assert world.broken
        raise KeyboardInterrupt("a test")

    world.on_ask = interrupt
    drill = world.drill()
    with pytest.raises(KeyboardInterrupt, match="a test"):
        drill.run([one("S04")])
    world.on_ask = lambda: None
    drill.close()
    assert world.broken == {}
    with pytest.raises(InterruptedError, match="has ended"):
        drill.run([one("S04")])
    assert world.broken == {}


def test_rescues_are_told_apart_by_the_log_and_no_target_rests_meanwhile() -> None:
    world = World()
    assert [edge.source for edge in world.drill().rescues([SONNET, GROK])] == [
        GROK.name,
        SONNET.name,
    ]
    assert max(world.slept) == 0
    edges = world.drill().rescues([SONNET, GROK, HAIKU])
    assert max(world.slept) > 25, "one of a circle comes last, when its target is back"
    assert all(len(edge.cold) == 6 for edge in edges)
    assert {edge.source: edge.at_once for edge in edges} == {
        GROK.name: True,
        SONNET.name: False,
        HAIKU.name: True,
    }
    assert world.broken == {}
