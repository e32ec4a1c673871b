"""The engine command as a person meets it: on PATH, cached, built, refused, interrupted."""

import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.engine.recipe import PROGRAMS, cache_key

if TYPE_CHECKING:
    from tests.sandbox.tools.conftest import Machine


def test_a_first_run_builds_both_programs_and_copies_both_scripts(machine: "Machine") -> None:
    machine.add_go()
    code, output, errors = machine.run()
    assert code == 0, errors
    assert Path(output) == machine.cache / "litellm-fly-gateway" / "engine" / cache_key() / "bin"
    assert sorted(path.name for path in Path(output).iterdir()) == sorted(PROGRAMS)
    assert {path.stat().st_mode & 0o777 for path in Path(output).iterdir()} == {0o755}
    assert machine.cached == [cache_key()]
    assert [command.split()[-1].rsplit("/", 1)[-1] for command in machine.builds] == [
        "pulumi",
        "pulumi-language-python",
    ]
    assert "building pulumi 3.259.0 from Go modules; the first time takes about" in errors


def test_a_second_run_builds_nothing_and_is_silent(machine: "Machine") -> None:
    machine.add_go()
    _, first, _ = machine.run()
    assert machine.run() == (0, first, "")
    assert len(machine.builds) == 2


def test_a_new_enough_pulumi_on_path_is_used_without_any_go(machine: "Machine") -> None:
    folder = machine.add_pulumi("v3.260.1")
    assert machine.run() == (0, str(folder), "")
    assert machine.cached == []


def test_the_first_usable_pulumi_of_path_is_taken(machine: "Machine", tmp_path: Path) -> None:
    old = machine.add_pulumi("v3.100.0", tmp_path / "old")
    new = machine.add_pulumi("v3.259.0", tmp_path / "new")
    newer = machine.add_pulumi("v3.270.0", tmp_path / "newer")
    machine.environ["PATH"] = os.pathsep.join(map(str, (old, "", "relative", new, newer)))
    code, output, errors = machine.run()
    assert (code, output) == (0, str(new))
    assert f"{old / 'pulumi'} is not used: its version is v3.100.0" in errors


def test_a_pulumi_without_its_python_host_is_not_used(machine: "Machine") -> None:
    folder = machine.add_pulumi("v3.260.0")
    (folder / "pulumi-language-python").unlink()
    machine.add_go()
    code, output, errors = machine.run()
    assert code == 0
    assert output.endswith(f"{cache_key()}/bin")
    assert "is not used: pulumi-language-python is neither beside it nor on PATH" in errors


def test_a_linked_pulumi_finds_its_python_host_where_it_really_lies(
    machine: "Machine", tmp_path: Path
) -> None:
    folder = machine.add_pulumi("v3.260.0", tmp_path / "opt")
    (machine.path / "pulumi").symlink_to(folder / "pulumi")
    assert machine.run() == (0, str(machine.path), "")


def test_a_pulumi_that_does_not_start_is_not_used(machine: "Machine") -> None:
    folder = machine.add_pulumi("v3.260.0")
    (folder / "pulumi").write_text("#!/no/such/interpreter\n", encoding="utf-8")
    code, _, errors = machine.run()
    assert code == 1
    assert "its version is not told" in errors


def test_an_older_build_of_our_own_on_path_is_not_mistaken_for_the_vendors(
    machine: "Machine",
) -> None:
    machine.add_go()
    own = machine.add_pulumi(
        "v3.260.0", machine.cache / "litellm-fly-gateway" / "engine" / "0123456789abcdef" / "bin"
    )
    machine.environ["PATH"] = f"{own}{os.pathsep}{machine.path}"
    code, output, _ = machine.run()
    assert code == 0
    assert output.endswith(f"{cache_key()}/bin")


def test_without_go_and_pulumi_the_error_says_how_to_get_either(machine: "Machine") -> None:
    code, output, errors = machine.run()
    assert (code, output) == (1, "")
    what, why, next_step = errors.splitlines()
    assert what.startswith("error[engine.missing] PATH: no `pulumi` that can be used, and no `go`")
    assert "nothing was installed or changed" in why
    assert "install Pulumi 3.259.0 or newer (https://www.pulumi.com/docs/install)" in next_step
    assert "or Go 1.25.11 or newer (https://go.dev/dl)" in next_step
    assert machine.cached == []


