"""What LiteLLM's router really does with retries, breakers, chains and time-outs, by release."""

from gateway.fact import Fact
from stacks.versions import Versions

COOLDOWN = "litellm/router_utils/cooldown_handlers.py"
GEMINI = "litellm/llms/vertex_ai/gemini (make_call)"
FALLBACKS = "litellm/router_utils/fallback_event_handlers.py"
ROUTER = "litellm/router.py (router_python_core.py from 1.109.0 on)"

ALLOWED_FAILS_OF_3 = Fact(
    id="allowed_fails.equal_to_default",
    effect='a router `allowed_fails` of 3 equals the default and is read as "not set"',
    versions=Versions(until="1.109.0"),
    evidence=(
        "BerriAI/litellm #40405",
        f"{COOLDOWN}: 1.84.0 to 1.108.11 compare with the module's 3; 1.109.0 asks whether it was "
        "passed",
    ),
    test="test_allowed_fails_of_3_is_read_as_not_set",
)
LONE_GROUPS_STAY_OPEN = Fact(
    id="allowed_fails.lone_group",
    effect="`allowed_fails` never cools down a group of one deployment that has no chain",
    versions=Versions(since="1.108.1"),
    evidence=(f"{COOLDOWN}: is_lone_deployment, in 1.108.1 and not yet in 1.108.0",),
    test="test_a_lone_group_without_a_chain_is_never_cooled",
)
ALLOWED_FAILS_OF_2 = Fact(
    id="allowed_fails.other_than_default",
    effect="any `allowed_fails` but 3 cools down a group that has a chain once it is exceeded",
    evidence=(f"{COOLDOWN}: the same in 1.84.0, 1.106.2 and 1.109.1",),
    test="test_allowed_fails_of_2_opens_the_breaker",
)
MODEL_ALLOWED_FAILS = Fact(
    id="allowed_fails.of_a_model",
    effect="`model_info.allowed_fails` cools down no group of one deployment",
    versions=Versions(until="1.108.1"),
    evidence=(
        f"{COOLDOWN}: not read before 1.98.0; refused for a lone deployment until 1.108.0; counts "
        "from 1.108.1 on where the group has a chain",
    ),
    test="test_allowed_fails_of_a_lone_model_does_nothing",
)
MODEL_ALLOWED_FAILS_SHUTS = Fact(
    id="allowed_fails.of_a_model_shuts",
    effect="`model_info.allowed_fails` of a lone deployment keeps the router's from counting",
    versions=Versions(since="1.98.0", until="1.108.1"),
    evidence=(
        f"{COOLDOWN}: _should_cooldown_based_on_deployment_policy, in 1.98.0 and not yet in 1.97.0",
    ),
    test="test_allowed_fails_of_a_lone_model_does_nothing",
)
FALLBACK_WITHOUT_BREAKER = Fact(
    id="fallbacks.fire_per_request",
    effect="a fallback fires for each failing request once its retries are used up, whatever the "
    "breaker does",
    evidence=(ROUTER,),
    test="test_a_fallback_fires_at_the_first_failing_request",
)
CLIENT_ERRORS_FALL_BACK = Fact(
    id="fallbacks.of_client_errors",
    effect="every class of error falls back, a client's own 400 too, which is sent again",
    evidence=(ROUTER,),
    test="test_a_clients_own_error_is_sent_again_to_the_fallback",
)
RETRIES_BY_STATUS = Fact(
    id="retries.by_status",
    effect="a lone deployment is tried again after 408, 409, 429 and 5xx, never after 400 to 404",
    evidence=(ROUTER,),
    test="test_only_errors_that_may_pass_are_tried_again",
)
SLEEP_AFTER_THE_LAST_TRY = Fact(
    id="retries.sleep_after_the_last",
    effect="LiteLLM sleeps `num_retries` + 1 times: also after the last try, before the fallback",
    evidence=(
        f"{ROUTER}: async_function_with_retries of 1.84.0 and 1.106.2",
        "measured on 1.106.2: 1.5 to 3 s with one retry",
    ),
    test="test_a_request_sleeps_once_more_than_it_retries",
)
RETRY_AFTER_IS_OBEYED = Fact(
    id="retries.retry_after",
    effect="a Retry-After of up to 60 s is slept out at every retry, before any fallback",
    evidence=(
        "litellm/utils.py: `0 < retry_after <= 60`, the same in 1.84.0 and 1.109.1",
        "measured on 1.106.2",
    ),
    test="test_a_retry_after_is_slept_out_before_the_fallback",
)
NO_RETRIES_OF_A_MODEL = Fact(
    id="retries.of_a_model",
    effect="`num_retries: 0` in a model's litellm_params outranks the router's number",
    evidence=(ROUTER,),
    test="test_a_models_own_num_retries_outranks_the_routers",
)
RETRIES_THAT_ARE_NO_NUMBER = Fact(
    id="retries.no_number",
    effect="a `num_retries` that is no number is accepted; LiteLLM trips over it after each "
    "failure, and retries nothing",
    evidence=(f"{ROUTER}: `num_retries > 0`, the same in 1.84.0 and 1.109.1",),
    test="test_num_retries_that_is_no_number_retries_nothing",
)
POLICY_SKIPS_THE_CHECK = Fact(
    id="retry_policy.skips_the_check",
    effect="a number in `retry_policy` retries its class of error even where a retry cannot help",
    evidence=(ROUTER,),
    test="test_a_retry_policy_retries_even_a_clients_error",
)
POLICY_KEYS_ARE_NOT_CHECKED = Fact(
    id="policies.keys_not_checked",
    effect="a misspelt key of `retry_policy` or `allowed_fails_policy` is accepted and dead",
    evidence=("litellm/types/router.py", "measured on 1.106.2"),
    test="test_misspelt_keys_of_policies_are_accepted",
)
COOLED_WITHOUT_A_CHAIN = Fact(
    id="cooldown.without_a_chain",
    effect="while a group is cooled down, callers get 429 at once unless a chain answers",
    versions=Versions(until="1.108.1"),
    evidence=(f"{COOLDOWN}: from 1.108.1 on a number cools down no group without a chain",),
    test="test_a_cooled_group_without_a_chain_answers_429",
)
ALLOWED_FAILS_OF_0 = Fact(
    id="allowed_fails.none",
    effect="with `allowed_fails: 0` one failure cools a group down",
    evidence=(COOLDOWN,),
    test="test_no_allowed_fails_cools_down_at_the_first_failure",
)
CIRCLES_ARE_HARMLESS = Fact(
    id="fallbacks.circles",
    effect="a circle of chains ends: by `max_fallbacks` at the latest",
    evidence=(f"{FALLBACKS}: fallback_depth, the same in 1.84.0 and 1.109.1",),
    test="test_each_target_of_a_circle_is_tried_once",
)
EACH_TARGET_ONCE = Fact(
    id="fallbacks.each_target_once",
    effect="each target is tried once for a request, however many chains name it",
    versions=Versions(since="1.97.0"),
    evidence=(f"{FALLBACKS}: attempted_targets, in 1.97.0 and not yet in 1.96.2",),
    test="test_each_target_of_a_circle_is_tried_once",
)
UNKNOWN_TARGET_IS_SKIPPED = Fact(
    id="fallbacks.unknown_target",
    effect="a target that no group, alias or wildcard serves is skipped without a word",
    versions=Versions(first="1.106.2"),
    evidence=(FALLBACKS,),
    test="test_an_unknown_target_is_skipped",
)
SELF_IS_NO_TARGET = Fact(
    id="fallbacks.self",
    effect="a model whose only fallback is itself has none",
    versions=Versions(first="1.106.2"),
    evidence=(FALLBACKS,),
    test="test_a_model_that_falls_back_to_itself_fails",
)
CHAINS_ARE_TRANSITIVE = Fact(
    id="fallbacks.transitive",
    effect="a failing target goes on with its own chain, with retries of its own",
    evidence=(FALLBACKS,),
    test="test_a_failing_target_goes_on_with_its_own_chain",
)
MAX_FALLBACKS_IS_A_DEPTH = Fact(
    id="fallbacks.max_fallbacks",
    effect="`max_fallbacks` bounds the depth of chains of chains, not the length of one list",
    evidence=(FALLBACKS,),
    test="test_max_fallbacks_bounds_depth_not_length",
)
ALIAS_HAS_NO_CHAIN = Fact(
    id="fallbacks.of_an_alias",
    effect="a chain is looked up by the requested name: an alias has none but its own",
    versions=Versions(first="1.106.2"),
    evidence=(FALLBACKS, "observed on 1.106.2"),
    test="test_an_alias_has_no_chain_but_its_own",
)
TARGETS_THAT_WORK = Fact(
    id="fallbacks.targets_that_work",
    effect="an alias, a name served by a wildcard and a mapping with a `model` work as targets",
    versions=Versions(first="1.106.2"),
    evidence=(FALLBACKS, "observed on 1.106.2"),
    test="test_alias_wildcard_and_mapping_work_as_targets",
)
SOURCE_WITHOUT_PREFIX = Fact(
    id="fallbacks.source_without_prefix",
    effect="a chain named without a prefix is found for a group that has one, if the prefix is a "
    "provider LiteLLM knows",
    evidence=(f"{FALLBACKS}: _check_stripped_model_group, the same in 1.84.0 and 1.109.1",),
    test="test_a_source_without_its_prefix_is_found",
)
SOURCE_WITH_PREFIX = Fact(
    id="fallbacks.source_with_prefix",
    effect="a chain named with its provider's prefix is found for a group without it, if the "
    "provider can be told from the group's name",
    versions=Versions(since="1.104.0"),
    evidence=(f"{FALLBACKS}: _provider_prefixed_model_group, in 1.104.0 and not yet in 1.103.11",),
    test="test_a_source_with_its_providers_prefix_is_found",
)
TEXT_AS_TARGETS = Fact(
    id="fallbacks.text_as_targets",
    effect="a text where a list of targets belongs is accepted, and read letter by letter",
    versions=Versions(until="1.108.1"),
    evidence=(f"{ROUTER}: 1.108.1 raises TypeError, 1.108.0 not yet",),
    test="test_a_text_instead_of_a_list_of_targets",
)
EXCLUSIVE_LISTS = Fact(
    id="fallbacks.exclusive_lists",
    effect="where `context_window_fallbacks` or `content_policy_fallbacks` is set it alone decides "
    "for its errors: a group it does not name gets no fallback",
    evidence=(ROUTER,),
    test="test_a_context_window_list_alone_decides_for_its_errors",
)
UNSET_LISTS_FALL_THROUGH = Fact(
    id="fallbacks.unset_lists",
    effect="where these lists are unset, their errors use the general chains",
    evidence=(ROUTER,),
    test="test_without_a_context_window_list_the_general_chain_rescues",
)
STAR_SERVES_NO_UNKNOWN_MODEL = Fact(
    id="fallbacks.star_and_unknown_models",
    effect='a request for a model that is not configured is refused, whatever `"*"` says',
    evidence=("litellm/proxy/route_llm_request.py",),
    test="test_the_star_chain_serves_no_unknown_model",
)
WILDCARD_LETS_EVERYTHING_IN = Fact(
    id="fallbacks.star_beside_a_wildcard",
    effect='where any group is a wildcard, `"*"` answers for every name, also a misspelt one',
    versions=Versions(first="1.106.2"),
    evidence=(
        "litellm/proxy/route_llm_request.py (pattern_router.patterns)",
        "observed on 1.106.2 and 1.109.1",
    ),
    test="test_beside_a_wildcard_group_the_star_chain_serves_every_name",
)
STAR_SERVES_UNLISTED_MODELS = Fact(
    id="fallbacks.star",
    effect='`"*"` is the chain of every group that no other entry names',
    evidence=(FALLBACKS,),
    test="test_default_fallbacks_become_the_star_chain",
)
RPM_IS_A_WEIGHT = Fact(
    id="rpm.is_a_weight",
    effect="`rpm` of a deployment limits nothing by itself: it weighs deployments of one group",
    versions=Versions(first="1.106.2"),
    evidence=("litellm/router_strategy/simple_shuffle.py",),
    test="test_rpm_limits_nothing_by_itself",
)
GENERAL_REQUEST_TIMEOUT = Fact(
    id="timeouts.general_request_timeout",
    effect="`general_settings.request_timeout` is read by nothing",
    evidence=("gateway/data/keys: no release reads it",),
    test="test_a_request_timeout_in_general_settings_is_dead",
)
LITELLM_STREAM_TIMEOUT = Fact(
    id="timeouts.litellm_stream_timeout",
    effect="`litellm_settings.stream_timeout` becomes an attribute that nothing reads",
    evidence=("gateway/data/keys: no release reads it",),
    test="test_a_stream_timeout_in_litellm_settings_is_dead",
)
TIMEOUT_OF_6000 = Fact(
    id="timeouts.default",
    effect="without any of the time-outs that are read, a request may take 6000 s",
    evidence=("litellm/__init__.py and constants.py: REQUEST_TIMEOUT, 6000 in every release",),
    test="test_without_a_timeout_a_request_may_take_6000_s",
)
REQUEST_TIMEOUT_OUTRANKS_ROUTER = Fact(
    id="timeouts.request_over_router",
    effect="`litellm_settings.request_timeout` outranks `router_settings.timeout`",
    versions=Versions(since="1.91.0"),
    evidence=(f"{ROUTER}: get_configured_request_timeout, in 1.91.0 and not yet in 1.90.7",),
    test="test_the_request_timeout_outranks_the_routers",
)
MODEL_TIMEOUT_OUTRANKS_ALL = Fact(
    id="timeouts.of_a_model",
    effect="a model's own `timeout` outranks `litellm_settings.request_timeout` and the router's",
    evidence=(ROUTER,),
    test="test_a_models_timeout_outranks_the_others",
)
VERTEX_STREAMS = Fact(
    id="timeouts.vertex_streams",
    effect="a stream of Gemini on Vertex AI ignores `timeout` and `stream_timeout`",
    versions=Versions(until="1.108.0"),
    evidence=(f"{GEMINI}: 1.108.0 passes a time-out, 1.106.12 not yet",),
    test="test_only_the_request_timeout_ends_a_vertex_stream",
)
VERTEX_STREAMS_END = Fact(
    id="timeouts.vertex_streams_end",
    effect="only `litellm_settings.request_timeout` ends a stream of Gemini that hangs",
    versions=Versions(since="1.91.0", until="1.108.0"),
    evidence=(
        "litellm/llms/custom_httpx/http_handler.py: 1.90.7 has 600 s there, whatever is set",
        f"{GEMINI}: from 1.108.0 on the others are heard too",
    ),
    test="test_only_the_request_timeout_ends_a_vertex_stream",
)
SERVED_FROM_CACHE = Fact(
    id="cache.answers_for_the_dead",
    effect="a cached answer is served while the model is down, unless the request says no-cache",
    versions=Versions(first="1.106.2"),
    evidence=("litellm/caching/caching_handler.py",),
    test="test_the_cache_answers_for_a_dead_model",
)
