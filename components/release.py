"""The gateway's machines on one bundle, proven before and after they get traffic."""

import os
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pulumi
from pulumi.dynamic import Resource

from components.adoption import Adoption
from components.history import Entry, Event, history_root, record
from components.provider import FlyProvider, Made, Properties, Seen, lease_holder, report
from fly.errors import FlyError
from fly.flyctl_deployment import Deployment, FlyctlFailedError
from fly.flyctl_release import FlyctlRelease
from fly.gates import ReleaseUndoneError, RolloutStoppedError
from fly.migration import Migration, run_migration
from fly.release import Release as FlyRelease
from fly.release import in_group, observed, observed_secrets_version, standing
from fly.replies import Machine
from fly.rollout import Rollout
from fly.takeover import take_over
from gateway.evidence.files import evidence_root

if TYPE_CHECKING:
    from components.gates import Evidence, ProofGates
    from fly.api import FlyApi

COMPUTED = (
    "applied",
    "applied_release",
    "machine_ids",
    "image_digest",
    "verdict",
    "proven_at",
    "evidence_digest",
    "evidence_file",
    "edges",
)


class ReleaseProvider(FlyProvider):
    """Rolls a release out and keeps, as outputs, the proof that it was allowed to serve.

    Drift is read machine by machine: `machines` maps a slot (`iad-1`) to the canonical
    configuration found there. `applied` is the configuration that was last proven; in-place
    strategies go back to it. `applied_release` says of which release it was, and with which
    fly.toml flyctl deploys it again.
    """

    computed: ClassVar[tuple[str, ...]] = COMPUTED
    replaced_by: ClassVar[tuple[str, ...]] = ("app",)

    def make(self, api: "FlyApi", inputs: Properties) -> Made:
        """Roll the first release out, or finish one that was interrupted."""
        return self._roll_out(api, inputs, before={})

    def adopt(self, api: "FlyApi", inputs: Properties, order: Adoption) -> Made:
        """Take the machines over as they are; they are proven where they are this release."""
        from components.gates import ProofGates  # noqa: PLC0415 (see shared_api)

        release, began = _release(inputs), time.monotonic()
        order.need_app(release.app)
        order.same_machines(in_group(api.machines.list(release.app)))
        gates = ProofGates(api, release.app, inputs, progress=report)
        taken = take_over(api, release, gates, progress=report)
        computed = _proven(gates, inputs, taken.machines, Event.ADOPTION, began)
        return Made(f"{release.app}/release", {**computed, "applied": dict(taken.applied)})

    def change(self, api: "FlyApi", id_: str, before: Properties, inputs: Properties) -> Made:
        """Roll a new release out; only the proof runs when the machines are equal already."""
        return self._roll_out(api, inputs, before=before)

    def look(self, api: "FlyApi", id_: str, outputs: Properties) -> Seen | None:
        """Read the configuration of every machine of the process group."""
        machines = in_group(api.machines.list(outputs["app"]))
        if not machines:
            return None
        seen = {
            "machines": observed(machines),
            "secrets_version": observed_secrets_version(machines),
        }
        return Seen(seen, {"machine_ids": [machine.id for machine in machines]})

    def remove(self, api: "FlyApi", id_: str, outputs: Properties) -> None:
        """Destroy every machine of the process group."""
        app = outputs["app"]
        for machine in in_group(api.machines.list(app)):
            with api.leases.held(
                app, machine.id, description=lease_holder(), progress=report
            ) as lease:
                api.machines.delete(app, machine.id, nonce=lease.nonce)

    def _roll_out(self, api: "FlyApi", inputs: Properties, *, before: Properties) -> Made:
        from components.gates import ProofGates  # noqa: PLC0415 (see shared_api)

        release, began = _release(inputs), time.monotonic()
        gates = ProofGates(api, release.app, inputs, progress=report)
        by = _by_flyctl if inputs.get("flyctl") else _by_api
        rollout = by(api, release, gates, inputs, before)
        try:
            machines = rollout.run()
        except ReleaseUndoneError as error:
            seen = _seen(gates, inputs, Event.UNDONE, began)
            raise ReleaseUndoneError(
                f"failed[proof] {release.app}: {error}\n  {seen}; the next `pulumi up` tries again"
            ) from None
        except RolloutStoppedError as error:
            seen = _seen(gates, inputs, Event.STOPPED, began)
            raise RolloutStoppedError(f"errored[proof] {release.app}: {error}\n  {seen}") from None
        except (FlyError, FlyctlFailedError):
            report(_seen(gates, inputs, Event.STOPPED, began))
            raise
        computed = _proven(gates, inputs, machines, Event.DEPLOY, began)
        applied = {
            "applied": dict(release.config),
            "applied_release": {
                "bundle": release.digest,
                "counts": dict(release.counts),
                "strategy": release.strategy,
                "toml": inputs.get("flyctl", {}).get("toml", ""),
            },
        }
        return Made(f"{release.app}/release", {**computed, **applied})


