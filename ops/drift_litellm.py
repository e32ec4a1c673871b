"""The layer of the running LiteLLM: what it says of itself against the file that it was given."""

from collections.abc import Mapping
from typing import Any

import yaml

from gateway import proof
from gateway.change import shown_value
from gateway.client import GatewayClient
from gateway.deviation import Deviation, Winner
from gateway.deviation import Verdict as Said
from gateway.running_drift import asked_by_name, deviations
from gateway.running_view import RunningView, read_view
from ops.deployed import Deployed
from ops.drift_findings import Finding, Handle, Layer, Moved, Part, Verdict
from stacks.paths import spell
from stacks.settings import Settings

TIMEOUT_S = 10
RESOURCE = "LiteLLM"
OF_THE_IMAGE = ("image", "version")
BY_HAND = "change it in LiteLLM (its admin page or API): its database holds it"
_VERDICTS: Mapping[Said, Verdict] = {said: Verdict(said.value) for said in Said}


def asked(outputs: Mapping[str, Any], applied: str) -> RunningView:
    """Ask the gateway at its public address; `outputs` are the stack's, with the master key.

    `applied` is the YAML that was last applied. Which of several machines answers is the proxy's
    choice. Raises `GatewayError` when it cannot be asked.
    """
    deployed = Deployed(outputs)
    with proof.gateway_client(deployed.url, timeout_s=TIMEOUT_S) as client:
        names = asked_by_name(_document(applied))
        return read_view(GatewayClient(client, deployed.key), names)


def compared(
    view: RunningView, applied: str, wanted: str, settings: Settings, *, version: str
) -> Part:
    """Return where the running gateway is not what was applied, nor what is wanted now.

    `version` is the release of LiteLLM that was applied.
    """

    def against(text: str) -> tuple[Deviation, ...]:
        return deviations(
            view,
            _document(text),
            version=version,
            probe_prefix=settings.proof.probe_prefix,
        )

    found = against(applied)
    if wanted != applied:
        left = {deviation.path for deviation in against(wanted)}
        found = tuple(deviation for deviation in found if deviation.path in left)
    return Part(tuple(finding_of(each, settings) for each in found))


def finding_of(deviation: Deviation, settings: Settings) -> Finding:
    """Return what the gateway says differently as a finding."""
    started_anew = deviation.winner is not Winner.DATABASE
    remedy = f"gateway drift {settings.environment} --heal" if started_anew else BY_HAND
    if deviation.path == OF_THE_IMAGE:  # the same image started again has the same version
        started_anew, remedy = False, f"gateway deploy {settings.environment}"
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
        remedy=remedy,
        details=(deviation.sentence, deviation.outlook),
        handle=Handle(kind="process" if started_anew else "", app=settings.fly.app),
    )


def _document(text: str) -> Any:
    return yaml.load(text, Loader=yaml.CSafeLoader)


def _text(deviation: Deviation, value: Any) -> str | None:
    return None if value is None else shown_value(deviation.path, value)
