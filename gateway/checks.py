"""What is wrong with the LiteLLM side of the settings, all of it at once."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from gateway.budget import budget_of
from gateway.chains import (
    WILDCARD,
    cycles,
    edges,
    general_chains,
    is_served,
    nearest,
    unknown_names,
)
from gateway.server import HIDDEN_OVERRIDES, environment_clashes, pinned_variables
from gateway.settings_rules import RULES
from stacks.paths import Part, spell
from stacks.problem import Problem, Severity
from stacks.settings import Settings

Place = Callable[[str], str]

LEAST_VERSION = (1, 84, 0)
COMPROMISED = {
    "1.82.7": "stole credentials (BerriAI/litellm #24512)",
    "1.82.8": "stole credentials (BerriAI/litellm #24518)",
    "1.107.0": "was a compromised release",
}
COMPROMISED_DIGESTS = {
    "sha256:1bbcb1443bc962e45f5aad53fe3d2c30600e0379715fb6c664cdd3ac126c339e": "1.107.0",
}
KNOWN_GOOD = "1.106.2"


def problems(settings: Settings, place: Place) -> tuple[Problem, ...]:
    """Return errors and warnings, sorted; `place` maps a settings path to where it was written."""
    found = [
        *_rows(settings, place),
        *_versions(settings, place),
        *_models(settings, place),
        *_names(settings, place),
        *_cycles(settings, place),
        *_uncovered(settings, place),
        *_probes(settings, place),
        *_environment(settings, place),
    ]
    return tuple(sorted(found))


def _rows(settings: Settings, place: Place) -> Iterator[Problem]:
    for rule in RULES:
        if not rule.broken(settings):
            continue
        really = rule.really
        budget = budget_of(settings)
        if rule.id == "L023" and budget is not None:
            really += f"; worst {budget.worst}, available {budget.available}"
        yield Problem(
            place=place(spell(rule.path)),
            id=rule.id,
            value=_shown(_at(settings, rule.path)),
            expected=really,
            next_step=rule.next_step,
            severity=rule.severity,
        )


def _versions(settings: Settings, place: Place) -> Iterator[Problem]:
    image = settings.image
    why = COMPROMISED.get(image.version)
    if why is None and _numbers(image.version) < LEAST_VERSION:
        why = "has known vulnerabilities: 1.84.0 is the first without them"
    if why is not None:
        yield Problem(
            place=place("image.version"),
            id="L053",
            value=image.version,
            expected=f"LiteLLM {image.version} {why}",
            next_step=f"set {KNOWN_GOOD}",
        )
    of_digest = COMPROMISED_DIGESTS.get(image.digest or "")
    if of_digest is not None:
        yield Problem(
            place=place("image.digest"),
            id="L053",
            value=str(image.digest),
            expected=f"this is the image of LiteLLM {of_digest}: it {COMPROMISED[of_digest]}",
            next_step=f"take the digest of {KNOWN_GOOD}",
        )
    if image.tag is not None and not _names_version(image.tag, image.version):
        yield Problem(
            place=place("image.tag"),
            id="L054",
            value=image.tag,
            expected=f"a tag that names the version {image.version}: any other one moves",
            next_step=f"leave it out: v{image.version} is taken then",
        )


def _models(settings: Settings, place: Place) -> Iterator[Problem]:
    ids = [str(model.info.get("id", model.id or model.name)) for model in settings.models]
    count = Counter(ids)
    for index, model in enumerate(settings.models):
        if model.provider not in settings.providers:
            near = nearest(model.provider, settings.providers)
            yield Problem(
                place=place(spell(("models", index, "provider"))),
                id="L066",
                value=model.provider,
                expected=f"no provider has this name; declared are {_list(settings.providers)}",
                next_step=_did_you_mean(near, "add it to `providers`"),
            )
        if count[ids[index]] > 1 and ids[index] in ids[:index]:
            yield Problem(
                place=place(spell(("models", index, "name"))),
                id="L065",
                value=model.name,
                expected="another model has this name; one group of two deployments with one id "
                "is no group of two",
                next_step="give each model a name or an `id` of its own, or remove one of them",
            )


def _names(settings: Settings, place: Place) -> Iterator[Problem]:
    groups = [model.name for model in settings.models]
    if not groups and settings.general_settings.store_model_in_db:
        return  # all groups live in the database, and nothing here knows them
    for section, key, chains in _chain_settings(settings):
        for source, position, name in unknown_names(chains, groups):
            path: tuple[Part, ...] = (section, key, source)
            if section == "litellm_settings":
                path = (section, key, position or 0)
            elif position is not None:
                path = (*path, position)
            rest = [t for t in chains[source] if is_served(t, groups)]
            left = f"the chain's others are {_list(rest)}" if rest else "the chain has no other"
            what = "the chain protects nothing" if position is None else left
            yield Problem(
                place=place(spell(path)),
                id="L006",
                value=name,
                expected=f"no model group has this name, and {what}; LiteLLM skips it in silence",
                next_step=_did_you_mean(nearest(name, groups), "add the group to `models`"),
            )
        for source, targets in chains.items():
            if not targets or set(targets) == {source}:
                yield Problem(
                    place=place(spell((section, key, source))),
                    id="L006",
                    value=_list(targets),
                    expected="a chain names at least one other group",
                    next_step="name a target, or remove the chain",
                )


def _cycles(settings: Settings, place: Place) -> Iterator[Problem]:
    for cycle in cycles(settings.router_settings.fallbacks or {}):
        yield Problem(
            place=place(spell(("router_settings", "fallbacks", cycle[0]))),
            id="L064",
            value=" -> ".join([*cycle, cycle[0]]),
            expected="a circle: LiteLLM tries each target once, so its last step rescues nobody",
            next_step="end one of these chains at a group outside the circle",
            severity=Severity.WARNING,
        )


def _uncovered(settings: Settings, place: Place) -> Iterator[Problem]:
    router = settings.router_settings
    general = general_chains(settings)
    for key in ("context_window_fallbacks", "content_policy_fallbacks"):
        chains = getattr(router, key)
        if chains is None or WILDCARD in chains:
            continue
        missing = [name for name in general if name != WILDCARD and name not in chains]
        if missing:
            yield Problem(
                place=place(spell(("router_settings", key))),
                id="L009",
                value=_list(chains),
                expected="once this list exists it alone answers its class of error: "
                f"{_list(missing)} are no longer rescued from it",
                next_step="give these groups an entry here too",
                severity=Severity.WARNING,
            )


def _probes(settings: Settings, place: Place) -> Iterator[Problem]:
    taken = {edge.probe for edge in edges(settings)}
    for index, model in enumerate(settings.models):
        if model.name in taken:
            yield Problem(
                place=place(spell(("models", index, "name"))),
                id="L067",
                value=model.name,
                expected="the fallback proof uses this name for a group of its own",
                next_step="rename the model, or set another `proof.probe_prefix`",
            )


def _environment(settings: Settings, place: Place) -> Iterator[Problem]:
    pinned = {pinned.name: pinned for pinned in pinned_variables(settings)}
    for name, value in environment_clashes(settings).items():
        known = pinned.get(name)
        yield Problem(
            place=place(spell(("server", "environment", name))),
            id="L062",
            value=value,
            expected=f"{known.value} is pinned: {known.why}"
            if known and name not in HIDDEN_OVERRIDES
            else "this variable changes what the settings say without a trace in any file",
            next_step="remove it; what has a setting of its own is changed there",
        )


def _chain_settings(
    settings: Settings,
) -> Iterator[tuple[str, str, dict[str, tuple[str, ...]]]]:
    router = settings.router_settings
    for key in ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks"):
        yield "router_settings", key, getattr(router, key) or {}
    default = settings.litellm_settings.default_fallbacks
    if default:
        yield "litellm_settings", "default_fallbacks", {WILDCARD: default}


def _names_version(tag: str, version: str) -> bool:
    """Tell whether a tag ends with exactly this version: `v1.106.2`, `main-v1.106.2`."""
    return tag.removeprefix("main-").removeprefix("v") in (version, f"{version}-stable")


def _numbers(version: str) -> tuple[int, ...]:
    numbers = version.split("-", maxsplit=1)[0].split(".")[:3]
    return tuple(int(number) for number in numbers)


def _at(settings: Settings, path: tuple[str, ...]) -> Any:
    value: Any = settings
    for part in path:
        value = getattr(value, part, None)
    return value


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return _list(value) if isinstance(value, tuple) else str(value)


def _list(names: Any) -> str:
    return ", ".join(names) or "none"


def _did_you_mean(near: str | None, otherwise: str) -> str:
    return f'did you mean "{near}"? Otherwise {otherwise}' if near else otherwise
