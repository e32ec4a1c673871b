"""What a release's own price map says of each model, reduced to what a gateway is checked with."""

import json
from typing import Any

from tools.litellm_wheel import Wheel

MAP = "litellm/model_prices_and_context_window_backup.json"
COLUMNS = (
    "provider",
    "mode",
    "max_input_tokens",
    "max_output_tokens",
    "input_cost_per_token",
    "output_cost_per_token",
    "vision",
    "function_calling",
    "retires",
)

KEPT = 2  # provider and mode are positions: 0 is one of them


def models(wheel: Wheel, version: str) -> dict[str, Any]:
    """Return `{version, columns, providers, modes, models}`; a model is a row of the columns.

    `provider` and `mode` are positions in their lists; what is unknown is null, and nulls and
    zeros at a row's end are left out.
    """
    entries = {
        name: entry
        for name, entry in json.loads(wheel.resource(MAP)).items()
        if name != "sample_spec" and isinstance(entry, dict) and "/*" not in name
    }
    providers = sorted({str(entry.get("litellm_provider") or "") for entry in entries.values()})
    modes = sorted({str(entry.get("mode") or "") for entry in entries.values()})
    rows = {}
    for name, entry in sorted(entries.items()):
        row = [
            providers.index(str(entry.get("litellm_provider") or "")),
            modes.index(str(entry.get("mode") or "")),
            _number(entry.get("max_input_tokens")),
            _number(entry.get("max_output_tokens")),
            _number(entry.get("input_cost_per_token")),
            _number(entry.get("output_cost_per_token")),
            int(entry.get("supports_vision") is True),
            int(entry.get("supports_function_calling") is True),
            entry.get("deprecation_date"),
        ]
        while len(row) > KEPT and row[-1] in (None, 0):
            row.pop()
        rows[name] = row
    return {
        "version": version,
        "columns": list(COLUMNS),
        "providers": providers,
        "modes": modes,
        "models": rows,
    }


def _number(value: object) -> float | int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if float(value).is_integer() else value
