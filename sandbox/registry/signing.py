"""How the images here are signed: as cosign does it with a key, by a key of this sandbox's own.

Source: the signature and tag layout of sigstore/cosign (specs/SIGNATURE_SPEC.md): a payload names
the digest, its signature is an annotation, and both hang below the tag `sha256-<digest>.sig`.
"""

import base64
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from sandbox.registry.published import CONFIG, MANIFEST, descriptor

KEY_FILE = "image-signing.key"
PUBLIC_FILE = "image-signing.pub"
PAYLOAD = "application/vnd.dev.cosign.simplesigning.v1+json"
SIGNATURE = "dev.cosignproject.cosign/signature"

Key = ec.EllipticCurvePrivateKey


def ensure_key(home: Path) -> Key:
    """Return the sandbox's key, made once; its public part stands beside it for verifiers."""
    file = home / KEY_FILE
    try:
        found = load_pem_private_key(file.read_bytes(), password=None)
    except (FileNotFoundError, ValueError):  # none yet, or half of one
        found = new_key()
        fresh = home / f".{KEY_FILE}.new"
        fresh.touch(mode=0o600)
        fresh.write_bytes(
            found.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        )
        fresh.replace(file)
    if not isinstance(found, Key):
        raise TypeError(f"{file} holds no key of an elliptic curve")
    public = found.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (home / PUBLIC_FILE).write_bytes(public)
    return found


def new_key() -> Key:
    """Make a key as cosign makes them: ECDSA on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def signature_tag(digest: str) -> str:
    """Return the tag below which an image's signatures are."""
    return f"{digest.replace(':', '-')}.sig"


def signed(key: Key, name: str, digest: str) -> tuple[bytes, tuple[bytes, ...]]:
    """Return the manifest of an image's signature, and the blobs that it names."""
    payload = json.dumps(
        {
            "critical": {
                "identity": {"docker-reference": name},
                "image": {"docker-manifest-digest": digest},
                "type": "cosign container image signature",
            },
            "optional": None,
        },
        separators=(",", ":"),
    ).encode()
    signature = base64.b64encode(key.sign(payload, ec.ECDSA(SHA256()))).decode()
    config = b"{}"
    layer = {**descriptor(PAYLOAD, payload), "annotations": {SIGNATURE: signature}}
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(CONFIG, config),
        "layers": [layer],
    }
    return json.dumps(manifest, separators=(",", ":")).encode(), (config, payload)
