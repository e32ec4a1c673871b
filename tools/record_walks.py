"""Record in which order LiteLLM's real Router tries groups; run by the Python that has LiteLLM.

    .../litellm/1.106.2/bin/python tools/record_walks.py tests/unit/gateway/cases/walks.json

Every call of a provider is replaced by one that fails as the case says, and every sleep by none.
"""

import asyncio
import importlib
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

CLASSES = {
    "500": "InternalServerError",
    "503": "ServiceUnavailableError",
    "429": "RateLimitError",
    "time-out": "Timeout",
    "401": "AuthenticationError",
    "404": "NotFoundError",
    "400": "BadRequestError",
    "context window": "ContextWindowExceededError",
    "content policy": "ContentPolicyViolationError",
}
REAL_SLEEP = asyncio.sleep


def main() -> None:
    """Write what was tried into each case of the file, or with `-` only print it."""
    file = Path(sys.argv[1])
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    recording = json.loads(file.read_text("utf-8"))
    recording |= asyncio.run(recorded(recording["cases"]))
    lines = ",\n".join(json.dumps(case) for case in recording.pop("cases"))
    head = json.dumps(recording).removesuffix("}")
    text = f'{head}, "cases": [\n{lines}\n]}}\n'
    if sys.argv[2:] == ["-"]:
        sys.stdout.write(text)
    else:
        file.write_text(text, encoding="utf-8")


async def recorded(cases: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the cases with what the Router did."""
    litellm = importlib.import_module("litellm")
    router = importlib.import_module("litellm.router").Router
    version = importlib.import_module("importlib.metadata").version("litellm")
    logging.disable(logging.CRITICAL)
    done = [await _one(litellm, router, case) for case in cases]
    return {"litellm": version, "cases": done}


async def _one(litellm: Any, router: Any, case: dict[str, Any]) -> dict[str, Any]:
    calls: list[dict[str, Any]] = []
    sleeps: list[float] = []

    async def failing(*_: Any, **given: Any) -> None:
        # On 1.109.1 a stream is given both, and the first of them bounds it.
        limit = (given.get("stream") and given.get("stream_timeout")) or given.get("timeout")
        calls.append({"model": given["model"], "timeout_s": limit})
        error = getattr(litellm, CLASSES[case["error"]])
        raise error("made up", model="made-up", llm_provider="openai")

    async def sleepless(seconds: float, *_: Any) -> None:
        if seconds:
            sleeps.append(round(seconds, 3))
        await REAL_SLEEP(0)

    own, litellm.acompletion = litellm.acompletion, failing
    asyncio.sleep = sleepless  # type: ignore[assignment]  # two overloads, and one is enough here
    request = {"messages": [{"role": "user", "content": "hello"}], **case.get("request", {})}
    try:
        await router(**case["router"]).acompletion(model=case["model"], **request)
        ended = "answered"
    except Exception as error:  # noqa: BLE001 - which one it is, is the recording
        ended = type(error).__name__
    finally:
        litellm.acompletion, asyncio.sleep = own, REAL_SLEEP
    return {**case, "calls": calls, "sleeps": sleeps, "ended": ended}


if __name__ == "__main__":
    main()
