"""The worlds the house can live in. Only this package names concrete adapters."""

from supervisor.worlds.world import World

__all__ = ["World"]