def test_a_go_that_is_too_old_is_refused_before_anything_is_downloaded(machine: "Machine") -> None:
    machine.add_go()
    machine.environ["FAKE_GO_VERSION"] = "go1.22.3"
    code, output, errors = machine.run()
    assert (code, output) == (1, "")
    assert f"error[engine.go-too-old] {machine.path / 'go'}: version = 1.22.3" in errors
    assert "Go 1.25.11 or newer" in errors
    assert machine.builds == []


def test_a_build_that_fails_repeats_gos_words_and_leaves_nothing(machine: "Machine") -> None:
    machine.add_go()
    machine.environ["FAKE_GO_REFUSES"] = "dial tcp: lookup module proxy: no such host"
    code, output, errors = machine.run()
    assert (code, output) == (1, "")
    assert "error[engine.build] engine: " in errors
    assert "dial tcp: lookup module proxy: no such host" in errors
    assert "run `make engine` again" in errors
    assert machine.cached == []


def test_a_build_that_tells_another_version_is_refused(machine: "Machine") -> None:
    machine.add_go()
    machine.environ["FAKE_GO_BUILDS"] = "v0.0.0"
    code, _, errors = machine.run()
    assert code == 1
    assert "v0.0.0" in errors
    assert machine.cached == []


def test_a_cached_build_with_a_file_missing_is_built_again(machine: "Machine") -> None:
    machine.add_go()
    _, output, _ = machine.run()
    (Path(output) / "pulumi-language-python-exec").unlink()
    code, again, errors = machine.run()
    assert (code, again) == (0, output), errors
    assert (Path(output) / "pulumi-language-python-exec").exists()
    assert machine.cached == [cache_key()]


def test_two_runs_at_once_build_once_and_the_second_says_whom_it_waits_for(
    machine: "Machine",
) -> None:
    machine.add_go(gate=True)
    first = machine.start()
    machine.wait_for_build()
    second = machine.start()
    assert second.stderr is not None
    assert second.stderr.readline() == (
        f"engine: another build is under way (process {first.pid}); waiting for it to end\n"
    )
    machine.open_gate()
    machine.wait_for_build()
    machine.open_gate()
    outputs = {process.communicate()[0].strip() for process in (first, second)}
    assert outputs == {str(machine.cache / "litellm-fly-gateway/engine" / cache_key() / "bin")}
    assert (first.returncode, second.returncode) == (0, 0)
    assert len(machine.builds) == 2


def test_a_build_killed_half_way_is_never_taken_for_one_and_goes_with_the_next(
    machine: "Machine",
) -> None:
    machine.add_go(gate=True)
    process = machine.start()
    compiler = machine.wait_for_build()
    process.kill()
    process.communicate()
    os.kill(compiler, signal.SIGKILL)
    assert machine.cached != []
    assert all(name.startswith(".building-") for name in machine.cached)
    machine.remove_gate()
    code, output, errors = machine.run()
    assert code == 0, errors
    assert output.endswith(f"{cache_key()}/bin")
    assert machine.cached == [cache_key()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_build_that_is_asked_to_end_takes_its_compiler_and_its_files_with_it(
    machine: "Machine", number: signal.Signals
) -> None:
    machine.add_go(gate=True)
    process = machine.start()
    compiler = machine.wait_for_build()
    process.send_signal(number)
    output, _ = process.communicate()
    assert (process.returncode, output) == (128 + number, "")
    assert machine.cached == []
    with pytest.raises(ProcessLookupError, match="No such process"):
        os.kill(compiler, 0)


def test_a_cache_that_cannot_be_made_is_named(machine: "Machine", tmp_path: Path) -> None:
    machine.add_go()
    (tmp_path / "file").write_text("", encoding="utf-8")
    machine.environ["XDG_CACHE_HOME"] = str(tmp_path / "file")
    code, _, errors = machine.run()
    assert code == 1
    assert f"error[engine.cache] {tmp_path / 'file'}" in errors
    assert "export XDG_CACHE_HOME=" in errors


def test_another_recipe_gets_a_cache_folder_of_its_own(tmp_path: Path) -> None:
    modules = Path(__file__).parents[3] / "tools" / "engine"
    for folder in ("pulumi", "language"):
        shutil.copytree(modules / folder, tmp_path / folder)
    assert cache_key(tmp_path) == cache_key()
    sums = tmp_path / "language" / "go.sum"
    sums.write_text(sums.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert cache_key(tmp_path) != cache_key()
