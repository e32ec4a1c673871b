"""That an image's signature is verified before any machine runs it, as a resource of the stack."""

from typing import TYPE_CHECKING

import pulumi

from gateway.image.signature import GET_COSIGN, Verification, verification
from stacks.settings import Settings
from stacks.values import Signature

if TYPE_CHECKING:
    from pulumi_command import local

SHELL = ("/bin/sh", "-c")
SCRIPT = """\
command -v cosign >/dev/null || {{
  echo 'error[image.no_cosign] image.signature = required: cosign is not on PATH' >&2
  echo '  nothing of the release was made' >&2
  echo '  {get}, then run pulumi up again' >&2
  exit 1
}}
unset FLY_API_TOKEN FLY_ACCESS_TOKEN PULUMI_ACCESS_TOKEN
unset PULUMI_CONFIG_PASSPHRASE PULUMI_CONFIG_PASSPHRASE_FILE
exec {verify}
"""


def image_signature(
    name: str, settings: Settings, opts: pulumi.ResourceOptions
) -> "local.Command | None":
    """Declare the verification where the settings require it, and nothing anywhere else.

    A stack that does not require it needs neither cosign nor Pulumi's command plugin, and what it
    declares never depends on which programs a computer has. The image's digest and signer are in
    the command's text: with another one the command runs again, as an update. It has no
    `triggers`, which would make a replacement of it, and nothing to run when it is deleted.
    """
    image = settings.image
    if image.signature is not Signature.REQUIRED:
        return None
    from pulumi_command import local  # noqa: PLC0415 - only here, see above

    asked = verification(image, settings.environment, place=lambda path: f"gateway:{path}")
    return local.Command(
        name,
        create=script(asked),
        interpreter=list(SHELL),
        environment=dict(asked.environment),
        add_previous_output_in_env=False,
        logging=local.Logging.STDERR,
        opts=opts,
    )


def script(asked: Verification) -> str:
    """Return the text that the shell runs: fixed but for the image and whose signature it needs."""
    return SCRIPT.format(get=GET_COSIGN, verify=asked.shell)
