"""`gateway image verify`, and what `gateway deploy` does of it: cosign asked, its answer told."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from gateway.image.signature import (
    Verdict,
    Verification,
    no_cosign,
    quoted,
    read_outcome,
    refusal,
    verification,
)
from ops.exit_codes import ExitCode
from ops.image_registry import sandbox_of
from ops.output import Output
from ops.project import project_root
from ops.running_sandbox import RunningSandbox
from ops.settings import plain_loaded
from stacks.load import Loaded
from stacks.problem import Problem, ProblemError
from stacks.values import Signature, Signer

TIMEOUT_S = 120  # a signature by the vendor's workflow needs Sigstore's root first
PUBLIC_KEY = "image-signing.pub"  # of the sandbox, in its home
KEPT_FROM_COSIGN = ("FLY_API_TOKEN", "FLY_ACCESS_TOKEN", "PULUMI_ACCESS_TOKEN")
PASSPHRASES = "PULUMI_CONFIG_PASSPHRASE"


def verify(environment: str, *, output: Output) -> ExitCode:
    """Verify the pinned image's signature and tell whose it is; FINDING when it is not theirs."""
    root = project_root(Path.cwd())
    again = f"gateway image verify {environment}"
    asked = question(plain_loaded(root, environment), sandbox_of(root, environment))
    if shutil.which(asked.arguments[0]) is None:
        raise ProblemError([no_cosign(f"environment {environment}", again=again)])
    output.say(f"asking: {asked.shell}")
    verdict, errors = ask(asked, os.environ)
    told = {
        "environment": environment,
        "image": asked.reference,
        "signer": asked.signer,
        "key_sha256": asked.key_sha256 or None,
        "verdict": verdict,
    }
    if verdict is not Verdict.VERIFIED:
        output.problems([refusal(asked, verdict, errors, again=again)], **told)
        return ExitCode.FAILED if verdict is Verdict.ERRORED else ExitCode.FINDING
    output.show(f"{asked.reference}\n  signed by {asked.by}")
    output.answer(told)
    return ExitCode.OK


def problem_before_up(
    root: Path, environment: str, sandbox: RunningSandbox | None, *, output: Output
) -> Problem | None:
    """Return why an environment's image must not be deployed, as far as can be told beforehand.

    `required` is verified by the stack itself, which needs cosign: only that is looked for here.
    `when_possible` is verified here, where cosign is there, the image pinned and its signer known.
    Settings that cannot be read are told of by Pulumi, in full.
    """
    try:
        loaded = plain_loaded(root, environment)
    except ProblemError:
        return None
    policy, again = loaded.settings.image.signature, f"gateway deploy {environment}"
    there = shutil.which("cosign") is not None
    if policy is Signature.REQUIRED and not there:
        return no_cosign(loaded.place("image.signature"), again=again)
    if policy is not Signature.WHEN_POSSIBLE or not there:
        return None
    try:
        asked = question(loaded, sandbox)
    except ProblemError:
        return None  # not pinned, or nobody is known to sign it
    verdict, errors = ask(asked, os.environ)
    if verdict in (Verdict.UNSIGNED, Verdict.NOT_THEIRS):
        return refusal(asked, verdict, errors, again=again)
    if verdict is Verdict.ERRORED:
        output.say(f"image: cosign could not tell whether it is signed: {quoted(errors)}; going on")
    else:
        output.say(f"image: signed by {asked.by}")
    return None


def question(loaded: Loaded, sandbox: RunningSandbox | None) -> Verification:
    """Return what cosign is asked about an environment's image; raises `ProblemError`.

    The sandbox signs its images itself, and is asked for them.
    """
    image, environment = loaded.settings.image, loaded.settings.environment
    if sandbox is None:
        return verification(image, environment, place=loaded.place)
    key = (sandbox.home / PUBLIC_KEY).read_text(encoding="ascii")
    own = {"signer": Signer.OWN_KEY, "key": key, "transparency_log": False}
    local = image.model_copy(update=own)
    registry = urlsplit(sandbox.api_url).netloc
    return verification(local, environment, place=loaded.place, registry=registry)


def ask(asked: Verification, environ: Mapping[str, str]) -> tuple[Verdict, str]:
    """Run cosign to its end, without the secrets of Fly and Pulumi, and return what it said."""
    kept = {
        name: value
        for name, value in environ.items()
        if name not in KEPT_FROM_COSIGN and not name.startswith(PASSPHRASES)
    }
    try:
        done = subprocess.run(
            asked.arguments,
            env={**kept, **asked.environment},
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Verdict.ERRORED, f"error: no answer within {TIMEOUT_S} s"
    return read_outcome(done.returncode, done.stderr), done.stderr
