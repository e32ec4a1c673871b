"""How identifiers look on Fly, and where new ones come from."""

import secrets
import time
from collections.abc import Callable

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ADJECTIVES = ("autumn", "bold", "calm", "dawn", "empty", "frosty", "green", "holy", "little", "old")
NOUNS = ("bird", "cloud", "dew", "field", "glade", "lake", "moon", "pond", "river", "wave")


class IdMaker:
    """Makes identifiers; `clock` gives Unix seconds and orders the version identifiers."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock

    def machine(self) -> str:
        """Make a machine id: 14 hexadecimal digits."""
        return secrets.token_hex(7)

    def volume(self) -> str:
        """Make a volume id: 16 letters and digits behind a prefix."""
        return "vol_" + "".join(secrets.choice(CROCKFORD.lower()) for _ in range(16))

    def nonce(self) -> str:
        """Make a lease nonce."""
        return secrets.token_hex(6)

    def token(self) -> str:
        """Make an identifier for what has no format of its own: apps, requests, events."""
        return secrets.token_hex(8)

    def version(self) -> str:
        """Make an instance id: a ULID, 26 characters, later ones sort later."""
        value = (int(self._clock() * 1000) << 80) | secrets.randbits(80)
        return "".join(CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5))

    def name(self) -> str:
        """Make a name for a machine that was created without one."""
        number = 1000 + secrets.randbelow(9000)
        return f"{secrets.choice(ADJECTIVES)}-{secrets.choice(NOUNS)}-{number}"
