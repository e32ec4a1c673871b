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


@pytest.mark.parametrize("torn", ["", '{"user.cache'])
@pytest.mark.parametrize("name", ["local.json.attrs", "local.json.bak.attrs"])
def test_half_written_attributes_go_and_the_whole_checkpoint_beside_them_stays(
    tmp_path: Path, name: str, torn: str
) -> None:
    checkpoint = stacks(tmp_path, now='{"version": 3}', before='{"version": 2}')
    attributes = checkpoint.with_name(name)
    attributes.write_text(torn)
    assert mend_checkpoint(tmp_path, "gateway", "local")
    assert checkpoint.read_text() == '{"version": 3}'
    assert not attributes.exists()


def test_attributes_of_a_checkpoint_that_was_replaced_go_with_it(tmp_path: Path) -> None:
    checkpoint = stacks(tmp_path, now="", before='{"version": 3}')
    attributes = checkpoint.with_name("local.json.attrs")
    attributes.write_text('{"md5": "of the torn text"}')
    assert mend_checkpoint(tmp_path, "gateway", "local")
    assert not attributes.exists()


def test_whole_attributes_stay(tmp_path: Path) -> None:
    checkpoint = stacks(tmp_path, now='{"version": 3}', before='{"version": 2}')
    attributes = checkpoint.with_name("local.json.attrs")
    attributes.write_text("{}")
    assert not mend_checkpoint(tmp_path, "gateway", "local")
    assert attributes.exists()
