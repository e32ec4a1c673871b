"""Rules about a fly.toml: what flyctl accepts in silence and Fly cannot do."""

from fly.rules.all import RULES

__all__ = ["RULES"]
