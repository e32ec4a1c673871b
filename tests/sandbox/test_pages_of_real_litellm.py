"""What LiteLLM shows to whom once its public pages are closed: the table of docs/security.md."""

from collections.abc import Iterator

import httpx
import pytest

from tests.sandbox.real_gateway import KEY, booted

ADDRESS = "127.91.14.1"
MASTER = {"Authorization": f"Bearer {KEY}"}
CLOSED = {"admin_ui": False, "api_docs": False}

pytestmark = pytest.mark.timeout(600)  # an install, where there is none yet, and a boot


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with (
        booted(tmp_path_factory.mktemp("pages"), ADDRESS, server=CLOSED) as gateway,
        httpx.Client(base_url=gateway.url, timeout=30) as client,
    ):
        yield client


def test_nobody_is_told_of_the_api_nor_let_into_the_admin_page(pages: httpx.Client) -> None:
    assert {path: pages.get(path).status_code for path in ("/openapi.json", "/redoc", "/")} == {
        "/openapi.json": 404,
        "/redoc": 404,
        "/": 200,
    }
    assert "swagger" not in pages.get("/").text.lower()
    assert "Admin UI Disabled" in pages.get("/sso/key/generate").text


def test_everything_else_answers_as_before(pages: httpx.Client) -> None:
    """The proof, the drift and Fly's checks ask some of these."""
    for path in ("/health/readiness", "/health/liveliness"):
        assert pages.get(path).status_code == 200, path
    for path in ("/v1/models", "/model/info", "/get/config/callbacks"):
        asked = [pages.get(path).status_code, pages.get(path, headers=MASTER).status_code]
        assert asked == [401, 200], path
    assert pages.get("/key/list").status_code == 401
    assert pages.post("/key/generate", json={}).status_code == 401
