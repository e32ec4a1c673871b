"""`gateway image` as a user runs it, against the sandbox's registry."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.sandbox.ops_project import Project
from tests.sandbox.subnets import free_subnet

TAG = {"repository": "stub", "tag": "v1.106.2"}
MARKER = "marker-of-a-secret-token"
FAKE_COSIGN = """\
#!/bin/sh
printf '%s\\n' "$@" > "$SEEN"; env >> "$SEEN"
echo 'Error: no signatures found' >&2
exit 10
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    made = Project.make(tmp_path_factory.mktemp("pin"), subnet=free_subnet())
    made.up()
    yield made
    made.run("sandbox", "down")


@pytest.fixture(autouse=True)
def fresh(project: Project) -> None:
    """Each test begins with the usual configuration and a registry that is well."""
    project.configure()
    control(project, "DELETE", "")


def control(project: Project, method: str, path: str, body: Any = None) -> dict[str, Any]:
    url = f"{project.addresses['api_url']}/_sandbox/registry{path}"
    answer = httpx.request(method, url, json=body, trust_env=False)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


def told(project: Project, *words: str) -> tuple[int, dict[str, Any]]:
    done = project.run("image", *words, "--json")
    return done.returncode, json.loads(done.stdout)


def reported_by_fly(project: Project) -> str:
    """Return the digest that the stand-in of Fly reports for a machine made by tag."""
    client = httpx.Client(
        base_url=f"{project.addresses['api_url']}/v1",
        headers={"Authorization": "Bearer sandbox"},
        trust_env=False,
    )
    with client:
        client.post("/apps", json={"app_name": "by-tag", "org_slug": "acme"})
        config = {"image": "registry.fly.io/stub:v1.106.2"}
        body = {"config": config, "region": "iad", "skip_launch": True}
        machine = client.post("/apps/by-tag/machines", json=body).raise_for_status().json()
        client.delete("/apps/by-tag?force=true")
    digest: str = machine["image_ref"]["digest"]
    return digest


def test_a_pinned_digest_is_the_one_that_fly_reports_until_the_tag_moves(project: Project) -> None:
    file = project.root / "Pulumi.local.yaml"
    file.write_text("# kept\n" + file.read_text())
    code, found = told(project, "pin", "local")
    image = found["images"][0]
    assert (code, found["written"], image["version"]) == (0, True, "v1.106.2")
    assert file.read_text().startswith("# kept\n")
    assert image["digest"] in file.read_text()
    assert image["digest"] == reported_by_fly(project)
    assert told(project, "pin", "local", "--check")[0] == 0

    moved = control(project, "POST", "/tags", TAG)["digest"]
    code, found = told(project, "pin", "local", "--check")
    assert (code, found["images"][0]["moved"]) == (2, True)
    assert moved in found["findings"][0]
    assert moved == reported_by_fly(project)


def test_an_image_that_contradicts_the_settings_is_refused_and_nothing_written(
    project: Project,
) -> None:
    project.configure(image={"repository": "ghcr.io/berriai/litellm"})
    before = (project.root / "Pulumi.local.yaml").read_text()
    pushed = {"repository": "berriai/litellm", "tag": "v1.106.2"}
    for version, problem in (("1.107.0", "image.denied"), ("1.106.3", "image.version")):
        control(project, "POST", "/tags", {**pushed, "version": version})
        code, found = told(project, "pin", "local")
        assert (code, found["problems"][0]["id"]) == (1, problem)
    assert told(project, "pin", "local", "--check")[0] == 2
    assert (project.root / "Pulumi.local.yaml").read_text() == before


def test_an_environment_that_takes_promotions_is_not_pinned(project: Project) -> None:
    project.configure(promotion={"source": "dev"})
    code, found = told(project, "pin", "local")
    assert (code, found["problems"][0]["id"]) == (1, "image.promoted")
    assert "gateway image pin dev" in found["problems"][0]["next_step"]


@pytest.mark.parametrize(
    ("fault", "code", "problem"),
    [
        ({"redirect_blobs": True, "status": 429, "times": 1, "retry_after_s": 1}, 0, ""),
        ({"private": True}, 1, "image.private"),
        ({"status": 404}, 1, "image.unknown"),
        ({"status": 429, "retry_after_s": 3600}, 1, "image.rate_limited"),
        ({"other_bytes": True}, 1, "image.bytes"),
    ],
)
def test_a_registry_that_fails_is_told_of_or_asked_again(
    project: Project, fault: dict[str, Any], code: int, problem: str
) -> None:
    control(project, "PUT", "/faults", fault)
    ended, found = told(project, "pin", "local", "--dry-run")
    assert (ended, [each["id"] for each in found.get("problems", [])]) == (
        code,
        [problem] if problem else [],
    )


def test_no_image_without_a_signature_is_deployed_where_cosign_can_tell(
    project: Project, tmp_path: Path
) -> None:
    cosign, seen = tmp_path / "cosign", tmp_path / "seen"
    cosign.write_text(FAKE_COSIGN)
    cosign.chmod(cosign.stat().st_mode | stat.S_IXUSR)
    more = {
        "PATH": f"{tmp_path}:{project.environ['PATH']}",
        "SEEN": str(seen),
        "FLY_API_TOKEN": MARKER,
        "PULUMI_CONFIG_PASSPHRASE": MARKER,
    }
    project.answer("image", "pin", "local")
    done = project.run("deploy", "local", "--json", more=more)
    assert done.returncode == 1
    assert json.loads(done.stdout)["problems"][0]["id"] == "image.unsigned"
    words = seen.read_text()
    assert words.startswith("verify\n--key\nenv://GATEWAY_IMAGE_KEY\n")
    assert "BEGIN PUBLIC KEY" in words
    assert MARKER not in words
    host = project.addresses["api_url"].removeprefix("http://")
    assert f"\n{host}/stub@sha256:" in words
    status = httpx.get(f"{project.addresses['api_url']}/_sandbox/status", trust_env=False).json()
    assert not any(app["name"] == "stub-gateway" for app in status["apps"])
