"""Where each rule about LiteLLM's own file draws its line; the plain cases are its examples."""

from dataclasses import replace
from itertools import pairwise

import pytest

from gateway.checking import check
from gateway.rules.examples import SOUND
from gateway.rules.server import started_with
from stacks.rule import Example, Move, Remove
from tests.unit.gateway.rules.cases import configuration_of, edited, ids, litellm, only

ONE_MODEL = "model_list: [{model_name: a, litellm_params: {model: xai/a}}]\n"
ROUTER = f"{SOUND}router_settings:\n  num_retries: 0\n  allowed_fails: 2\n"
TWO_AT_ONE = "fallbacks: [{small: [large]}, {large: [small]}]"
POLICY = "fallbacks: [{grok: [sonnet]}]\n  retry_policy:"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        # names
        ("fallbacks: [{grok: [sonnet]}]", set()),
        ("fallbacks: [{xai/grok: [sonnet]}]", {"L006"}),  # whose "grok" is, LiteLLM cannot tell
        ("fallbacks: [{grok: [anthropic/claude-sonnet-4-6]}]", set()),  # a model string as target
        ("fallbacks: [{grok: [{model: sonnet}]}]", set()),
        ("fallbacks: [{grok: [{model: sonet}]}]", {"L006"}),
        ("fallbacks: [{nobody: [sonnet]}]", {"L006"}),
        ("default_fallbacks: [sonet]", {"L006"}),
        ("context_window_fallbacks: [{grok: [sonet]}]", {"L006"}),
        ("fallbacks: [{anthropic/claude-sonnet-4-6: [grok]}]", {"L102"}),
        ("fallbacks: [{anthropic/claude-sonnet-4-6: [grok]}, {sonnet: [grok]}]", set()),
        ("fallbacks: [{grok: [grok, sonnet]}]", {"L101"}),
        ("fallbacks: [{grok: [grok, grok]}]", {"L100"}),
        # shapes
        ("fallbacks: {grok: [sonnet]}", {"L103"}),
        ("fallbacks: [{grok: []}]", {"L103"}),
        ("fallbacks: [{grok: [sonnet], small: [sonnet]}]", {"L103"}),
        ("fallbacks: [grok]", {"L103"}),
        ("fallbacks: grok", {"L103"}),
        ("fallbacks: []", set()),
        ("default_fallbacks: []", set()),
        ("default_fallbacks: sonnet", {"L103"}),
        # declared twice: "*" is answered by the last one
        ("fallbacks: [{grok: [sonnet]}, {grok: [small]}]", {"L104"}),
        ('fallbacks: [{"*": [sonnet, grok]}, {"*": [small, grok]}]', {"L104"}),
        # circles
        (TWO_AT_ONE, {"L108"}),
        ("fallbacks: [{small: [large, sonnet]}, {large: [small]}]", {"L064"}),
        ("fallbacks: [{small: [sonnet]}, {sonnet: [small]}]", {"L064"}),
        ('fallbacks: [{small: [large]}, {large: [grok]}, {"*": [sonnet, grok]}]', set()),
        # what "*" covers
        ('fallbacks: [{"*": [sonnet]}]', {"L007"}),
        ('fallbacks: [{"*": [sonnet, grok]}]', set()),
        # retries
        (f"{POLICY} {{DefaultRetries: 0}}", set()),
        (f"{POLICY} {{RateLimitErrorRetries: 2}}", {"L056"}),
        (f"{POLICY} {{RateLimitErrorsRetries: 2}}", {"L001"}),
        (
            "fallbacks: [{grok: [sonnet]}]\n  model_group_retry_policy: {grok: {Retries: 1}}",
            {"L001"},
        ),
        # the breaker
        ("cooldown_time: 0", {"L121"}),
        ("cooldown_time: 3600", {"L121"}),
        ("disable_cooldowns: true", {"L122"}),
        ("allowed_fails_policy: {TimeoutAllowedFails: 1}", {"L001"}),
        # time-outs
        ("timeout: 1m", {"L113"}),
        ("timeout: '60'", set()),
        ("timeout: os.environ/LIMIT", set()),
        ("timeout: -1", {"L113"}),
        ("timeout: true", {"L113"}),
        ("timeout: 30", {"L114"}),
        ("stream_timeout: 0", {"L113"}),
        # keys of other sections
        ("request_timeout: 30", {"L002"}),
        ("health_check_interval: 30", {"L002"}),
        ("master_key: os.environ/KEY", {"L002"}),
        ("model_list: []", {"L002"}),
        ("nothing_of_litellm: 1", {"L001"}),
    ],
)
def test_a_router_setting_is_judged(settings: str, expected: set[str]) -> None:
    graph_rules = {rule for rule in ids(litellm(f"{ROUTER}  {settings}\n")) if rule < "L150"}
    assert graph_rules == expected


