"""The command line of the sandbox: `serve`, `images install VERSION`, `coverage`."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from sandbox.api.coverage import coverage_markdown
from sandbox.images.catalogue import Catalogue, default_cache, install
from sandbox.interfaces import ImageError
from sandbox.ports import Running, StartError
from sandbox.program import Options, serve

OK, STOPPED_BY_A_PROBLEM = 0, 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 fine, 1 with the reason on stderr."""
    asked = _parser().parse_args(arguments)
    try:
        return int(asked.run(asked))
    except (StartError, ImageError) as error:
        sys.stderr.write(f"{error}\n")
        return STOPPED_BY_A_PROBLEM


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Fly.io on one machine")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_serve(commands.add_parser("serve", help="run the stand-in until SIGTERM or SIGINT"))
    images = commands.add_parser("images", help="what machines can run")
    of_images = images.add_subparsers(required=True, metavar="COMMAND")
    adding = of_images.add_parser("install", help="install a LiteLLM version (1 to 3 minutes)")
    adding.add_argument("version", metavar="VERSION", help="for example 1.106.2")
    adding.set_defaults(run=_install)
    coverage = commands.add_parser("coverage", help="print which parts of Fly's API there are")
    coverage.set_defaults(run=_coverage)
    return parser


def _add_serve(parser: argparse.ArgumentParser) -> None:
    usual = Options(Path())
    add = parser.add_argument
    add("--home", type=Path, required=True, help="where the state lives; made 0700")
    add("--host", default=usual.host, help="loopback address of the three servers")
    add("--port", type=int, default=usual.port, help="Fly's API; 0 takes a free port")
    add("--edge-port", type=int, default=usual.edge_port, help="Fly's public side")
    add("--provider-port", type=int, default=usual.provider_port, help="the model providers")
    add("--subnet", type=_subnet, default=usual.subnet, help="loopback network of the machines")
    parser.set_defaults(run=_serve)


def _serve(asked: argparse.Namespace) -> int:
    options = Options(
        asked.home.absolute(),
        asked.host,
        asked.port,
        asked.edge_port,
        asked.provider_port,
        asked.subnet,
    )
    serve(options, Catalogue(default_cache()), _announce)
    return OK


def _announce(running: Running) -> None:
    sys.stdout.write(
        f"sandbox ready (pid {running.pid}): Fly's API {running.api_url},"
        f" edge {running.edge_url}, model providers {running.provider_url}\n"
    )
    sys.stdout.flush()


def _install(asked: argparse.Namespace) -> int:
    install(asked.version, _write, cache=default_cache())
    return OK


def _coverage(asked: argparse.Namespace) -> int:
    del asked
    _write(coverage_markdown().rstrip())
    return OK


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _subnet(text: str) -> str:
    match = re.fullmatch(r"127\.(\d{1,3})", text)
    if match is None or int(match[1]) > 255:  # noqa: PLR2004 - an octet
        raise argparse.ArgumentTypeError(f"{text!r} is not 127.N, for example 127.77")
    return text


if __name__ == "__main__":
    sys.exit(main())
