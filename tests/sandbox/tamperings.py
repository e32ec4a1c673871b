"""Forty and some tamperings, one at a time; those that no preview can see say why."""

from tests.sandbox.tampering import (
    APP,
    HOSTNAME,
    MARKER,
    POSTGRES,
    PROOF,
    REDIS,
    YAML,
    Tampering,
    added_address,
    added_machine,
    added_volume,
    deleted,
    edited,
    extended_volume,
    file_replaced,
    file_written,
    metadata,
    on_disk,
    released,
    removed_hostname,
    secret,
    sql,
)


def place(path: str) -> str:
    """Return a property of the gateway's first machine."""
    return f"machines.iad-1.{path}"


IN_A_MACHINE = (
    Tampering("a variable changed", edited(env__LITELLM_MODE="DEV"), place("env.LITELLM_MODE")),
    Tampering("a variable added", edited(env__SOMETHING=MARKER), place("env.SOMETHING")),
    Tampering("a variable removed", edited(env__LITELLM_MODE=None), place("env.LITELLM_MODE")),
    Tampering("more memory", edited(guest__memory_mb=4096), place("guest.memory_mb")),
    Tampering("more processors", edited(guest__cpus=8), place("guest.cpus")),
    Tampering("another image", edited(image="registry.fly.io/stub:v1.105.0"), place("image")),
    Tampering(
        "another word of the command", edited(init__cmd__1="/elsewhere"), place("init.cmd[1]")
    ),
    Tampering(
        "a higher limit",
        edited(services__0__concurrency__hard_limit=500),
        place("services[0].concurrency.hard_limit"),
    ),
    Tampering("autostop", edited(services__0__autostop="stop"), place("services[0].autostop")),
    Tampering(
        "a slower check",
        edited(services__0__checks__0__interval="30s"),
        place("services[0].checks[0].interval"),
    ),
    Tampering(
        "another check",
        edited(services__0__checks__0__path="/"),
        place("services[0].checks[0].path"),
    ),
    Tampering("no check", edited(services__0__checks=None), place("services[0].checks")),
    Tampering("another metrics path", edited(metrics__path="/m"), place("metrics.path")),
    Tampering("no restarts", edited(restart={"policy": "no"}), place("restart")),
    Tampering("less time to end", edited(stop_config__timeout="5s"), place("stop_config.timeout")),
    Tampering("destroyed when it ends", edited(auto_destroy=True), place("auto_destroy")),
    Tampering("other metadata", edited(metadata__owner="somebody"), place("metadata.owner")),
    Tampering("another phase", metadata("gateway_phase", "new"), place("phase")),
    Tampering(
        "an older version of the secrets",
        metadata("gateway_secrets_version", "0"),
        "secrets_version",
        layer="secrets",
    ),
    Tampering(
        "another breaker in LiteLLM's file",
        file_replaced(YAML, "cooldown_time: 30", "cooldown_time: 31"),
        place(f'files["{YAML}"]'),
        layer="files",
    ),
    Tampering(
        "a chain without its target",
        file_replaced(YAML, "    - anthropic/claude-sonnet-4-6\n", "    - xai/grok-4.3\n"),
        place(f'files["{YAML}"]'),
        layer="files",
    ),
    Tampering(
        "another proof",
        file_written(PROOF, "print('passed')"),
        place(f'files["{PROOF}"]'),
        layer="files",
    ),
    Tampering(
        "one file more",
        file_written("/app/extra.py", f"KEY = '{MARKER}'"),
        place('files["/app/extra.py"]'),
        layer="files",
    ),
    Tampering(
        "LiteLLM's file edited on the disk",
        on_disk(YAML, f"model_list: []\ngeneral_settings:\n  master_key: {MARKER}\n"),
        place(f'disk["{YAML}"]'),
        layer="files",
        blind="Fly's API shows the configuration that a machine was given, not its disk",
    ),
    Tampering(
        "the proof removed from the disk",
        on_disk(PROOF, None),
        place(f'disk["{PROOF}"]'),
        layer="files",
        verdict="missing",
        blind="Fly's API shows the configuration that a machine was given, not its disk",
    ),
    Tampering(
        "a machine too many", added_machine(APP, clone=True), "machines.iad-3", verdict="unmanaged"
    ),
)
"""All of these are undone by restoring configurations; disks by writing the files again."""

