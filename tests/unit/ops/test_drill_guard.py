"""What a drill refuses to begin with, and what it takes back of one that was killed."""

import io
import os
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.drill_guard import guarded
from ops.local_state import LocalState
from ops.output import Output
from ops.sandbox_client import SandboxClient
from stacks.problem import ProblemError


class Providers:
    """The sandbox's faults behind its HTTP endpoints."""

    def __init__(self, *faults: dict[str, Any]) -> None:
        usual = {"provider": "xai", "model": "grok-4.3", "only": "", "recovered": False}
        self.faults = [usual | fault for fault in faults]

    def client(self) -> SandboxClient:
        transport = httpx.MockTransport(self._answer)
        return SandboxClient(httpx.Client(transport=transport, base_url="http://sandbox"))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            only = request.url.params["only"]
            self.faults = [fault for fault in self.faults if fault["only"] != only]
        return httpx.Response(200, json={"faults": self.faults, "counters": {}, "healed": 0})


def begin(providers: Providers, home: Path) -> str:
    """Begin and end a drill; return what it said."""
    said = io.StringIO()
    with guarded(providers.client(), LocalState(home), Output(stderr=said)):
        pass
    return said.getvalue()


def refused(providers: Providers, home: Path) -> str:
    with pytest.raises(ProblemError, match=r"\w") as caught:
        begin(providers, home)
    return caught.value.problems[0].render()


def test_faults_of_a_user_s_own_are_refused_and_left_as_they_are(tmp_path: Path) -> None:
    providers = Providers({})
    told = refused(providers, tmp_path)
    assert "error[drill.broken] gateway drill = xai/grok-4.3" in told
    assert "gateway sandbox heal" in told
    assert len(providers.faults) == 1


def test_a_model_that_is_well_again_hinders_nobody(tmp_path: Path) -> None:
    assert begin(Providers({"recovered": True}), tmp_path) == ""


def test_what_a_killed_drill_left_is_taken_back(tmp_path: Path) -> None:
    providers = Providers({"only": "drill-0123456789ab"}, {"only": "proof-0123456789ab"})
    assert "took back the faults of 1 runs" in begin(providers, tmp_path)
    assert [fault["only"] for fault in providers.faults] == ["proof-0123456789ab"]


def test_two_drills_at_a_time_are_one_too_many(tmp_path: Path) -> None:
    quiet = Output(stderr=io.StringIO())
    with guarded(Providers().client(), LocalState(tmp_path), quiet):
        assert "error[drill.busy]" in refused(Providers(), tmp_path)
    assert begin(Providers(), tmp_path) == ""


def test_a_polite_end_is_an_interrupt_and_the_handler_before_is_back_afterwards(
    tmp_path: Path,
) -> None:
    before, said = signal.getsignal(signal.SIGTERM), io.StringIO()
    guard = guarded(Providers().client(), LocalState(tmp_path), Output(stderr=said))
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"), guard:
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before
    assert "every fault is taken back" in said.getvalue()
