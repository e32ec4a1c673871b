import base64
import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.scram import PasswordNotAsciiError, matches, verifier

# RFC 7677, section 3: the exchange of the user "user" with the password "pencil".
SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
NONCES = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
AUTH = (
    f"n=user,r=rOprNGfwEbeRWgbNEkqO,{NONCES},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,{NONCES}"
).encode()
PROOF = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
SIGNATURE = base64.b64decode("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
ascii_text = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=30)


def test_a_server_with_our_verifier_accepts_the_client_of_the_standard_and_is_believed() -> None:
    made = verifier("pencil", salt=SALT)
    scheme, _, keys = made.rpartition("$")
    assert scheme == "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ=="
    stored, server = (base64.b64decode(key) for key in keys.split(":"))
    signature = hmac.digest(stored, AUTH, "sha256")
    client_key = bytes(a ^ b for a, b in zip(PROOF, signature, strict=True))
    assert hashlib.sha256(client_key).digest() == stored
    assert hmac.digest(server, AUTH, "sha256") == SIGNATURE


@settings(max_examples=10)
@given(ascii_text, ascii_text)
def test_a_verifier_is_that_of_its_password_alone_and_never_shows_it(one: str, other: str) -> None:
    made = verifier(one, iterations=1)
    assert matches(one, made, "role")
    assert matches(other, made, "role") == (one == other)
    assert made != verifier(one, iterations=1)


def test_what_postgres_kept_before_it_knew_scram_is_understood() -> None:
    old = "md5" + hashlib.md5(b"pencilrole", usedforsecurity=False).hexdigest()
    assert matches("pencil", old, "role")
    assert not matches("pencil", old, "another")
    assert not matches("pencil", "SCRAM-SHA-256$4096:***$x:y", "role")
    with pytest.raises(PasswordNotAsciiError, match="ASCII"):
        verifier("pässword")
