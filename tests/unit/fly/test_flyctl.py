"""How flyctl is called: pinned words, an environment that leads nowhere but to Fly, one version."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fly.flyctl import (
    deploy_arguments,
    environment_problems,
    plain,
    process_environment,
    read_version,
    told_release,
)

FOLDER = Path("/tmp/folder")  # noqa: S108 - a name; nothing is written
SANDBOX = "http://127.0.0.1:4280"
TOKEN = "fo1_" + "token-marker"


@pytest.mark.parametrize(
    ("version", "supported"),
    [
        ("0.4.80", True),
        ("v0.4.120", True),
        ("0.4.79", False),
        ("0.5.0", False),
        ("1.0.0", False),
        ("2026.11.28-dev.1795901681", True),
        ("2026.11.28", False),
    ],
)
def test_the_versions_whose_behaviour_was_looked_at_are_supported(
    version: str, *, supported: bool
) -> None:
    assert read_version(f'{{"Name": "flyctl", "Version": "{version}"}}').supported is supported


@pytest.mark.parametrize("answer", ["", "flyctl v0.4.87", "{}", '{"Version": "x"}', "[1]"])
def test_a_version_that_cannot_be_read_is_none(answer: str) -> None:
    with pytest.raises(ValueError, match="flyctl version --json"):
        read_version(answer)


def test_a_deployment_is_called_by_pinned_words_and_never_with_the_token() -> None:
    assert " ".join(deploy_arguments("acme", "example/app@sha256:aa")) == (
        "deploy --app acme --config fly.toml --image example/app@sha256:aa --remote-only"
        " --ha=false --no-public-ips --dns-checks=false --deploy-retries 0 --yes"
    )


def environment(**environ: str) -> Mapping[str, str]:
    return process_environment({"FLY_API_TOKEN": TOKEN, **environ}, FOLDER)


def test_the_sandbox_is_the_only_host_that_a_flyctl_of_it_can_reach() -> None:
    made = environment(FLY_FLAPS_BASE_URL=SANDBOX, HTTPS_PROXY="http://proxy.example")
    bases = {made[f"FLY_{name}_BASE_URL"] for name in ("FLAPS", "API", "UIEX")}
    assert bases == {SANDBOX}
    assert made["HTTPS_PROXY"] == "http://127.0.0.1:9"
    assert made["FLY_TRACE_COLLECTOR_URL"] == "127.0.0.1"


def test_with_fly_itself_a_proxy_of_yours_is_kept_and_else_everybody_but_fly_is_cut_off() -> None:
    alone = environment()
    assert alone["HTTPS_PROXY"] == "http://127.0.0.1:9"
    assert {"fly.io", "machines.dev"} <= set(alone["NO_PROXY"].split(","))
    assert not [name for name in alone if name.endswith("_BASE_URL")]
    behind = environment(https_proxy="http://proxy.example", no_proxy="internal")
    assert behind["https_proxy"] == "http://proxy.example"
    assert behind["no_proxy"] == "internal"
    assert "HTTPS_PROXY" not in behind
    assert behind["FLY_TRACE_COLLECTOR_URL"] == "127.0.0.1"


@given(st.dictionaries(st.from_regex(r"[A-Z_]{3,12}", fullmatch=True), st.just("marker-value")))
def test_no_other_variable_reaches_it(environ: dict[str, str]) -> None:
    handed = set(environment(**environ).items()) - set(environment().items())
    known = {"PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "NO_PROXY"}
    proxies = {"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"}
    bases = {"FLY_FLAPS_BASE_URL", "FLY_API_BASE_URL", "FLY_UIEX_BASE_URL", "FLY_API_TOKEN"}
    assert {name for name, _ in handed} <= known | proxies | bases


def test_two_different_flys_are_told_each_with_the_variable() -> None:
    mixed = {"FLY_FLAPS_BASE_URL": SANDBOX, "FLY_API_BASE_URL": "https://api.fly.io"}
    (problem,) = environment_problems(mixed)
    assert problem.place == "environment: FLY_API_BASE_URL"
    (clear,) = environment_problems({"FLY_UIEX_BASE_URL": "http://api.fly.io"})
    assert "in the clear" in clear.expected
    assert not list(environment_problems(dict(os.environ) | {"FLY_FLAPS_BASE_URL": SANDBOX}))
    assert not list(environment_problems({"FLY_API_BASE_URL": "https://api.fly.io"}))


def test_colours_and_cursor_movements_are_left_out_and_the_release_is_read() -> None:
    said = "\x1b[1m==> Verifying\x1b[0m\r\n\x1b]8;;http://x\x07link\x1b]8;;\x07\x1b[2K\n"
    assert plain(said).split() == ["==>", "Verifying", "link"]
    assert told_release(said + '{"id": "r1", "version": 12, "image_ref": "x"}\n') == 12
    assert told_release("Error: no\n") is None
