"""Which chains of a running gateway are not the rendered ones, group by group."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.chains import WILDCARD, effective_chain, same_but_for_the_prefix
from gateway.change import ABSENT, Change, same
from gateway.changed_chains import chain_list, targets_change
from gateway.render import CHAIN_KEYS
from gateway.running_view import RunningView

DEFAULT_FALLBACKS: Final = ("litellm_settings", "default_fallbacks")


def chain_differences(view: RunningView, document: Mapping[str, Any]) -> Iterator[Change]:
    """Yield each listed group whose chain is not the one that LiteLLM should find for it.

    Groups that share the chain of `"*"` and lost it together are one difference. How a name is
    looked up is that of the release that runs.
    """
    version = view.details.version
    for key, kind in CHAIN_KEYS.items():
        section, chains = _declared(document, key)
        star_path: tuple[str, ...] = (section, key, WILDCARD)
        if key == "fallbacks" and WILDCARD not in chains:
            default = _default(document)
            chains = chains | ({WILDCARD: default} if default else {})
            star_path = DEFAULT_FALLBACKS
        found, starred = {}, []
        for group, actual in view.chains[kind].items():
            if not _is_rendered(document, group):
                continue
            expected = effective_chain(chains, group, version)
            if _is_starred(chains, group, version):
                starred.append(group)
            if not same(list(expected), list(actual)):
                found[group] = (list(expected) or ABSENT, list(actual) or ABSENT)
        lost = {str(found.get(group)) for group in starred}
        if len(starred) > 1 and len(lost) == 1 and starred[0] in found:
            yield targets_change(star_path, *found[starred[0]])
            found = {group: sides for group, sides in found.items() if group not in starred}
        for group, sides in found.items():
            yield targets_change((section, key, group), *sides)


def _declared(document: Mapping[str, Any], key: str) -> tuple[str, dict[str, Any]]:
    """Return the section whose list counts, and its chains: an empty list is passed over."""
    for name in ("router_settings", "litellm_settings"):
        section = document.get(name)
        read = chain_list(section.get(key)) if isinstance(section, Mapping) else None
        if read is not None and read.chains:
            return name, {s: chain for s, chain in read.chains.items() if isinstance(chain, list)}
    return "router_settings", {}


def _default(document: Mapping[str, Any]) -> list[Any]:
    section = document.get(DEFAULT_FALLBACKS[0])
    value = section.get(DEFAULT_FALLBACKS[1]) if isinstance(section, Mapping) else None
    return value if isinstance(value, list) else []


def _is_starred(chains: Mapping[str, Any], group: str, version: str) -> bool:
    own = group in chains or any(same_but_for_the_prefix(each, group, version) for each in chains)
    return not own and WILDCARD in chains


def _is_rendered(document: Mapping[str, Any], group: str) -> bool:
    """Tell whether the file has this group or alias; others are told as models."""
    models = document.get("model_list")
    router = document.get("router_settings")
    aliases = router.get("model_group_alias") if isinstance(router, Mapping) else None
    rows = models if isinstance(models, list) else []
    names = [row.get("model_name") for row in rows if isinstance(row, Mapping)]
    return group in names or (isinstance(aliases, Mapping) and group in aliases)
