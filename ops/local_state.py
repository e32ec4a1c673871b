"""Where the local environment keeps its state: one folder outside every checkout."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

NAME = "litellm-fly-gateway"


@dataclass(frozen=True, slots=True)
class LocalState:
    """The paths below one home; nothing here makes them."""

    home: Path

    @property
    def sandbox(self) -> Path:
        """The sandbox's own home: state, machines, volumes."""
        return self.home / "sandbox"

    @property
    def running(self) -> Path:
        """The file in which the sandbox says its addresses while it serves."""
        return self.sandbox / "sandbox.json"

    @property
    def sandbox_output(self) -> Path:
        """What the sandbox's program itself printed, from its last start on."""
        return self.home / "sandbox.out"

    @property
    def vertex_account(self) -> Path:
        """The service account that the sandbox made for its stand-in of Vertex AI."""
        return self.sandbox / "vertex-service-account.json"

    @property
    def backend(self) -> Path:
        """Pulumi's file backend of the local environments."""
        return self.home / "pulumi"

    @property
    def pulumi_home(self) -> Path:
        """Pulumi's own folder: apart from the user's, whose login stays what it is."""
        return self.home / "pulumi-home"


def local_state(environ: Mapping[str, str]) -> LocalState:
    """Return where state is: GATEWAY_STATE_HOME, else below the XDG state folder."""
    named = environ.get("GATEWAY_STATE_HOME")
    if named:
        return LocalState(Path(named).absolute())
    base = Path(environ.get("XDG_STATE_HOME", ""))
    if not base.is_absolute():  # the XDG specification has relative ones ignored
        base = Path(environ["HOME"] if "HOME" in environ else Path.home()) / ".local" / "state"
    return LocalState(base / NAME)
