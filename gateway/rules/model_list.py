"""Which entries of `model_list` LiteLLM does not start with, drops, or limits nothing by."""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.providers import OWNERS, PROVIDERS
from gateway.rules.quoting import did_you_mean, shown
from gateway.spelling import Speller
from gateway.subject import WILDCARD, Deployment, Subject, mapping, reference, sequence
from stacks.problem import Severity
from stacks.rule import Example, Finding, Rule

ROUTER = "litellm/router.py (set_model_list)"
COUNTS_LIMITS = ("usage-based-routing", "usage-based-routing-v2")


def _shape(subject: Subject) -> Iterator[Finding]:
    for index, entry in enumerate(sequence(subject.top.get("model_list"))):
        path = ("litellm", "model_list", index)
        if not isinstance(entry, Mapping):
            yield Finding(
                path,
                shown(entry),
                "an entry is a mapping with `model_name` and `litellm_params`; LiteLLM does not "
                "start with this one",
                "write `- model_name: ...` and `litellm_params:` below it",
            )
            continue
        name, params = entry.get("model_name"), entry.get("litellm_params")
        if not isinstance(name, str) or not name:
            yield Finding(
                (*path, "model_name"),
                shown(name) if "model_name" in entry else "",
                "LiteLLM does not start with an entry that has no name",
                "write the name that requests ask for",
            )
        if not isinstance(params, Mapping):
            yield Finding(
                (*path, "litellm_params"),
                "",
                "LiteLLM does not start with an entry that has no `litellm_params`",
                "write `litellm_params: {model: provider/model}`",
            )


def _dropped(subject: Subject) -> Iterator[Finding]:
    known = PROVIDERS | _own_providers(subject)
    speller = Speller(known)
    for deployment in subject.deployments:
        path = (*deployment.path, "litellm_params", "model")
        if not deployment.model:
            yield Finding(
                path,
                "",
                "LiteLLM leaves out a deployment without a model, and starts all the same: "
                f'"{deployment.name}" is not served by it',
                "write `model: provider/model`",
            )
            continue
        if _may_be_served(deployment, known):
            continue
        prefix, _, rest = deployment.model.partition("/")
        near = speller.nearest(prefix)
        yield Finding(
            path,
            deployment.model,
            f'LiteLLM knows no provider "{prefix}": it leaves the deployment out with a traceback '
            f'in the log, and starts all the same: "{deployment.name}" is not served by it',
            did_you_mean(
                f"{near}/{rest}" if near else None,
                f"write `openai/{deployment.model}` and an `api_base` for a server that speaks "
                "OpenAI's protocol",
            ),
        )


def _may_be_served(deployment: Deployment, known: frozenset[str]) -> bool:
    params = deployment.params
    if params.get("custom_llm_provider") or params.get("api_base") or params.get("base_url"):
        return True
    model = deployment.model
    prefix, slash, _ = model.partition("/")
    whole_name = not slash or prefix in OWNERS
    return whole_name or prefix in known or WILDCARD in prefix or reference(model) is not None


def _own_providers(subject: Subject) -> frozenset[str]:
    entries = sequence(subject.litellm_settings.get("custom_provider_map"))
    return frozenset(str(mapping(entry).get("provider")) for entry in entries)


def _one_id_twice(subject: Subject) -> Iterator[Finding]:
    first: dict[str, Deployment] = {}
    for deployment in subject.deployments:
        identifier = deployment.info.get("id")
        if not isinstance(identifier, str | int):
            continue
        kept = first.setdefault(str(identifier), deployment)
        if kept is not deployment:
            yield Finding(
                (*deployment.path, "model_info", "id"),
                str(identifier),
                f'entry {kept.index} ("{kept.name}") has this id: the two share one cooldown, one '
                "count of failures and one price",
                "give each deployment an id of its own, or leave `id` out",
            )


def _limits_nothing(subject: Subject) -> Iterator[Finding]:
    router = subject.router_settings
    if router.get("routing_strategy") in COUNTS_LIMITS or _enforces(router):
        return
    for members in subject.groups.values():
        if len(members) != 1:
            continue  # between several deployments they are weights
        for key in ("rpm", "tpm"):
            value = members[0].params.get(key)
            if value is not None:
                yield Finding(
                    (*members[0].path, "litellm_params", key),
                    shown(value),
                    "it is a weight between the deployments of a group, and this one is alone: "
                    "nothing is limited",
                    "remove it, or add `enforce_model_rate_limits` to "
                    "`router_settings.optional_pre_call_checks`",
                )


def _enforces(router: Mapping[str, Any]) -> bool:
    return "enforce_model_rate_limits" in sequence(router.get("optional_pre_call_checks"))


def _one(params: str = "model: xai/grok-4.3", info: str = "") -> str:
    return f"- model_name: grok\n  litellm_params: {{{params}}}\n" + (
        f"  model_info: {{{info}}}\n" if info else ""
    )


def _example(entries: str) -> Example:
    return Example(litellm=f"litellm_settings: {{request_timeout: 60}}\nmodel_list:\n{entries}")


RULES = (
    Rule(
        id="L146",
        title="An entry of `model_list` that LiteLLM does not start with",
        severity=Severity.ERROR,
        about="model_list[]",
        evidence=(ROUTER, "run on 1.106.2: KeyError"),
        remedy="Give it `model_name` and `litellm_params`.",
        failing=_example("- litellm_params: {model: xai/grok-4.3}\n"),
        passing=_example(_one()),
        find=_shape,
    ),
    Rule(
        id="L147",
        title="A deployment that LiteLLM leaves out",
        severity=Severity.ERROR,
        about="model_list[].litellm_params.model",
        evidence=(ROUTER, "facts on LiteLLM, section 1", "run on 1.106.2"),
        remedy="Write `provider/model` with a provider that LiteLLM knows.",
        failing=_example(_one("model: antropic/claude-sonnet-4-6")),
        passing=_example(_one("model: anthropic/claude-sonnet-4-6")),
        find=_dropped,
    ),
    Rule(
        id="L148",
        title="Two deployments have one id",
        severity=Severity.WARNING,
        about="model_list[].model_info.id",
        evidence=(ROUTER,),
        remedy="Give each an id of its own.",
        failing=_example(_one(info="id: a") + _one(info="id: a")),
        passing=_example(_one(info="id: a") + _one(info="id: b")),
        find=_one_id_twice,
    ),
    Rule(
        id="L149",
        title="`rpm` and `tpm` limit nothing",
        severity=Severity.WARNING,
        about="model_list[].litellm_params.rpm",
        evidence=("litellm/router_strategy/simple_shuffle.py", "facts on LiteLLM, section 9 (run)"),
        remedy='Add "enforce_model_rate_limits" to `optional_pre_call_checks`.',
        failing=_example(_one("model: xai/grok-4.3, rpm: 60")),
        passing=_example(
            _one("model: xai/grok-4.3, rpm: 60")
            + "router_settings: {optional_pre_call_checks: [enforce_model_rate_limits]}\n"
        ),
        find=_limits_nothing,
    ),
)
