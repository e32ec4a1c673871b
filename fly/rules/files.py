"""Which files and metrics of a fly.toml never reach a machine, or reach another one."""

import base64
import binascii
from collections.abc import Iterator

from fly.rules.reading import (
    CONTRACT,
    METRICS_KEYS,
    groups,
    named_groups,
    quoted,
    tables,
    toml_of,
    whole,
)
from stacks.configuration import Configuration
from stacks.problem import Severity
from stacks.rule import Example, Finding, Rule

SOURCES = ("local_path", "secret_name", "raw_value")  # the first that is set wins
MAPPED = "facts on flyctl's contract, section 6 (measured)"
LEAST_ENCODED = 16  # shorter texts look like base64 by chance
MOST_PORT = 65535


def _nowhere(configuration: Configuration) -> Iterator[Finding]:
    for path, entry in tables(toml_of(configuration), "files"):
        guest_path = entry.get("guest_path")
        if not isinstance(guest_path, str) or not guest_path.startswith("/"):
            yield Finding(
                (*path, "guest_path"),
                "" if guest_path is None else quoted(guest_path),
                "a file needs its absolute path in the machine; flyctl asks for none",
                'set guest_path = "/app/..."',
            )


def _without_content(configuration: Configuration) -> Iterator[Finding]:
    for path, entry in tables(toml_of(configuration), "files"):
        if not any(entry.get(source) for source in SOURCES):
            yield Finding(
                (*path, "local_path"),
                "",
                "the file has no content: none of local_path, secret_name, raw_value is set, and "
                "flyctl says nothing",
                "set local_path to a file beside the fly.toml",
            )


def _two_sources(configuration: Configuration) -> Iterator[Finding]:
    for path, entry in tables(toml_of(configuration), "files"):
        given = [source for source in SOURCES if entry.get(source)]
        if len(given) > 1:
            yield Finding(
                (*path, given[1]),
                "",
                f"`{given[0]}` stands beside it and wins",
                "keep one of them",
            )


def _twice(configuration: Configuration) -> Iterator[Finding]:
    seen: set[str] = set()
    for path, entry in tables(toml_of(configuration), "files"):
        guest_path = entry.get("guest_path")
        if not isinstance(guest_path, str):
            continue
        if guest_path in seen:
            yield Finding(
                (*path, "guest_path"),
                quoted(guest_path),
                "another file has this path, and the last one wins",
                "keep one of them",
            )
        seen.add(guest_path)


def _encoded(configuration: Configuration) -> Iterator[Finding]:
    for path, entry in tables(toml_of(configuration), "files"):
        raw = entry.get("raw_value")
        if isinstance(raw, str) and len(raw) >= LEAST_ENCODED and _is_base64(raw):
            yield Finding(
                (*path, "raw_value"),
                "",
                "flyctl encodes it once more: the file in the machine will hold the base64 itself",
                "write the plain text, or use local_path",
            )


def _is_base64(text: str) -> bool:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8").isprintable() or "=" in text
    except (binascii.Error, ValueError):
        return False


def _for_every_group(configuration: Configuration) -> Iterator[Finding]:
    toml = toml_of(configuration)
    known = set(groups(toml))
    for path, entry in tables(toml, "files"):
        named = {name for _, name in named_groups(entry)}
        if named and named != known:
            yield Finding(
                (*path, "processes"),
                ", ".join(sorted(named)),
                "flyctl ignores it as it deploys: every group and the release machine get the file",
                f"name every group ({', '.join(sorted(known))}), or keep the file out of the toml",
            )


def _metrics_port(configuration: Configuration) -> Iterator[Finding]:
    for path, entry in tables(toml_of(configuration), *METRICS_KEYS):
        port = entry.get("port")
        if not 1 <= (whole(port) or 0) <= MOST_PORT:
            yield Finding(
                (*path, "port"),
                "" if port is None else quoted(port),
                f"Fly scrapes a port from 1 to {MOST_PORT}; flyctl asks for none",
                "set the port of the metrics: port = 4001",
            )


def _metrics_group(configuration: Configuration) -> Iterator[Finding]:
    toml = toml_of(configuration)
    known = groups(toml)
    for path, entry in tables(toml, *METRICS_KEYS):
        for position, name in named_groups(entry):
            if name not in known:
                yield Finding(
                    (*path, "processes", position),
                    quoted(name),
                    f"the process groups are {', '.join(known)}: nothing is scraped, and flyctl "
                    "says nothing",
                    "name one of them",
                )