@pytest.mark.parametrize(
    ("text", "rule_id", "is_broken"),
    [
        # 3 is the default that the router's value is compared with, unless the file moves it.
        (
            "router_settings: {allowed_fails: 3}\nlitellm_settings: {allowed_fails: 5}",
            "L004",
            False,
        ),
        ("router_settings: {allowed_fails: 5}\nlitellm_settings: {allowed_fails: 5}", "L004", True),
        ("router_settings: {allowed_fails: 3, allowed_fails_policy: {a: 1}}", "L004", False),
        (
            "litellm_settings: {fallbacks: [{a: [b]}]}\nrouter_settings: {num_retries: 0}",
            "L105",
            False,
        ),
        ("litellm_settings: {success_callback: [my_module.logger]}", "L035", False),
        ("litellm_settings: {callbacks: [mine]}\ncallback_settings: {mine: {}}", "L035", False),
        ("litellm_settings: {callbacks: my_module.logger}", "L141", False),
        ("litellm_settings: {cache: false, cache_params: {type: redis}}", "L126", False),
        ("litellm_settings: {cache: 'true', cache_params: {type: redis}}", "L126", True),
        ("litellm_settings: {num_retries: -1}", "L119", True),
        ("litellm_settings: {num_retries: os.environ/N}", "L119", False),
        ("common: &a {timeout: 1}", "L134", True),
        ("_common: &a {timeout: 1}", "L134", False),
        ("router_setings: {num_retries: 1}", "L001", True),
        ("model_list: {a: b}", "L140", True),
        ("model_list: [a]", "L146", True),
        ("model_list: [{model_name: a, litellm_params: {}}]", "L147", True),
        ("model_list: [{model_name: a, litellm_params: {model: gpt-4o}}]", "L147", False),
        ("model_list: [{model_name: a, litellm_params: {model: x/y, api_base: z}}]", "L147", False),
        ("general_settings: {master_key: $LITELLM_MASTER_KEY}", "L106", True),
        ("general_settings: {master_key: os.environ.LITELLM_MASTER_KEY}", "L106", True),
        ("general_settings: {master_key: os.environ/}", "L106", True),
        ("general_settings: {master_key: 'os.environ/A B'}", "L106", True),
        ("general_settings: {master_key: sk-$abc}", "L106", False),
    ],
)
def test_a_file_is_judged(text: str, rule_id: str, *, is_broken: bool) -> None:
    assert (rule_id in ids(litellm(text))) is is_broken


OWN_NUMBER = (
    "model_list: [{model_name: a, litellm_params: {model: xai/a}, model_info: {allowed_fails: 1}}]"
)
HANGS = (
    "model_list:\n"
    "- {model_name: a, litellm_params: {model: vertex_ai/gemini-3.5-flash, stream_timeout: 9}}\n"
    "- {model_name: b, litellm_params: {model: xai/b}}\n"
    "router_settings: {timeout: 30, fallbacks: [{a: [b]}]}\n"
)


@pytest.mark.parametrize(
    ("text", "rule_id", "last", "first_without"),
    [
        (OWN_NUMBER, "L120", "1.108.0", "1.108.1"),
        (f"{ONE_MODEL}router_settings: {{allowed_fails: 0}}", "L050", "1.108.0", "1.108.1"),
        (HANGS, "L005", "1.106.12", "1.108.0"),
        ("router_settings: {redis_url: x}", "L125", "1.95.1", "1.96.0"),
    ],
)
def test_a_rule_ends_with_the_last_release_that_it_holds_for(
    text: str, rule_id: str, last: str, first_without: str
) -> None:
    assert rule_id in ids(litellm(text, version=last))
    assert rule_id not in ids(litellm(text, version=first_without))


def test_a_time_out_of_the_router_is_outranked_from_1_91_0_on() -> None:
    text = "litellm_settings: {request_timeout: 60}\nrouter_settings: {timeout: 30}"
    assert "L114" not in ids(litellm(text, version="1.90.7"))
    assert "L114" in ids(litellm(text, version="1.91.0"))


