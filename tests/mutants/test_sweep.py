"""An emergency stop that leaves an order resting is caught; the real house passes the same seed."""

from typing import Any

from actors.execution.sweeping import Sweeping
from supervisor.simulation import ORDER_PATH, Options, Simulation

RESTING = 95
"""A seed in which an order rests when everything is stopped in peace."""


def sweeps_nothing(_sweeping: Sweeping, *_: Any) -> None:
    """Leave the order to whoever else might cancel it."""


def test_an_order_that_outlives_an_emergency_stop_is_caught(monkeypatch):
    options = Options.of(RESTING, ORDER_PATH)
    report = Simulation(options).run()
    assert report.violations == []
    assert report.sightings["stopped in peace"]

    for step in ("begin", "go_on", "looked"):
        monkeypatch.setattr(Sweeping, step, sweeps_nothing)
    found = Simulation(options).run().violations
    assert [one for one in found if one.startswith("rests after an emergency stop")]
