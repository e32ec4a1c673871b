"""The service account that LiteLLM signs in to Vertex with: made once, of use nowhere else."""

import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

PROJECT = "sandbox-project"
ACCOUNT = f"gateway@{PROJECT}.iam.gserviceaccount.com"
KEY_BITS = 2048


def ensure_service_account(path: Path, *, token_uri: str) -> Path:
    """Write the account's JSON, readable by its owner alone, unless it is there.

    The key stays for as long as the file does. `token_uri` is brought up to date: the providers'
    port may change between two starts of the sandbox.
    """
    account = _read(path) or _new_account()
    if account.get("token_uri") == token_uri:
        path.chmod(0o600)
        return path
    account["token_uri"] = token_uri
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(account, indent=2) + "\n")
    unfinished.replace(path)
    return path


def _read(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    account = json.loads(path.read_text())
    return account if isinstance(account, dict) else None


def _new_account() -> dict[str, Any]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "sandbox",
        "private_key": pem.decode(),
        "client_email": ACCOUNT,
        "client_id": "100000000000000000000",
        "universe_domain": "googleapis.com",
    }
