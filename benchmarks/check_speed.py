"""How long `gateway check` takes, against LiteLLM's own check, and `gateway --help`."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from benchmarks.harness import ROOT
from benchmarks.processes import BenchmarkError, tell
from benchmarks.published import litellm_command
from benchmarks.table import Row, paired_ratio
from components.rules import check
from gateway.from_files import configuration_from_files
from stacks.configuration import DEFAULT_VERSION, Configuration

ORIGINAL = ROOT / "tests" / "unit" / "gateway" / "cases" / "original_litellm_config.yaml"
PROCESSES = 11  # of ours and of its baseline, in turn
RUNS = 20  # inside one process
LARGE_RUNS = 3
WHOLE_S, TIMES_FASTER = 0.35, 100
RULES_MS = 20.0
LARGE_S, GROWTH = 0.2, 15.0  # ten times the models: 10 is linear, the rest is what memory costs
HELP_S = 0.2
FOUND = 2  # `gateway check` ends with it where it has found something

# What `--validate_config` needs to get through the published file: it refuses a Redis without host.
NAMES: Mapping[str, str] = {
    "REDIS_HOST": "127.0.0.1",
    "REDIS_PORT": "9",
    "REDIS_PASSWORD": "none",
    "LITELLM_MASTER_KEY": "sk-bench",
    "POSTHOG_API_KEY": "none",
    "POSTHOG_API_URL": "http://127.0.0.1:9",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
}


def rows() -> list[Row]:
    """Measure whole processes first, then the rules inside this one."""
    return [*_processes(), rules_row(_original()), *large_rows(_of_large(1000), _of_large(10_000))]


def _processes() -> list[Row]:
    gateway = str(Path(sys.executable).with_name("gateway"))
    with tempfile.TemporaryDirectory(prefix="bench-check-") as folder:
        copy = Path(folder) / "litellm_config.yaml"
        copy.write_bytes(ORIGINAL.read_bytes())
        home = {"PATH": os.environ["PATH"], "HOME": folder}
        ours = [gateway, "check", "--config", copy.name]
        theirs = [*litellm_command(DEFAULT_VERSION), "--config", copy.name, "--validate_config"]

        def timed(command: Sequence[str], code: int, environ: Mapping[str, str]) -> float:
            began = time.perf_counter()
            done = subprocess.run(
                command, cwd=folder, env={**home, **environ}, capture_output=True, check=False
            )
            took = time.perf_counter() - began
            if done.returncode != code:
                told = done.stderr.decode(errors="replace").strip()[-1000:]
                raise BenchmarkError(
                    f"`{' '.join(command[-3:])}` ended with {done.returncode}: {told}"
                )
            return took

        for command, code in ((ours, FOUND), ([gateway, "--help"], 0)):
            timed(command, code, {})  # the first run of all compiles what is not yet
        checks, helps, empties = [], [], []
        for _ in range(PROCESSES):
            checks.append(timed(ours, FOUND, {}))
            helps.append(timed([gateway, "--help"], 0, {}))
            empties.append(timed([sys.executable, "-c", "pass"], 0, {}))
        tell("check: `litellm --validate_config` on the same file")
        validated = timed(theirs, 0, NAMES)
    return [check_row(checks, validated), help_row(helps, empties)]


def check_row(ours: Sequence[float], theirs: float) -> Row:
    """Return the row of a whole check; the ratio says how many of ours fit into one of theirs."""
    measured = median(ours)
    times = theirs / measured
    return Row(
        "`gateway check`, whole process",
        f"{measured:.2f} s",
        f"{theirs:.1f} s, `litellm --validate_config` of {DEFAULT_VERSION}",
        times,
        f"<= {WHOLE_S} s, >= {TIMES_FASTER} times",
        measured <= WHOLE_S and times >= TIMES_FASTER,
        "the published configuration: theirs finds it well, ours finds what is wrong with it;"
        " the ratio is baseline over measured",
    )


def help_row(ours: list[float], empties: list[float]) -> Row:
    """Return the row of the command's own start."""
    measured = median(ours)
    return Row(
        "`gateway --help`, whole process",
        f"{measured:.2f} s",
        f"{median(empties):.2f} s, `python -c pass`",
        paired_ratio(ours, empties),
        f"<= {HELP_S} s",
        measured <= HELP_S,
    )


def _original() -> tuple[list[float], list[float]]:
    """Return milliseconds of all rules on the published file, and of reading it, in turn."""
    text = ORIGINAL.read_text(encoding="utf-8")
    given = configuration_from_files(litellm=yaml.safe_load(text))
    check(given)
    rules, reads = [], []
    for _ in range(RUNS):
        rules.append(_seconds(lambda: check(given)) * 1000)
        reads.append(_seconds(lambda: yaml.safe_load(text)) * 1000)
    return rules, reads


def rules_row(measured: tuple[list[float], list[float]]) -> Row:
    """Return the row of the rules alone, against PyYAML's reading of the same file."""
    rules, reads = measured
    return Row(
        "all rules, the published configuration",
        f"{median(rules):.1f} ms",
        f"{median(reads):.1f} ms, yaml.safe_load of it",
        paired_ratio(rules, reads),
        f"<= {RULES_MS:.0f} ms",
        median(rules) <= RULES_MS,
    )


def _of_large(models: int) -> float:
    given = large(models)
    return min(_seconds(lambda: check(given)) for _ in range(LARGE_RUNS))


def large_rows(thousand: float, ten_thousand: float) -> list[Row]:
    """Return the rows of 1,000 and of 10,000 models, each with a chain of two targets."""
    return [
        Row(
            "all rules, 1,000 models and chains",
            f"{thousand:.2f} s",
            f"{ten_thousand:.2f} s, 10,000 of them",
            thousand / ten_thousand,
            f"<= {LARGE_S} s",
            thousand <= LARGE_S,
        ),
        Row(
            "all rules, 10,000 models and chains",
            f"{ten_thousand:.2f} s",
            f"{thousand:.2f} s, 1,000 of them",
            ten_thousand / thousand,
            f"<= {GROWTH:.0f}",
            ten_thousand / thousand <= GROWTH,
            "the growth with the number of models: 10 is linear",
        ),
    ]


def large(models: int) -> Configuration:
    """Return a configuration of so many models at seven providers, each with a chain of two."""

    def name(number: int) -> str:
        number %= models
        return f"provider-{number % 7}/model-{number}"

    entries: list[dict[str, Any]] = [
        {
            "model_name": name(number),
            "litellm_params": {"model": name(number), "api_key": "os.environ/KEY"},
        }
        for number in range(models)
    ]
    chains = [{name(n): [name(n + 1), name(n * 7 + 3)]} for n in range(models)]
    document = {
        "model_list": entries,
        "router_settings": {"fallbacks": chains, "allowed_fails": 2, "num_retries": 0},
        "litellm_settings": {"request_timeout": 60},
    }
    return configuration_from_files(litellm=document)


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
