"""Which group a fault is drilled on, and when: no breaker is open before its fault is met."""

from collections import Counter

from gateway.drill.assignment import Breakers, Group, Run, assigned, rests_at_once
from gateway.drill.catalogue import BY_ID, FAULTS
from gateway.drill.fault import On
from gateway.drill.seen import Form

GROUPS = tuple(
    Group(f"{provider}/{name}", provider, name, ("some/target",), aimed_at=name == "target")
    for provider in ("openai", "anthropic", "xai", "vertex_ai")
    for name in ("one", "two", "target")
)


class Clock:
    """A clock that a test turns."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def run(fault: str = "S04", group: Group = GROUPS[0]) -> Run:
    return Run(BY_ID[fault], BY_ID[fault].forms[0], group)


def test_the_same_faults_and_groups_give_the_same_runs() -> None:
    assert assigned(FAULTS, GROUPS) == assigned(FAULTS, GROUPS)


def test_every_fault_is_drilled_in_each_of_its_forms() -> None:
    runs = assigned(FAULTS, GROUPS)
    for fault in FAULTS:
        found = Counter(run.form for run in runs if run.fault is fault)
        each = {form: 4 if wherever(fault.on, form) else 1 for form in fault.forms}
        assert found == each, fault.id


def wherever(on: On, form: Form) -> bool:
    return on is On.EACH_PROVIDER or (on is On.EACH_PROVIDER_STREAMED and form is Form.STREAM)


def test_a_fault_stays_with_the_providers_that_can_have_it() -> None:
    for one in assigned(FAULTS, GROUPS):
        assert one.group.provider in (one.fault.providers or (one.group.provider,))


def test_a_group_that_nothing_rescues_is_not_drilled() -> None:
    alone = Group("openai/alone", "openai", "alone", ())
    assert assigned(FAULTS, (alone,)) == ()
    assert "openai/alone" not in {one.group.name for one in assigned(FAULTS, (alone, *GROUPS))}


def test_what_puts_a_group_to_rest_at_once_spares_those_that_rescue_others() -> None:
    resting = [one for one in assigned(FAULTS, GROUPS) if rests_at_once(one.fault)]
    assert resting
    assert not any(one.group.aimed_at for one in resting)
    assert len({one.group for one in resting}) == len(resting)


def breakers(clock: Clock) -> Breakers:
    return Breakers(room=3, window_s=30, clock=clock)


def failed(found: Breakers, one: Run) -> None:
    found.begin(one)
    found.end(one, failed=True)


def test_a_group_has_room_until_its_breaker_opens_and_again_when_it_has_closed() -> None:
    clock = Clock()
    found = breakers(clock)
    for second in (0, 5, 10):
        clock.now = second
        assert found.free(run())
        failed(found, run())
    clock.now = 39.9
    assert not found.free(run())
    clock.now = 40.1
    assert found.free(run())


def test_failures_that_open_nothing_are_forgotten_after_the_first() -> None:
    clock = Clock()
    found = breakers(clock)
    for second in (0, 20):
        clock.now = second
        failed(found, run())
    clock.now = 30.1
    failed(found, run())
    failed(found, run())
    assert found.free(run())


def test_a_run_that_has_not_ended_takes_its_room() -> None:
    found = breakers(Clock())
    for _ in range(3):
        found.begin(run())
    assert not found.free(run())
    for _ in range(3):
        found.end(run(), failed=False)
    assert found.free(run())


def test_a_group_that_rescues_others_is_spared_the_failure_that_opens_its_breaker() -> None:
    found = breakers(Clock())
    target = run(group=GROUPS[2])
    failed(found, target)
    assert found.free(target)
    failed(found, target)
    assert not found.free(target)


def test_what_takes_a_whole_group_waits_until_nothing_is_remembered() -> None:
    clock = Clock()
    found = breakers(clock)
    failed(found, run())
    assert not found.free(run("G04"))
    clock.now = 31
    assert found.free(run("G04"))
    failed(found, run("G04"))
    assert not found.free(run("S04"))


def test_targets_that_fail_with_their_group_are_remembered_too() -> None:
    clock = Clock()
    found = breakers(clock)
    target = Group("some/target", "openai", "t", ("other",))
    failed(found, run("G12"))
    assert not found.free(run("G12", target))
    assert found.free(run("S04", target))


def test_targets_fail_with_their_group_only_while_nothing_is_remembered_of_them() -> None:
    found = breakers(Clock())
    target = Group("some/target", "openai", "t", ("other",))
    assert found.free(run("G12"))
    failed(found, run("S04", target))
    assert not found.free(run("G12"))
    assert found.free(run("S04"))


def test_a_caller_s_own_error_takes_no_room() -> None:
    found = breakers(Clock())
    for _ in range(5):
        failed(found, run("S12"))
    assert found.free(run("S04"))
    assert Form.WHOLE in BY_ID["S12"].forms