def test_a_stream_that_nothing_can_end_before_1_91_0_is_not_told_to_be_ended() -> None:
    assert "L005" not in ids(litellm(HANGS, version="1.90.7"))
    assert "L005" in ids(litellm(HANGS, version="1.91.0"))


@pytest.mark.parametrize(
    ("version", "said"),
    [("1.97.0", "1.97.0 does not read it"), ("1.98.0", "never cooled down after 429")],
)
def test_what_a_lone_models_number_does_is_said_as_the_release_has_it(
    version: str, said: str
) -> None:
    results = check(litellm(OWN_NUMBER, version=version))
    assert said in only(results, "L120").finding.expected


@pytest.mark.parametrize(
    ("flags", "is_told"),
    [
        ("", True),
        ("--num_workers 1", True),
        ("--num_workers 2", False),
        ("--run_gunicorn", False),
        ("--run_hypercorn", False),
    ],
)
def test_only_one_uvicorn_worker_ends_the_server(flags: str, *, is_told: bool) -> None:
    found = configuration_of(started_with(f"--max_requests_before_restart 9 {flags}".strip()))
    assert ("L143" in ids(found)) is is_told


@pytest.mark.parametrize(
    ("groups", "chain", "is_told"),
    [
        ("openai/*", "'*': [a]", True),
        ("openai/*", "b: [a]", False),
        ("openai/gpt", "'*': [a]", False),
        ("'*'", "'*': [a]", False),
    ],
)
def test_names_that_do_not_exist_are_answered_beside_a_wildcard(
    groups: str, chain: str, *, is_told: bool
) -> None:
    text = (
        f"model_list: [{{model_name: {groups}, litellm_params: {{model: xai/grok-4.3}}}}]\n"
        f"router_settings: {{fallbacks: [{{{chain}}}]}}\n"
    )
    assert ("L145" in ids(litellm(text))) is is_told


@pytest.mark.parametrize(
    ("environment", "name", "is_told"),
    [
        ("live", "XAI_API_KEY_DEV", True),
        ("live", "STAGING_XAI_API_KEY", True),
        ("dev", "PROD_XAI_API_KEY", True),
        ("live", "XAI_API_KEY_LIVE", False),
        ("production", "LIVE_XAI_API_KEY", False),
        ("live", "XAI_API_KEY", False),
        ("live", "DEVICE_KEY", False),
        ("local", "XAI_API_KEY_DEV", False),
        (None, "XAI_API_KEY_DEV", False),
    ],
)
def test_a_key_that_is_named_for_another_environment_is_told_of(
    environment: str | None, name: str, *, is_told: bool
) -> None:
    text = f"model_list: [{{model_name: a, litellm_params: {{api_key: os.environ/{name}}}}}]"
    assert ("L042" in ids(litellm(text, environment_name=environment))) is is_told


def test_a_circle_ends_on_its_own_only_where_attempts_are_remembered() -> None:
    text = f"{ROUTER}  {TWO_AT_ONE}\n"
    today = only(check(litellm(text)), "L108").finding
    before = only(check(litellm(text, version="1.95.1")), "L108").finding
    assert "tries each group once" in today.expected
    assert "until `max_fallbacks` ends the request" in before.expected


def test_two_addresses_of_one_provider_may_stand_in_for_each_other() -> None:
    text = ROUTER.replace("openai/gpt-5.5", "openai/gpt-5.5, api_base: https://eu.example")
    assert "L108" not in ids(litellm(f"{text}  {TWO_AT_ONE}\n"))


def test_a_long_line_of_chains_is_told_once_with_what_is_never_tried() -> None:
    names = [f"m{number}" for number in range(9)]
    models = "".join(
        f"- {{model_name: {n}, litellm_params: {{model: openai/{n}}}}}\n" for n in names
    )
    chains = ", ".join(f"{{{a}: [{b}]}}" for a, b in pairwise(names))
    text = f"model_list:\n{models}router_settings: {{fallbacks: [{chains}]}}\n"
    finding = only(check(litellm(text)), "L109").finding
    assert finding.value == "m0"
    assert "m6, m7, m8" in finding.expected


def test_groups_of_a_database_are_doubted_once_and_never_called_unknown() -> None:
    text = "general_settings: {store_model_in_db: true}\nrouter_settings: {fallbacks: [{a: [b]}]}"
    found = ids(litellm(text))
    assert found.count("L110") == 1
    assert "L006" not in found


