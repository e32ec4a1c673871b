"""What LiteLLM really does with a setting, and on which releases: every fact, by its name.

Rules take their versions from here, and `tests/sandbox/test_truth_*.py` show the facts on real
proxies.
"""

from gateway import effective_proxy, effective_router
from gateway.effective_proxy import *  # noqa: F403 - the table's names are this module's
from gateway.effective_router import *  # noqa: F403 - likewise
from gateway.fact import Fact

FACTS: tuple[Fact, ...] = tuple(
    value
    for module in (effective_router, effective_proxy)
    for value in vars(module).values()
    if isinstance(value, Fact)
)
