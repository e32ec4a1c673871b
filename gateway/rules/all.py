"""Every rule about LiteLLM, in the order of the reference."""

from gateway.rules.breaker import RULES as BREAKER
from gateway.subject import Subject
from stacks.rule import Rule

RULES: tuple[Rule[Subject], ...] = (*BREAKER,)