AROUND = (
    Tampering(
        "a machine of no release",
        added_machine(APP, clone=False),
        r"machines\[.*\]|machines\..*",
        verdict="unmanaged",
        resource=f"app {APP}",
        blind="Pulumi knows only what it made, and this machine is in no process group of ours",
    ),
    Tampering(
        "a machine beside Redis",
        added_machine(REDIS, clone=False),
        r"machines\[.*\]|machines\..*",
        verdict="unmanaged",
        resource=f"app {REDIS}",
        blind="Pulumi knows only what it made: the one machine of this name",
    ),
    Tampering(
        "a secret's value",
        secret("XAI_API_KEY", f"{MARKER}-xai"),
        "names.XAI_API_KEY",
        layer="secrets",
        resource="gateway-secrets",
    ),
    Tampering(
        "a secret taken away",
        secret("ANTHROPIC_API_KEY", None),
        "names.ANTHROPIC_API_KEY",
        layer="secrets",
        verdict="missing",
        resource="gateway-secrets",
    ),
    Tampering(
        "a secret nobody declared",
        secret("SOMEBODYS_KEY", f"{MARKER}-mine"),
        "secrets.SOMEBODYS_KEY",
        layer="secrets",
        verdict="unmanaged",
        resource=f"app {APP}",
        blind="Secrets that nobody declared are left alone by the program",
    ),
    Tampering(
        "Redis' password",
        secret("VALKEY_PASSWORD", f"{MARKER}-valkey", REDIS),
        "names.VALKEY_PASSWORD",
        layer="secrets",
        resource="gateway-redis-secrets",
    ),
    Tampering(
        "one public address more",
        added_address,
        r"addresses\[.*\]",
        verdict="unmanaged",
        resource=f"app {APP}",
        blind="Pulumi knows only the addresses that it allocated",
    ),
    Tampering(
        "a forgotten volume",
        added_volume,
        r"volumes\..*|volumes\[.*\]",
        verdict="unmanaged",
        resource=f"app {APP}",
        blind="Pulumi knows only the volumes that it made",
    ),
    Tampering(
        "more memory for Redis",
        edited(REDIS, guest__memory_mb=2048),
        "config.guest.memory_mb",
        resource="gateway-redis-machine",
    ),
    Tampering(
        "fewer connections",
        edited(POSTGRES, init__cmd__2="max_connections=200"),
        "config.init.cmd[2]",
        resource="gateway-postgres-machine",
    ),
)
"""These, too, are undone by restoring what was."""

GONE = (
    Tampering("a deleted machine", deleted(APP), "machines.iad-2", verdict="missing"),
    Tampering(
        "a released address",
        released(APP, "v6"),
        "",
        verdict="missing",
        resource="gateway-v6",
    ),
    Tampering(
        "Redis' private address released",
        released(REDIS, "private_v6"),
        "",
        verdict="missing",
        resource="gateway-redis-flycast",
    ),
    Tampering(
        "a host name removed",
        removed_hostname,
        "",
        verdict="missing",
        resource=f"gateway-certificate-{HOSTNAME}",
    ),
    Tampering("a longer volume", extended_volume, "size_gb", resource="gateway-redis-volume"),
    Tampering(
        "a role that may not log in",
        sql("ALTER ROLE litellm NOLOGIN"),
        "role",
        resource="gateway-postgres-database",
    ),
)
"""What only a deployment brings back, or nothing at all."""
