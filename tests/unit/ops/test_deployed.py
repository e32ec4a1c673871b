from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ops.deployed import Deployed, Edge

OUTPUTS: dict[str, Any] = {
    "url": "http://127.0.0.1:4281",
    "app": "ai-gateway-local",
    "master_key": "sk-planted",
    "database": "connected as litellm to litellm",
    "release": {
        "bundle": "ab" * 32,
        "verdict": "passed",
        "edges": [
            {
                "kind": "general",
                "source": "xai/grok-4.3",
                "target": "anthropic/claude-sonnet-4-6",
                "verdict": "passed",
                "latency_ms": 41.7,
            }
        ],
    },
}


def test_an_edge_is_shown_with_its_latency_in_whole_milliseconds() -> None:
    (edge,) = Deployed(OUTPUTS).edges
    assert edge.row == ("xai/grok-4.3 -> anthropic/claude-sonnet-4-6", "passed", "42")


def test_an_edge_that_was_not_rescued_has_no_latency() -> None:
    assert Edge("general", "a", "b", "failed", None).row == ("a -> b", "failed", "")


def test_a_key_that_pulumi_hides_is_no_key() -> None:
    assert Deployed({**OUTPUTS, "master_key": "[secret]"}).key == ""
    assert Deployed(OUTPUTS).key == "sk-planted"
    assert Deployed({**OUTPUTS, "events_key": "[secret]"}).events_key == ""
    assert Deployed({**OUTPUTS, "events_key": "phx_planted"}).events_key == "phx_planted"
    assert Deployed(OUTPUTS).events_key == ""


@given(st.text("abcdef0123456789", min_size=12))
def test_the_document_of_a_deployment_never_holds_the_key(digits: str) -> None:
    key = f"sk-{digits}"
    shown = Deployed({**OUTPUTS, "master_key": key, "events_key": key}).as_json()
    assert key not in repr(shown)


def test_a_gateway_without_stores_has_none_to_show() -> None:
    found = Deployed({key: OUTPUTS[key] for key in ("url", "app", "release")}).as_json()
    assert (found["database"], found["database_url"], found["redis"]) == (None, None, None)
