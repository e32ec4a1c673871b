"""What Postgres keeps in place of a password, made and compared without the server.

A verifier (RFC 5803, computed as RFC 7677 says) lets a server check a password and nobody log in
with it: it can be handed to `ALTER ROLE ... PASSWORD`, where a password would be readable.
"""

import base64
import hashlib
import hmac
import re
import secrets

SCHEME = "SCRAM-SHA-256"
ITERATIONS = 4096  # Postgres' own, scram_iterations
SALT_BYTES = 16
_FORM = re.compile(
    r"SCRAM-SHA-256\$(?P<iterations>\d{1,9}):(?P<salt>[A-Za-z0-9+/=]+)"
    r"\$(?P<stored>[A-Za-z0-9+/=]+):(?P<server>[A-Za-z0-9+/=]+)"
)


class PasswordNotAsciiError(ValueError):
    """Raised for a password that would have to be normalised first (SASLprep)."""


def verifier(password: str, *, salt: bytes | None = None, iterations: int = ITERATIONS) -> str:
    """Return what `pg_authid.rolpassword` holds for this password, with a fresh random salt.

    Raises `PasswordNotAsciiError`: Postgres and its clients map other characters onto each other
    before they compute, and one that is mapped differently here would lock its role out.
    """
    if not password.isascii():
        text = "a password of ASCII characters is expected here"
        raise PasswordNotAsciiError(text)
    salt = secrets.token_bytes(SALT_BYTES) if salt is None else salt
    stored, server = _keys(password, salt, iterations)
    return f"{SCHEME}${iterations}:{_base64(salt)}${_base64(stored)}:{_base64(server)}"


def matches(password: str, kept: str, role: str) -> bool:
    """Tell whether `kept`, a SCRAM verifier or an old MD5 hash, is that of the role's password."""
    form = _FORM.fullmatch(kept)
    if form is None:
        old = hashlib.md5(f"{password}{role}".encode(), usedforsecurity=False).hexdigest()
        return hmac.compare_digest(kept, f"md5{old}")
    try:
        salt = base64.b64decode(form["salt"], validate=True)
    except ValueError:
        return False
    stored, server = _keys(password, salt, int(form["iterations"]))
    return hmac.compare_digest(f"{form['stored']}:{form['server']}", _pair(stored, server))


def _keys(password: str, salt: bytes, iterations: int) -> tuple[bytes, bytes]:
    """Return StoredKey and ServerKey (RFC 5802, section 3)."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    return hashlib.sha256(client).digest(), hmac.digest(salted, b"Server Key", "sha256")


def _pair(stored: bytes, server: bytes) -> str:
    return f"{_base64(stored)}:{_base64(server)}"


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
