"""Under which environment variables `pulumi` works on an environment; one answer for all uses."""

import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.local_state import LocalState
from ops.running_sandbox import RunningSandbox

LOCAL_PASSPHRASE = "local"  # noqa: S105 - documented: the local stack holds nothing worth keeping
LOCAL_TOKEN = "sandbox-local"  # noqa: S105 - the sandbox takes any token that begins so


@dataclass(frozen=True, slots=True)
class Export:
    """One variable: a plain value, a list put before what PATH holds, or a file's content.

    A secret is only ever named by its file: `from_file` is read by the shell, or at the moment a
    process is started, and its content is in no text that we print.
    """

    name: str
    value: str = ""
    from_file: Path | None = None
    before: bool = False

    def as_shell(self) -> str:
        """Return the line for a POSIX shell."""
        if self.from_file is not None:
            return f'export {self.name}="$(cat {shlex.quote(str(self.from_file))})"'
        if self.before:
            return f'export {self.name}={shlex.quote(self.value)}:"${self.name}"'
        return f"export {self.name}={shlex.quote(self.value)}"


def exports(
    engine: Path, scripts: Path, state: LocalState, sandbox: RunningSandbox | None
) -> tuple[Export, ...]:
    """Return what an environment needs; a local one, for which `sandbox` is given, needs more.

    `scripts` is the virtual environment's folder of programs. It comes first on PATH: an engine
    that was built here ignores `virtualenv` in Pulumi.yaml. A file backend is used that is apart
    from every other, and a passphrase that is no secret.
    """
    common = (
        Export("PATH", os.pathsep.join(map(str, (scripts, engine))), before=True),
        Export("PULUMI_RUNTIME_VIRTUALENV", str(scripts.parent)),
        Export("PULUMI_SKIP_UPDATE_CHECK", "true"),
    )
    if sandbox is None:
        return common
    return (
        *common,
        Export("PULUMI_BACKEND_URL", f"file://{state.backend}"),
        Export("PULUMI_HOME", str(state.pulumi_home)),
        Export("PULUMI_CONFIG_PASSPHRASE", LOCAL_PASSPHRASE),
        # Our own deployer needs no plugin beside the engine's, and there may be no network.
        Export("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", "true"),
        Export("FLY_API_TOKEN", LOCAL_TOKEN),
        Export("FLY_FLAPS_BASE_URL", sandbox.api_url),
        Export("VERTEX_CREDENTIALS_JSON", from_file=state.vertex_account),
    )


def make_backend(state: LocalState) -> None:
    """Make the folders that Pulumi expects to exist, readable by their owner only."""
    for folder in (state.home, state.backend, state.pulumi_home):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def as_shell(variables: Iterable[Export]) -> str:
    """Return the text for `eval`."""
    return "".join(f"{variable.as_shell()}\n" for variable in variables)


def as_process(variables: Iterable[Export], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of a process: the user's, with these variables in force."""
    whole = dict(environ)
    for variable in variables:
        if variable.from_file is not None:
            # Without the last newline, as the shell's $(cat ...) has it: one secret either way.
            whole[variable.name] = variable.from_file.read_text(encoding="utf-8").rstrip("\n")
        elif variable.before and whole.get(variable.name):
            whole[variable.name] = f"{variable.value}{os.pathsep}{whole[variable.name]}"
        else:
            whole[variable.name] = variable.value
    return whole
