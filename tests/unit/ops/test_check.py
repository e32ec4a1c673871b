import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ops.exit_codes import ExitCode
from stacks.problem import ProblemError
from tests.unit.ops.checks import BROKEN, CLEAN, ROOT, WARNED, run, write


def test_a_clean_file_ends_with_0_and_says_for_which_version(tmp_path: Path) -> None:
    file = write(tmp_path, CLEAN)
    code, told = run(config=file)
    assert code is ExitCode.OK
    assert told.out.startswith(f"{file}: clean; ")
    assert "rules for LiteLLM 1.106.2 (the default, nothing names one)" in told.out


def test_an_error_ends_with_2_and_has_place_value_effect_and_next_step(tmp_path: Path) -> None:
    file = write(tmp_path, BROKEN)
    code, told = run(config=file)
    assert code is ExitCode.FINDING
    head, effect, step, *_ = told.out.splitlines()
    assert head == f"error[L004] {file}:4:3: router_settings.allowed_fails = 3"
    assert effect.startswith('  LiteLLM 1.106.2 reads 3 as "not set"')
    assert step.startswith("  set 2")
    assert told.err == ""


def test_a_warning_ends_with_2_only_where_it_was_asked_for(tmp_path: Path) -> None:
    file = write(tmp_path, WARNED)
    assert run(config=file)[0] is ExitCode.OK
    code, told = run(config=file, fail_on="warning")
    assert code is ExitCode.FINDING
    assert f"warning[L134] {file}:2:1: common" in told.out


def test_the_version_given_decides_which_rules_hold(tmp_path: Path) -> None:
    file = write(tmp_path, BROKEN)
    code, told = run(config=file, version="1.109.1")
    assert code is ExitCode.OK
    assert "L004" not in told.out
    assert "LiteLLM 1.109.1 (given)" in told.out


def test_the_image_in_fly_toml_names_the_version(tmp_path: Path) -> None:
    toml = write(tmp_path, '[build]\nimage = "ghcr.io/berriai/litellm:v1.109.1"\n', "fly.toml")
    _, told = run(config=write(tmp_path, BROKEN), toml=toml, as_json=True)
    document = json.loads(told.out)
    assert document["version"] == "1.109.1"
    assert document["version_from"] == f"the image in {toml}"
    assert document["files"] == [str(tmp_path / "litellm_config.yaml"), str(toml)]


@pytest.mark.parametrize("text", ["router_settings: [", "\tmodel_list: []", "a: b: c"])
def test_a_file_that_is_no_yaml_could_not_be_checked(tmp_path: Path, text: str) -> None:
    file = write(tmp_path, text)
    code, told = run(config=file, as_json=True)
    assert code is ExitCode.FAILED
    document = json.loads(told.out)
    assert document["findings"] == []
    assert document["problems"][0]["rule"].startswith("source.")
    assert document["problems"][0]["line"] == 1
    assert "not checked" in told.err


def test_a_file_that_is_not_there_could_not_be_checked(tmp_path: Path) -> None:
    code, told = run(config=tmp_path / "none.yaml")
    assert code is ExitCode.FAILED
    assert f"error[source.file] {tmp_path / 'none.yaml'}\n  no such file" in told.out


@pytest.mark.parametrize("text", [BROKEN + "router_settings: {}\n", "", "- a\n"])
def test_what_litellm_reads_and_gets_wrong_is_a_finding(tmp_path: Path, text: str) -> None:
    code, told = run(config=write(tmp_path, text))
    assert code is ExitCode.FINDING
    assert "error[source." in told.out


def test_a_key_that_is_written_twice_does_not_keep_the_rules_from_being_put(tmp_path: Path) -> None:
    twice = f"router_settings: {{}}\n{BROKEN}"
    _, told = run(config=write(tmp_path, twice))
    assert "error[source.duplicate]" in told.out
    assert "error[L004]" in told.out


def test_findings_stand_in_the_order_of_the_files_and_their_lines(tmp_path: Path) -> None:
    text = "model_list: []\ncommon: 1\nlitellm_settings: {request_timeout: 60}\nextra: 1\n"
    toml = write(tmp_path, "app = 'a'\n[http_service]\n", "a.toml")
    _, told = run(config=write(tmp_path, text, "z.yaml"), toml=toml, as_json=True)
    places = [
        (Path(found["file"]).name, found["line"]) for found in json.loads(told.out)["findings"]
    ]
    assert places == sorted(places, key=lambda place: (place[0] == "a.toml", place[1]))
    assert {name for name, _ in places} == {"z.yaml", "a.toml"}


