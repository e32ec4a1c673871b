"""What LiteLLM's proxy really does with its file, database, keys and server flags, by release."""

from gateway.fact import Fact
from stacks.versions import Versions

LOADER = "litellm/proxy/proxy_server.py (ProxyConfig.load_config)"
CLI = "litellm/proxy/proxy_cli.py"
DB_URL = "litellm/proxy/db/db_url_settings.py"
NO_ENGINE = "Prisma's query engine is a download that this machine cannot make"

DEFAULT_FALLBACKS_LOST = Fact(
    id="default_fallbacks.lost_with_store_model_in_db",
    effect="with `store_model_in_db` the first sync with the database drops `default_fallbacks`",
    evidence=(
        "litellm/proxy/proxy_server.py (_add_router_settings_from_db_config) of 1.84.0, 1.102.4, "
        "1.106.2 and 1.109.1: the file's own list is set again, without what was appended to it",
    ),
    test="test_a_sync_with_the_database_drops_default_fallbacks",
)
DEFAULT_FALLBACKS_WITHOUT_DATABASE = Fact(
    id="default_fallbacks.without_database",
    effect='without a database `default_fallbacks` becomes the chain `"*"`',
    evidence=("litellm/router.py",),
    test="test_default_fallbacks_become_the_star_chain",
)
FILE_BEATS_DATABASE = Fact(
    id="precedence.file_over_database",
    effect="a key that the file declares is the file's: the database's value is ignored",
    versions=Versions(since="1.103.0"),
    evidence=(
        "BerriAI/litellm PR #41779, #41985",
        "litellm/proxy/config_resolvers/settings_rules.py, in 1.103.0 and not yet in 1.102.4",
    ),
    test="test_the_file_outranks_the_database",
)
DATABASE_BEATS_FILE = Fact(
    id="precedence.database_over_file",
    effect="for many keys, `fallbacks` among them, the database's value beats the file's",
    versions=Versions(until="1.103.0"),
    evidence=(
        "BerriAI/litellm #15647, #38406",
        "litellm/proxy/proxy_server.py (_add_router_settings_from_db_config) of 1.84.0 and 1.102.4",
    ),
    untested="neither release that is run here is below 1.103",
)
BOTH_SECTIONS = Fact(
    id="fallbacks.in_both_sections",
    effect="of `fallbacks` in both sections, the list of `router_settings` alone is used",
    evidence=("litellm/router.py: `fallbacks or litellm.fallbacks`, in 1.84.0 already",),
    test="test_of_two_lists_of_fallbacks_the_routers_is_used",
)
MOCK_TESTING_IS_GATED = Fact(
    id="mock_testing.gated",
    effect="`mock_testing_fallbacks` is refused with 400 unless "
    "`general_settings.dangerously_allow_mock_testing_request_params` is true",
    versions=Versions(since="1.96.0"),
    evidence=(
        "BerriAI/litellm PR #35423",
        "litellm/proxy/route_llm_request.py, in 1.96.0 and not yet in 1.95.1",
    ),
    test="test_mock_testing_parameters_are_refused",
)
MASTER_KEY_REFUSED = Fact(
    id="master_key.refused",
    effect="the proxy does not start without a master key, or with a published one (sk-1234)",
    versions=Versions(since="1.104.0"),
    evidence=(
        "BerriAI/litellm #42019",
        "litellm/proxy/auth/master_key_boot_check.py, in 1.104.0 and not yet in 1.103.11",
    ),
    test="test_a_missing_or_published_master_key_is_refused",
)
UNKNOWN_KEYS_ARE_SILENT = Fact(
    id="keys.unknown",
    effect="an unknown key of any section is accepted; only one of `router_settings` is logged",
    evidence=(LOADER,),
    test="test_unknown_keys_of_every_section_are_accepted",
)
HEALTH_CHECK_IN_ROUTER = Fact(
    id="keys.health_check_interval_in_router",
    effect="`health_check_interval` under `router_settings` stops the proxy from starting",
    evidence=(LOADER,),
    test="test_a_health_check_interval_of_the_router_is_refused",
)
INCLUDE_REPLACES = Fact(
    id="include.replaces_sections",
    effect="an included file's section replaces the including file's; only lists are joined",
    versions=Versions(first="1.106.2"),
    evidence=("observed on 1.106.2 and 1.109.1",),
    test="test_an_included_section_replaces_the_whole_section",
)
UNKNOWN_CALLBACK = Fact(
    id="callbacks.unknown",
    effect="an unknown name in `callbacks` stops the start; in `success_callback` it is accepted",
    versions=Versions(first="1.106.2"),
    evidence=("litellm/proxy/common_utils/callback_utils.py",),
    test="test_an_unknown_callback_stops_the_start",
)
UNKNOWN_CACHE_KEY = Fact(
    id="cache_params.unknown_key",
    effect="an unknown key of `cache_params`, or an unknown type, stops the start",
    versions=Versions(first="1.106.2"),
    evidence=("litellm/caching/caching.py",),
    test="test_an_unknown_key_of_cache_params_stops_the_start",
)
ROUTING_STRATEGY_CHECKED = Fact(
    id="routing_strategy.checked",
    effect="an unknown `routing_strategy` stops the start",
    evidence=("litellm/router.py",),
    test="test_an_unknown_routing_strategy_stops_the_start",
)
METRICS_AUTH_PLACE = Fact(
    id="metrics.auth_key_misplaced",
    effect="`require_auth_for_metrics_endpoint` is read in `litellm_settings` alone",
    evidence=("litellm/proxy/middleware/prometheus_auth_middleware.py",),
    test="test_the_metrics_key_is_dead_in_general_settings",
)
METRICS_SLASH = Fact(
    id="metrics.trailing_slash",
    effect="on the metrics port `/metrics` is a redirect to `/metrics/`",
    versions=Versions(since="1.101.0", first="1.106.2", last="1.106.2"),
    evidence=("observed on 1.106.2",),
    untested="the process behind that port must import LiteLLM within 30 s, which a small machine "
    "with two releases on it does not do",
)
BUFFER_NEEDS_REDIS = Fact(
    id="redis.transaction_buffer",
    effect="`use_redis_transaction_buffer` without any Redis stops the start",
    versions=Versions(first="1.106.2", last="1.106.2"),
    evidence=("litellm/proxy/proxy_server.py", "observed on 1.106.2"),
    untested=NO_ENGINE,
)
UNRESOLVED_REDIS = Fact(
    id="redis.unresolved_reference",
    effect="an unset `os.environ/` name of `redis_host` silently leaves each worker its own state",
    versions=Versions(first="1.106.2"),
    evidence=("litellm/router.py",),
    test="test_an_unset_redis_host_is_silently_no_redis",
)
DISCARDED_URL_PARAMETERS = Fact(
    id="database_url.discarded",
    effect="Prisma's engine discards every parameter it does not know, `keepalives*` among them",
    evidence=("prisma/prisma-engines: quaint/src/connector/postgres/url.rs",),
    untested=NO_ENGINE,
)
IDLE_LIFETIME_OF_60 = Fact(
    id="database_url.idle_lifetime",
    effect="LiteLLM adds `max_idle_connection_lifetime=60` to a URL that does not say it",
    versions=Versions(since="1.101.0"),
    evidence=("BerriAI/litellm PR #28395", f"{DB_URL}, in 1.101.0 and not yet in 1.100.5"),
    test="test_an_idle_lifetime_of_60_s_is_added",
)
POOL_IN_THE_URL = Fact(
    id="database_url.pool_overridden",
    effect="`connection_limit` and `pool_timeout` in the URL are overridden by LiteLLM's own",
    evidence=(f"{CLI} (append_query_params), the same in 1.84.0",),
    test="test_connection_limit_of_the_url_is_overridden",
)
GUNICORN_KEEPALIVE = Fact(
    id="server.gunicorn_keepalive",
    effect="`--run_gunicorn` ignores `--keepalive_timeout`: idle connections close after 2 s",
    evidence=(CLI, "observed on 1.106.2"),
    test="test_gunicorn_is_not_given_the_keepalive",
)
GRANIAN_MAX_REQUESTS = Fact(
    id="server.granian_max_requests",
    effect="`--run_granian` ignores `--max_requests_before_restart`",
    versions=Versions(since="1.87.0"),
    evidence=(f"{CLI}: 1.87.0 is the first that has `--run_granian`",),
    test="test_granian_is_not_given_max_requests",
)
ONE_WORKER_ENDS = Fact(
    id="server.max_requests_of_one_worker",
    effect="with one uvicorn worker `--max_requests_before_restart` ends the whole server",
    evidence=(f"{CLI}: 1.108.0 warns of it", "uvicorn's limit_max_requests"),
    test="test_one_uvicorn_worker_ends_after_its_requests",
)
GUNICORN_CONCURRENCY = Fact(
    id="server.gunicorn_limit_concurrency",
    effect="`--run_gunicorn` ignores `--limit_concurrency`",
    versions=Versions(since="1.94.0"),
    evidence=(f"{CLI}: 1.94.0 is the first that has the flag",),
    test="test_gunicorn_is_not_given_the_concurrency",
)
UVICORN_WORKER_HEALTHCHECK = Fact(
    id="server.uvicorn_worker_healthcheck",
    effect="uvicorn kills a worker that does not answer within 5 s, also while it still imports: "
    "several workers may never come up without `--timeout_worker_healthcheck`",
    evidence=("measured on 1.106.2; it is uvicorn's own supervisor, whatever LiteLLM's release",),
    untested="it depends on how busy the machine is: 0 to 14 workers were killed in the same setup",
)
