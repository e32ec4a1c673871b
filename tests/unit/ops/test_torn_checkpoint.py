"""A checkpoint that a killed engine wrote half of is replaced by the one before it."""

from pathlib import Path

import pytest

from ops.torn_checkpoint import mend_checkpoint


def stacks(backend: Path, *, now: str, before: str | None) -> Path:
    folder = backend / ".pulumi/stacks/gateway"
    folder.mkdir(parents=True)
    (folder / "local.json").write_text(now)
    if before is not None:
        (folder / "local.json.bak").write_text(before)
    return folder / "local.json"


@pytest.mark.parametrize("torn", ["", '{"version": 3, "chec'])
def test_half_a_checkpoint_gives_way_to_the_whole_one_before(tmp_path: Path, torn: str) -> None:
    checkpoint = stacks(tmp_path, now=torn, before='{"version": 3}')
    assert mend_checkpoint(tmp_path, "gateway", "local")
    assert checkpoint.read_text() == '{"version": 3}'


@pytest.mark.parametrize(
    ("now", "before"), [('{"version": 3}', '{"version": 2}'), ("", None), ("", "{")]
)
def test_a_whole_checkpoint_and_one_without_a_whole_predecessor_stay(
    tmp_path: Path, now: str, before: str | None
) -> None:
    checkpoint = stacks(tmp_path, now=now, before=before)
    assert not mend_checkpoint(tmp_path, "gateway", "local")
    assert checkpoint.read_text() == now


def test_a_stack_that_was_never_deployed_stays_as_it_is(tmp_path: Path) -> None:
    assert not mend_checkpoint(tmp_path, "gateway", "local")
