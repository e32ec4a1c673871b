import os
import shlex
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ops.environment import Export, as_process, as_shell, exports
from ops.local_state import LocalState, local_state
from ops.running_sandbox import RunningSandbox

STATE = LocalState(Path("/state"))
SANDBOX = RunningSandbox(
    Path("/state/sandbox"), 7, "http://127.0.0.1:4280", "http://e", "http://p", "127.77"
)
ENGINE, SCRIPTS = Path("/engine/bin"), Path("/project/.venv/bin")
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def names(sandbox: RunningSandbox | None) -> set[str]:
    return {variable.name for variable in exports(ENGINE, SCRIPTS, STATE, sandbox)}


def test_an_environment_on_fly_gets_neither_the_local_backend_nor_a_token() -> None:
    assert names(None) == {"PATH", "PULUMI_RUNTIME_VIRTUALENV", "PULUMI_SKIP_UPDATE_CHECK"}


def test_a_local_environment_gets_backend_passphrase_token_and_the_sandboxs_address() -> None:
    shell = as_shell(exports(ENGINE, SCRIPTS, STATE, SANDBOX))
    assert "export PULUMI_BACKEND_URL=file:///state/pulumi\n" in shell
    assert "export PULUMI_CONFIG_PASSPHRASE=local\n" in shell
    assert "export FLY_API_TOKEN=sandbox-local\n" in shell
    assert "export FLY_FLAPS_BASE_URL=http://127.0.0.1:4280\n" in shell


def test_programs_of_the_virtual_environment_come_before_the_engine_and_all_else() -> None:
    whole = as_process(exports(ENGINE, SCRIPTS, STATE, None), {"PATH": "/usr/bin"})
    assert whole["PATH"].split(os.pathsep) == ["/project/.venv/bin", "/engine/bin", "/usr/bin"]


def test_a_path_that_was_empty_does_not_end_in_the_current_folder() -> None:
    whole = as_process(exports(ENGINE, SCRIPTS, STATE, None), {})
    assert whole["PATH"] == "/project/.venv/bin:/engine/bin"


def test_a_secret_is_named_by_its_file_in_the_shell_and_read_for_a_process(tmp_path: Path) -> None:
    file = tmp_path / "it's here.json"
    file.write_text("planted-secret")
    variable = Export("VERTEX_CREDENTIALS_JSON", from_file=file)
    assert "planted-secret" not in as_shell([variable]) + repr(variable)
    assert f'$(cat {shlex.quote(str(file))})"' in as_shell([variable])
    assert as_process([variable], {})["VERTEX_CREDENTIALS_JSON"] == "planted-secret"


def test_what_the_user_exported_stays_unless_it_is_ours_to_say() -> None:
    whole = as_process(
        exports(ENGINE, SCRIPTS, STATE, None), {"LANG": "C", "PULUMI_SKIP_UPDATE_CHECK": "false"}
    )
    assert whole["LANG"] == "C"
    assert whole["PULUMI_SKIP_UPDATE_CHECK"] == "true"


@given(words)
def test_a_shell_reads_back_the_value_that_was_meant(value: str) -> None:
    (command, assignment) = shlex.split(Export("NAME", value).as_shell())
    assert (command, assignment) == ("export", f"NAME={value}")


def test_state_lies_where_the_variable_or_the_xdg_folder_says() -> None:
    assert local_state({"GATEWAY_STATE_HOME": "/a"}).home == Path("/a")
    xdg = {"XDG_STATE_HOME": "/x", "HOME": "/h"}
    assert local_state(xdg).home == Path("/x/litellm-fly-gateway")
    assert local_state({"HOME": "/h"}).home == Path("/h/.local/state/litellm-fly-gateway")


def test_a_relative_xdg_folder_is_ignored() -> None:
    found = local_state({"XDG_STATE_HOME": "here", "HOME": "/h"}).home
    assert found == Path("/h/.local/state/litellm-fly-gateway")


def test_a_file_ends_the_same_for_a_process_and_for_the_shell(tmp_path: Path) -> None:
    file = tmp_path / "account.json"
    file.write_text('{"a": 1}\n')
    [variable] = [Export("KEY", from_file=file)]
    assert as_process([variable], {})["KEY"] == '{"a": 1}'
