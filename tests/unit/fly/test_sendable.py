"""A canonical form can be sent: Fly then has a configuration of that very form."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fly.canonical import canonical
from fly.sendable import sendable

TEXT = st.text(max_size=40).filter(lambda text: not text.startswith("not base64:"))
CONTENT = TEXT.map(str.encode) | st.binary(max_size=8)
CONFIGS = st.fixed_dictionaries(
    {"image": st.sampled_from(["litellm:1", "postgres:18"])},
    optional={
        "env": st.dictionaries(st.sampled_from(["A", "B", "C"]), st.text(max_size=8)),
        "files": st.dictionaries(st.sampled_from(["/a", "/b"]), CONTENT).map(
            lambda files: [
                {"guest_path": path, "raw_value": base64.b64encode(content).decode()}
                for path, content in files.items()
            ]
        ),
        "stop_config": st.fixed_dictionaries({"timeout": st.sampled_from(["60s", "1m0s"])}),
        "services": st.just([{"protocol": "tcp", "internal_port": 4000, "autostop": False}]),
        "metadata": st.dictionaries(st.sampled_from(["fly_process_group", "x"]), st.text()),
    },
)


@given(config=CONFIGS)
def test_what_is_sent_has_the_form_it_was_made_from(config: dict[str, object]) -> None:
    form = canonical(config)
    assert canonical(sendable(form)) == form


@given(config=CONFIGS)
def test_variables_that_follow_from_the_group_are_sent_and_do_not_change_the_form(
    config: dict[str, object],
) -> None:
    form = canonical(config)
    sent = sendable(form, env={"FLY_PROCESS_GROUP": "app", "PRIMARY_REGION": "iad"})
    assert sent["env"]["FLY_PROCESS_GROUP"] == "app"
    assert canonical(sent) == form


def test_a_file_mode_and_a_secret_file_survive() -> None:
    files = [
        {"guest_path": "/a", "raw_value": "YQ==", "mode": 384},
        {"guest_path": "/b", "secret_name": "KEY"},
    ]
    form = canonical({"image": "x", "files": files})
    assert sendable(form)["files"] == files
    assert canonical(sendable(form)) == form


def test_bytes_that_are_no_text_are_sent_whole() -> None:
    files = [{"guest_path": "/a", "raw_value": base64.b64encode(b"\xff\xfe").decode()}]
    assert sendable(canonical({"image": "x", "files": files}))["files"] == files


def test_a_file_that_is_known_by_its_digest_only_cannot_be_sent() -> None:
    form = canonical({"image": "x", "files": [{"guest_path": "/a", "raw_value": "%%%"}]})
    with pytest.raises(ValueError, match="/a: only the digest"):
        sendable(form)
