"""What every image's processes find around them: PATH, HOME, temporary files, guest paths."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from sandbox.interfaces import ImageError, Launch

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def guest_path(launch: Launch, path: str) -> Path:
    """Return the real place of a guest path; one that is real already is returned as it is.

    The runtime has replaced the paths of mounts and files in the environment; defaults of an
    image (such as PGDATA) come here untouched.
    """
    asked = PurePosixPath(path)
    places = [launch.rootfs] + ([launch.volume] if launch.volume else [])
    if any(asked.is_relative_to(place) for place in places):
        return Path(asked)
    if launch.volume and launch.volume_path and asked.is_relative_to(launch.volume_path):
        return launch.volume / asked.relative_to(launch.volume_path)
    return launch.rootfs / asked.relative_to("/" if asked.is_absolute() else "")


def machine_environment(
    launch: Launch, programs: Sequence[Path], defaults: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return a process' whole environment: the image's defaults, then the machine's own values.

    `programs` are the folders of the image's programs; they come first on PATH whatever the
    machine's PATH says, because the guest paths in it mean nothing here.
    """
    own = dict(launch.environment)
    path = own.pop("PATH", SYSTEM_PATH)
    return {
        "HOME": str(launch.rootfs / "root"),
        "TMPDIR": str(launch.rootfs / "tmp"),
        "LANG": "C.UTF-8",
        **(defaults or {}),
        **own,
        "PATH": ":".join([*map(str, programs), path, SYSTEM_PATH]),
    }


def directories(launch: Launch, *more: Path) -> Callable[[], None]:
    """Return a prepare step that makes the directories which every image has."""

    def prepare() -> None:
        for folder in (launch.rootfs / "root", launch.rootfs / "tmp", *more):
            folder.mkdir(parents=True, exist_ok=True)

    return prepare


def locate(word: str, environment: Mapping[str, str]) -> str:
    """Return the absolute path of a command word; raise `ImageError` when there is none."""
    found = shutil.which(word, path=environment["PATH"])
    if found is None:
        raise ImageError(
            f'no program "{word}" in this machine; the sandbox has the image\'s own programs and '
            "those of this computer's /usr and /bin"
        )
    return str(Path(found).absolute())
