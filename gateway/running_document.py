"""What a running LiteLLM says of itself, brought into the form of the file it was given."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from gateway.chains import WILDCARD, EdgeKind
from gateway.change import HIDDEN, plain
from gateway.render import CHAIN_KEYS
from gateway.running_view import RunningView
from stacks.extras import REFERENCE

_PARTS = ("model_name", "litellm_params", "model_info")
# Left out of the answer by LiteLLM itself (common_utils/openai_endpoint_utils.py:32 of 1.106.2).
_NOT_TOLD = frozenset(
    {
        "api_key",
        "client_secret",
        "vertex_credentials",
        "vertex_ai_credentials",
        "aws_access_key_id",
        "aws_secret_access_key",
    }
)
# Parameters that decide who is asked and for how long. LiteLLM adds others of its own to every
# deployment, which differ from release to release: of those nothing is concluded.
_TELLING = frozenset(
    {
        "api_base",
        "base_url",
        "custom_llm_provider",
        "max_parallel_requests",
        "max_retries",
        "mock_response",
        "num_retries",
        "order",
        "region_name",
        "request_timeout",
        "rpm",
        "stream_timeout",
        "timeout",
        "tpm",
        "weight",
    }
)
_MASK = "***"  # LiteLLM's masker keeps four characters at either end of a secret
_NOTHING: tuple[Any, ...] = (None, "None", "", [], {})  # the masker writes None as a word
_SCALAR = str | int | float
_GIVEN = frozenset({"db", "config"})  # sources of what somebody set; the others are LiteLLM's own


def as_rendered(view: RunningView, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a rendered configuration that `running_document` answers for."""
    rows = [{key: entry[key] for key in _PARTS if key in entry} for entry in _entries(document)]
    return {"model_list": rows, "router_settings": _router_part(view, document)}