def _second_metrics(configuration: Configuration) -> Iterator[Finding]:
    toml = toml_of(configuration)
    known = groups(toml)
    seen: set[str] = set()
    for path, entry in tables(toml, *METRICS_KEYS):
        named = {name for _, name in named_groups(entry)} or set(known)
        if named & seen:
            yield Finding(
                path,
                "",
                f"{', '.join(sorted(named & seen))} has metrics already, and the first table wins",
                "keep one table for each process group",
            )
        seen |= named


def _file(text: str) -> Example:
    return Example(fly=f"[[files]]\n{text}\n")


RULES = (
    Rule(
        id="F046",
        title="A file has no place in the machine",
        severity=Severity.ERROR,
        about="files.guest_path",
        evidence=(CONTRACT,),
        remedy="Set an absolute `guest_path`.",
        failing=_file('local_path = "a.yaml"'),
        passing=_file('guest_path = "/app/a.yaml"\nlocal_path = "a.yaml"'),
        find=_nowhere,
    ),
    Rule(
        id="F047",
        title="A file has no content",
        severity=Severity.ERROR,
        about="files.local_path",
        evidence=(CONTRACT, "facts on LiteLLM, section 13.7"),
        remedy="Set `local_path`.",
        failing=_file('guest_path = "/app/a.yaml"'),
        passing=_file('guest_path = "/app/a.yaml"\nlocal_path = "a.yaml"'),
        find=_without_content,
    ),
    Rule(
        id="F048",
        title="A file has two contents",
        severity=Severity.WARNING,
        about="files.local_path",
        evidence=(CONTRACT,),
        remedy="Keep one.",
        failing=_file('guest_path = "/a"\nlocal_path = "a"\nsecret_name = "A"'),
        passing=_file('guest_path = "/a"\nlocal_path = "a"'),
        find=_two_sources,
    ),
    Rule(
        id="F049",
        title="Two files have one place in the machine",
        severity=Severity.WARNING,
        about="files.guest_path",
        evidence=(CONTRACT,),
        remedy="Keep one.",
        failing=Example(
            fly='[[files]]\nguest_path = "/a"\nlocal_path = "a"\n'
            '[[files]]\nguest_path = "/a"\nlocal_path = "b"\n'
        ),
        passing=_file('guest_path = "/a"\nlocal_path = "a"'),
        find=_twice,
    ),
    Rule(
        id="F050",
        title="A file's content is encoded twice",
        severity=Severity.WARNING,
        about="files.raw_value",
        evidence=(MAPPED, "facts on Fly, section 1.3"),
        remedy="Write plain text.",
        failing=_file('guest_path = "/a"\nraw_value = "bW9kZWxfbGlzdDogW10="'),
        passing=_file('guest_path = "/a"\nraw_value = "model_list: []"'),
        find=_encoded,
    ),
    Rule(
        id="F051",
        title="A file reaches every process group, whatever it names",
        severity=Severity.WARNING,
        about="files.processes",
        evidence=(MAPPED,),
        remedy="Name every group.",
        failing=Example(
            fly='[processes]\napp = ""\nweb = ""\n[[files]]\nguest_path = "/a"\n'
            'local_path = "a"\nprocesses = ["web"]\n'
        ),
        passing=Example(
            fly='[processes]\nweb = ""\n[[files]]\nguest_path = "/a"\n'
            'local_path = "a"\nprocesses = ["web"]\n'
        ),
        find=_for_every_group,
    ),
    Rule(
        id="F052",
        title="Metrics have no port",
        severity=Severity.ERROR,
        about="metrics.port",
        evidence=(CONTRACT,),
        remedy="Set the port.",
        failing=Example(fly='[[metrics]]\npath = "/metrics/"\n'),
        passing=Example(fly='[[metrics]]\nport = 4001\npath = "/metrics/"\n'),
        find=_metrics_port,
    ),
    Rule(
        id="F053",
        title="Metrics belong to a process group that does not exist",
        severity=Severity.ERROR,
        about="metrics.processes",
        evidence=(CONTRACT,),
        remedy="Name a group of `[processes]`.",
        failing=Example(fly='[[metrics]]\nport = 4001\nprocesses = ["web"]\n'),
        passing=Example(fly='[[metrics]]\nport = 4001\nprocesses = ["app"]\n'),
        find=_metrics_group,
    ),
    Rule(
        id="F054",
        title="A process group has metrics twice",
        severity=Severity.WARNING,
        about="metrics",
        evidence=(MAPPED,),
        remedy="Keep one table for each process group.",
        failing=Example(fly="[[metrics]]\nport = 4001\n[[metrics]]\nport = 4002\n"),
        passing=Example(fly="[[metrics]]\nport = 4001\n"),
        find=_second_metrics,
    ),
)
