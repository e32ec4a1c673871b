"""Which sections of LiteLLM's file have another shape than LiteLLM reads."""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.subject import Subject
from stacks.problem import Severity
from stacks.rule import Example, Finding, Rule

MAPPINGS = (
    "litellm_settings",
    "general_settings",
    "router_settings",
    "environment_variables",
    "callback_settings",
    "mcp_servers",
)
LISTS = ("model_list", "guardrails", "credential_list", "search_tools", "include")
INNER_MAPPINGS = (
    ("litellm_settings", "cache_params"),
    ("router_settings", "retry_policy"),
    ("router_settings", "allowed_fails_policy"),
    ("router_settings", "model_group_retry_policy"),
    ("router_settings", "model_group_alias"),
)


def _other_shape(subject: Subject) -> Iterator[Finding]:
    for name in MAPPINGS:
        written = subject.top.get(name)
        if written is not None and not isinstance(written, Mapping):
            yield _finding((name,), written, "a mapping", "write `key: value` lines below it")
    for name in LISTS:
        written = subject.top.get(name)
        if written is not None and not isinstance(written, list | tuple):
            yield _finding((name,), written, "a list", "begin each of its entries with `- `")
    for section, name in INNER_MAPPINGS:
        values = subject.top.get(section)
        written = values.get(name) if isinstance(values, Mapping) else None
        if written is not None and not isinstance(written, Mapping):
            yield _finding(
                (section, name), written, "a mapping", "write `key: value` lines below it"
            )


def _finding(path: tuple[str, ...], written: Any, shape: str, next_step: str) -> Finding:
    return Finding(
        ("litellm", *path),
        _shape_of(written),
        f"LiteLLM reads {shape} here: it does not start with another shape, or does not look at it",
        next_step,
    )


def _shape_of(written: Any) -> str:
    if isinstance(written, Mapping):
        return "a mapping"
    if isinstance(written, list | tuple):
        return "a list"
    return "a text" if isinstance(written, str) else "a single value"


RULES = (
    Rule(
        id="L140",
        title="A section has another shape than LiteLLM reads",
        severity=Severity.ERROR,
        about="every section",
        evidence=("litellm/proxy/proxy_server.py (load_config)",),
        remedy="Write a mapping, or a list, as the section asks for.",
        failing=Example(litellm="router_settings:\n- num_retries: 1\n"),
        passing=Example(litellm="router_settings:\n  num_retries: 1\n"),
        find=_other_shape,
    ),
)
