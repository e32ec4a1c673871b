"""Which keys a release of LiteLLM reads, section by section of its configuration file."""

import ast
import json
import re
from collections.abc import Iterable
from functools import cached_property

from tools.litellm_source import (
    arguments,
    classes,
    compared,
    fields,
    function,
    reads,
    strings,
    validated,
)
from tools.litellm_wheel import Wheel

PROXY_SERVER = "litellm/proxy/proxy_server.py"
PROXY_CLI = "litellm/proxy/proxy_cli.py"
PARSING = "litellm/proxy/common_utils/http_parsing_utils.py"
MODULE = "litellm/__init__.py"
ROUTER = "litellm/router.py"
CORE = "litellm/router_python_core.py"  # the Router, from 1.109.0 on
CONSTANTS = "litellm/constants.py"
GENERIC_CALLBACKS = "litellm/integrations/generic_api/generic_api_compatible_callbacks.json"
TYPES = (  # of two classes with one name the first counts: both files have a ModelInfo
    "litellm/types/router.py",
    "litellm/proxy/_types.py",
    "litellm/types/utils.py",
    "litellm/types/litellm_params.py",
)

REDIS_CLIENT_ARGUMENTS = """
    host port db username password socket_timeout socket_connect_timeout socket_read_size
    socket_keepalive socket_keepalive_options connection_pool unix_socket_path encoding
    encoding_errors decode_responses retry_on_timeout retry retry_on_error ssl ssl_keyfile
    ssl_certfile ssl_cert_reqs ssl_ca_certs ssl_ca_path ssl_ca_data ssl_check_hostname
    ssl_password ssl_validate_ocsp ssl_validate_ocsp_stapled ssl_ocsp_context
    ssl_ocsp_expected_cert ssl_min_version ssl_ciphers max_connections single_connection_client
    health_check_interval client_name lib_name lib_version redis_connect_func
    credential_provider protocol cache cache_config event_dispatcher url
    sentinel_nodes sentinel_password service_name startup_nodes
"""  # what the clients of redis-py 5 to 8 take, and LiteLLM's `_redis.py` beside it

