"""The layer of the running LiteLLM: what it says of itself against the file that it was given."""

from collections.abc import Mapping
from typing import Any

import yaml

from gateway import proof
from gateway.client import GatewayClient, GatewayError
from gateway.deviation import Deviation, Winner
from gateway.deviation import Verdict as Said
from gateway.running_drift import asked_by_name, deviations
from gateway.running_view import read_view
from ops.deployed import Deployed
from ops.drift_findings import Finding, Handle, Layer, Moved, Part, Verdict
from stacks.paths import spell
from stacks.secrecy import shown
from stacks.settings import Settings

TIMEOUT_S = 10
RESOURCE = "LiteLLM"
BY_HAND = "change it in LiteLLM (its admin page or API): its database holds it"
_VERDICTS: Mapping[Said, Verdict] = {said: Verdict(said.value) for said in Said}


def running(outputs: Mapping[str, Any], rendered: str, settings: Settings) -> Part:
    """Ask the gateway at its public address; `outputs` are the stack's, with the master key.

    `rendered` is the YAML that was applied. Which of several machines answers is the proxy's
    choice. A gateway that cannot be asked is a problem, and no finding.
    """
    deployed = Deployed(outputs)
    document: Any = yaml.load(rendered, Loader=yaml.CSafeLoader)
    with proof.gateway_client(deployed.url, timeout_s=TIMEOUT_S) as client:
        try:
            view = read_view(GatewayClient(client, deployed.key), asked_by_name(document))
        except GatewayError as error:
            return Part(problems=error.problems)
    found = deviations(
        view,
        document,
        version=settings.image.version,
        probe_prefix=settings.proof.probe_prefix,
    )
    return Part(tuple(finding_of(each, settings.environment, deployed.app) for each in found))


def finding_of(deviation: Deviation, environment: str, app: str) -> Finding:
    """Return what the gateway says differently as a finding."""
    started_anew = deviation.winner is not Winner.DATABASE
    rendered = _text(deviation, deviation.rendered)
    return Finding(
        layer=Layer.LITELLM,
        resource=RESOURCE,
        path=spell(deviation.path),
        verdict=_VERDICTS[deviation.verdict],
        moved=Moved.REALITY,
        recorded=rendered,
        actual=_text(deviation, deviation.actual),
        desired=rendered,
        remedy=f"gateway drift {environment} --heal" if started_anew else BY_HAND,
        details=(deviation.sentence, deviation.outlook),
        handle=Handle(kind="process" if started_anew else "", app=app),
    )


def _text(deviation: Deviation, value: Any) -> str | None:
    return None if value is None else shown(deviation.path, value)
