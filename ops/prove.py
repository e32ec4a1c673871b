"""`gateway prove`: the fallback proof on a deployed gateway, through its public address."""

import time
from typing import Any

from components.bundle import make_bundle
from gateway import proof
from gateway.events.posthog import PostHog, posthog_client
from gateway.events.waiting import read_events
from gateway.proof_plan import proof_plan
from ops.deployed import DIGEST_SHOWN, EDGE_COLUMNS, Deployed, edges_of
from ops.evidence import keep_asked
from ops.exit_codes import ExitCode
from ops.output import Output
from ops.settings import checked_settings
from ops.stack import open_stack
from stacks.problem import Problem, ProblemError, Severity
from stacks.settings import Settings

SHOWN_REASONS = 10
LIVE = "live"


def prove(environment: str, *, breaker: bool = False, output: Output) -> ExitCode:
    """Prove every declared fallback now; write and show the evidence.

    `breaker`: the circuit breaker too, which takes as long as it stays open. Ends with FINDING when
    a fallback was not proven and with FAILED when the proof itself broke.
    """
    if breaker and environment == LIVE:
        raise ProblemError([_no_breaker_on_live()])
    stack = open_stack(environment, say=output.say)
    deployed = Deployed(stack.need_outputs(secrets=True))
    settings = checked_settings(stack.root, environment).settings
    plan = proof_plan(settings)
    wanted = make_bundle(settings).digest
    if wanted != deployed.digest:
        output.say(_other_release(environment, wanted, deployed.digest).render())
    with proof.gateway_client(deployed.url, timeout_s=plan["request_timeout_s"]) as client:
        evidence = proof.run(
            plan,
            client=client,
            key=deployed.key,
            clock=proof.steady_clock(),
            nonce=proof.new_nonce,
            progress=output.say,
            surroundings=proof.Surroundings(breaker=breaker, sleep=time.sleep),
        )
    evidence = _with_events(settings, deployed, evidence, output)
    file = keep_asked(
        stack.root,
        settings,
        deployed=deployed,
        plan_bundle=wanted,
        plan=plan,
        evidence=evidence,
        say=output.say,
    )
    shown = str(file.relative_to(stack.root) if file.is_relative_to(stack.root) else file)
    show(deployed, evidence, shown, output)
    output.answer({"environment": environment, "evidence_file": shown, "evidence": evidence})
    return ExitCode(proof.EXIT_CODES[proof.Verdict(evidence["verdict"])])


def _with_events(
    settings: Settings, deployed: Deployed, evidence: dict[str, Any], output: Output
) -> dict[str, Any]:
    """Return the evidence with both halves of its rescues, where events are kept."""
    query = settings.posthog.query if settings.posthog else None
    if query is None:
        return evidence
    if not deployed.events_key:
        output.say(_no_events_key(settings.environment, query.api_key).render())
        return evidence
    with posthog_client(query.host) as client:
        source = PostHog(client, query.host, query.project_id, deployed.events_key)
        told = read_events(source, [evidence], wait_s=query.wait_s, progress=output.say)
    return told[0]


def show(deployed: Deployed, evidence: dict[str, Any], file: str, output: Output) -> None:
    """Show the verdict of every fallback, the reasons against, and where it is written."""
    edges = edges_of(evidence["edges"])
    passed = sum(edge.verdict == proof.Verdict.PASSED for edge in edges)
    output.table(EDGE_COLUMNS, (edge.row for edge in edges))
    output.show("")
    for reason in evidence["reasons"][:SHOWN_REASONS]:
        output.show(f"{evidence['verdict']}: {reason}")
    for limit in evidence["known_limits"]:
        output.show(f"known limit: {limit['what']}")
    output.facts(
        (
            ("proof", f"{evidence['verdict']}: {passed} of {len(edges)} fallbacks proven"),
            ("gateway", deployed.url),
            ("release", deployed.digest),
            ("evidence", file),
            ("grade", _grade(evidence["evidence"])),
            ("time", _time(evidence)),
        )
    )


def _grade(evidence: dict[str, Any]) -> str:
    """Say how many independent sources saw the rescues, and which could not be read."""
    missing = "; ".join(f"without {name}: {why}" for name, why in evidence["missing"].items())
    return f"{evidence['grade']} ({missing})" if missing else str(evidence["grade"])


def _time(evidence: dict[str, Any]) -> str:
    cost = f", ${evidence['cost_usd']:.4f}" if evidence["cost_usd"] else ""
    return f"{evidence['duration_s']:.1f} s, {evidence['requests']} requests{cost}"


def _no_breaker_on_live() -> Problem:
    return Problem(
        "environment live",
        "prove.breaker",
        "--breaker",
        "the breaker's proof sends failures in bursts and waits; users of live would share them",
        "gateway prove dev --breaker (live runs the bundle that dev proved)",
    )


def _no_events_key(environment: str, name: str) -> Problem:
    return Problem(
        f"environment {environment}",
        "prove.events",
        name,
        "the stack was deployed without posthog.query and holds no such key: the events of the "
        "rescues are not looked for",
        f"gateway deploy {environment}",
        Severity.WARNING,
    )


def _other_release(environment: str, wanted: str, deployed: str) -> Problem:
    return Problem(
        f"environment {environment}",
        "prove.release",
        deployed[:DIGEST_SHOWN],
        f"the settings here make {wanted[:DIGEST_SHOWN]}: the chains of what serves may differ",
        f"gateway deploy {environment}",
        Severity.WARNING,
    )
