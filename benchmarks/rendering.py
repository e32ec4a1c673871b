"""How long it takes to render every text of an environment from its loaded settings."""

import time
from statistics import median

import yaml

from benchmarks.harness import ROOT
from benchmarks.table import Row
from components.bundle import make_bundle
from components.validate import load_checked_file
from gateway.database_url import database_url

RUNS = 40
LIMIT_MS = 20.0


def rows() -> list[Row]:
    """Render bundle and DATABASE_URL, against PyYAML's own dump of the same LiteLLM document."""
    settings = load_checked_file(ROOT, "local").settings
    document = yaml.safe_load(make_bundle(settings).litellm_yaml)
    ours: list[float] = []
    dumps: list[float] = []
    for _ in range(RUNS):
        began = time.perf_counter()
        make_bundle(settings)
        database_url(settings, "password")
        middle = time.perf_counter()
        yaml.safe_dump(document, sort_keys=False)
        ours.append((middle - began) * 1000)
        dumps.append((time.perf_counter() - middle) * 1000)
    measured, baseline = median(ours), median(dumps)
    return [
        Row(
            "render all texts",
            f"{measured:.1f} ms",
            f"{baseline:.1f} ms, yaml.safe_dump of the YAML alone",
            measured / baseline,
            f"<= {LIMIT_MS:.0f} ms",
            measured <= LIMIT_MS,
        )
    ]
