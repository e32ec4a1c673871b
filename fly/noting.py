"""How notes of ours come into the metadata of machines that nobody leased."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fly.replies import Machine

if TYPE_CHECKING:
    from fly.api import FlyApi


def note(api: "FlyApi", app: str, machine: Machine, wanted: Mapping[str, str]) -> None:
    """Write the values that the machine was not seen with, in the order given.

    Nothing restarts. A run may die between two of them: what makes the rest believed comes last.
    """
    for key, value in wanted.items():
        if machine.metadata.get(key) != value:
            api.machines.set_metadata(app, machine.id, key, value)
