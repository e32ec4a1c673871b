"""In an adoption every provider takes over what was planned, and makes or deletes nothing."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from components import provider
from components.adoption import VARIABLE, Adoption, AdoptionError, ordered
from components.app import AppProvider, IpAssignmentProvider
from components.certificate import CertificateProvider
from components.provider import FlyProvider
from components.secrets import SecretsProvider
from components.volume import VolumeProvider
from fly.replies import Machine
from tests.unit.fly.fake_fly import FakeFly, machine, ok

HOST = "ai.acme.example"
ORDER = Adoption("acme", "team", {"v6": "2a09::1"}, {HOST: "Ready"}, {"KEY": "d1"}, 3, {"m1": "i1"})
VALUE = "marker-of-a-value-5a1e"


@pytest.fixture(autouse=True)
def order(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(VARIABLE, ORDER.as_text())
    monkeypatch.setenv("FLY_API_TOKEN", "sandbox-unit")
    monkeypatch.setenv("FLY_FLAPS_BASE_URL", "http://127.0.0.1:9")
    yield
    if provider.shared_api.cache_info().currsize:
        provider.shared_api().close()
    provider.shared_api.cache_clear()


def fly() -> FakeFly:
    return (
        FakeFly()
        .on("GET /apps/acme", ok({"id": "1", "name": "acme", "organization": {"slug": "team"}}))
        .on("GET /apps/acme/ip_assignments", ok({"ips": [{"ip": "2a09::1"}]}))
        .on(f"GET /apps/acme/certificates/{HOST}", ok({"hostname": HOST}))
        .on("GET /apps/acme/secrets", ok({"secrets": [{"name": "KEY", "digest": "d1"}]}))
        .on("POST /apps/acme/machines/m1/exec", ok({"stdout": ""}))
    )


def test_app_address_and_secrets_are_taken_over_by_looking_only() -> None:
    fake = fly()
    api = fake.api()
    app = AppProvider().adopt(api, {"name": "acme", "organization": "team"}, ORDER)
    address = IpAssignmentProvider().adopt(api, {"app": "acme", "type": "v6"}, ORDER)
    host = CertificateProvider().adopt(api, {"app": "acme", "hostname": HOST}, ORDER)
    secrets = SecretsProvider().adopt(api, {"app": "acme", "values": {"KEY": VALUE}}, ORDER)
    assert (host.id, host.computed) == (f"acme/{HOST}", {"dns_records": []})
    assert (app.id, app.computed) == ("acme", {})
    assert (address.id, address.computed) == ("acme/v6", {"address": "2a09::1"})
    assert secrets.computed == {"digests": {"KEY": "d1"}, "version": 3}
    sent = [r for r in fake.requests if r.method != "GET"]
    assert [r.url.path.rpartition("/")[2] for r in sent] == ["exec"]
    assert VALUE.encode() not in sent[0].content


def test_what_is_not_as_planned_is_refused() -> None:
    api = fly().api()
    with pytest.raises(AdoptionError, match="is in organisation team, not in other"):
        AppProvider().adopt(api, {"name": "acme", "organization": "other"}, ORDER)
    with pytest.raises(AdoptionError, match="app another is not acme"):
        AppProvider().adopt(api, {"name": "another", "organization": "team"}, ORDER)
    with pytest.raises(AdoptionError, match="its shared_v4 address is not there"):
        IpAssignmentProvider().adopt(api, {"app": "acme", "type": "shared_v4"}, ORDER)
    without = replace(ORDER, hostnames={})
    with pytest.raises(AdoptionError, match=f"the host name {HOST} is not there"):
        CertificateProvider().adopt(api, {"app": "acme", "hostname": HOST}, without)
    set_since = replace(ORDER, secrets={"KEY": "d0"})
    with pytest.raises(AdoptionError, match="the secrets KEY are not what they were"):
        SecretsProvider().adopt(api, {"app": "acme", "values": {"KEY": VALUE}}, set_since)
    updated = Machine.parse(machine("m1", instance_id="i2"))
    with pytest.raises(AdoptionError, match=r"updated: m1\n  nothing was touched\n  run `gateway"):
        ORDER.same_machines([updated])


def test_a_value_that_the_machines_do_not_have_is_refused_and_not_shown() -> None:
    fake = fly().on("POST /apps/acme/machines/m1/exec", ok({"stdout": "0" * 64}))
    with pytest.raises(AdoptionError, match="has other values of KEY") as refused:
        SecretsProvider().adopt(fake.api(), {"app": "acme", "values": {"KEY": VALUE}}, ORDER)
    assert VALUE not in str(refused.value)


def test_a_database_address_in_other_words_waits_for_the_next_deployment() -> None:
    fake = fly().on("POST /apps/acme/machines/m1/exec", ok({"stdout": "0" * 64}))
    values = {"KEY": f"postgresql://litellm:{VALUE}@db.internal/litellm"}
    provider_ = SecretsProvider()
    made = provider_.adopt(fake.api(), {"app": "acme", "values": values}, ORDER)
    seen = provider_.look(fake.api(), made.id, {"app": "acme", **made.computed})
    assert seen is not None
    assert seen.inputs == {"names": {"KEY": "changed outside: digest d1"}}  # a preview shows it


@pytest.mark.parametrize("made", [VolumeProvider(), FlyProvider()])
def test_what_cannot_be_taken_over_is_not_made_beside(made: FlyProvider) -> None:
    with pytest.raises(AdoptionError, match="cannot be taken over; nothing was made"):
        made.create({"app": "acme", "name": "data", "region": "iad", "size_gb": 1.0})
    with pytest.raises(AdoptionError, match="cannot be taken over"):
        made.update("id", {}, {"app": "acme"})
    with pytest.raises(AdoptionError, match="would be deleted"):
        made.delete("id", {})


def test_an_order_that_cannot_be_read_is_no_ordinary_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "yes")
    with pytest.raises(AdoptionError, match="holds no order"):
        FlyProvider().create({})
    assert ordered({}) is None
    assert ordered({VARIABLE: ORDER.as_text()}) == ORDER
