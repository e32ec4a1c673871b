"""What each kind of string and number in the settings may look like, one type a kind."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints


class Frozen(BaseModel):
    """Base of every settings model: unknown keys are errors and nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


_STEP = r"(?:[^\s./\\]|\.[^./\\])[^/\\]*"  # of a path downwards: neither `.` nor `..`

EnvironmentName = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,30}$"), Field(examples=["dev"])
]
AppName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"),
    Field(
        description="a Fly app name: lower-case letters, digits and dashes, at most 63",
        examples=["acme-ai-gateway-dev"],
    ),
]
OrganizationSlug = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$"),
    Field(description="the slug that `fly orgs list` prints", examples=["acme"]),
]
RegionCode = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z]{3}$"),
    Field(description="a three-letter Fly region code", examples=["iad"]),
]
Extras = Annotated[
    dict[str, JsonValue],
    Field(description="a mapping of further keys to values of any shape, written as they stand"),
]
"""What the typed keys beside it cannot say; `stacks.extras` says what may not stand in it."""

ModelGroup = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=r"^\S(?:[^\r\n\t]*\S)?$"),
    Field(description="the public name of a model group", examples=["xai/grok-4.3"]),
]
ProviderName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$"),
    Field(description="LiteLLM's provider prefix", examples=["anthropic"]),
]
SecretName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,127}$"),
    Field(description="the name of a Fly secret, never its value", examples=["XAI_API_KEY"]),
]
EnvironmentVariable = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"),
    Field(description="an environment variable's name", examples=["LITELLM_LOG"]),
]
PromotionFile = Annotated[
    str,
    # Below the project: no root, no drive, no `.` or `..` on the way.
    StringConstraints(pattern=rf"^(?:{_STEP}/)*{_STEP}\.json$"),
    Field(
        description="a promotion's file below the project's folder",
        examples=["promotions/live/0001-5fd0ae5ff1c2.json"],
    ),
]
ImageDigest = Annotated[
    str,
    StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$"),
    Field(description="`sha256:` and 64 hexadecimal digits"),
]
PublicKey = Annotated[
    str,
    StringConstraints(
        pattern=r"^-----BEGIN PUBLIC KEY-----\n[A-Za-z0-9+/=\n]{40,2000}\n"
        r"-----END PUBLIC KEY-----\n?$"
    ),
    Field(description="a public key in PEM form, as `cosign.pub` has it"),
]
LitellmVersion = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+(?:[.-][a-z0-9.]+)?$"),
    Field(description="an exact LiteLLM version, never a floating tag", examples=["1.106.2"]),
]
HttpUrl = Annotated[
    str,
    StringConstraints(pattern=r"^https?://[^\s/?#]+[^\s?#]*$"),
    Field(description="an http or https address", examples=["https://api.x.ai/v1"]),
]
HttpPath = Annotated[
    str,
    StringConstraints(pattern=r"^/\S*$"),
    Field(description="a path that begins with a slash", examples=["/health/readiness"]),
]
Host = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,253}$"),
    Field(description="a host name or address", examples=["acme-db.flycast"]),
]
HostName = Annotated[
    str,
    StringConstraints(
        pattern=r"^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$"
    ),
    Field(
        description="a host name in small letters, without a dot at its end",
        examples=["gateway.acme.example"],
    ),
]
PostgresName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,62}$"),
    Field(description="a Postgres identifier without quotes", examples=["litellm_dev"]),
]
Port = Annotated[int, Field(strict=True, ge=1, le=65535, description="a TCP port", examples=[4000])]
Count = Annotated[int, Field(strict=True, ge=1, le=1000)]
Amount = Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)]
Seconds = Annotated[int, Field(strict=True, ge=1, le=86400, description="seconds")]
MebiBytes = Annotated[int, Field(strict=True, ge=1, description="MiB")]
GibiBytes = Annotated[int, Field(strict=True, ge=1, le=500, description="GB")]


class Store(StrEnum):
    """Where LiteLLM keeps its own state (keys, teams, spend).

    FILE: nowhere but the rendered files; only the master key authenticates. The local stack.
    DATABASE: Postgres; migrations run on a one-off machine before each rollout. Dev and live.
    """

    FILE = "file"
    DATABASE = "database"


class Deployer(StrEnum):
    """Who brings the machines to a release; both leave the same machines, judged by one proof.

    MACHINES_API: this project, over Fly's documented API, with a gate before traffic. Default.
    FLYCTL: `flyctl deploy`, for `fly releases` and what else flyctl keeps; judged afterwards.
    """

    MACHINES_API = "machines_api"
    FLYCTL = "flyctl"


