"""What `gateway check ENV` reads: an environment's typed settings, with the places of each."""

from datetime import date
from functools import cached_property
from pathlib import Path as FilePath

from components.configuration import settings_path
from components.next_steps import next_step
from components.promoted import definition_of
from components.validate import configuration_as_deployed, settings_problems, spellings
from ops.check_input import Input, Location
from ops.check_report import location
from stacks.config_file import PROJECT, read_config_file
from stacks.load import Loaded, load_settings
from stacks.paths import Path, parse
from stacks.places import DEFINITION_FILE, configuration_file
from stacks.source import Source
from stacks.source_yaml import read_yaml


def input_from_environment(root: FilePath, environment: str, *, today: date) -> Input:
    """Read an environment of the project at `root`; `ProblemError` if its shape is not right.

    No secret's value is asked for: that all are there is what a deployment looks after.
    """
    raw = read_config_file(root, environment)
    loaded = load_settings(environment, raw, definition=definition_of(root, environment, raw))
    configuration = configuration_as_deployed(loaded.settings, today=today)
    places = _SettingsPlaces(root / configuration_file(environment), loaded)
    return Input(
        configuration=configuration,
        locate=places.locate,
        files=(configuration_file(environment), DEFINITION_FILE),
        version_from="image.version",
        spellings=places.spellings,
        problems=(*loaded.warnings, *settings_problems(loaded.settings, loaded.place)),
        next_step=next_step,
    )


class _SettingsPlaces:
    """Where a path of a configuration stands in the settings that it was made of."""

    def __init__(self, file: FilePath, loaded: Loaded) -> None:
        self.file = file
        self.loaded = loaded

    def locate(self, path: Path) -> Location:
        """Return the place of the setting behind `path`; a line where the file has one."""
        at = location(self.loaded.place(settings_path(path, self.loaded.settings)))
        namespace = f"{PROJECT}:"
        if at.file != self.file.name or not at.key.startswith(namespace):
            return at
        first, *rest = parse(at.key.removeprefix(namespace))
        place = self._source.place(("config", f"{namespace}{first}", *rest))
        return Location(at.file, place.line, place.column, at.key)

    def spellings(self, path: Path) -> tuple[str, ...]:
        """Return what a suppression may call the place: the setting, or LiteLLM's own key."""
        return spellings(path, self.loaded.settings)

    @cached_property
    def _source(self) -> Source:
        return read_yaml(self.file.read_bytes(), self.file.name)
