"""What is out of the ordinary about one pair's street. Pure."""

from typing import Final

from msgspec import Struct


class Conditions(Struct, frozen=True, kw_only=True):
    """How the street differs from an ordinary day; the defaults are that day."""

    drift_per_s: float = 0.0
    """By which the log of the price moves every second, on top of its usual way."""
    depth: float = 1.0
    """Sizes of resting levels, as a multiple of the usual."""
    volume: float = 1.0
    """How often the street trades, as a multiple of the usual."""
    still: bool = False
    """Whether nobody quotes and nobody trades."""

    def and_also(self, other: "Conditions") -> "Conditions":
        """Return what holds when both hold."""
        return Conditions(
            drift_per_s=self.drift_per_s + other.drift_per_s,
            depth=self.depth * other.depth,
            volume=self.volume * other.volume,
            still=self.still or other.still,
        )


ORDINARY: Final = Conditions()
