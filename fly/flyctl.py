"""What we know about the program flyctl: how it is called, in what environment, in which versions.

Looked at were v0.4.80 and a build of 2026-08-21, one day after v0.4.87. What these were seen to do
with the flags and variables, and to leave behind, is why each of them is here.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from fly.addresses import is_loopback
from stacks.problem import Problem

NAMES = ("flyctl", "fly")  # the program is installed under either
OLDEST = (0, 4, 80)
BELOW = (0, 5, 0)
SUPPORTED = "0.4.80 or a later 0.4"
GET_IT = (
    "install it from https://fly.io/docs/flyctl/install/ (or `brew install flyctl`), so that"
    " `flyctl version` says 0.4.80 or a later 0.4; or set gateway:fly.deployer to machines_api"
)

TOML = "fly.toml"
FILE_MODE = 0o600
API_BASES = ("FLY_API_BASE_URL", "FLY_UIEX_BASE_URL")  # beside FLY_FLAPS_BASE_URL: three hosts
NOWHERE = "http://127.0.0.1:9"  # nothing listens there: a request by this proxy fails at once
FLYS_OWN_HOSTS = "fly.io,machines.dev,localhost,127.0.0.1"
PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
# What any program needs of its surroundings; everything else stays out, secrets above all.
INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")

SWITCHES: Mapping[str, str] = MappingProxyType(
    {
        "CI": "true",  # asks nothing
        "NO_COLOR": "1",
        "FLY_NO_UPDATE_CHECK": "1",
        "FLY_NO_INCIDENTS_CHECK": "1",
        "FLY_SEND_METRICS": "0",
        "FLY_SYNTHETICS_AGENT": "0",
        # Its traces would carry the token to a collector over plain http, on every deployment.
        "FLY_TRACE_COLLECTOR_URL": "127.0.0.1",
        "FLY_EMIT_RELEASE_JSON": "1",
    }
)

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_]")
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(-dev\b)?")


@dataclass(frozen=True, slots=True)
class FlyctlVersion:
    """A version of flyctl; `development` is one that somebody built, which is named by its day."""

    text: str
    numbers: tuple[int, int, int]
    development: bool = False

    @property
    def supported(self) -> bool:
        """True for the versions whose behaviour was looked at, and those close enough to them."""
        return self.development or OLDEST <= self.numbers < BELOW


def read_version(answer: str) -> FlyctlVersion:
    """Read what `flyctl version --json` prints; raises ValueError for anything else."""
    try:
        said = json.loads(answer)
        text = str(said["Version"]).removeprefix("v")
        found = _VERSION.match(text)
    except (KeyError, TypeError, ValueError):
        found, text = None, ""
    if found is None:
        msg = "the answer of `flyctl version --json` cannot be read"
        raise ValueError(msg)
    major, minor, patch = (int(number) for number in found.group(1, 2, 3))
    return FlyctlVersion(text, (major, minor, patch), found.group(4) is not None)


def version_arguments() -> tuple[str, ...]:
    """Return the arguments that ask for the version."""
    return ("version", "--json")


def validate_arguments() -> tuple[str, ...]:
    """Return the arguments that check the fly.toml of the working folder; no network is used."""
    return ("config", "validate", "--strict", "--config", TOML)


def deploy_arguments(app: str, image: str) -> tuple[str, ...]:
    """Return the arguments that deploy the fly.toml of the working folder.

    Pinned is what would else be asked, guessed or decided by a flag of the vendor's: no spare
    machines (the settings say how many), no addresses (they are resources), no repetition of its
    own (another code path with other calls), no DNS look-up, no build.
    """
    return (
        "deploy",
        *("--app", app),
        *("--config", TOML),
        *("--image", image),
        "--remote-only",
        "--ha=false",
        "--no-public-ips",
        "--dns-checks=false",
        *("--deploy-retries", "0"),
        "--yes",
    )


def process_environment(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the whole environment of a flyctl that keeps its own files in `folder`.

    Of `environ` it gets the token, the addresses of Fly's three APIs, a proxy if there is one, and
    what every program needs. `folder` has to be removed afterwards: flyctl writes a log into it
    that holds the body of every request. Without a proxy of yours one that leads nowhere
    keeps it from everything but Fly. Ask `environment_problems` first.
    """
    made = {name: environ[name] for name in INHERITED if name in environ}
    made |= SWITCHES
    made |= {"HOME": str(folder), "FLY_CONFIG_DIR": str(folder)}
    made["FLY_API_TOKEN"] = environ.get("FLY_API_TOKEN", "").strip()
    flaps = environ.get("FLY_FLAPS_BASE_URL", "").strip()
    if flaps:
        made["FLY_FLAPS_BASE_URL"] = flaps
    for name in API_BASES:
        base = environ.get(name, "").strip() or (flaps if _local(flaps) else "")
        if base:
            made[name] = base
    yours = {name: environ[name] for name in (*PROXIES, "NO_PROXY", "no_proxy") if name in environ}
    if not _local(flaps) and any(yours.get(name) for name in PROXIES):
        return made | yours
    return made | {"HTTPS_PROXY": NOWHERE, "NO_PROXY": FLYS_OWN_HOSTS}


def environment_problems(environ: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what is wrong with the addresses of Fly's APIs: one of three elsewhere than the rest.

    FLY_FLAPS_BASE_URL itself is checked by `FlyApi.from_environment`.
    """
    flaps = environ.get("FLY_FLAPS_BASE_URL", "").strip()
    for name in API_BASES:
        base = environ.get(name, "").strip()
        if not base:
            continue
        if _local(base) != _local(flaps):
            yield Problem(
                f"environment: {name}",
                "fly.address",
                f'"{base}"',
                "flyctl would ask two different Flys: FLY_FLAPS_BASE_URL is"
                f' "{flaps or "https://api.machines.dev"}"',
                f"unset {name}: with the sandbox it follows FLY_FLAPS_BASE_URL",
            )
        elif base.startswith("http://") and not _local(base):
            yield Problem(
                f"environment: {name}",
                "fly.address",
                f'"{base}"',
                "http:// would send the token in the clear; only a loopback address may use it",
                f"unset {name}",
            )


def plain(text: str) -> str:
    """Return flyctl's output without colours and cursor movements, which it always prints."""
    return _ESCAPES.sub("", text).replace("\r", "\n")


def told_release(stdout: str) -> int | None:
    """Return the number of the release that a deployment made; None unless it succeeded."""
    for line in reversed(plain(stdout).splitlines()):
        try:
            said = json.loads(line)
            return int(said["version"])
        except (KeyError, TypeError, ValueError):
            continue
    return None


def _local(url: str) -> bool:
    try:
        return is_loopback(urlsplit(url).hostname)
    except ValueError:
        return False
