"""What a fly.toml's commands and variables lose on their way into a machine."""

import re
from collections.abc import Iterator

from fly.commands import split
from fly.rules.reading import CONTRACT, VALIDATION_GO, quoted, table, toml_of
from stacks.configuration import Configuration
from stacks.paths import Path
from stacks.problem import Severity
from stacks.rule import Example, Finding, Remove, Rule

OVERRIDDEN = ("FLY_PROCESS_GROUP", "PRIMARY_REGION")
MAPPED = "facts on flyctl's contract, section 6 (measured)"

_VARIABLE = re.compile(r"\$(?:\{[A-Za-z_]\w*\}|[A-Za-z_]\w*|\()")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COMMENT = re.compile(r"(?:^|[ \t\r\n])#")
_SHELLS = frozenset({"sh", "bash", "/bin/sh", "/bin/bash", "ash", "/bin/ash", "/usr/bin/env"})
_OPERATORS = frozenset({"&&", "||", "|", ";", ">", ">>", "<", "2>&1", "&"})


def _commands(configuration: Configuration) -> Iterator[tuple[Path, str]]:
    toml = toml_of(configuration)
    for name, command in table(toml.get("processes")).items():
        if isinstance(command, str):
            yield ("fly", "processes", str(name)), command
    release = table(toml.get("deploy")).get("release_command")
    if isinstance(release, str):
        yield ("fly", "deploy", "release_command"), release


def _open_quote(configuration: Configuration) -> Iterator[Finding]:
    for path, command in _commands(configuration):
        try:
            split(command)
        except ValueError as error:
            yield Finding(
                path,
                "",
                f"flyctl refuses this command: {error}",
                "close the quote, or escape it by a backslash",
            )


def _cut_off(configuration: Configuration) -> Iterator[Finding]:
    for path, command in _commands(configuration):
        found = _COMMENT.search(command)
        if found is None:
            continue
        try:
            words = split(command)
        except ValueError:
            continue  # told of by its own rule
        if not any(word.startswith("#") for word in words):
            yield Finding(
                path,
                quoted(command[found.end() - 1 :].strip()),
                "flyctl takes a word that begins with # for a comment: it and the rest of its line "
                "are dropped",
                "quote the word, or remove the comment",
            )


def _no_shell(configuration: Configuration) -> Iterator[Finding]:
    for path, command in _commands(configuration):
        try:
            words = split(command)
        except ValueError:
            continue
        if words and words[0] in _SHELLS:
            continue
        for word in words:
            found = _VARIABLE.search(word)
            if word in _OPERATORS or found is not None:
                yield Finding(
                    path,
                    quoted(found[0] if found else word),
                    "no shell reads this command: variables and operators arrive as they are "
                    "written",
                    "write the value itself, or begin the command with: sh -c '...'",
                )
                break


def _no_text(configuration: Configuration) -> Iterator[Finding]:
    for name, value in table(toml_of(configuration).get("env")).items():
        if isinstance(value, dict | list | tuple):
            yield Finding(
                ("fly", "env", str(name)),
                quoted(value),
                "flyctl writes it as Go prints it, such as map[a:1] or [a b], and the program gets "
                "that text",
                "write it as one string, as the program that reads it wants it",
            )


def _no_name(configuration: Configuration) -> Iterator[Finding]:
    for name in table(toml_of(configuration).get("env")):
        if not _NAME.fullmatch(str(name)):
            yield Finding(
                ("fly", "env", str(name)),
                "",
                "no shell and few programs can read a variable of this name; flyctl sends it",
                "use letters, digits and underscores, not beginning with a digit",
            )


def _overridden(configuration: Configuration) -> Iterator[Finding]:
    for name in table(toml_of(configuration).get("env")):
        if name in OVERRIDDEN:
            path: Path = ("fly", "env", str(name))
            yield Finding(
                path,
                "",
                "flyctl writes its own value over this one",
                "remove it" if name != "PRIMARY_REGION" else "set primary_region at the top",
                (Remove(path),) if name != "PRIMARY_REGION" else (),
            )


RULES = (
    Rule(
        id="F040",
        title="A command has a quote that is never closed",
        severity=Severity.ERROR,
        about="processes",
        evidence=(f"{VALIDATION_GO} (validateProcessesSection)", CONTRACT),
        remedy="Close the quote.",
        failing=Example(fly='[processes]\napp = "--name \'x"\n'),
        passing=Example(fly="[processes]\napp = \"--name 'x'\"\n"),
        find=_open_quote,
    ),
    Rule(
        id="F041",
        title="The rest of a command is taken for a comment",
        severity=Severity.ERROR,
        about="processes",
        evidence=(MAPPED, "google/shlex: a # that begins a word"),
        remedy="Quote the word.",
        failing=Example(fly='[processes]\napp = "--port 4000 # the port --num_workers 4"\n'),
        passing=Example(fly='[processes]\napp = "--port 4000 --num_workers 4"\n'),
        find=_cut_off,
    ),
    Rule(
        id="F042",
        title="A command is written for a shell, and no shell reads it",
        severity=Severity.ERROR,
        about="processes",
        evidence=(MAPPED,),
        remedy="Write values, or begin the command with a shell.",
        failing=Example(fly='[processes]\napp = "--port $PORT"\n'),
        passing=Example(fly='[processes]\napp = "--port 4000"\n'),
        find=_no_shell,
    ),
    Rule(
        id="F043",
        title="A variable is no text",
        severity=Severity.ERROR,
        about="env",
        evidence=(CONTRACT,),
        remedy="Write one string.",
        failing=Example(fly='[env]\nMODELS = ["a", "b"]\n'),
        passing=Example(fly='[env]\nMODELS = "a,b"\n'),
        find=_no_text,
    ),
    Rule(
        id="F044",
        title="A variable's name is none",
        severity=Severity.WARNING,
        about="env",
        evidence=(CONTRACT,),
        remedy="Use letters, digits and underscores.",
        failing=Example(fly='[env]\n"MY NAME" = "a"\n'),
        passing=Example(fly='[env]\nMY_NAME = "a"\n'),
        find=_no_name,
    ),
    Rule(
        id="F045",
        title="flyctl writes over a variable",
        severity=Severity.WARNING,
        about="env",
        evidence=(MAPPED,),
        remedy="Remove it.",
        failing=Example(fly='[env]\nFLY_PROCESS_GROUP = "web"\n'),
        passing=Example(fly='[env]\nMY_GROUP = "web"\n'),
        find=_overridden,
    ),
)
