"""Stops that are not armed again, or met and not carried out, are caught; the real house passes."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from actors.execution.trigger_keeper import TriggerKeeper
from actors.trading.protection import Protector
from actors.trading.risk_guard import RiskGuard
from actors.trading.way_out import WayOut
from state.messages.protection import TriggerEnded
from state.messages.venue import CancelTrigger, Succeeded, TriggerStatus
from state.values import Quantity, Side
from supervisor.simulation import ORDER_PATH, Fault, Options, Simulation
from supervisor.simulation.failure import read_failure
from tests.actors.examples import BTC
from tests.actors.execution.test_trigger_keeper import Scene
from tests.actors.house import House
from tests.state.examples import a_fill, a_finish, an_intent
from tests.state.stores import ROOT


class ArmsOnlyOnce(TriggerKeeper):
    """What was taken back for a sale stays away."""

    def _arm(self, of: Any, wanted: Any) -> None:
        if not of.number:
            super()._arm(of, wanted)


def waits_after_a_sale(make: type[TriggerKeeper]) -> list[Decimal]:
    """Sell a part of what a stop protects; return the sizes of all that were let wait."""
    scene = Scene(House())
    scene.live(make)
    report = scene.arm(as_of_seq=0)
    scene.ask_release()
    gone = scene.end(report, TriggerStatus.CANCELLED)
    scene.exchange.answer(CancelTrigger, Succeeded(triggers=(gone,)))
    scene.house.settle()
    name: dict[str, Any] = {"client_order_id": "t-9", "pair": BTC}
    sold = Quantity(Decimal("0.3"))
    scene.journal.append(
        an_intent(**name, side=Side.SELL, quantity=sold, decision_id="d-9"),
        a_fill(**name, side=Side.SELL, quantity=sold),
        a_finish(**name, filled_quantity=sold),
    )
    scene.want(quantity="0.2", as_of_seq=scene.journal.store.last_seq)
    scene.house.pass_time(10.0)
    return [request.quantity for request in scene.placed]


@pytest.mark.parametrize("make", [TriggerKeeper, ArmsOnlyOnce])
def test_what_is_left_after_a_sale_has_its_stop_again(make):
    armed_again = waits_after_a_sale(make) == [Decimal("0.5"), Decimal("0.2")]
    assert armed_again == (make is TriggerKeeper)


LOST = ROOT / "tests" / "regressions" / "approval-of-an-earlier-process.json"
TRIED_ONCE = 6
"""A seed whose stop, also without any fault, needs a second attempt."""
TAKEN_BACK = 3
"""A seed without a fault that ends with nothing waiting."""


def ask_nobody(_guard: RiskGuard) -> None:
    """Let what was approved and lost hold back what is held until it is old."""


def may_once(out: WayOut, _now_ns: int) -> bool:
    """Take the first attempt to get out for the last."""
    return not out._attempts


def told_of_no_end(protector: Protector, event: Any) -> None:
    """Take what waits at the exchange for waiting there for ever."""
    if not isinstance(event, TriggerEnded):
        ON_TRIGGER_EVENT(protector, event)


ON_TRIGGER_EVENT = Protector._on_trigger_event


def in_peace(seed: int) -> Options:
    """Return what a seed means, without an emergency stop when its faults are over."""
    return replace(Options.of(seed, ORDER_PATH), stopped_in_peace=False)


def blamed(oracle: str, options: Options, faults: Sequence[Fault]) -> list[str]:
    """Return what the oracle says of a run."""
    found = Simulation(options, faults).run().violations
    return [one for one in found if one.startswith(oracle)]


def test_a_stop_that_a_lost_approval_holds_up_is_caught(monkeypatch):
    failure = read_failure(LOST)
    monkeypatch.setattr(RiskGuard, "_inquire", ask_nobody)
    assert blamed("not sold", failure.options, failure.faults)


def test_a_stop_that_is_given_up_after_one_attempt_is_caught(monkeypatch):
    options = in_peace(TRIED_ONCE)
    assert Simulation(options, []).run().violations == []
    monkeypatch.setattr(WayOut, "may", may_once)
    assert blamed("not sold", options, [])


def test_a_cover_that_is_not_there_is_caught(monkeypatch):
    options = in_peace(TAKEN_BACK)
    assert Simulation(options, []).run().violations == []
    monkeypatch.setattr(Protector, "_on_trigger_event", told_of_no_end)
    assert blamed("not what waits", options, [])
