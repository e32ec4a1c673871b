"""The proof as a program of its own, as it is run inside a machine."""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from gateway.proof.asking import gateway_client, new_nonce, steady_clock
from gateway.proof.evidence import canonical, pack, sealed
from gateway.proof.fault_endpoint import FaultEndpoint
from gateway.proof.plan import SCHEMA, read_plan, unpack_plan
from gateway.proof.running import Surroundings, run
from gateway.proof.verdicts import EXIT_CODES, Verdict


def main(argv: Sequence[str]) -> int:
    """Read the plan, prove, print one JSON document; the exit code is the verdict's."""
    options = _options(argv)
    try:
        plan = _plan(options)
        port = read_plan(plan).fault_port
        faults = FaultEndpoint(port) if options.inside else None
        around = Surroundings(options.metrics_url, faults, options.breaker, time.sleep)
        with gateway_client(options.url, timeout_s=plan["request_timeout_s"]) as client:
            evidence = run(
                plan,
                client=client,
                key=os.environ[options.key_env],
                clock=steady_clock(),
                nonce=new_nonce,
                progress=lambda line: print(line, file=sys.stderr, flush=True),  # noqa: T201
                surroundings=around,
            )
    except (OSError, ValueError, LookupError, TypeError, httpx.InvalidURL) as error:
        evidence = evidence_of_none(error, options.url)
    sys.stdout.write((pack(evidence) if options.packed else canonical(evidence)) + "\n")
    return EXIT_CODES[Verdict(evidence["verdict"])]


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="gateway_proof", description="Prove every fallback.")
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--plan", type=Path, help="the plan's file")
    given.add_argument("--plan-json", help="the plan itself")
    given.add_argument("--plan-packed", help="the plan in its small form")
    parser.add_argument("--url", required=True)
    parser.add_argument("--metrics-url")
    parser.add_argument("--key-env", default="LITELLM_MASTER_KEY")
    parser.add_argument("--inside", action="store_true", help="open the proof's own faults")
    parser.add_argument("--breaker", action="store_true", help="prove the circuit breaker too")
    parser.add_argument("--packed", action="store_true", help="print the evidence's small form")
    return parser.parse_args(argv)


def _plan(options: argparse.Namespace) -> Any:
    if options.plan_packed:
        return unpack_plan(options.plan_packed)
    return json.loads(options.plan_json or options.plan.read_text(encoding="utf-8"))


def evidence_of_none(error: Exception, url: str) -> dict[str, Any]:
    """Return the evidence of a proof that did not come to its end."""
    # A UnicodeError is about the key's own characters and is not quoted.
    said = "" if isinstance(error, UnicodeError) else f": {error}"
    return sealed(
        {
            "schema": SCHEMA,
            "verdict": Verdict.ERRORED,
            "reasons": [f"the proof did not come to its end: {type(error).__name__}{said}"],
            "started_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "duration_s": 0.0,
            "url": url,
            "requests": 0,
            "edges": [],
        }
    )
