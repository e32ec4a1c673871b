"""The service account's file."""

import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sandbox.providers.service_account import ensure_service_account


def test_it_is_a_key_of_2048_bits_for_its_owner_alone(tmp_path: Path) -> None:
    path = ensure_service_account(tmp_path / "sa.json", token_uri="http://127.0.0.1:1/token")
    assert path.stat().st_mode & 0o777 == 0o600
    account = json.loads(path.read_text())
    key = load_pem_private_key(account["private_key"].encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == 2048
    assert account["token_uri"] == "http://127.0.0.1:1/token"


def test_the_key_stays_when_the_port_changes(tmp_path: Path) -> None:
    path = tmp_path / "sa.json"
    first = json.loads(ensure_service_account(path, token_uri="http://a/token").read_text())
    second = json.loads(ensure_service_account(path, token_uri="http://b/token").read_text())
    assert second == {**first, "token_uri": "http://b/token"}
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
