"""What a resource says in place of a secret: that it is as declared, or what it is now."""

DECLARED = "as declared"  # of a secret whose digest is the one that we recorded
CHANGED = "changed outside: "  # before the digest of any other


def declared(recorded: object, digest: str) -> str:
    """Say whether a secret still has the recorded digest, so that a preview names what moved."""
    return DECLARED if recorded == digest else f"{CHANGED}digest {digest}"
