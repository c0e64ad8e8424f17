"""A stop that is not armed again after a sale is caught; the real keeper passes the same day."""

from decimal import Decimal
from typing import Any

import pytest

from actors.execution.trigger_keeper import TriggerKeeper
from state.messages.venue import CancelTrigger, Succeeded, TriggerStatus
from state.values import Quantity, Side
from tests.actors.examples import BTC
from tests.actors.execution.test_trigger_keeper import Scene
from tests.actors.house import House
from tests.state.examples import a_fill, a_finish, an_intent


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