_GENERAL = re.compile(r"general_settings$")
_LITELLM = re.compile(r"litellm_settings$")
_TOP = re.compile(r"^_?(new_|base_|proxy_|include_)?config(_data|_state)?$")
_PARAMS = re.compile(r"litellm_params(_dict)?$")
_OPTIONAL = re.compile(r"(optional|litellm|inference)_params(_dict|_copy)?$")
_INFO = re.compile(r"model_info(_dict)?$")
_SECTIONS = re.compile(
    "general_settings|litellm_settings|(litellm|optional|inference)_params|model_info"
)
_GETATTR = re.compile(r"getattr\(litellm,")
_CONSTANT = re.compile(r'^(_?[A-Z][A-Z0-9_]+)\b[^=\n]*= "([a-z][a-z0-9_]*)"', re.MULTILINE)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class Keys:
    """The sections of one release's table; each is a set of names."""

    def __init__(self, litellm: Wheel, enterprise: Wheel | None) -> None:
        self._wheel = litellm
        self._wheels = (litellm, enterprise) if enterprise else (litellm,)

    def table(self) -> dict[str, list[str]]:
        """Return every section, sorted."""
        sections: dict[str, set[str]] = {
            "top_level": self.top_level(),
            "litellm_settings": self.litellm_settings(),
            "general_settings": self.general_settings(),
            "router_settings": self.router_settings(),
            "router_managed_elsewhere": self.router_managed_elsewhere(),
            "litellm_params": self.litellm_params(),
            "model_info": self.model_info(),
            "retry_policy": self._fields("RetryPolicy"),
            "allowed_fails_policy": self._fields("AllowedFailsPolicy"),
            "cache_params": self.cache_params(),
            "server_flags": self.server_flags(),
            "callbacks": self.callbacks(),
        }
        missing = [name for name, keys in sections.items() if not keys]
        if missing:
            raise LookupError(f"this release keeps {', '.join(missing)} where nobody looked yet")
        return {name: sorted(keys) for name, keys in sections.items()}

    def router_settings(self) -> set[str]:
        """Return the arguments of the Router, which the loader goes by (get_valid_args)."""
        found = arguments(self._wheel.tree(ROUTER), "__init__", cls="Router")
        return found or arguments(self._wheel.tree(CORE), "__init__", cls="PythonCore") - {"_host"}

    def top_level(self) -> set[str]:
        """Return what the loader reads off the whole file."""
        loader = function(self._wheel.tree(PROXY_SERVER), "ProxyConfig")
        methods: list[ast.stmt] = [
            node
            for node in ast.walk(loader)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _loads(node)
        ]
        found = self._fields("ConfigYAML") | {"include"}
        for tree in (ast.Module(methods, []), self._wheel.tree(PROXY_CLI)):
            for name, keys in reads(tree, self._constants).items():
                found |= keys if _TOP.search(name) else set()
        return found

    def general_settings(self) -> set[str]:
        """Return the declared fields, and what any file of the proxy reads off the section."""
        found = self._fields("ConfigGeneralSettings") | self._read(_GENERAL)
        models = reads(self._wheel.tree(PARSING), self._constants)
        rules = strings(self._wheel.tree("litellm/proxy/config_resolvers/settings_rules.py").body)
        named = {
            text
            for name, texts in self._constants.items()
            if re.search(r"_SETTING(_KEY)?$", name)
            for text in texts
        }
        ui = rules.get("_UI_SETTINGS_FIELDS", set())
        return found | named | models.get("settings", set()) | ui

    def litellm_settings(self) -> set[str]:
        """Return the module's variables, which the loader sets, and what it handles itself."""
        loader = function(self._wheel.tree(PROXY_SERVER), "load_config")
        handled = compared(loader, "key") | self._read(_LITELLM)
        return handled | self._module_variables() | self._module_reads()

    def router_managed_elsewhere(self) -> set[str]:
        """Return router arguments that the loader ignores in the file's `router_settings`."""
        known = strings(self._wheel.tree(CONSTANTS).body)
        return known.get("ROUTER_SETTINGS_MANAGED_OUTSIDE_CONFIG") or _excluded(
            function(self._wheel.tree(PROXY_SERVER), "load_config")
        )

    def litellm_params(self) -> set[str]:
        """Return declared fields, the arguments of a completion, and what providers read."""
        found = self._fields("LiteLLM_Params") | self._fields("LiteLLMParamsTypedDict")
        found |= strings(self._wheel.tree("litellm/types/utils.py").body).get(
            "all_litellm_params", set()
        )
        found |= strings(self._wheel.tree(CONSTANTS).body).get(
            "OPENAI_CHAT_COMPLETION_PARAMS", set()
        )
        for name in ("completion", "embedding", "image_generation", "transcription", "speech"):
            found |= arguments(self._wheel.tree("litellm/main.py"), name)
        found |= reads(self._wheel.tree("litellm/main.py"), {}).get("kwargs", set())
        found |= self._read(_PARAMS)
        return found | self._read(_OPTIONAL, under="litellm/llms/")

    def model_info(self) -> set[str]:
        """Return declared fields, what the price map may say of a model, and what is read."""
        declared = self._fields("ModelInfo") | self._fields("ModelInfoBase")
        return declared | self._fields("ProviderSpecificModelInfo") | self._read(_INFO)

    def cache_params(self) -> set[str]:
        """Return what the cache takes by name; the rest goes to the Redis client."""
        found = arguments(self._wheel.tree("litellm/caching/caching.py"), "__init__", cls="Cache")
        redis = arguments(
            self._wheel.tree("litellm/caching/redis_cache.py"), "__init__", cls="RedisCache"
        )
        return found | redis | frozenset(REDIS_CLIENT_ARGUMENTS.split())

    def server_flags(self) -> set[str]:
        """Return the long names of the command line's options, without dashes."""
        found: set[str] = set()
        for node in ast.walk(function(self._wheel.tree(PROXY_CLI), "run_server")):
            match node:
                case ast.Call(func=ast.Attribute(attr="option"), args=names):
                    for name in names:
                        if isinstance(name, ast.Constant) and str(name.value).startswith("--"):
                            found |= {part.lstrip("-") for part in str(name.value).split("/")}
                case _:
                    pass
        return found

    def callbacks(self) -> set[str]:
        """Return the names that a callback list may hold without importing anything."""
        found = set()
        for node in ast.walk(self._wheel.tree(MODULE)):
            match node:
                case ast.Assign(
                    targets=[ast.Name(id="_custom_logger_compatible_callbacks_literal")]
                ):
                    found |= _literals(node.value)
                case ast.AnnAssign(
                    target=ast.Name(id="_custom_logger_compatible_callbacks_literal"), value=value
                ) if value is not None:
                    found |= _literals(value)
        logging = self._wheel.tree("litellm/litellm_core_utils/litellm_logging.py")
        proxy = self._wheel.tree("litellm/proxy/common_utils/callback_utils.py")
        found |= compared(logging, "callback") | compared(proxy, "callback")
        return found | set(json.loads(self._wheel.resource(GENERIC_CALLBACKS, default="{}")))

    @cached_property
    def _constants(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for wheel in self._wheels:
            for path in wheel.paths:
                for name, text in _CONSTANT.findall(wheel.text(path)):
                    found.setdefault(name, set()).add(text)
        return {name: frozenset(texts) for name, texts in found.items()}

    @cached_property
    def _classes(self) -> dict[str, ast.ClassDef]:
        return classes(self._wheel.tree(path) for path in TYPES)

    def _fields(self, name: str) -> set[str]:
        return fields(name, self._classes)

    def _read(self, names: re.Pattern[str], *, under: str = "") -> set[str]:
        return {
            key
            for path, found in self._reads.items()
            if path.startswith(under)
            for name, keys in found.items()
            if names.search(name)
            for key in keys
        }

    @cached_property
    def _reads(self) -> dict[str, dict[str, set[str]]]:
        found: dict[str, dict[str, set[str]]] = {}
        for wheel in self._wheels:
            for path in wheel.that_say(_SECTIONS):
                if "guardrail_hooks" in path:
                    continue  # a guardrail has `litellm_params` of its own
                tree = wheel.tree(path)
                found[path] = reads(tree, self._constants)
                here = {**classes([tree]), **self._classes}
                for name, models in validated(tree).items():
                    found[path].setdefault(name, set()).update(
                        *(fields(model, here) for model in models)
                    )
        return found

    def _module_variables(self) -> set[str]:
        found: set[str] = set()
        for node in _at_the_top(self._wheel.tree(MODULE).body):
            match node:
                case ast.Assign(targets=targets):
                    found |= {t.id for t in targets if isinstance(t, ast.Name)}
                case ast.AnnAssign(target=ast.Name(id=name)):
                    found.add(name)
                case ast.ImportFrom(module="litellm._logging" | "litellm.constants", names=names):
                    found |= {name.asname or name.name for name in names}
                case _:
                    pass
        return {name for name in found if _NAME.fullmatch(name)}

    def _module_reads(self) -> set[str]:
        found: set[str] = set()
        for wheel in self._wheels:
            for path in wheel.that_say(_GETATTR):
                for node in ast.walk(wheel.tree(path)):
                    match node:
                        case ast.Call(
                            func=ast.Name(id="getattr"),
                            args=[ast.Name(id="litellm"), ast.Constant(value=str(name)), *_],
                        ) if _NAME.fullmatch(name):
                            found.add(name)
        return found


def _loads(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether a method of the loader reads the file: it has `config`, and warns of nothing."""
    if "misplaced" in node.name or "reload" in node.name or "semantic" in node.name:
        return False
    names = {argument.arg for argument in [*node.args.args, *node.args.kwonlyargs]}
    return node.name in ("load_config", "get_config") or "config" in names or "config" in node.name


def _excluded(loader: ast.AST) -> set[str]:
    """Return the `exclude_args` of releases before the constant."""
    return set(strings(ast.walk(loader)).get("exclude_args", ()))


def _literals(value: ast.expr) -> set[str]:
    return {
        node.value
        for node in ast.walk(value)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def _at_the_top(body: Iterable[ast.stmt]) -> Iterable[ast.stmt]:
    for node in body:
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test) != "TYPE_CHECKING":
            yield from _at_the_top([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            yield from _at_the_top(node.body)
