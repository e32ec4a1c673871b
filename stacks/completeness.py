"""What an environment must be given, values and secrets, each with the command to set it."""

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping

from stacks.paths import Path, spell
from stacks.places import Place, configuration_file
from stacks.problem import Problem, Severity
from stacks.settings import Settings
from stacks.values import SecretSource

_VERTEX = {
    "vertex_project": ("the Google Cloud project that is billed", "my-project"),
    "vertex_location": ("the Vertex AI location of its models", "global"),
}


def incomplete_providers(settings: Settings, _: Place) -> Iterator[Problem]:
    """Yield what a provider lacks: Vertex AI has no address without project and location."""
    used = [model for model in settings.models if model.provider == "vertex_ai"]
    for name, provider in settings.providers.items():
        if name != "vertex_ai" or not used:
            continue
        for field, (meaning, example) in _VERTEX.items():
            elsewhere = _said_elsewhere(settings, field) or field in provider.extras
            of_each = all(getattr(m, field) is not None or field in m.extras for m in used)
            if getattr(provider, field) is None and not elsewhere and not of_each:
                path: Path = ("providers", name, field)
                yield Problem(
                    f"{configuration_file(settings.environment)}: gateway:{spell(path)}",
                    "settings.missing",
                    "",
                    f"required: {meaning}, for example {example}",
                    f"pulumi config set -s {settings.environment} "
                    f"--path gateway:{spell(path)} {shlex.quote(example)}",
                )


def _said_elsewhere(settings: Settings, field: str) -> bool:
    """Say whether LiteLLM finds the field for all its models: VERTEXAI_PROJECT, or its section."""
    variable = field.replace("vertex_", "vertexai_").upper()
    named = {*settings.secrets, *settings.server.environment}
    return variable in named or field in settings.litellm_settings.extras


def missing_secrets(
    required: Mapping[str, str],
    settings: Settings,
    place: Place,
    *,
    secret_names: Collection[str],
    environ: Mapping[str, str],
) -> Iterator[Problem]:
    """Yield a problem for each required secret whose source does not have it.

    `required` maps names to what they are for; `secret_names` are those of the configuration.
    """
    for name, why in sorted(required.items()):
        source = settings.secrets.get(name, SecretSource.CONFIG)
        if source is SecretSource.CONFIG and name not in secret_names:
            step = f"pulumi config set -s {settings.environment} --secret gateway:{name}"
        elif source is SecretSource.ENVIRONMENT and not (name in secret_names or environ.get(name)):
            step = _export(settings, name)
        else:
            continue
        expected = f"a secret is missing from the {_WHERE[source]}: {why}"
        yield Problem(place(name), "settings.secret", "", expected, step)


def unneeded_secrets(
    required: Collection[str], settings: Settings, place: Place, *, secret_names: Iterable[str]
) -> Iterator[Problem]:
    """Yield a warning for each secret of the configuration that nothing reads."""
    for name in sorted(set(secret_names) - set(required)):
        yield Problem(
            place(name),
            "settings.unneeded",
            "",
            "a secret that nothing in these settings reads; it is not sent to Fly",
            f"remove it: pulumi config rm -s {settings.environment} gateway:{name}",
            Severity.WARNING,
        )
    for name in sorted(set(secret_names) & set(settings.secrets)):
        if settings.secrets[name] is SecretSource.GENERATED:
            yield Problem(
                place(name),
                "settings.unneeded",
                "",
                f"the configuration holds a value, but gateway:secrets.{name} = generated wins",
                f"remove either: pulumi config rm -s {settings.environment} gateway:{name}",
                Severity.WARNING,
            )


_WHERE = {
    SecretSource.CONFIG: "configuration",
    SecretSource.ENVIRONMENT: "environment of this command",
    SecretSource.GENERATED: "stack",
}


def _export(settings: Settings, name: str) -> str:
    if settings.fly.api == "sandbox":
        return f'eval "$(gateway env {settings.environment})" sets it from the sandbox'
    return f"set it for this command: export {name}=..."
