"""Where a usable Pulumi engine is: on PATH, in the cache, or built from Go modules."""

from tools.engine.find import engine_bin

__all__ = ["engine_bin"]
