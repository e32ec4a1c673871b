"""What a promotion changes for an environment, in sentences: models, chains, sizes, image."""

from collections.abc import Iterator

from components.bundle import make_bundle
from components.machine_config import gateway_machine_config
from gateway.changes import text_changes
from ops.promotion_candidate import Candidate
from ops.recorded_release import Recorded
from stacks.settings import Settings


def changed(candidate: Candidate, now: Recorded) -> tuple[str, ...]:
    """Return what differs between what runs now and the candidate; nothing secret is quoted."""
    settings = candidate.settings
    if settings is None:
        return ()
    if not now.bundle:
        return (f"everything: {candidate.target} runs nothing yet",)
    return tuple(_changed(candidate, settings, now))


def _changed(candidate: Candidate, settings: Settings, now: Recorded) -> Iterator[str]:
    if now.image != candidate.image:
        yield f"the image {now.image} becomes {candidate.image}"
    bundle = make_bundle(settings)
    prefix = settings.proof.probe_prefix
    for change in text_changes(now.litellm_yaml, bundle.litellm_yaml, probe_prefix=prefix):
        yield change.sentence
    guest = gateway_machine_config(settings, bundle).get("guest") or {}
    for key in sorted({*now.guest, *guest}):
        if now.guest.get(key) != guest.get(key):
            yield f"each machine's {key}: {now.guest.get(key)} becomes {guest.get(key)}"
    for region in sorted({*now.machines, *settings.fly.regions}):
        before, after = now.machines.get(region, 0), settings.fly.regions.get(region, 0)
        if before != after:
            yield f"machines in {region}: {before} becomes {after}"
