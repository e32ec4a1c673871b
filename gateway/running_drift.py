"""Where a running LiteLLM is not what was rendered for it, and what its next sync makes of it."""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.change import ABSENT, Change, Kind, masked, plain, same, shown_value
from gateway.changes import differences, folded
from gateway.client import Setting
from gateway.deviation import Deviation, Verdict, Winner, outlook_of
from gateway.effective import DEFAULT_FALLBACKS_LOST
from gateway.keys import known_keys
from gateway.running_chains import DEFAULT_FALLBACKS, chain_differences
from gateway.running_document import aligned, as_rendered, running_document
from gateway.running_view import NO_DATABASE, RunningView
from stacks.extras import REFERENCE
from stacks.paths import Path, spell

# What readiness calls the callbacks that settings can switch on: a name, or the class it became.
_CALLBACKS = {"prometheus": {"PrometheusLogger"}, "posthog": {"posthog", "PostHogLogger"}}
_CALLBACK_KEYS = ("callbacks", "success_callback")
_DEFAULT_CACHE = "redis"  # what `cache: true` alone means


def asked_by_name(rendered: Any) -> tuple[str, ...]:
    """Return the general settings that `read_view` should ask for; never those that are secret."""
    general = _section(rendered, "general_settings")
    return tuple(
        key
        for key, value in general.items()
        if not (isinstance(value, str) and value.startswith(REFERENCE))
    )


def deviations(
    view: RunningView, rendered: Any, *, version: str, probe_prefix: str = "proof"
) -> tuple[Deviation, ...]:
    """Compare what the gateway says with the parsed YAML that was rendered for it.

    `version` is the pinned release; who wins is told for the one that runs. Secrets are compared
    by nobody: LiteLLM does not show them. Nothing is concluded from what LiteLLM does not tell
    (docs/drift.md lists it).
    """
    tree = plain(rendered)
    document = tree if isinstance(tree, Mapping) else {}
    there, here = as_rendered(view, document), running_document(view, document)
    found = (*differences(there, here), *chain_differences(view, document))
    return (
        *_of_process(view, document, version),
        *(_deviation(view, each) for each in folded(found, probe_prefix)),
        *_of_general(view, document),
    )


def _deviation(view: RunningView, each: Change) -> Deviation:
    verdict = Verdict.DRIFTED
    if each.before is None:
        verdict = Verdict.UNMANAGED
    elif each.after is None:
        verdict = Verdict.MISSING
    winner, outlook = outlook_of(view, in_database=_is_in_database(view, each))
    if each.path == DEFAULT_FALLBACKS and each.after is None and view.has_database:
        verdict, winner, outlook = Verdict.SHADOWED, Winner.FILE, DEFAULT_FALLBACKS_LOST.effect
    return Deviation(each.path, each.before, each.after, verdict, winner, each.sentence, outlook)


def _is_in_database(view: RunningView, each: Change) -> bool:
    if each.before is not None:
        return False
    if each.kind in (Kind.MODEL, Kind.DEPLOYMENT):
        rows = each.after if isinstance(each.after, list) else [each.after]
        return all(_section(row, "model_info").get("db_model") for row in rows)
    setting = view.router.get(str(each.path[1])) if len(each.path) > 1 else None
    return setting is not None and setting.source == "db"


def _of_process(
    view: RunningView, document: Mapping[str, Any], version: str
) -> Iterator[Deviation]:
    """Yield what is wrong with the process itself: its release, database, cache and callbacks."""
    details = view.details
    if details.version != version:
        said = f"the gateway runs LiteLLM {details.version} in place of {version}"
        outlook = "the machine keeps its image until a deploy replaces it"
        path: Path = ("image", "version")
        yield _about_process(path, version, details.version, said, outlook)
    wanted = _section(document, "general_settings").get("database_url") is not None
    path = ("general_settings", "database_url")
    if wanted and not view.has_database:
        said = "LiteLLM runs without the database that the file declares"
        outlook = "it never connects by itself once it has started: restart the machine"
        yield _about_process(path, "connected", NO_DATABASE, said, outlook)
    elif view.has_database and not wanted:
        said = "LiteLLM has a database that the file does not declare"
        outlook = (
            "the environment of the machine names it; its values hold where the file is silent"
        )
        yield _about_process(path, None, details.db, said, outlook)
    yield from _of_cache(view, document)
    yield from _of_callbacks(view, document)


