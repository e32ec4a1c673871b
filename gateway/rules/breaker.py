"""When the circuit breaker (cooldown) of a model group opens, and when it cannot."""

from collections.abc import Iterator

from gateway.effective import ALLOWED_FAILS_OF_3
from gateway.subject import Subject
from stacks.problem import Severity
from stacks.rule import Example, Finding, Put, Rule

ALLOWED_FAILS = ("litellm", "router_settings", "allowed_fails")


def _equal_to_the_default(subject: Subject) -> Iterator[Finding]:
    router = subject.router_settings
    if router.get("allowed_fails") == 3 and not router.get("allowed_fails_policy"):  # noqa: PLR2004 - the module's own default
        yield Finding(
            ALLOWED_FAILS,
            "3",
            f'LiteLLM {subject.version} reads 3 as "not set": a dead group of one deployment is '
            "never cooled down (BerriAI/litellm #40405)",
            "set 2, or give an `allowed_fails_policy`",
            (Put(ALLOWED_FAILS, 2),),
        )


RULES = (
    Rule(
        id="L004",
        title="`allowed_fails: 3` is no circuit breaker",
        severity=Severity.ERROR,
        about="router_settings.allowed_fails",
        evidence=("BerriAI/litellm #40405", "litellm/router_utils/cooldown_handlers.py"),
        remedy="Set 2, or give an `allowed_fails_policy`.",
        failing=Example(litellm="router_settings:\n  allowed_fails: 3\n"),
        passing=Example(litellm="router_settings:\n  allowed_fails: 2\n"),
        find=_equal_to_the_default,
        versions=ALLOWED_FAILS_OF_3.versions,
    ),
)