class Release(Resource, module="fly", name="Release"):
    """One proven release of the gateway.

    `config` is the machine configuration in canonical form, made from the rendered fly.toml;
    `counts` the machines per region; `migration` what a one-off machine runs first (the fields of
    `fly.migration.Migration`; empty for none);
    `gate_key` the master key for the proof from outside; `public_url` where that proof asks.
    `contents` names what the bundle is made of, for the evidence: `image`, `config_digest`,
    `toml_digest`; of the files of evidence, `keep_evidence` are kept.
    `flyctl_toml` is the fly.toml where flyctl deploys it, "" where we do.
    `events` is where a proof's events are read (`host`, `project_id`, `wait_s`; empty for nowhere),
    `events_key` the key for it.
    """

    machine_ids: pulumi.Output[list[str]]
    image_digest: pulumi.Output[str]
    verdict: pulumi.Output[str]
    proven_at: pulumi.Output[str]
    evidence_digest: pulumi.Output[str]
    evidence_file: pulumi.Output[str]
    edges: pulumi.Output[list[dict[str, Any]]]

    def __init__(  # noqa: PLR0913 - each is said by name
        self,
        resource_name: str,
        *,
        environment: str,
        app: pulumi.Input[str],
        bundle: str,
        config: Mapping[str, Any],
        counts: Mapping[str, int],
        primary_region: str,
        strategy: str,
        wait_timeout_s: int,
        secrets_version: pulumi.Input[int],
        migration: Mapping[str, Any],
        proof_plan: str,
        proof_command: tuple[str, ...],
        public_url: str,
        gate_key: pulumi.Input[str],
        contents: Mapping[str, str],
        keep_evidence: int,
        events: Mapping[str, Any],
        events_key: pulumi.Input[str],
        flyctl_toml: str = "",
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        slots = [
            f"{region}-{number}"
            for region, count in counts.items()
            for number in range(1, count + 1)
        ]
        properties: dict[str, Any] = {
            "environment": environment,
            "app": app,
            "bundle": bundle,
            "machines": dict.fromkeys(slots, config),
            "primary_region": primary_region,
            "strategy": strategy,
            "wait_timeout_s": wait_timeout_s,
            "secrets_version": secrets_version,
            "migration": dict(migration),
            "proof_plan": proof_plan,
            "proof_command": list(proof_command),
            "public_url": public_url,
            "gate_key": pulumi.Output.secret(gate_key),
            "contents": dict(contents),
            "keep_evidence": keep_evidence,
            "events": dict(events),
            "events_key": pulumi.Output.secret(events_key),
            **({"flyctl": {"toml": flyctl_toml}} if flyctl_toml else {}),
            **dict.fromkeys(COMPUTED),
        }
        super().__init__(ReleaseProvider(), resource_name, properties, opts)


def _by_api(
    api: "FlyApi", release: FlyRelease, gates: "ProofGates", inputs: Properties, before: Properties
) -> Rollout:
    """Migrate the database where that is due, and return the rollout over Fly's API."""
    migration = inputs["migration"]
    if migration and not standing(api.machines.list(release.app), release).complete:
        run_migration(api, release, Migration(**migration), progress=report)
    return Rollout(api, release, gates, previous=before.get("applied"), progress=report)


def _by_flyctl(
    api: "FlyApi", release: FlyRelease, gates: "ProofGates", inputs: Properties, before: Properties
) -> FlyctlRelease:
    """Return the judgement of what flyctl deployed, which can also have it deploy.

    What only this deployer needs is imported for it alone.
    """
    from components.flyctl import previous_deployment, run_program  # noqa: PLC0415 (see below)

    migration = Migration(**inputs["migration"]) if inputs["migration"] else None
    return FlyctlRelease(
        api,
        Deployment(release, inputs["flyctl"]["toml"], migration),
        gates,
        partial(run_program, progress=report),
        previous=previous_deployment(release, before),
        progress=report,
    )


def _proven(
    gates: "ProofGates",
    inputs: Properties,
    machines: tuple[Machine, ...],
    event: Event,
    began: float,
) -> Properties:
    """Write evidence and history, and return what the outputs say of both."""
    image_digest = next((m.image.digest for m in machines), "")
    evidence = gates.write_evidence(evidence_root(os.environ), image_digest=image_digest)
    _record(inputs, event, evidence, began)
    return {
        "machine_ids": [machine.id for machine in machines],
        "image_digest": image_digest,
        "verdict": evidence.verdict,
        "proven_at": evidence.at,
        "evidence_digest": evidence.digest,
        "evidence_file": evidence.path,
        "edges": evidence.edges,
    }


def _seen(gates: "ProofGates", inputs: Properties, event: Event, began: float) -> str:
    """Write what the gates saw, and say where; the release's own error is never hidden by it."""
    try:
        evidence = gates.write_evidence(evidence_root(os.environ))
    except OSError as error:
        _record(inputs, event, None, began)
        return f"what was seen could not be written ({error.strerror}: {error.filename})"
    _record(inputs, event, evidence, began)
    path = evidence.path
    return f"{path} holds what was seen" if path else "the release came to no proof"


def _record(inputs: Properties, event: Event, evidence: "Evidence | None", began: float) -> None:
    """Append what happened to the environment's history, which the engine's folder holds."""
    entry = Entry(
        event,
        inputs["environment"],
        inputs["bundle"],
        verdict="" if evidence is None else evidence.verdict,
        duration_s=time.monotonic() - began,
        evidence="" if evidence is None else evidence.digest,
        image=inputs["contents"]["image"],
        more={"app": inputs["app"], "secrets_version": inputs["secrets_version"]},
    )
    record(history_root(os.environ), Path(), entry, report)


def _release(inputs: Properties) -> FlyRelease:
    slots: dict[str, Mapping[str, Any]] = inputs["machines"]
    counts: dict[str, int] = {}
    for slot in slots:
        region = slot.rsplit("-", 1)[0]
        counts[region] = counts.get(region, 0) + 1
    return FlyRelease(
        app=inputs["app"],
        config=next(iter(slots.values())),
        counts=counts,
        secrets_version=inputs["secrets_version"],
        digest=inputs["bundle"],
        primary_region=inputs["primary_region"],
        strategy=inputs["strategy"],
        wait_timeout_s=inputs["wait_timeout_s"],
        holder=lease_holder(),
    )
