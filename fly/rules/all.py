"""Every rule about a fly.toml alone, in the order of the reference."""

from fly.rules.app import RULES as APP
from fly.rules.checks import RULES as CHECKS
from fly.rules.deploy import RULES as DEPLOY
from fly.rules.files import RULES as FILES
from fly.rules.keys import RULES as KEYS
from fly.rules.machines import RULES as MACHINES
from fly.rules.services import RULES as SERVICES
from fly.rules.texts import RULES as TEXTS
from stacks.configuration import Configuration
from stacks.rule import Rule

RULES: tuple[Rule[Configuration], ...] = (
    *MACHINES,
    *APP,
    *SERVICES,
    *CHECKS,
    *DEPLOY,
    *TEXTS,
    *FILES,
    *KEYS,
)