def running_document(view: RunningView, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return models and the router's settings as they run, in the words of `document`.

    What LiteLLM tells in other words (a resolved reference, 1.0 for 1, a key that is masked or
    left out) is put as it was rendered, so that a difference is one. The router's own word counts,
    except for what may be read as not set: there the file's as LiteLLM reads it now.
    """
    return {"model_list": _models(view, document), "router_settings": _router(view, document)}


def aligned(rendered: Any, actual: Any) -> Any:
    """Return `rendered` where `actual` says the same, and where nobody can tell; else `actual`."""
    if isinstance(rendered, Mapping) and isinstance(actual, Mapping):
        kept = {
            key: aligned(item, actual.get(key))
            for key, item in rendered.items()
            if key in actual or item in _NOTHING
        }
        more = {key: item for key, item in actual.items() if key not in rendered and item}
        return kept | more
    if isinstance(rendered, list) and isinstance(actual, list) and len(rendered) == len(actual):
        return [aligned(one, other) for one, other in zip(rendered, actual, strict=True)]
    return rendered if _says_the_same(rendered, actual) else actual


def _says_the_same(rendered: Any, actual: Any) -> bool:
    if isinstance(actual, str) and (actual == HIDDEN or _MASK in actual):
        return True
    if isinstance(rendered, str) and rendered.startswith(REFERENCE):
        return actual not in _NOTHING
    if _is_number(rendered) and _is_number(actual):
        return bool(rendered == actual)
    if isinstance(rendered, _SCALAR) and isinstance(actual, _SCALAR):
        return str(rendered) == str(actual)
    return rendered in _NOTHING and actual in _NOTHING


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _models(view: RunningView, document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the running deployments, those of the file first and in its order."""
    rows = _rows(view, document)
    pairs: dict[int, Mapping[str, Any]] = {}
    entries = _entries(document)
    for belongs in (_is_the_same, _is_of_the_group):
        for index, entry in enumerate(entries):
            own = [row for row in rows if index not in pairs and belongs(entry, row)]
            if own:
                pairs[index] = own[0]
                spent = own if _is_wildcard(entry) else own[:1]
                rows = [row for row in rows if not any(row is each for each in spent)]
    told = [_told(entry, pairs[index]) for index, entry in enumerate(entries) if index in pairs]
    return told + [_reduced(row) for row in rows]


def _entries(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = document.get("model_list")
    rows = found if isinstance(found, list) else []
    return [row for row in rows if isinstance(row, Mapping) and isinstance(_name(row), str)]


def _rows(view: RunningView, document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return LiteLLM's rows without those of aliases, which repeat the group they stand for."""
    declared = {_name(entry) for entry in _entries(document)}
    live = view.live_router.get("model_group_alias")
    aliases = {*_part(_section(document), "model_group_alias"), *_part({"": live}, "")}
    rows = [plain(row) for row in view.deployments]
    return [row for row in rows if _name(row) not in aliases - declared]


def _is_the_same(entry: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Tell whether a row is this deployment: by its id, or else by its model.

    A wildcard's deployment is told once for every model that it is known to serve, with its id.
    """
    own = _part(entry, "model_info").get("id")
    same_id = own is not None and own == _part(row, "model_info").get("id")
    if _is_wildcard(entry):
        return same_id or (own is None and fnmatchcase(str(_name(row)), str(_name(entry))))
    models = [_part(each, "litellm_params").get("model") for each in (entry, row)]
    found = same_id or (own is None and models[0] == models[1])
    return bool(found and _name(entry) == _name(row))


def _is_of_the_group(entry: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    return bool(_name(entry) == _name(row))


def _told(entry: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row in the words of its entry, without what LiteLLM itself adds."""
    rendered, actual = _part(entry, "litellm_params"), _part(row, "litellm_params")
    untold = {key: rendered[key] for key in rendered if key in _NOT_TOLD}
    if _is_wildcard(entry):
        untold |= {key: rendered[key] for key in rendered if key == "model"}
    known = {key: actual[key] for key in actual if key in rendered or key in _TELLING}
    info, running = _part(entry, "model_info"), _part(row, "model_info")
    told = {
        "model_name": _name(entry),
        "litellm_params": aligned(rendered, known | untold),
        "model_info": aligned(info, {key: running[key] for key in running if key in info}),
    }
    return {key: told[key] for key in _PARTS if key in entry}


def _reduced(row: Mapping[str, Any]) -> dict[str, Any]:
    params, info = _part(row, "litellm_params"), _part(row, "model_info")
    return {
        "model_name": _name(row),
        "litellm_params": {k: params[k] for k in params if k == "model" or k in _TELLING},
        "model_info": {key: info[key] for key in ("id", "db_model") if info.get(key)},
    }


def _router_part(view: RunningView, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rendered settings; of the chains those of groups that LiteLLM does not list."""
    section = _section(document)
    return {
        key: _unlisted(value, view) if key in CHAIN_KEYS else value
        for key, value in section.items()
        if key not in CHAIN_KEYS or key in view.live_router
    }


def _router(view: RunningView, document: Mapping[str, Any]) -> dict[str, Any]:
    section = _section(document)
    found: dict[str, Any] = {}
    for key, rendered in section.items():
        live = plain(view.live_router.get(key))
        if key in CHAIN_KEYS:
            found |= {key: _unlisted(live, view)} if key in view.live_router else {}
        elif live is not None and rendered not in _NOTHING and rendered != 0:
            found[key] = aligned(rendered, live)
        elif key in view.router:
            found[key] = aligned(rendered, plain(view.router[key].value))
    for key, setting in view.router.items():
        if key not in section and key not in CHAIN_KEYS and setting.source in _GIVEN:
            found |= {} if setting.value in _NOTHING else {key: plain(setting.value)}
    return found


def _unlisted(chains: Any, view: RunningView) -> Any:
    """Return the chains of groups that /v1/models does not list: of the others it tells more."""
    listed = view.chains[EdgeKind.GENERAL]
    if not isinstance(chains, list):
        return chains
    return [
        entry
        for entry in chains
        if isinstance(entry, Mapping) and not any(key in listed or key == WILDCARD for key in entry)
    ]


def _section(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return _part(document, "router_settings")


def _part(entry: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = entry.get(key)
    return found if isinstance(found, Mapping) else {}


def _name(entry: Mapping[str, Any]) -> Any:
    return entry.get("model_name")


def _is_wildcard(entry: Mapping[str, Any]) -> bool:
    return WILDCARD in str(_name(entry))
