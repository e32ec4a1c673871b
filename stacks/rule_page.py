"""How a rule is explained on a page: what it finds, why, and two examples."""

import json
import re
from collections.abc import Iterator
from typing import Any

from stacks.rule import Example, Rule

_ISSUE = re.compile(r"([A-Za-z0-9-]+/[A-Za-z0-9._-]+) (?:PR |issue )?#([0-9]+)")


def page(rule: Rule[Any]) -> str:
    """Return a rule's section as Markdown, under a heading of the second level."""
    heading = f"## {rule.id}: {rule.title}"
    why = "; ".join(_ISSUE.sub(_link, source) for source in rule.evidence)
    facts = (
        f"- **Severity**: {rule.severity}",
        f"- **Looks at**: {rule.about if ' ' in rule.about else f'`{rule.about}`'}",
        f"- **LiteLLM**: {rule.versions}",
        f"- **Why**: {why}",
        f"- **Next step**: {rule.remedy}",
    )
    examples = (*_example("Found in", rule.failing), *_example("Not in", rule.passing))
    return "\n\n".join([heading, "\n".join(facts), *examples]) + "\n"


def help_text(rule: Rule[Any]) -> tuple[str, str]:
    """Return what a rule's finding can be helped with, as plain text and as Markdown."""
    why = "; ".join(rule.evidence)
    plain = f"{rule.title}. {rule.remedy} Evidence: {why}."
    markdown = "\n\n".join(page(rule).split("\n\n")[1:])
    return plain, markdown


def _link(found: re.Match[str]) -> str:
    """Return a link to an issue; GitHub leads from there to a pull request of that number."""
    return f"[{found[0]}](https://github.com/{found[1]}/issues/{found[2]})"


def _example(title: str, example: Example) -> Iterator[str]:
    texts = list(_texts(example))
    if not texts:
        yield f"{title}: {_circumstances(example) or 'a configuration that says nothing'}"
        return
    around = _circumstances(example)
    yield f"{title}{f' ({around})' if around else ''}:"
    for language, name, text in texts:
        comment = f"# {name}\n" if len(texts) > 1 else ""
        yield f"```{language}\n{comment}{text.rstrip()}\n```"


def _texts(example: Example) -> Iterator[tuple[str, str, str]]:
    if example.litellm is not None:
        yield "yaml", "litellm_config.yaml", example.litellm
    if example.fly is not None:
        yield "toml", "fly.toml", example.fly
    if example.database_url is not None:
        yield "text", "DATABASE_URL", example.database_url
    if example.settings:
        rows = (f"{key}: {json.dumps(value)}" for key, value in example.settings.items())
        yield "yaml", "settings", "\n".join(rows)


def _circumstances(example: Example) -> str:
    default = Example()
    parts = []
    if example.version != default.version:
        parts.append(f"LiteLLM {example.version}")
    if example.environment_name is not None:
        parts.append(f"environment {example.environment_name}")
    if example.secrets is not None:
        names = ", ".join(sorted(example.secrets)) or "none"
        parts.append(f"Fly secrets: {names}")
    if example.today != default.today:
        parts.append(f"on {example.today}")
    return ", ".join(parts)
