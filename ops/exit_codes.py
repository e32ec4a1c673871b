"""What a command's exit code says; every command keeps to these four."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended.

    OK: what was asked holds. FAILED: the command could not do its work. FINDING: it did, and the
    answer is no; a proof that was not passed, for example. INTERRUPTED: the user ended it.
    """

    OK = 0
    FAILED = 1
    FINDING = 2
    INTERRUPTED = 130
