"""How long to wait before a restart. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """Doubling delays with jitter after the cap, so that what failed together does not return so.

    Source: Akka, `BackoffSupervisor`: min(max, min * 2^n) * (1 + U[0, jitter)).
    """

    min_s: float
    max_s: float
    jitter: float = 0.2
    reset_after_s: float | None = None
    """A life at least this long forgets earlier failures; None means `min_s`."""

    def __post_init__(self) -> None:
        assert 0 < self.min_s <= self.max_s
        assert self.jitter >= 0

    def delay_s(self, failures: int, chance: float) -> float:
        """Return the wait after `failures` (>= 0) failures before this one.

        Args:
            failures: Consecutive failures so far.
            chance: Uniform in [0, 1).
        """
        doubled = self.min_s * 2.0 ** min(failures, 60)
        return min(self.max_s, doubled) * (1 + chance * self.jitter)

    def forgets(self, lived_s: float) -> bool:
        """Return whether a life of `lived_s` ends the run of failures."""
        return lived_s >= (self.min_s if self.reset_after_s is None else self.reset_after_s)
