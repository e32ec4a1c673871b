import tomllib
from datetime import date
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from components.bundle import make_bundle
from gateway.render import litellm_config
from ops.import_module import module_text
from ops.import_proof import Proof, prove, written_settings
from ops.import_settings import Imported, import_settings
from ops.import_stack import stack_text
from stacks.importing import Kind
from stacks.merge import canonical
from stacks.paths import spell
from stacks.settings import Settings
from tests.unit.strategies import GROUPS, JSON, all_settings

QUICK = (Phase.explicit, Phase.reuse, Phase.generate)  # whole files shrink for minutes


def round_trip(litellm: Any, toml: Any) -> tuple[Imported, Proof]:
    """Import, write both texts, load them and compare what they render."""
    imported = import_settings(litellm, toml)
    module = module_text(imported.definition, "Head.\n\nMore.", {})
    loaded = written_settings(module, stack_text(imported.own, {}), "dev")
    return imported, prove(litellm, toml, loaded, imported.changes)


def rendered(what: Settings) -> tuple[dict[str, Any], dict[str, Any]]:
    toml = tomllib.loads(make_bundle(what).fly_toml)
    return litellm_config(what, with_probes=False), toml


def shared(what: Settings) -> dict[str, Any]:
    """Return the settings that texts say one to one; models are compared as they are rendered."""
    told = canonical(what).model_dump(mode="json")
    told["fly"] |= {"organization": "acme"}
    others = ("models", "providers", "rescue", "secrets")
    return {key: value for key, value in told.items() if key not in others}


@settings(max_examples=20, phases=QUICK)
@given(all_settings())
def test_what_settings_render_is_imported_as_settings_that_render_the_same(what: Settings) -> None:
    before = rendered(canonical(what))
    imported, proof = round_trip(*before)
    assert [spell(found.steps) for found in proof.unexplained] == []
    assert proof.additions == ()
    assert [change for change in imported.changes if change.kind is Kind.LOST] == []
    after = proof.loaded.settings
    assert shared(after) == shared(what)
    assert rendered(after) == before


ODD = JSON | st.sampled_from(
    [date(2027, 1, 1), {1: "one", None: 2}, float("inf"), b"\x00", "os.environ/lower", 10**30]
)
TEXTS = st.sampled_from(["gpt", *GROUPS, "", " x", "*", "os.environ/A_KEY", "x\ny"])
PARAMS = st.dictionaries(
    st.sampled_from(["api_key", "api_base", "timeout", "num_retries", "rpm", "order", "model"]),
    ODD
    | TEXTS
    | st.sampled_from(["sk-" + "a1" * 8, "os.environ/A_KEY", 30, 0, "https://a.example"]),
    max_size=4,
)
ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "model_name": TEXTS,
        "litellm_params": PARAMS | PARAMS.map(lambda more: {**more, "model": "azure/gpt"}),
        "model_info": st.dictionaries(st.sampled_from(["id", "mode", "tier"]), ODD, max_size=2),
        "tpm": ODD,
    },
)
CHAINS = st.lists(st.dictionaries(TEXTS, st.lists(TEXTS, max_size=2) | ODD, max_size=2), max_size=3)
YAMLS = st.fixed_dictionaries(
    {},
    optional={
        "model_list": st.lists(ENTRIES | ODD, max_size=4) | ODD,
        "litellm_settings": st.fixed_dictionaries(
            {},
            optional={
                "callbacks": st.sampled_from([["prometheus"], "prometheus", ["x", "prometheus"]]),
                "success_callback": st.sampled_from([["posthog"], "posthog"]),
                "failure_callback": st.sampled_from([["posthog"], ["posthog", "x"]]),
                "cache_params": ODD | st.fixed_dictionaries({"type": ODD | st.just("redis")}),
                "request_timeout": ODD,
                "drop_params": ODD,
                "fallbacks": CHAINS,
            },
        )
        | ODD,
        "general_settings": st.dictionaries(
            st.sampled_from(["master_key", "database_url", "alerting", "store_model_in_db"]),
            ODD | st.sampled_from(["postgres://u:p@h:1/d?x=1", "os.environ/DATABASE_URL", True]),
            max_size=4,
        )
        | ODD,
        "router_settings": st.fixed_dictionaries(
            {},
            optional={
                "fallbacks": CHAINS | ODD,
                "retry_policy": ODD | st.just({"RateLimitErrorRetries": 1}),
                "redis_host": ODD | st.just("os.environ/REDIS_HOST"),
                "timeout": ODD,
            },
        )
        | ODD,
        "mcp_servers": ODD,
        "environment_variables": st.dictionaries(st.sampled_from(["A_KEY", "PLAIN"]), ODD),
    },
)
ROWS = st.lists(
    st.dictionaries(
        st.sampled_from(["port", "path", "size", "memory", "interval", "timeout", "processes"]),
        st.sampled_from([4001, "/metrics/", "shared-cpu-2x", "4gb", "1.5s", 10, ["app"], True]),
        max_size=4,
    ),
    max_size=2,
)
VALUES = st.sampled_from(["", "x", "30s", "1m", 5, 0, True, False, "rolling", ["a"], {"a": 1}])
COMMANDS = st.sampled_from(
    [
        "--config /app/litellm_config.yaml --num_workers 2 --prometheus_metrics_port 4001",
        "--config x.yaml --run_gunicorn --keepalive_timeout 75 --port nine --odd 'two words'",
        "--host 127.0.0.1 --num_workers=0 --Strange",
        "sleep 1",
        "'never closed",
    ]
)
TOMLS = st.fixed_dictionaries(
    {},
    optional={
        "app": VALUES,
        "primary_region": VALUES | st.just("iad"),
        "kill_signal": VALUES | st.just("SIGTERM"),
        "kill_timeout": VALUES,
        "swap_size_mb": VALUES,
        "build": st.dictionaries(st.sampled_from(["image", "args"]), VALUES, max_size=2) | VALUES,
        "deploy": st.dictionaries(st.sampled_from(["strategy", "wait_timeout", "x"]), VALUES),
        "processes": st.dictionaries(st.sampled_from(["app", "web"]), COMMANDS | VALUES) | VALUES,
        "env": st.dictionaries(
            st.sampled_from(["JITTER", "A_KEY", "REDIS_HOST", "REDIS_PORT", "DATABASE_URL", "X"]),
            VALUES,
        ),
        "http_service": st.fixed_dictionaries(
            {},
            optional={
                "internal_port": VALUES | st.just(4000),
                "force_https": VALUES,
                "auto_stop_machines": VALUES | st.just("suspend"),
                "min_machines_running": VALUES,
                "concurrency": ROWS | VALUES | st.just({"type": "requests", "soft_limit": 2}),
                "checks": ROWS | VALUES,
            },
        )
        | VALUES,
        "services": ROWS,
        "metrics": ROWS | VALUES,
        "vm": ROWS | VALUES,
        "files": ROWS,
        "mounts": ROWS,
    },
)


@settings(max_examples=40, phases=QUICK)
@given(YAMLS, st.none() | TOMLS)
def test_of_any_two_files_nothing_is_lost_in_silence(litellm: Any, toml: Any) -> None:
    _, proof = round_trip(litellm, toml)
    assert [spell(found.steps) for found in proof.unexplained] == []
