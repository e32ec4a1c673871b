import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.substitution import (
    below,
    with_app_addresses,
    with_host_paths,
    with_own_address,
    with_own_loopback,
)

ADDRESS = "127.77.1.10"
APPS = {"acme-pg": "127.77.2.1", "acme": "127.77.3.1"}
ANY = "0.0.0.0"  # noqa: S104 - the word is the subject
ROOT = Path("/home/me/sandbox/machines/m1/rootfs")
WORDS = st.text(string.ascii_letters + string.digits + " :/=.-_@[],'\"", max_size=40)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("acme-pg.flycast", "127.77.2.1"),
        ("acme.internal", "127.77.3.1"),
        (
            "postgres://u:p@acme-pg.flycast:5432/db?sslmode=disable",
            "postgres://u:p@127.77.2.1:5432/db?sslmode=disable",
        ),
        ("host=ACME-PG.flycast", "host=127.77.2.1"),
        ("acme.internal,acme-pg.internal", "127.77.3.1,127.77.2.1"),
        ("http://acme.flycast/x", "http://127.77.3.1/x"),
        ("ask acme.flycast.", "ask 127.77.3.1."),
    ],
)
def test_an_apps_private_name_becomes_its_address(text: str, expected: str) -> None:
    assert with_app_addresses(text, APPS) == expected


@pytest.mark.parametrize(
    "text",
    [
        "other.flycast",
        "my-acme.flycast.example.com",
        "iad.acme.internal",
        "x_acme.flycast",
        "acme.internals",
        "acme.internal-tools",
        "acme.fly.dev",
        "flycast",
        ".flycast",
    ],
)
def test_what_is_no_name_of_a_known_app_stays(text: str) -> None:
    assert with_app_addresses(text, APPS) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ANY, ADDRESS),
        ("0.0.0.0:4000", f"{ADDRESS}:4000"),
        ("--host=0.0.0.0", f"--host={ADDRESS}"),
        ("http://0.0.0.0:4000/x", f"http://{ADDRESS}:4000/x"),
        ("http://0.0.0.0/0", f"http://{ADDRESS}/0"),
        ("serve --bind 0.0.0.0 --port 1", f"serve --bind {ADDRESS} --port 1"),
        ("::", ADDRESS),
        ("--host=::", f"--host={ADDRESS}"),
        ("[::]:4000", f"{ADDRESS}:4000"),
        ("tcp://[::]:80", f"tcp://{ADDRESS}:80"),
        ("127.0.0.1 ::", f"127.0.0.1 {ADDRESS}"),
    ],
)
def test_every_address_becomes_the_machines_own(text: str, expected: str) -> None:
    assert with_own_address(text, ADDRESS) == expected


@pytest.mark.parametrize(
    "text", ["0.0.0.0/0", "10.0.0.0", "0.0.0.0.1", "std::x", "::1", "::/0", "fe80::", "[::1]:80"]
)
def test_networks_and_other_addresses_stay(text: str) -> None:
    assert with_own_address(text, ADDRESS) == text


def test_the_loopback_is_the_machine_on_its_own_ports_only() -> None:
    text = "curl http://127.0.0.1:4000/x localhost:4001 127.0.0.1:40001 10.127.0.0.1:4000 localhost"
    replaced = with_own_loopback(text, ADDRESS, (4000, 4001))
    assert replaced == (
        f"curl http://{ADDRESS}:4000/x {ADDRESS}:4001 127.0.0.1:40001 10.127.0.0.1:4000 localhost"
    )


def test_without_ports_the_loopback_stays() -> None:
    assert with_own_loopback("127.0.0.1:4000", ADDRESS, ()) == "127.0.0.1:4000"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/app/config.yaml", f"{ROOT}/app/config.yaml"),
        ("--config=/app/config.yaml", f"--config={ROOT}/app/config.yaml"),
        ("/data/pg", f"{ROOT}/data/pg"),
        ("/data", f"{ROOT}/data"),
        ("/data/bin:/usr/bin", f"{ROOT}/data/bin:/usr/bin"),
        ("file:///data/x", f"file://{ROOT}/data/x"),
        ("sqlite:////data/x.db", f"sqlite:///{ROOT}/data/x.db"),
        ("cp '/app/config.yaml' /data/", f"cp '{ROOT}/app/config.yaml' {ROOT}/data/"),
    ],
)
def test_paths_of_files_and_mounts_lie_below_the_rootfs(text: str, expected: str) -> None:
    assert with_host_paths(text, ROOT, files=["/app/config.yaml"], folders=["/data/"]) == expected


@pytest.mark.parametrize(
    "text",
    [
        "/app",
        "/app/config.yaml.bak",
        "/app/config.yaml/x",
        "/srv/app/config.yaml",
        "/database",
        "/data-2/x",
        "http://host/data",
        "./data/x",
        "~/data",
    ],
)
def test_other_paths_stay(text: str) -> None:
    assert with_host_paths(text, ROOT, files=["/app/config.yaml"], folders=["/data"]) == text


def test_a_file_below_a_mount_is_replaced_once() -> None:
    text = "/data/config.yaml /data/x"
    replaced = with_host_paths(text, ROOT, files=["/data/config.yaml"], folders=["/data"])
    assert replaced == f"{ROOT}/data/config.yaml {ROOT}/data/x"


def test_a_mount_of_the_root_replaces_nothing() -> None:
    assert with_host_paths("/x", ROOT, files=[], folders=["/"]) == "/x"


@given(st.lists(st.sampled_from(["..", ".", "a", "", "b.c"])))
def test_no_guest_path_leaves_the_rootfs(parts: list[str]) -> None:
    assert below(ROOT, "/".join(parts)).is_relative_to(ROOT)
    assert ".." not in below(ROOT, "/" + "/".join(parts)).parts


@given(WORDS)
def test_a_second_pass_of_addresses_changes_nothing(text: str) -> None:
    once = with_own_address(with_app_addresses(text, APPS), ADDRESS)
    assert with_own_address(with_app_addresses(once, APPS), ADDRESS) == once


@given(WORDS, WORDS)
def test_substitution_finds_names_between_any_separators(left: str, right: str) -> None:
    text = f"{left} acme.flycast:1 {right}"
    assert f" {APPS['acme']}:1 " in with_app_addresses(text, APPS)


@given(st.text(max_size=60))
def test_text_without_anything_to_replace_is_returned_as_it_is(text: str) -> None:
    for part in ("flycast", "internal", ANY, "::", "/"):
        text = text.replace(part, "")
    assert with_app_addresses(text, APPS) == text
    assert with_own_address(text, ADDRESS) == text
    assert with_host_paths(text, ROOT, files=["/app/x"], folders=["/data"]) == text


def test_the_names_of_a_managed_cluster_are_replaced_by_its_two_addresses() -> None:
    known = {"pgbouncer.c1.flympg.net": "127.77.0.11", "direct.c1.flympg.net": "127.77.0.10"}
    url = "postgres://u:p@pgbouncer.c1.flympg.net:5432/d"
    assert with_app_addresses(url, known) == "postgres://u:p@127.77.0.11:5432/d"
    assert with_app_addresses("direct.C1.flympg.net", known) == "127.77.0.10"
    for other in ("direct.c2.flympg.net", "x.direct.c1.flympg.net", "direct.c1.flympg.net.example"):
        assert with_app_addresses(other, known) == other
