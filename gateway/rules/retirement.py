"""Which models their providers retire, and which they may withdraw without much notice."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple

from gateway.models import ModelFacts
from gateway.rules.known_models import KnownModels, known_models
from gateway.subject import WILDCARD, Chain, Subject
from stacks.paths import Path
from stacks.problem import Severity
from stacks.rule import Example, Finding, Rule

SOON_DAYS, EARLY_DAYS = 30, 90
PREVIEW = "-preview"
MAP = "LiteLLM's price map (`deprecation_date`), and what it missed in gateway/models.py"
ACCEPTED = "facts on LiteLLM, section 9: two models of one gateway were retired unnoticed"


class Retired(NamedTuple):
    """A model with the day on which it ends; `sure` where its own provider's entry says so."""

    path: Path
    model: str
    day: date
    days: int
    source: str
    sure: bool
    successor: str | None

    def finding(self) -> Finding:
        """Say when, who says so, and what to use instead."""
        when = f"was retired on {self.day}" if self.days <= 0 else f"is retired on {self.day}"
        left = f", in {self.days} days" if self.days > 0 else ": calls fail"
        instead = f'use "{self.successor}"' if self.successor else "use a model that stays"
        return Finding(
            self.path,
            self.model,
            f"it {when}{left} (source: {self.source})",
            f"{instead}, and prove its chain before that day",
        )


def _retired(subject: Subject) -> Iterator[Retired]:
    """Yield every model with a day: deployments, and names in chains of groups elsewhere."""
    today = subject.configuration.today
    if today == date.min or not (subject.deployments or subject.chains):
        return
    known = known_models(subject)
    for deployment in subject.deployments:
        facts = known.facts(deployment)
        path = (*deployment.path, "litellm_params", "model")
        own = _day(deployment.info.get("deprecation_date"))
        if own is not None and not _ends_surely_before(facts, own):
            successor = facts.successor if facts else None
            days = _days(own, today)
            yield Retired(
                path, deployment.model, own, days, "model_info", sure=True, successor=successor
            )
        elif facts is not None and facts.retires is not None:
            yield _of_catalogue(path, deployment.model, facts, facts.retires, today)
    for path, name in _names_of_chains(subject):
        facts = known.named(name)
        if facts is not None and facts.retires is not None:
            yield _of_catalogue(path, name, facts, facts.retires, today)


def _ends_surely_before(facts: ModelFacts | None, day: date) -> bool:
    if facts is None or facts.retires is None or facts.retires_inferred:
        return False
    return facts.retires < day


def _of_catalogue(path: Path, model: str, facts: ModelFacts, day: date, today: date) -> Retired:
    sure = not facts.retires_inferred
    return Retired(path, model, day, _days(day, today), facts.retires_source, sure, facts.successor)


def _names_of_chains(subject: Subject) -> Iterator[tuple[Path, str]]:
    """Yield each name that no entry of `model_list` has; it is served out of the database."""
    for chain in subject.chains:
        if chain.source not in subject.groups and chain.source != WILDCARD:
            yield chain.path, chain.source
        for position, name in enumerate(chain.targets):
            if name and name not in subject.groups:
                yield chain.at(position), name


def _days(day: date, today: date) -> int:
    return (day - today).days


def _day(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _gone(subject: Subject) -> Iterator[Finding]:
    yield from (found.finding() for found in _retired(subject) if found.sure and found.days <= 0)


def _soon(subject: Subject) -> Iterator[Finding]:
    for found in _retired(subject):
        if found.sure and 0 < found.days < SOON_DAYS:
            yield found.finding()


def _early(subject: Subject) -> Iterator[Finding]:
    for found in _retired(subject):
        if found.days < EARLY_DAYS and (not found.sure or found.days >= SOON_DAYS):
            yield found.finding()


def _preview(subject: Subject) -> Iterator[Finding]:
    known = known_models(subject)
    places = {
        deployment.name: ((*deployment.path, "litellm_params", "model"), deployment.model)
        for deployment in reversed(subject.deployments)
        if PREVIEW in deployment.model
    }
    for path, name in _names_of_chains(subject):
        if PREVIEW in name and known.named(name) is not None:
            places.setdefault(name, (path, name))
    for group, (path, model) in places.items():
        chain = subject.chain_of(group)
        if chain is None or not _leaves_preview(subject, known, chain, group, set(places)):
            yield Finding(
                path,
                model,
                "a preview is withdrawn at short notice, often before any price map knows, and "
                "this group falls to nothing else",
                "use the stable model, or give the group a chain to one",
            )


def _leaves_preview(
    subject: Subject, known: KnownModels, chain: Chain, group: str, previews: set[str]
) -> bool:
    return any(
        name != group and name not in previews
        for name in known.reached(chain, subject.chain_of_hop)
    )


def _model(model: str, today: date) -> Example:
    text = f"model_list:\n- {{model_name: small, litellm_params: {{model: {model}}}}}\n"
    text += "litellm_settings: {request_timeout: 60}\n"
    return Example(litellm=text, today=today)


LITE = "vertex_ai/gemini-3.1-flash-lite"
PREVIEWED = (
    "model_list:\n"
    "- {model_name: pro, litellm_params: {model: vertex_ai/gemini-3.1-pro-preview}}\n"
    "- {model_name: flash, litellm_params: {model: vertex_ai/gemini-3.5-flash}}\n"
    "litellm_settings: {request_timeout: 60}\n"
)
RULES = (
    Rule(
        id="L155",
        title="A model has been retired",
        severity=Severity.ERROR,
        about="model_list.litellm_params.model",
        evidence=(MAP, ACCEPTED),
        remedy="Use its successor.",
        failing=_model("xai/grok-code-fast-1", date(2026, 11, 24)),
        passing=_model("xai/grok-4.3", date(2026, 11, 24)),
        find=_gone,
    ),
    Rule(
        id="L156",
        title="A model is retired within 30 days",
        severity=Severity.WARNING,  # a day that nears must not keep a release from being mended
        about="model_list.litellm_params.model",
        evidence=(MAP, ACCEPTED),
        remedy="Use its successor.",
        failing=_model(LITE, date(2027, 4, 20)),
        passing=_model(LITE, date(2026, 11, 24)),
        find=_soon,
    ),
    Rule(
        id="L157",
        title="A model is retired within 90 days, or a sibling of it was",
        severity=Severity.WARNING,
        about="model_list.litellm_params.model",
        evidence=(MAP, ACCEPTED),
        remedy="Plan its successor.",
        failing=_model(LITE, date(2027, 3, 1)),
        passing=_model(LITE, date(2026, 11, 24)),
        find=_early,
    ),
    Rule(
        id="L158",
        title="A preview model has no chain to a stable one",
        severity=Severity.WARNING,
        about="model_list.litellm_params.model",
        evidence=(ACCEPTED,),
        remedy="Use the stable model, or give the group a chain to one.",
        failing=Example(litellm=PREVIEWED),
        passing=Example(litellm=f"{PREVIEWED}router_settings: {{fallbacks: [{{pro: [flash]}}]}}\n"),
        find=_preview,
    ),
)
