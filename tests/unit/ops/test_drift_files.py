import base64
import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from components.actual import Running
from fly.replies import Machine
from fly.shared import SharedLook
from ops.drift_files import file_changes, look_at_disks
from ops.drift_findings import Part, Verdict
from tests.unit.fly.fake_fly import FakeFly, ok, refused

YAML = "/app/litellm_config.yaml"
TEXT = "router_settings:\n  cooldown_time: 30\n"
OTHER = "/app/gateway_proof.pyz"
FILES = {YAML: TEXT.encode(), OTHER: b"\x00\xff"}
EXEC = "POST /apps/a/machines/m1/exec"


@pytest.fixture
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as made:
        yield made


def running(state: str = "started") -> Running:
    rows = [
        {"guest_path": path, "raw_value": base64.b64encode(raw).decode()}
        for path, raw in FILES.items()
    ]
    secret = {"guest_path": "/app/key", "secret_name": "KEY"}
    config = {"image": "i", "files": [*rows, secret]}
    return Running("gateway-release", "a", "iad-1", Machine("m1", "n", state, "iad", "i", config))


def machine_with(files: dict[str, bytes]) -> FakeFly:
    """Return a Fly whose machine has these files on its disk."""

    def answer(request: httpx.Request) -> httpx.Response:
        command = json.loads(request.content)["command"]
        if command[0] == "cat":
            return ok({"exit_code": 0, "stdout": files[command[1]].decode()})
        paths = command[1:] if command[0] == "sha256sum" else command[4:]
        digests = [hashlib.sha256(files[p]).hexdigest() if p in files else "" for p in paths]
        if command[0] == "sha256sum":
            lines = [f"{digest}  {path}" for digest, path in zip(digests, paths, strict=True)]
            return ok({"exit_code": 0 if all(digests) else 1, "stdout": "\n".join(lines)})
        return ok({"exit_code": 0, "stdout": "\n".join(digest or "missing" for digest in digests)})

    return FakeFly().on(EXEC, answer)


def looked(fake: FakeFly, pool: Executor, *machines: Running) -> Part:
    return look_at_disks("dev", machines or (running(),), SharedLook(fake.api()), pool)


def test_a_disk_that_holds_what_the_machine_was_given_has_no_finding(pool: Executor) -> None:
    fake = machine_with(FILES)
    assert looked(fake, pool) == Part()
    (asked,) = fake.requests
    assert json.loads(asked.content)["command"] == ["sha256sum", OTHER, YAML]  # no secret's file


def test_a_text_that_differs_is_fetched_and_told_in_sentences(pool: Executor) -> None:
    fake = machine_with({**FILES, YAML: TEXT.replace("30", "31").encode()})
    (found,) = looked(fake, pool).findings
    assert found.path == f'machines.iad-1.disk["{YAML}"]'
    assert (found.verdict, found.machine) == (Verdict.DRIFTED, "m1")
    assert any("cooldown_time" in detail and "31" in detail for detail in found.details)


def test_other_files_are_never_fetched(pool: Executor) -> None:
    fake = machine_with({**FILES, OTHER: b"planted"})
    (found,) = looked(fake, pool).findings
    assert found.details == ()
    assert len(fake.requests) == 1


def test_a_file_that_is_gone_hides_no_other(pool: Executor) -> None:
    fake = machine_with({YAML: b"router_settings: {cooldown_time: 9}"})
    found = {finding.path: finding.verdict for finding in looked(fake, pool).findings}
    assert found == {
        f'machines.iad-1.disk["{YAML}"]': Verdict.DRIFTED,
        f'machines.iad-1.disk["{OTHER}"]': Verdict.MISSING,
    }


def test_a_machine_that_does_not_run_is_noted_and_not_asked(pool: Executor) -> None:
    fake = FakeFly()
    told = looked(fake, pool, running("stopped"))
    assert (told.findings, told.problems, fake.requests) == ((), (), [])
    assert "m1) is stopped" in told.notes[0]


@pytest.mark.parametrize(
    "answer",
    [refused(403, "no"), ok({"exit_code": 127, "stderr": "sh: not found"}), ok({"stdout": "ab"})],
)
def test_a_disk_that_cannot_be_read_is_a_problem_and_no_finding(
    pool: Executor, answer: httpx.Response
) -> None:
    told = looked(FakeFly().on(EXEC, answer), pool)
    assert told.findings == ()
    assert len(told.problems) == 1


@pytest.mark.parametrize(
    ("path", "before", "after", "said"),
    [
        (YAML, TEXT, TEXT + "# a remark\n", "the same settings, written in another way"),
        (YAML, TEXT, "{", "no YAML"),
        (OTHER, TEXT, "{", ""),
        (YAML, TEXT, {"secret_name": "X"}, ""),
    ],
)
def test_what_changed_in_a_file_is_said_where_it_can_be(
    path: str, before: Any, after: Any, said: str
) -> None:
    found = file_changes(path, before, after)
    assert (said in found[0]) if said else found == ()


def test_what_moved_of_the_proof_is_one_sentence_under_its_own_prefix() -> None:
    after = "model_list:\n" + "".join(f"- model_name: canary/{number}/gpt\n" for number in range(3))
    assert len(file_changes(YAML, "model_list: []", after)) == 3
    assert len(file_changes(YAML, "model_list: []", after, "canary")) == 1


def test_a_file_that_changed_everywhere_is_told_in_part() -> None:
    many = "\n".join(f"key_{number}: {number}" for number in range(50))
    found = file_changes(YAML, "", many)
    assert found[-1] == "and 30 more"
