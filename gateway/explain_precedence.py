"""Where a fallback can come from, in the order in which LiteLLM asks, and what each place says."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from gateway.effective_proxy import FILE_BEATS_DATABASE
from gateway.explain_lookup import Lookup
from gateway.subject import Chain, Subject
from stacks.paths import Path, spell
from stacks.versions import Holds


class State(StrEnum):
    """What a place does for this group.

    DECIDES: the first that is known to have a chain. SILENT: says nothing about this group, or
    another place decides before it. UNKNOWN: no file says; it holds what callers or the database
    say at the moment of the request. LOST: it is written down and never takes effect.
    """

    DECIDES = "decides"
    SILENT = "silent"
    UNKNOWN = "unknown"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Place:
    """One place; `path` is where it stands in the files, None where it stands in none."""

    name: str
    state: State
    says: str
    path: Path | None = None


def precedence(lookup: Lookup, group: str) -> tuple[Place, ...]:
    """Return every place, the first that LiteLLM asks first.

    (litellm/proxy/proxy_server.py _get_hierarchical_router_settings, route_llm_request.py,
    router_utils/fallback_event_handlers.py, 1.106.2.) LiteLLM takes the first one that has
    anything for the request; nothing is merged.
    """
    return tuple(_places(lookup, group))


def has_database(subject: Subject) -> bool:
    """Tell whether keys, teams and settings can stand in a database."""
    return bool(subject.general_settings.get("database_url")) or (
        "DATABASE_URL" in subject.environment
        or "DATABASE_URL" in (subject.configuration.secrets or ())
    )


def _places(lookup: Lookup, group: str) -> Iterator[Place]:
    subject = lookup.subject
    yield Place(
        "the request's own `fallbacks`",
        State.UNKNOWN,
        "any caller may send a list, or `disable_fallbacks: true`",
    )
    if has_database(subject):
        yield Place(
            "the key's `router_settings`",
            State.UNKNOWN,
            "stands in the database; a key that has any hides its team's",
        )
        yield Place("the team's `router_settings`", State.UNKNOWN, "stands in the database")
    else:
        nothing = "no database, so there are neither keys nor teams"
        yield Place("the key's or its team's `router_settings`", State.SILENT, nothing)
    own, star = lookup.general.specific(group), lookup.general.any()
    yield _list(subject, group, own)
    yield _star(star, decided=own is not None)
    yield from _default(subject, star)
    yield from _shadowed(subject)


def _list(subject: Subject, group: str, own: Chain | None) -> Place:
    name = "the router's list"
    in_file = any("fallbacks" in s for s in (subject.router_settings, subject.litellm_settings))
    if not in_file and has_database(subject):
        said = "the file has no `fallbacks`: a row in the database may"
        return Place(name, State.UNKNOWN, said)
    overruled = (
        FILE_BEATS_DATABASE.versions.hold(subject.version) is Holds.NO
        and has_database(subject)
        and subject.general_settings.get("store_model_in_db") is True
    )
    doubt = ", unless a row in the database overrules the file" if overruled else ""
    if own is None:
        return Place(name, State.SILENT, f"has no entry for {group}{doubt}")
    return Place(name, State.DECIDES, _arrow(own) + doubt, own.path)


def _star(star: Chain | None, *, decided: bool) -> Place:
    name = '"*" in that list'
    if star is None:
        return Place(name, State.SILENT, "there is none")
    after = "; asked only for groups without an entry" if decided else ""
    state = State.SILENT if decided else State.DECIDES
    return Place(name, state, _arrow(star) + after, star.path)


def _default(subject: Subject, star: Chain | None) -> Iterator[Place]:
    for chain in subject.chains:
        if chain.key != "default_fallbacks":
            continue
        if star is not None and star.path == chain.path:
            said, state = 'becomes "*" when LiteLLM starts', State.SILENT
        elif subject.default_fallbacks_are_lost:
            said, state = "dropped at the first sync with the database", State.LOST
        else:
            said, state = "another `default_fallbacks` is taken", State.LOST
        yield Place(spell(chain.path[1:]), state, said, chain.path)


def _shadowed(subject: Subject) -> Iterator[Place]:
    if "fallbacks" in subject.router_settings and subject.litellm_settings.get("fallbacks"):
        path = ("litellm", "litellm_settings", "fallbacks")
        said = "the router's list replaces it whole"
        yield Place("litellm_settings.fallbacks", State.LOST, said, path)


def _arrow(chain: Chain) -> str:
    return f"{chain.source} -> {', '.join(chain.targets) or 'nothing'}"
