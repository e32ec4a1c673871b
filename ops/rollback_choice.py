"""To which promotion an environment goes back, and what does not go back with it."""

from collections.abc import Iterator, Sequence
from datetime import date

from components.history import Event, History
from gateway.models import facts_of
from ops.recorded_release import Recorded
from stacks.problem import Problem, ProblemError
from stacks.promotion import Promoted, file_name
from stacks.settings import Settings
from stacks.values import Store

NUMBER_DIGITS = 4
SHORTEST_DIGEST = 6


def chosen(
    environment: str,
    known: Sequence[Promoted],
    *,
    named: Promoted | None,
    serving: str,
    history: History,
    to: str = "",
) -> Promoted:
    """Return the promotion to go back to; `ProblemError` when there is none.

    `known` are the environment's promotions, oldest first; `named` is the one in its file,
    `serving` the bundle that its stack runs. `to` is a number or the first digits of a bundle.
    Without it: a rollback that was interrupted is finished; a promotion that never came to serve
    is taken back; else it is the newest older promotion that was proven there. A second rollback
    goes further back, never forward to what the first one left.
    """
    if to:
        return _asked_for(environment, known, to)
    current = next((each for each in reversed(known) if each.bundle == serving), None)
    if named is not None and current is not None and named.bundle != serving:
        return named if named.number < current.number else current
    here = current or named
    older = [each for each in known if here is not None and each.number < here.number]
    if not older:
        raise ProblemError([_nothing_before(environment, here)])
    proven = {entry.bundle for entry in history.entries if _proved(entry.event, entry.verdict)}
    return next((each for each in reversed(older) if each.bundle in proven), older[-1])


def stays(
    target: Promoted,
    settings: Settings,
    now: Recorded,
    history: History,
    *,
    today: date,
) -> tuple[str, ...]:
    """Return what a rollback cannot take back, in sentences; `settings` are those of `target`."""
    return tuple(_stays(target, settings, now, history, today))


def _stays(
    target: Promoted, settings: Settings, now: Recorded, history: History, today: date
) -> Iterator[str]:
    if settings.store is Store.DATABASE and now.image and now.image != target.image:
        yield (
            f"the database stays as {now.image} migrated it: {target.image} runs on that schema,"
            " and migrations are not undone"
        )
    for model in settings.models:
        facts = facts_of(model.model or model.name, model.provider)
        if facts is not None and facts.retires is not None and facts.retires <= today:
            yield (
                f"{model.name} was retired by its provider on {facts.retires}: it does not come"
                " back, its chain answers"
            )
    version = _secrets_version(history, target.bundle)
    if version is not None and now.secrets_version > version:
        yield (
            f"secrets were set since it served (Fly's version {version}, now"
            f" {now.secrets_version}): the values of today are used"
        )


def _proved(event: str, verdict: str) -> bool:
    return event in {Event.DEPLOY, Event.ADOPTION} and verdict == "passed"


def _secrets_version(history: History, bundle: str) -> int | None:
    """Return the version of the secrets with which a bundle was proven last; None if unknown."""
    for entry in reversed(history.entries):
        if entry.bundle == bundle and _proved(entry.event, entry.verdict):
            version = entry.more.get("secrets_version")
            return version if isinstance(version, int) else None
    return None


def _asked_for(environment: str, known: Sequence[Promoted], to: str) -> Promoted:
    if to.isdigit() and len(to) <= NUMBER_DIGITS:
        found = [each for each in known if each.number == int(to)]
    else:
        digits = to.removeprefix("sha256:")
        enough = len(digits) >= SHORTEST_DIGEST
        found = [each for each in known if enough and each.bundle.startswith(digits)]
    if len({each.bundle for each in found}) != 1:
        raise ProblemError([_no_such(environment, known, to)])
    return found[-1]


def _no_such(environment: str, known: Sequence[Promoted], to: str) -> Problem:
    names = ", ".join(file_name(each.number, each.bundle) for each in known) or "none"
    return Problem(
        f"gateway rollback {environment} --to",
        "rollback.which",
        to,
        f"not one promotion has this number, or these {SHORTEST_DIGEST} or more first digits:"
        f" {names}",
        f"name one of them: gateway rollback {environment} --to NNNN",
    )


def _nothing_before(environment: str, here: Promoted | None) -> Problem:
    told = f"before {here.file}" if here else f"of {environment}"
    return Problem(
        f"environment {environment}",
        "rollback.none",
        "",
        f"there is no promotion {told} that could serve again; nothing was changed",
        f"gateway history {environment} shows what was deployed",
    )
