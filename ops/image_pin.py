"""`gateway image pin`: what a tag names now, compared with what is pinned, and written."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gateway.image.judging import problems_with
from gateway.image.reference import NotAReference, Reference, parse_reference
from gateway.image.registry import Registry
from gateway.image.resolved import REVISION_LABEL, VERSION_LABEL, Resolved
from ops.drift_adopt import settings_of
from ops.exit_codes import ExitCode
from ops.image_registry import registry_for, sandbox_of
from ops.output import Output
from ops.project import project_root
from ops.settings import plain_loaded, promotion_settings
from stacks.config_file import PROJECT
from stacks.configuration import Document
from stacks.edit import EditRefused
from stacks.edit_yaml import edited_yaml
from stacks.load import Loaded
from stacks.paths import Path as SettingsPath
from stacks.places import configuration_file
from stacks.problem import Problem, ProblemError
from stacks.rule import Put
from stacks.settings import Settings
from stacks.whole_file import forget_partial, write_whole

COLUMNS = ("image", "reference", "pinned", "the tag names")
DIGITS = 12


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command was asked for."""

    check: bool = False
    dry_run: bool = False
    stores: bool = False


@dataclass(frozen=True, slots=True)
class Pin:
    """One image of an environment: what is pinned, and what its tag names now.

    `setting` is where its digest is kept, `written` the reference there. `wanted`: it is to be
    pinned, not only told of.
    """

    name: str
    setting: SettingsPath
    written: str
    reference: Reference
    wanted: bool
    found: Resolved
    problems: tuple[Problem, ...] = field(default=())

    @property
    def named(self) -> str:
        """The reference without its digest, written out."""
        return str(replace(self.reference, digest=None))

    @property
    def pinned(self) -> str | None:
        """The digest in the settings."""
        return self.reference.digest

    @property
    def fits(self) -> bool:
        """Whether what is pinned is what the tag names, or its part for linux/amd64."""
        return self.pinned in self.found.digests

    @property
    def value(self) -> str:
        """What the setting has to say: a digest, or a whole reference with it."""
        if self.setting[-1] == "digest":
            return self.found.digest
        return f"{self.written.partition('@')[0]}@{self.found.digest}"

    def as_json(self) -> dict[str, Any]:
        """Return its parts as JSON fields."""
        return {
            "image": self.name,
            "reference": self.named,
            "pinned": self.pinned,
            "digest": self.found.digest,
            "platform_digest": self.found.platform_digest,
            "version": self.found.labels.get(VERSION_LABEL),
            "revision": self.found.labels.get(REVISION_LABEL),
            "created": self.found.created or None,
            "moved": self.pinned is not None and not self.fits,
        }


def pin(environment: str, asked: Asked, *, output: Output) -> ExitCode:
    """Pin an environment's images, or compare them; see `ExitCode` for how it can end."""
    root = project_root(Path.cwd())
    promotion = promotion_settings(root, environment)
    if promotion is not None and not asked.check:
        raise ProblemError([_promoted(environment, promotion.source)])
    loaded = plain_loaded(root, environment)
    with registry_for(sandbox_of(root, environment)) as registry:
        pins = tuple(_pins(loaded, asked, registry, output))
    problems = tuple(problem for each in pins for problem in each.problems)
    told = {"environment": environment, "images": [each.as_json() for each in pins]}
    _show(pins, output)
    if problems:
        output.problems(problems, **told, written=False)
        return ExitCode.FINDING if asked.check else ExitCode.FAILED
    if asked.check:
        return _checked(environment, pins, told, output)
    written = _write(root, environment, pins, output, dry_run=asked.dry_run)
    output.answer({**told, "written": written})
    return ExitCode.OK


def _pins(loaded: Loaded, asked: Asked, registry: Registry, output: Output) -> Iterator[Pin]:
    """Ask about each image; the stores' are asked about as well, since they run beside it."""
    settings = loaded.settings
    for name, setting, text, wanted in _images(settings, asked):
        try:
            reference = parse_reference(text)
        except NotAReference as error:
            raise ProblemError([error.problem]) from None
        output.say(f"asking {reference.registry} for {reference.repository}:{reference.named_by}")
        found = registry.resolve(reference)
        problems: tuple[Problem, ...] = ()
        if name == "gateway":
            place = loaded.place("image")
            problems = problems_with(found, settings.image.version, place=place)
        yield Pin(name, setting, text, reference, wanted, found, problems)


