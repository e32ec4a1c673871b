"""What is known of each model: limits, prices, capabilities, and when its provider retires it.

The rows come from a LiteLLM release's own price map (`python -m tools.litellm_tables --models`);
retirements that the map missed stand here, each with its source.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

TABLE = Path(__file__).parent / "data" / "models.json"


class Retirement(NamedTuple):
    """A retirement that somebody announced; `successor` is what its provider names instead."""

    day: date
    successor: str
    source: str


RETIREMENTS: Mapping[str, Retirement] = {
    "xai/grok-code-fast-1": Retirement(
        date(2026, 8, 15),
        "xai/grok-4.3",
        "an operator's published investigation (May 2026); LiteLLM 1.106.2's map has no day",
    ),
    "vertex_ai/gemini-3.1-flash-lite-preview": Retirement(
        date(2026, 5, 25),
        "vertex_ai/gemini-3.1-flash-lite",
        "an operator's published investigation (May 2026), and the map at gemini/",
    ),
}
"""What took down gateways although no price map said so."""

SIBLINGS: Mapping[str, str] = {"vertex_ai": "gemini", "gemini": "vertex_ai"}
"""Providers that serve one maker's models under one name, and retire them about the same day."""

_FAMILIES = ("vertex_ai", "fireworks_ai", "bedrock")
_REGIONS = ("us.", "eu.", "apac.", "global.", "us-gov.", "jp.", "au.")


class ModelFacts(NamedTuple):
    """One model; None is unknown. Limits are tokens, prices dollars per token.

    `retires` is the earliest day that a source on this very model names and `retires_source` which
    one that was. `retires_inferred` is True where there is none, and only a sibling provider's
    entry names a day.
    """

    name: str
    provider: str
    mode: str
    max_input_tokens: int | None
    max_output_tokens: int | None
    input_cost_per_token: float | None
    output_cost_per_token: float | None
    vision: bool
    function_calling: bool
    retires: date | None = None
    retires_source: str = ""
    retires_inferred: bool = False
    successor: str | None = None


class Catalogue(Mapping[str, ModelFacts]):
    """Every model of the map by its name there; a row is read when it is asked for."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self.version: str = table["version"]
        self._rows: Mapping[str, str] = table["models"]
        self._providers: list[str] = table["providers"]
        self._modes: list[str] = table["modes"]
        self._columns: int = len(table["columns"])

    def __getitem__(self, name: str) -> ModelFacts:
        row = self._row(name)
        if not row:
            raise KeyError(name)
        row += [None] * (self._columns - len(row))
        _, mode, max_input, max_output, input_cost, output_cost, vision, tools, _ = row
        provider = self._family(name)
        day, source, inferred, successor = self._retirement(name, provider)
        return ModelFacts(
            name=name,
            provider=provider,
            mode=self._modes[mode],
            max_input_tokens=max_input,
            max_output_tokens=max_output,
            input_cost_per_token=input_cost,
            output_cost_per_token=output_cost,
            vision=bool(vision),
            function_calling=bool(tools),
            retires=day,
            retires_source=source,
            retires_inferred=inferred,
            successor=successor,
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def _retirement(self, name: str, family: str) -> tuple[date | None, str, bool, str | None]:
        bare = name.rpartition("/")[2]
        announced = RETIREMENTS.get(name) or RETIREMENTS.get(f"{family}/{bare}")
        found: list[tuple[bool, date, str]] = []
        if announced is not None:
            found.append((False, announced.day, announced.source))
        own = self._day(name)
        if own is not None:
            found.append((False, own, f"the price map of LiteLLM {self.version}"))
        relatives = {family, SIBLINGS.get(family, family)}
        for other in (f"{SIBLINGS.get(family)}/{bare}", bare):
            day = self._day(other)
            if day is not None and other != name and self._family(other) in relatives:
                found.append((True, day, f"the price map of LiteLLM {self.version}, at {other}"))
        if not found:
            return None, "", False, None
        inferred, day, source = min(found)
        return day, source, inferred, announced.successor if announced else None

    def _family(self, name: str) -> str:
        return _family(self._providers[self._row(name)[0]])

    def _row(self, name: str) -> list[Any]:
        row: list[Any] = json.loads(self._rows[name]) if name in self._rows else []
        return row

    def _day(self, name: str) -> date | None:
        row = self._row(name)
        text = row[self._columns - 1] if len(row) == self._columns else None
        try:
            return date.fromisoformat(text) if isinstance(text, str) else None
        except ValueError:
            return None


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """Return every model that is known; the table is read at the first call."""
    return Catalogue(_table(TABLE.read_text("utf-8")))


def _table(text: str) -> dict[str, Any]:
    """Return the table with its rows as texts: of 4,500 a check reads a dozen.

    Each stands on a line of its own, as `"name":[...],`.
    """
    head, begin, rows = text.partition('"models":{\n')
    table: dict[str, Any] = json.loads(f"{head}{begin}}}}}")
    lines = (line.partition('":') for line in rows.splitlines() if line.startswith('"'))
    table["models"] = {name[1:]: row.rstrip(",") for name, _, row in lines}
    return table


def facts_of(model: str, provider: str) -> ModelFacts | None:
    """Return what is known of `litellm_params.model`, found by the names that LiteLLM tries.

    `model` may have its provider as prefix or not, and `provider` may be `""`. The whole name
    comes first, then the bare one, then the bare one without a Bedrock region; an entry of
    another provider does not count. None for a model that the map does not know.
    """
    known = catalogue()
    bare = model.removeprefix(f"{provider}/") if provider else model
    without_region = next((bare.removeprefix(r) for r in _REGIONS if bare.startswith(r)), bare)
    for name in (f"{provider}/{bare}", model, bare, f"{provider}/{without_region}", without_region):
        if name in known:
            found = known[name]
            if not provider or not found.provider or found.provider == _family(provider):
                return found
    return None


def _family(provider: str) -> str:
    """Return the provider without what LiteLLM's map adds: `vertex_ai-anthropic_models`."""
    return next((family for family in _FAMILIES if provider.startswith(family)), provider)
