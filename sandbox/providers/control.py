"""The endpoints by which faults are put into the providers, and counts and attempts are read."""

import json

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.providers.app import PROVIDERS
from sandbox.providers.scripts import FaultScripts, ScriptError, parse_script

PREFIX = "/_sandbox/providers"


def provider_control_routes(scripts: FaultScripts) -> list[Route]:
    """Return the routes, with their full paths."""

    async def show(request: Request) -> JSONResponse:
        del request
        return JSONResponse({"faults": scripts.faults(), "counters": scripts.counters()})

    async def put(request: Request) -> JSONResponse:
        provider, model = request.path_params["provider"], request.path_params["model"]
        if provider not in PROVIDERS:
            return _problem([f"provider: {provider}; expected one of {', '.join(PROVIDERS)}"])
        try:
            body = json.loads(await request.body())
            only = _taken_out(body, "only")
            script = parse_script(body)
        except ScriptError as error:
            return _problem(error.problems)
        except ValueError:
            return _problem(["the body is not JSON"])
        scripts.put(provider, model, script, only=only)
        return JSONResponse({"faults": scripts.faults()})

    async def heal(request: Request) -> JSONResponse:
        provider, model = request.path_params["provider"], request.path_params["model"]
        healed = scripts.heal(provider, model, only=request.query_params.get("only", ""))
        return JSONResponse({"healed": int(healed), "faults": scripts.faults()})

    async def heal_all(request: Request) -> JSONResponse:
        healed = scripts.heal_all(only=request.query_params.get("only"))
        return JSONResponse({"healed": healed, "faults": scripts.faults()})

    async def attempts(request: Request) -> JSONResponse:
        return JSONResponse({"attempts": scripts.log.read(request.query_params.get("marker"))})

    async def forget(request: Request) -> JSONResponse:
        del request
        return JSONResponse({"forgotten": scripts.log.clear()})

    one = PREFIX + "/faults/{provider}/{model:path}"
    return [
        Route(PREFIX, show, methods=["GET"]),
        Route(f"{PREFIX}/faults", heal_all, methods=["DELETE"]),
        Route(f"{PREFIX}/attempts", attempts, methods=["GET"]),
        Route(f"{PREFIX}/attempts", forget, methods=["DELETE"]),
        Route(one, put, methods=["PUT"]),
        Route(one, heal, methods=["DELETE"]),
    ]


def _taken_out(body: object, name: str) -> str:
    """Return the text under a key and take it out of the body; "" where there is none."""
    value = body.pop(name, "") if isinstance(body, dict) else ""
    if not isinstance(value, str):
        raise ScriptError([f"{name}: {value!r}; expected a text"])
    return value


def _problem(problems: list[str]) -> JSONResponse:
    return JSONResponse({"error": "the fault script was not taken", "problems": problems}, 422)
