"""Which checkout a command works on, and which of its environments are local."""

from pathlib import Path
from typing import Any

from stacks.config_file import read_config_file
from stacks.problem import Problem, ProblemError

PROJECT_FILE = "Pulumi.yaml"


def project_root(start: Path) -> Path:
    """Return the folder at or above `start` that holds Pulumi.yaml; else this program's own."""
    own = Path(__file__).resolve().parents[1]
    for folder in (start, *start.parents, own):
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise ProblemError(
        [
            Problem(
                str(start / PROJECT_FILE),
                "project.root",
                "",
                "neither this folder nor one above it is the gateway's project",
                "go to the folder of your checkout and run the command again",
            )
        ]
    )


def is_local(root: Path, environment: str) -> bool:
    """Tell whether an environment lives in the sandbox: `gateway:fly.api: sandbox` in its file.

    Raises `ProblemError` when there is no file of that environment.
    """
    values: Any = read_config_file(root, environment).values
    fly = values.get("fly")
    return isinstance(fly, dict) and fly.get("api") == "sandbox"
