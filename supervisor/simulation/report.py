"""What became of a run, and the deliveries it was made of."""

from msgspec import Struct

from supervisor.simulation.faults import Fault
from supervisor.simulation.options import Options


class Delivery(Struct, frozen=True):
    """One message that was handled."""

    step: int
    at_ns: int
    address: str
    incarnation: int
    message: object

    def __str__(self) -> str:
        """Return it as one line."""
        what = repr(self.message)
        told = what if len(what) < 200 else f"{what[:197]}..."
        return f"{self.step:6} {self.at_ns / 1e9:9.4f} {self.address}:{self.incarnation} {told}"


class Report(Struct, kw_only=True):
    """What became of a run."""

    options: Options
    faults: list[Fault] = []
    fingerprint: int = 0
    steps: int = 0
    at_s: float = 0.0
    """Virtual seconds it took."""
    violations: list[str] = []
    counts: dict[str, int] = {}
    """How often what happened: a fault that never struck proves nothing."""
    sightings: dict[str, int] = {}
    deliveries: list[str] = []
    """The newest, where something was wrong."""

    @property
    def oracle(self) -> str:
        """Which oracle was violated first; empty when none was."""
        return self.violations[0].partition(" at ")[0] if self.violations else ""

    @property
    def line(self) -> str:
        """How to run it again."""
        options = self.options
        return (
            f"python -m supervisor simulate replay --seed {options.seed}"
            f" --profile {options.profile} --policy {options.policy} --until {options.faulty_s:g}"
        )