def _images(settings: Settings, asked: Asked) -> Iterator[tuple[str, SettingsPath, str, bool]]:
    yield "gateway", ("image", "digest"), settings.image.reference, True
    postgres, redis = settings.postgres, settings.redis
    if postgres is not None and postgres.kind == "single":
        yield "postgres", ("postgres", "image"), postgres.image, asked.stores
    if redis is not None and redis.kind == "app":
        yield "redis", ("redis", "image"), redis.image, asked.stores


def _show(pins: Sequence[Pin], output: Output) -> None:
    output.table(COLUMNS, (_row(each) for each in pins))
    gateway = pins[0].found
    output.show("")
    output.facts(
        (
            ("digest", gateway.digest + (" (an index of platforms)" if gateway.is_index else "")),
            ("linux/amd64", gateway.platform_digest if gateway.is_index else ""),
            ("version", gateway.labels.get(VERSION_LABEL, "the image's labels name none")),
            ("revision", gateway.labels.get(REVISION_LABEL, "")),
            ("created", gateway.created),
        )
    )
    output.show("")


def _row(each: Pin) -> tuple[str, ...]:
    state = "not pinned" if each.pinned is None else _short(each.pinned)
    names = _short(each.found.digest)
    moved = each.pinned is not None and not each.fits
    return (
        each.name,
        each.named,
        state,
        f"{names}, moved" if moved else names,
    )


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:DIGITS]


def _checked(environment: str, pins: Sequence[Pin], told: Any, output: Output) -> ExitCode:
    """Tell which tags moved, and which image that ought to be pinned is not."""
    wrong = []
    for each in pins:
        if each.pinned is not None and not each.fits:
            wrong.append(
                f"{each.name}: {each.reference.tag or 'the tag'} was pushed anew: it names"
                f" {each.found.digest}, and {each.pinned} is pinned"
            )
        elif each.pinned is None and each.wanted:
            wrong.append(f"{each.name}: not pinned; run: gateway image pin {environment}")
    for line in wrong:
        output.show(line)
    if not wrong:
        output.show(f"{environment}: every pinned tag still names what was pinned")
    output.answer({**told, "findings": wrong})
    return ExitCode.FINDING if wrong else ExitCode.OK


def _write(
    root: Path, environment: str, pins: Sequence[Pin], output: Output, *, dry_run: bool
) -> bool:
    """Put the digests into the environment's file, and nothing else; tell whether it was written.

    The settings that the new text gives are read before it is written.
    """
    name = configuration_file(environment)
    file = root / name
    before = file.read_bytes().decode()
    changed = [each for each in pins if each.wanted and each.pinned != each.found.digest]
    try:
        after = edited_yaml(before, [_edit(each) for each in changed])
    except EditRefused as refused:
        raise ProblemError([refused.problem]) from None
    settings_of(root, environment, after)
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), name, name, lineterm="", n=2
    )
    for line in lines:
        output.show(line)
    if after == before:
        output.show(f"{name} has these digests already; nothing was written")
    elif dry_run:
        output.show("with --dry-run nothing was written")
    else:
        forget_partial(root, name)  # of a run that was killed while it wrote
        write_whole(file, after.encode())
        output.show(f"{name} is written; gateway deploy {environment} rolls it out")
    return after != before and not dry_run


def _edit(each: Pin) -> Put:
    first, *rest = each.setting
    return Put((Document.LITELLM, "config", f"{PROJECT}:{first}", *rest), each.value)


def _promoted(environment: str, source: str) -> Problem:
    return Problem(
        f"environment {environment}",
        "image.promoted",
        "",
        f"{environment} deploys what {source} proved, by the very digest that was proven: its image"
        " comes with the promotion, and another digest would be another bundle; nothing was asked"
        " or written",
        f"gateway image pin {source}, deploy it, then: gateway promote {source} {environment}"
        f" (gateway image pin {environment} --check tells whether the tag moved since)",
    )
