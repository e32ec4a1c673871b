"""What every provider answers the engine: plain numbers, both sides of a read, a dead engine."""

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from components import provider
from components.provider import (
    FlyProvider,
    Made,
    Properties,
    Seen,
)
from fly.api import FlyApi
from fly.errors import FlyNotFound, Where


class Recorded(FlyProvider):
    """Answers what the test put on the class and keeps what it was asked."""

    computed: ClassVar[tuple[str, ...]] = ("machine_id",)
    replaced_by: ClassVar[tuple[str, ...]] = ("app",)
    seen: ClassVar[Seen | Exception | None] = None
    asked: ClassVar[list[Properties]] = []

    def make(self, api: FlyApi, inputs: Properties) -> Made:
        self.asked.append(inputs)
        return Made("id", {"machine_id": "m1"})

    def change(self, api: FlyApi, id_: str, before: Properties, inputs: Properties) -> Made:
        self.asked.append(before)
        return self.make(api, inputs)

    def look(self, api: FlyApi, id_: str, outputs: Properties) -> Seen | None:
        if isinstance(self.seen, Exception):
            raise self.seen
        return self.seen

    def remove(self, api: FlyApi, id_: str, outputs: Properties) -> None:
        if isinstance(self.seen, Exception):
            raise self.seen


@pytest.fixture(autouse=True)
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("FLY_API_TOKEN", "sandbox-unit")
    monkeypatch.setenv("FLY_FLAPS_BASE_URL", "http://127.0.0.1:9")
    Recorded.asked = []
    Recorded.seen = None
    yield
    if provider.shared_api.cache_info().currsize:
        provider.shared_api().close()
    provider.shared_api.cache_clear()


def props(**values: Any) -> dict[str, Any]:
    return {"__provider": "blob", "app": "acme", "size_gb": 10.0, **values}


def test_whole_numbers_reach_a_provider_as_int_at_any_depth() -> None:
    Recorded().create(props(config={"guest": [{"memory_mb": 8192.0, "ratio": 0.5}]}))
    [inputs] = Recorded.asked
    assert inputs == {
        "app": "acme",
        "size_gb": 10,
        "config": {"guest": [{"memory_mb": 8192, "ratio": 0.5}]},
    }
    assert type(inputs["size_gb"]) is int


def test_a_read_returns_what_is_there_as_outputs_and_as_inputs() -> None:
    Recorded.seen = Seen({"size_gb": 20}, {"machine_id": "m2"})
    answer = Recorded().read("id", props(machine_id="m1", values={"KEY": "kept"}))
    assert answer.inputs == {"app": "acme", "size_gb": 20, "values": {"KEY": "kept"}}
    assert answer.outs == {**answer.inputs, "machine_id": "m2"}


@pytest.mark.parametrize("gone", [None, FlyNotFound(Where("GET", "/apps/acme", 404), "no app")])
def test_only_what_fly_says_does_not_exist_counts_as_gone(gone: Exception | None) -> None:
    Recorded.seen = gone
    assert Recorded().read("id", props()).id == ""
    Recorded().delete("id", props())


def test_a_read_that_could_not_look_raises() -> None:
    Recorded.seen = ConnectionError("no route to Fly")
    with pytest.raises(ConnectionError, match="no route"):
        Recorded().read("id", props())


def test_a_change_of_what_cannot_change_in_place_replaces_and_deletes_first() -> None:
    same = Recorded().diff("id", props(), props(size_gb=11.0))
    other = Recorded().diff("id", props(), props(app="other"))
    assert (same.changes, same.replaces) == (None, None)
    assert (other.replaces, other.delete_before_replace) == (["app"], True)
