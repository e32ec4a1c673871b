"""What the tests of `gateway check` share: an output to read, and a command line to call."""

import io
from datetime import date
from pathlib import Path
from typing import Any

from ops.check_input import Location
from ops.check_report import Entry, Report
from ops.check_request import Request, answer
from ops.exit_codes import ExitCode
from ops.output import Output
from stacks.problem import Severity

TODAY = date(2026, 11, 24)
ROOT = Path(__file__).parents[3]

# The smallest texts with an error that is mended, a warning, and nothing at all.
BROKEN = """\
litellm_settings:
  request_timeout: 60
router_settings:
  allowed_fails: 3  # the breaker
"""
CLEAN = BROKEN.replace("3", "2")
WARNED = "model_list: []\ncommon: {timeout: 10}\nlitellm_settings: {request_timeout: 60}\n"


class Told(Output):
    """An output whose streams can be read."""

    def __init__(self, *, as_json: bool = False) -> None:
        super().__init__(as_json=as_json, stdout=io.StringIO(), stderr=io.StringIO())

    @property
    def out(self) -> str:
        """What went to stdout."""
        assert isinstance(self.stdout, io.StringIO)
        return self.stdout.getvalue()

    @property
    def err(self) -> str:
        """What went to stderr."""
        assert isinstance(self.stderr, io.StringIO)
        return self.stderr.getvalue()


def run(*, as_json: bool = False, today: date = TODAY, **options: Any) -> tuple[ExitCode, Told]:
    """Call `gateway check` with these options."""
    told = Told(as_json=as_json)
    return answer(Request(**options), output=told, today=today), told


def write(folder: Path, text: str, name: str = "litellm_config.yaml") -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


ENTRY = Entry(
    "L004",
    Severity.ERROR,
    Location("conf/a b.yaml", 4, 3, "router_settings.allowed_fails"),
    "3",
    "nothing is cooled down, 100% of the time",
    "set 2",
    "`allowed_fails`: it is none",
    fixable=True,
)
SETTING = ENTRY._replace(
    rule="L007",
    severity=Severity.WARNING,
    at=Location("stacks/gateway.py", key='router_settings.fallbacks["*"][0]'),
    fixable=False,
)
REPORT = Report(("conf/a b.yaml",), "1.106.2", "given", 74, (ENTRY, SETTING), seconds=0.123)
