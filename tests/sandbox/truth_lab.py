"""Runs inside LiteLLM's own environment: imports it once, then a fork for each server and case.

python truth_lab.py PLAN.json: `{"servers": {name: [argument, ...]}, "cases": {name: case}}`. A
case is `{"do": "load" | "start" | "keys", "arguments": [...], "environment": {...}, "row": {...}}`;
what it saw is written to PLAN.json's folder as NAME.result.json, its output as NAME.log.
"""

import asyncio
import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

CASE_S = 120
PLAIN = (bool, int, float, str, list, dict, set, tuple, type(None))
ATTRIBUTES = (
    "fallbacks",
    "context_window_fallbacks",
    "timeout",
    "stream_timeout",
    "num_retries",
    "allowed_fails",
    "max_fallbacks",
)


def main(plan_file: Path) -> None:
    """Fork everything that the plan names, and wait until the last server has ended."""
    plan = json.loads(plan_file.read_text())
    importlib.import_module("litellm.proxy.proxy_server")
    cli = importlib.import_module("litellm.proxy.proxy_cli")
    for name, arguments in plan["servers"].items():
        fork(name, plan_file.parent, partial(serve, cli, arguments))
    for name, case in plan["cases"].items():
        child = fork(name, plan_file.parent, partial(do, cli, case))
        _, status = os.waitpid(child, 0)
        (plan_file.parent / f"{name}.status").write_text(str(os.waitstatus_to_exitcode(status)))
    (plan_file.parent / "done").touch()
    while plan["servers"]:
        os.wait()


def fork(name: str, folder: Path, act: Callable[[], Any]) -> int:
    """Run `act` in a child whose output is a file; the parent gets the child's id."""
    child = os.fork()
    if child:
        return child
    with (folder / f"{name}.log").open("wb") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    status = 0
    try:
        seen = act()
        (folder / f"{name}.result.json").write_text(json.dumps(seen, default=str))
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException as error:  # noqa: BLE001 - how it ended is the observation
        traceback.print_exc()
        seen = {"error": f"{type(error).__name__}: {error}"}
        (folder / f"{name}.result.json").write_text(json.dumps(seen))
    sys.stdout.flush()
    os._exit(status)


def serve(cli: Any, arguments: list[str]) -> None:
    """Run the proxy by its own command line."""
    cli.run_server.main(args=arguments, standalone_mode=True)


def do(cli: Any, case: Mapping[str, Any]) -> Any:
    """Do one case; one that never ends is ended."""
    signal.alarm(CASE_S)
    for name, value in case.get("environment", {}).items():
        os.environ.pop(name, None) if value is None else os.environ.update({name: value})
    if case["do"] == "start":
        return started(cli, case["arguments"])
    if case["do"] == "keys":
        return keys()
    return asyncio.run(loaded(*case["arguments"], row=case.get("row")))


def started(cli: Any, arguments: list[str]) -> None:
    """Run the command line until it has done its part: until Prisma or Granian would begin.

    Prisma's programs would be downloaded. What became of the database's URL is printed.
    """

    def end(*_: object, **__: object) -> None:
        print("DATABASE_URL", os.environ.get("DATABASE_URL"), flush=True)  # noqa: T201 - the log
        os._exit(0)

    if "DATABASE_URL" in os.environ:
        subprocess.Popen = end  # type: ignore[misc,assignment]
    importlib.import_module("granian").Granian.serve = end
    cli.run_server.main(args=arguments, standalone_mode=False)


def keys() -> dict[str, Any]:
    """Return what LiteLLM itself says that it knows."""
    litellm = importlib.import_module("litellm")
    router = importlib.import_module("litellm.router")
    api = importlib.import_module("litellm.types.router")
    proxy = importlib.import_module("litellm.proxy._types")
    try:
        arguments = importlib.import_module("litellm.router_api").router_init_args()
    except ImportError:  # before 1.109.0
        arguments = router.Router.get_valid_args()
    return {
        "router_settings": sorted(arguments),
        "general_settings": sorted(proxy.ConfigGeneralSettings.model_fields),
        "litellm_params": sorted(api.LiteLLM_Params.model_fields),
        "model_info": sorted(api.ModelInfo.model_fields),
        "retry_policy": sorted(api.RetryPolicy.model_fields),
        "allowed_fails_policy": sorted(api.AllowedFailsPolicy.model_fields),
        "litellm_settings": sorted(
            name
            for name, value in vars(litellm).items()
            if name.islower() and not name.startswith("_") and type(value) in PLAIN
        ),
    }


async def loaded(file: str, *, row: Mapping[str, Any] | None) -> dict[str, Any]:
    """Load a file as the proxy does; with `row`, sync with a database that holds it."""
    server = importlib.import_module("litellm.proxy.proxy_server")
    config = server.proxy_config
    router, _, general = await config.load_config(router=None, config_file_path=file)
    seen: dict[str, Any] = {"general": sorted(general), "before": read(router)}
    if row is not None:
        table = SimpleNamespace(find_first=returning(SimpleNamespace(param_value=row)))
        client = SimpleNamespace(db=SimpleNamespace(litellm_config=table))
        await config._add_router_settings_from_db_config(  # noqa: SLF001 - what each sync calls
            llm_router=router, prisma_client=client
        )
        seen["after"] = read(router)
    litellm = importlib.import_module("litellm")
    seen["module"] = {"request_timeout": litellm.request_timeout}
    return seen


def returning(value: Any) -> Callable[..., Any]:
    """Return a coroutine function that returns `value` whatever it is given."""

    async def answer(*_: Any, **__: Any) -> Any:
        return value

    return answer


def read(router: Any) -> dict[str, Any]:
    """Return what a router holds, wherever this release keeps it."""
    places = [router, *(getattr(router, name, None) for name in ("core", "_core", "python_core"))]
    return {
        name: next((getattr(place, name) for place in places if hasattr(place, name)), None)
        for name in ATTRIBUTES
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