def test_a_key_moves_only_to_where_nothing_is() -> None:
    text = "general_settings: {request_timeout: 90}\n"
    (move,) = only(check(litellm(text)), "L002").finding.edits
    assert move == Move(
        ("litellm", "general_settings", "request_timeout"),
        ("litellm", "litellm_settings", "request_timeout"),
    )
    same = only(check(litellm(f"{text}litellm_settings: {{request_timeout: 90}}")), "L002")
    assert same.finding.edits == (Remove(("litellm", "general_settings", "request_timeout")),)
    other = only(check(litellm(f"{text}litellm_settings: {{request_timeout: 60}}")), "L002")
    assert other.finding.edits == ()


def test_a_value_that_may_be_secret_is_not_quoted() -> None:
    text = "litellm_settings: {master_key: sk-very-secret}\nrouter_settings: {redis_url: redis://:pw@h}"
    for version in ("1.95.1", "1.106.2"):
        for result in check(litellm(text, version=version)):
            whole = f"{result.finding.value} {result.finding.expected} {result.finding.next_step}"
            assert "very-secret" not in whole
            assert ":pw@" not in whole


def test_several_workers_want_a_redis_that_is_known_to_be_missing_or_not() -> None:
    fly = '[processes]\napp = "--config c.yaml --run_gunicorn --num_workers 4"\n'
    plain = configuration_of(Example(litellm="{}", fly=fly, secrets=frozenset()))
    assert "L010" in ids(plain)
    assert "L136" in ids(replace(plain, secrets=None))
    assert not {"L010", "L136"} & set(ids(replace(plain, secrets=frozenset({"REDIS_URL"}))))


@pytest.mark.parametrize(
    ("fly", "rule_id", "is_broken"),
    [
        ("kill_signal = 'SIGTERM'\nkill_timeout = '1m'", "L040", False),
        ("kill_signal = 'SIGTERM'\nkill_timeout = 35", "L040", True),
        ("kill_timeout = '35s'\n[env]\nGRACEFUL_SHUTDOWN_TIMEOUT = '20'", "L040", False),
        ("[http_service]\ninternal_port = 8080", "L128", False),  # nobody knows LiteLLM's port
        ("[http_service]\ninternal_port = 8080\n[processes]\na = '--config c.yaml'", "L128", True),
        (
            "[http_service]\ninternal_port = 80\n[processes]\na = '--config c.yaml --port 80'",
            "L128",
            False,
        ),
        ("[[services]]\ninternal_port = 80\n[processes]\na = '--config c.yaml'", "L128", True),
        (
            "[[vm]]\nsize = 'shared-cpu-1x'\n[processes]\na = '--config c.yaml --num_workers 4'",
            "L129",
            True,
        ),
        (
            "[[vm]]\nmemory = 1600\ncpus = 4\n[processes]\na = '--config c.yaml --num_workers 4'",
            "L129",
            False,
        ),
        (
            "[[vm]]\nmemory = '8gb'\ncpus = 2\n[processes]\na = '--config c.yaml --num_workers 4'",
            "L129",
            True,
        ),
        ("[processes]\na = '--config c.yaml --num_workers 2'", "L051", True),
        ("[processes]\na = '--config c.yaml --num_workers 2 --run_granian'", "L051", False),
        ("[processes]\na = '--config c.yaml --num_workers 2 --run_hypercorn'", "L130", True),
        ("[env]\nLITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY = 'x'", "L062", True),
        ("[metrics]\nport = 4001\npath = '/metrics'", "L013", True),
        ("[processes]\na = 'sh -c \"run me\" --bogus'", "L142", False),  # not LiteLLM's own flags
    ],
)
def test_a_machine_is_judged(fly: str, rule_id: str, *, is_broken: bool) -> None:
    configuration = configuration_of(Example(litellm="{}", fly=fly))
    assert (rule_id in ids(configuration)) is is_broken


def test_edits_of_two_findings_go_together() -> None:
    text = f"{ROUTER}  fallbacks: [{{grok: sonnet}}, {{grok: [grok, small]}}]\n"
    configuration = litellm(text)
    edits = tuple(e for result in check(configuration) for e in result.finding.edits)
    assert ids(edited(configuration, edits)) != ids(configuration)
