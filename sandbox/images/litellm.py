"""How the LiteLLM image's processes start: the real proxy in its version's own environment."""

from dataclasses import dataclass
from pathlib import Path

from sandbox.images.surroundings import directories, locate, machine_environment
from sandbox.interfaces import ImageReference, Launch, ProcessSpec

ENTRYPOINT = "prod_entrypoint.sh"  # the image's own; it hands its words to `litellm`
DEFAULTS = {
    "LITELLM_MODE": "PRODUCTION",  # in development mode the proxy reads a .env file
    "PYTHONUNBUFFERED": "1",
}


@dataclass(slots=True)
class LiteLLMImage:
    """One LiteLLM version; `environment` is the folder that `install` made for it.

    Without `--host` the proxy listens on the machine's address: the image listens on all
    addresses of its own network, and here all machines share one.
    """

    reference: ImageReference
    version: str
    environment: Path

    def process(self, launch: Launch) -> ProcessSpec:
        """Start the proxy with the command's options, or the program that the command names."""
        words = list(launch.command)
        if words and Path(words[0]).name == ENTRYPOINT:
            words = words[1:]
        if not words or words[0].startswith("-"):
            words = ["litellm", *(words or ["--port", "4000"])]
        if words[0] == "litellm" and not _has_option(words, "--host"):
            words += ["--host", launch.address]
        return self.exec_process(launch, tuple(words))

    def exec_process(self, launch: Launch, command: tuple[str, ...]) -> ProcessSpec:
        """Run a command with the version's Python and programs first on PATH."""
        programs = self.environment / "bin"
        environment = machine_environment(launch, [programs], DEFAULTS)
        word, *rest = command
        if word == "litellm":
            argv = [str(programs / "python"), str(programs / "litellm"), *rest]
        else:
            argv = [locate(word, environment), *rest]
        folder = launch.rootfs / "app"
        return ProcessSpec(tuple(argv), environment, folder, directories(launch, folder))


def _has_option(words: list[str], option: str) -> bool:
    return any(word == option or word.startswith(f"{option}=") for word in words)