def _about_process(path: Path, rendered: Any, actual: Any, said: str, outlook: str) -> Deviation:
    verdict = Verdict.DRIFTED if rendered is not None else Verdict.UNMANAGED
    return Deviation(path, rendered, actual, verdict, Winner.PROCESS, said, outlook)


def _of_cache(view: RunningView, document: Mapping[str, Any]) -> Iterator[Deviation]:
    section = _section(document, "litellm_settings")
    if section.get("cache") is not True:
        return
    kind = _section(section, "cache_params").get("type", _DEFAULT_CACHE)
    actual = view.details.cache
    if actual == kind or isinstance(actual, Mapping):  # a semantic cache tells of its index
        return
    path: Path = ("litellm_settings", "cache_params", "type")
    said = f"LiteLLM caches answers in {actual or 'nothing'} in place of {kind}"
    winner, outlook = outlook_of(view)
    yield Deviation(path, kind, actual, Verdict.DRIFTED, winner, said, outlook)


def _of_callbacks(view: RunningView, document: Mapping[str, Any]) -> Iterator[Deviation]:
    """Yield each callback that is declared, does not run, and would be told if it did."""
    section = _section(document, "litellm_settings")
    for key in _CALLBACK_KEYS:
        declared = section.get(key)
        for name in [declared] if isinstance(declared, str) else declared or ():
            runs_as = _CALLBACKS.get(name) if isinstance(name, str) else None
            if runs_as is not None and not runs_as & set(view.details.callbacks):
                said = f"callback {name} does not run"
                winner, outlook = outlook_of(view)
                path: Path = ("litellm_settings", key)
                yield Deviation(path, name, None, Verdict.MISSING, winner, said, outlook)


def _of_general(view: RunningView, document: Mapping[str, Any]) -> Iterator[Deviation]:
    """Yield what database and file say differently of the settings that the admin page edits."""
    known = known_keys(view.details.version)
    for name, setting in (view.general or {}).items():
        is_general = name in known.general_settings or name not in known.litellm_settings
        path: Path = ("general_settings" if is_general else "litellm_settings", name)
        rendered = _section(document, str(path[0])).get(name, ABSENT)
        in_database = setting.source == "db" or bool(
            setting.source is None and setting.stored_in_db
        )
        found = _of_setting(path, rendered, setting, in_database=in_database)
        if found is not None:
            verdict, said = found
            only_there = in_database and rendered is ABSENT
            winner, outlook = outlook_of(view, in_database=only_there)
            values = masked(path, rendered), masked(path, plain(setting.value))
            yield Deviation(path, *values, verdict, winner, f"{spell(path)} {said}", outlook)


def _of_setting(
    path: Path, rendered: Any, setting: Setting, *, in_database: bool
) -> tuple[Verdict, str] | None:
    actual = plain(setting.value)
    if rendered is ABSENT:
        if in_database or setting.source == "config":
            return Verdict.UNMANAGED, f"is {shown_value(path, actual)}, and no setting says so"
    elif setting.source == "unset":
        return Verdict.MISSING, f"is not set (rendered: {shown_value(path, rendered)})"
    elif not same(rendered, aligned(rendered, actual)):
        values = shown_value(path, actual), shown_value(path, rendered)
        return Verdict.DRIFTED, f"is {values[0]} in place of {values[1]}"
    elif setting.stored_in_db and setting.source == "config":
        return Verdict.SHADOWED, "is the file's; the database holds a value too, which is not used"
    return None


def _section(document: Any, name: str) -> Mapping[str, Any]:
    found = document.get(name) if isinstance(document, Mapping) else None
    return found if isinstance(found, Mapping) else {}