class Strategy(StrEnum):
    """How a release replaces the one before.

    BLUEGREEN: new machines beside the old, proven before and after traffic moves. Default.
    ROLLING: in place, machine by machine; the first is gated, earlier configurations restored.
    IMMEDIATE: in place, all at once, gated from outside only. Dev only.
    """

    BLUEGREEN = "bluegreen"
    ROLLING = "rolling"
    IMMEDIATE = "immediate"


class Signature(StrEnum):
    """Whether an image's signature is verified before anything of a release is made.

    REQUIRED: by cosign, as a resource of the stack that the release depends on; no signature, no
    release. Needs cosign and Pulumi's command plugin where `pulumi up` runs. Live.
    WHEN_POSSIBLE: by `gateway deploy`, where cosign is there and the image has a digest. Default.
    OFF: never; `gateway image verify` still does it.
    """

    REQUIRED = "required"
    WHEN_POSSIBLE = "when_possible"
    OFF = "off"


class Signer(StrEnum):
    """Who signed an image; the vendor's three ways hold for releases of different days.

    LITELLM_0112E53: the key of commit 0112e53 of BerriAI/litellm, 1.83.0 to 1.106.2.
    LITELLM_E82A3C6: the key of commit e82a3c6, from 2026-10-24 (1.106.3) to 2026-11-14.
    LITELLM_KEYLESS: no key: the identity of the vendor's release workflow, since 2026-11-15.
    OWN_KEY: who holds the private part of `image.key`: a mirror that signs by itself.
    """

    LITELLM_0112E53 = "litellm-0112e53"
    LITELLM_E82A3C6 = "litellm-e82a3c6"
    LITELLM_KEYLESS = "litellm-keyless"
    OWN_KEY = "own-key"


class Rescue(StrEnum):
    """What a model that owns a chain does when its provider fails.

    NOW: goes to the first target at once (37-72 ms; `num_retries: 0` on the deployment).
    RETRY_ONCE: one more try, then the target (164-305 ms with the pinned delays, 2.4 s with
    LiteLLM's own). Measured with the real 1.106.2 on one machine.
    ROUTER: after the router's own `num_retries`; nothing is written on the deployment.
    """

    NOW = "now"
    RETRY_ONCE = "retry-once"
    ROUTER = "router"


class ServerKind(StrEnum):
    """Which server runs the proxy. Measured consequences stand beside each.

    UVICORN: default; every flag is honoured; with several workers its supervisor must get
    `--timeout_worker_healthcheck`, else it can boot-loop.
    GUNICORN: fastest boot with several workers; ignores the keep-alive flag (closes after 2 s).
    GRANIAN: beta; ignores `--max_requests_before_restart`.
    """

    UVICORN = "uvicorn"
    GUNICORN = "gunicorn"
    GRANIAN = "granian"


class SecretSource(StrEnum):
    """Where a secret's value comes from; settings only ever hold its name.

    CONFIG: `pulumi config set --secret gateway:NAME`. Default; written out, it sends a secret that
    nothing else in the settings names.
    GENERATED: made once by the stack and kept as an encrypted Pulumi secret.
    ENVIRONMENT: the variable of the same name in the environment of `pulumi`, unless the
    configuration holds a value.
    """

    CONFIG = "config"
    GENERATED = "generated"
    ENVIRONMENT = "environment"


class ProofForm(StrEnum):
    """A form in which the fallback proof asks; the names of `gateway.proof.forms`.

    Models that answer embeddings are asked for embeddings, whatever stands here.
    """

    CHAT = "chat"
    CHAT_STREAM = "chat_stream"
    MESSAGES = "messages"
    MESSAGES_STREAM = "messages_stream"
    RESPONSES = "responses"
    RESPONSES_STREAM = "responses_stream"


class ProofFault(StrEnum):
    """What a probe's dead primary does; the names of `gateway.proof.faults`.

    REFUSED: its port is closed; the only one that can be had from outside the machine. The others
    are made by the proof itself, inside the machine: SERVER_ERROR HTTP 500; RATE_LIMIT HTTP 429
    with Retry-After 30; HANG no answer; RESET a connection that is reset; CUT_STREAM an answer that
    breaks off in the middle.
    """

    REFUSED = "refused"
    SERVER_ERROR = "server_error"
    RATE_LIMIT = "rate_limit"
    HANG = "hang"
    RESET = "reset"
    CUT_STREAM = "cut_stream"
