import io
from dataclasses import replace

from fly.api import FlyApi
from ops.drift_findings import Finding, Handle, Layer, Verdict
from ops.drift_heal import carry_out, plan_for, tell
from ops.output import Output
from tests.unit.fly.fake_fly import FakeFly, machine, ok
from tests.unit.ops.test_drift_report import FINDING, PENDING, report

APP = "/apps/acme/machines"
GROUP = {"metadata": {"fly_process_group": "app"}}


def unmanaged(kind: str, id_: str = "x1") -> Finding:
    handle = Handle(kind=kind, app="acme", id=id_)
    remedy = "gateway drift dev --heal"
    return replace(FINDING, verdict=Verdict.UNMANAGED, handle=handle, path=id_, remedy=remedy)


def disk(machine_id: str, path: str) -> Finding:
    handle = Handle(kind="disk", app="acme", id=machine_id)
    return replace(unmanaged("disk"), layer=Layer.FILES, handle=handle, path=path)


def output() -> Output:
    return Output(stdout=io.StringIO(), stderr=io.StringIO())


def told(*findings: Finding) -> str:
    stdout = io.StringIO()
    whole = report(*findings)
    tell(plan_for(whole), whole, Output(stdout=stdout))
    return stdout.getvalue()


def test_each_thing_is_put_right_by_who_can() -> None:
    volume = replace(unmanaged("volume"), remedy="fly volumes destroy x1 -a acme")
    plan = plan_for(report(FINDING, unmanaged("secret"), disk("m1", "a"), disk("m1", "b"), volume))
    assert plan.deploy == (FINDING,)
    assert [finding.handle.kind for finding in plan.remove] == ["secret"]
    assert [finding.handle.id for finding in plan.restart] == ["m1"]
    assert plan.by_hand == (volume,)
    assert not plan.blocked


def test_pending_changes_alone_are_nothing_to_heal() -> None:
    assert plan_for(report(PENDING)).empty


def test_everything_is_shown_before_it_is_done() -> None:
    text = told(FINDING, PENDING, unmanaged("machine", "m9"), disk("m1", "a"))
    assert "remove machine m9 of app acme" in text
    assert "restart machine m1" in text
    assert "pulumi up, with its proof: 1 thing" in text
    assert "brings 1 pending change along" in text
    blocked = replace(FINDING, remedy="fly volumes extend", handle=Handle(steps=("size_gb",)))
    assert "no pulumi up" in told(FINDING, blocked)
    assert "not done here: gateway-release" in told(blocked)


def carried(fake: FakeFly, *findings: Finding) -> FlyApi:
    api = fake.api()
    carry_out(plan_for(report(*findings)), api, output())
    return api


def test_an_address_and_a_secret_that_nobody_declared_go() -> None:
    fake = FakeFly().on("POST /apps/acme/secrets", ok({}))
    fake.on("DELETE /apps/acme/ip_assignments/2a09::1", ok())
    carried(fake, unmanaged("secret", "OLD"), unmanaged("address", "2a09::1"))
    sent = {request.method: request.content for request in fake.requests}
    assert sent["POST"] == b'{"values":{"OLD":null}}'
    assert set(sent) == {"POST", "DELETE"}


def test_a_volume_is_never_destroyed() -> None:
    fake = FakeFly()
    carried(fake, replace(unmanaged("volume"), remedy="by hand"))
    assert fake.requests == []


def leased(fake: FakeFly, machine_id: str) -> FakeFly:
    path = f"{APP}/{machine_id}"
    lease = ok({"status": "success", "data": {"nonce": "n1", "expires_at": 9e9}})
    fake.on(f"POST {path}/lease", lease).on(f"DELETE {path}/lease", ok())
    return fake


def test_a_machine_is_destroyed_under_its_lease() -> None:
    fake = leased(FakeFly().on(f"DELETE {APP}/m9", ok()), "m9")
    carried(fake, unmanaged("machine", "m9"))
    (deleted,) = [r for r in fake.requests if r.url.path.endswith("/m9")]
    assert deleted.headers["fly-machine-lease-nonce"] == "n1"


def test_machines_whose_litellm_says_otherwise_start_anew_unless_a_deployment_comes() -> None:
    process = replace(unmanaged("process"), layer=Layer.LITELLM)
    fake = leased(FakeFly().on(f"GET {APP}", ok([machine("m1", config=GROUP)])), "m1")
    stopped, started = (machine("m1", state=state) for state in ("stopped", "started"))
    fake.on(f"GET {APP}/m1", ok(started), ok(stopped), ok(stopped), ok(started))
    fake.on(f"POST {APP}/m1/stop", ok()).on(f"POST {APP}/m1/start", ok())
    fake.on(f"GET {APP}/m1/wait", ok())
    carried(fake, process)
    paths = [r.url.path.rpartition("/")[2] for r in fake.requests if r.method == "POST"]
    assert [path for path in paths if path in {"stop", "start"}] == ["stop", "start"]

    untouched = FakeFly()
    carried(untouched, process, FINDING)
    assert untouched.requests == []
