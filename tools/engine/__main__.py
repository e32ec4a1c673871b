"""Print the folder that holds a usable `pulumi`; a build's progress goes to standard error."""

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

from stacks.problem import ProblemError
from tools.engine.find import engine_bin


def main() -> int:
    """Run the command; return its exit code."""
    # A polite end unwinds, so that an unfinished build and its compiler go too.
    signal.signal(signal.SIGTERM, _end)
    try:
        folder = engine_bin(os.environ, _say)
    except ProblemError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("engine: interrupted; nothing unfinished was left behind\n")
        return 130
    sys.stdout.write(f"{folder}\n")
    return 0


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def _say(line: str) -> None:
    sys.stderr.write(f"engine: {line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
