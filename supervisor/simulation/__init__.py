"""The house in virtual time, from a seed: the real tree and store, faults, and what must hold."""

from supervisor.simulation.faults import Fault
from supervisor.simulation.options import Options
from supervisor.simulation.profiles import HOUSE, ORDER_PATH, PROFILES, Profile
from supervisor.simulation.report import Report
from supervisor.simulation.run import Simulation

__all__ = [
    "HOUSE",
    "ORDER_PATH",
    "PROFILES",
    "Fault",
    "Options",
    "Profile",
    "Report",
    "Simulation",
    "simulate",
]


def simulate(seed: int, profile: Profile = HOUSE) -> Report:
    """Run one seed."""
    return Simulation(Options.of(seed, profile)).run()