def test_a_secret_that_is_not_among_those_named_is_missing(tmp_path: Path) -> None:
    text = "general_settings: {master_key: os.environ/LITELLM_MASTER_KEY}\n"
    file = write(tmp_path, text)
    assert "L033" not in run(config=file)[1].out
    assert "error[L033]" in run(config=file, secrets=("OTHER",))[1].out
    assert "L033" not in run(config=file, secrets=("LITELLM_MASTER_KEY",))[1].out


def test_an_included_file_is_checked_with_its_own_places(tmp_path: Path) -> None:
    write(tmp_path, "router_settings:\n\n  allowed_fails: 3\n", "router.yaml")
    text = "include: [router.yaml]\nlitellm_settings: {request_timeout: 60}\n"
    _, told = run(config=write(tmp_path, text))
    assert f"error[L004] {tmp_path / 'router.yaml'}:3:3: router_settings.allowed_fails" in told.out


def test_a_database_url_is_checked_and_never_shown(tmp_path: Path) -> None:
    url = "postgres://role:hunter2@db.flycast:5432/name?keepalives=1\n"
    file = write(tmp_path, url, "url.txt")
    _, told = run(config=write(tmp_path, CLEAN), database_url_file=file)
    assert f"{file}: keepalives" in told.out
    assert "hunter2" not in told.out


def test_what_is_no_database_url_is_not_quoted(tmp_path: Path) -> None:
    file = write(tmp_path, "role:hunter2@db", "url.txt")
    with pytest.raises(ProblemError, match="one address is expected") as error:
        run(config=write(tmp_path, CLEAN), database_url_file=file)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("environment", ["local"])
def test_an_environment_is_checked_with_the_places_of_its_settings(environment: str) -> None:
    code, told = run(environment=environment, as_json=True)
    document = json.loads(told.out)
    assert code is ExitCode.OK
    assert document["version_from"] == "image.version"
    assert {found["file"] for found in document["findings"]} <= {
        "stacks/gateway.py",
        "Pulumi.local.yaml",
    }


def suppress(folder: Path, entry: str) -> Path:
    return write(folder, f"suppressions:\n  - {{{entry}}}\n", "suppressions.yaml")


def test_a_suppression_beside_the_file_hides_what_it_names(tmp_path: Path) -> None:
    file = write(tmp_path, BROKEN)
    suppress(tmp_path, "rule: L004, where: router_settings.*, reason: soon, until: 2026-12-31")
    code, told = run(config=file, as_json=True)
    assert code is ExitCode.OK
    document = json.loads(told.out)
    assert document["counts"] == {"error": 0, "warning": 0, "suppressed": 1}
    assert document["suppressed"][0]["suppressed"]["reason"] == "soon"
    assert "1 suppressed" in told.err


def test_a_suppression_that_has_expired_is_an_error_of_its_own(tmp_path: Path) -> None:
    file = write(tmp_path, BROKEN)
    entries = suppress(tmp_path, "rule: L004, reason: soon, until: 2026-11-30")
    assert run(config=file)[0] is ExitCode.OK
    code, told = run(config=file, today=date(2026, 12, 1))
    assert code is ExitCode.FINDING
    assert "error[L004]" in told.out
    assert f"error[suppressions.expired] {entries}:2:5 = L004 until 2026-11-30" in told.out


def test_a_suppression_that_nothing_needs_is_a_warning(tmp_path: Path) -> None:
    entries = suppress(tmp_path, "rule: L004, reason: soon, until: 2026-12-31")
    code, told = run(config=write(tmp_path, CLEAN), suppressions=entries)
    assert code is ExitCode.OK
    assert f"warning[suppressions.unused] {entries}:2:5 = L004" in told.out


def test_a_suppression_of_no_rule_keeps_the_check_from_being_made(tmp_path: Path) -> None:
    suppress(tmp_path, "rule: L000, reason: soon, until: 2026-12-31")
    with pytest.raises(ProblemError, match="no rule has this id"):
        run(config=write(tmp_path, CLEAN))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "nothing to check"),
        ({"version": "1.106.2"}, "nothing to check"),
        ({"environment": "live", "toml": Path("fly.toml")}, "--toml is about files"),
        ({"environment": "live", "fix": True}, "typed settings are a program"),
        (
            {"config": Path("a"), "database_url_file": Path("b"), "database_url_env": "C"},
            "one DATA",
        ),
        ({"config": Path("a"), "sarif": "-", "form": "github"}, "stdout takes one"),
        ({"config": Path("a"), "version": "latest"}, "an exact release"),
        ({"config": ROOT / "none.yaml", "database_url_env": "NO_SUCH_NAME"}, "is not set"),
    ],
)
def test_options_that_do_not_go_together_are_told(options: dict[str, Any], expected: str) -> None:
    with pytest.raises(ProblemError, match=expected):
        run(**options)
