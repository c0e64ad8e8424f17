"""Amendments at the risk guard: what asks for no more passes, all else is judged whole.

The limits are those of the guard's own tests: 300 a pair, 500 in all, 200 an order.
"""

from decimal import Decimal

import pytest

from state.messages.held import ApprovalsHeld, ApprovalsWanted
from state.messages.orders import (
    AmendmentDropped,
    AmendmentJudged,
    AmendProposed,
    ApprovedAmendment,
    Ladder,
    OrderIntended,
    ParentCancelIntended,
    ParentIntended,
    Refusal,
    Verdict,
)
from state.values import NS_PER_S, ClientOrderId, DecisionId, Session, Side, TimeNs
from tests.actors.examples import BTC, NOW
from tests.actors.trading.test_risk_guard import GUARD, Scene
from tests.state.examples import a_cancel, a_fill, a_parent, an_acceptance, an_amendment, an_intent

NAME = ClientOrderId("t-1")


@pytest.fixture
def scene(house):
    scene = Scene(house)
    rest(scene)
    return scene


def rest(scene, name=NAME, quantity="1", **changes):
    """An order of the exchange's book, as the journal tells of it."""
    intent = an_intent(
        client_order_id=name,
        decision_id=DecisionId(f"of {name}"),
        pair=BTC,
        quantity=Decimal(quantity),
        at_ns=NOW,
        expires_at_ns=TimeNs(NOW + NS_PER_S),
        **changes,
    )
    accepted = an_acceptance(client_order_id=name, venue_order_id=f"v {name}")
    scene.journal.append(intent, accepted)


def amend(scene, quantity=None, price=None, name=NAME, **changes):
    members = {
        "client_order_id": name,
        "pair": BTC,
        "quantity": None if quantity is None else Decimal(quantity),
        "price": None if price is None else Decimal(price),
        "reason": "better so",
        "expires_at_ns": TimeNs(scene.house.now_ns + 2 * NS_PER_S),
        "reply_to": "trader",
    }
    scene.house.tell(GUARD, AmendProposed(**members | changes))


def approved(scene):
    return [(one.quantity, one.price) for one in scene.router.take(ApprovedAmendment)]


def dropped(scene):
    return [one.refusal.code for one in scene.trader.take(AmendmentDropped)]


@pytest.mark.parametrize(
    ("quantity", "price", "shape"),
    [("0.5", None, ("0.5", "100")), (None, "99", ("1", "99")), ("0.5", "98", ("0.5", "98"))],
)
def test_what_asks_for_no_more_passes(scene, quantity, price, shape):
    amend(scene, quantity, price)
    assert approved(scene) == [tuple(map(Decimal, shape))]


def test_it_passes_also_where_no_entry_would(scene):
    scene.be(Session.PAUSED)
    amend(scene, "0.5")
    assert len(approved(scene)) == 1
    amend(scene, "2")
    assert approved(scene) == []


def test_every_verdict_is_journalled(scene):
    amend(scene, "1.5")
    amend(scene, "9", name=ClientOrderId("t-1"))
    [first] = scene.journal.told(AmendmentJudged)
    assert (first.verdict, first.quantity) == (Verdict.ALLOW, Decimal("1.5"))


@pytest.mark.parametrize(
    ("quantity", "price", "code"),
    [
        ("2.1", None, "ORDER_NOTIONAL_MAX"),
        (None, "102", "PRICE_BAND"),
        (None, "100.05", "PRICE_STEP"),
    ],
)
def test_what_asks_for_more_is_judged_whole_and_never_shrunk(scene, quantity, price, code):
    amend(scene, quantity, price)
    assert approved(scene) == []
    assert dropped(scene) == [code]


def test_the_order_itself_leaves_its_room_to_what_it_becomes(scene):
    scene.become_order(scene.propose("1.5"), name="t-2")  # 250 of 300.
    amend(scene, "1.5")
    assert approved(scene) == [(Decimal("1.5"), 100)]
    amend(scene, "1.6", name=ClientOrderId("t-2"))  # With 150 for the other one: 310.
    assert dropped(scene) == ["NOT_AMENDABLE"]  # Not accepted yet.


def test_an_approved_amendment_counts_before_the_journal_knows_of_it(scene):
    amend(scene, "2")
    assert scene.room() == 1
    scene.journal.append(
        an_amendment(client_order_id=NAME, quantity=Decimal(2), price=Decimal(100))
    )
    assert scene.room() == 1


def test_a_dropped_amendment_gives_its_room_back(scene):
    amend(scene, "2")
    refusal = Refusal(code="NOT_SENT", limit="", value="")
    told = AmendmentDropped(client_order_id=NAME, pair=BTC, refusal=refusal)
    scene.house.tell(GUARD, told)
    assert scene.room() == 2


def test_what_was_filled_of_it_counts_as_held(scene):
    scene.journal.append(a_fill(client_order_id=NAME, quantity=Decimal("0.6")))
    amend(scene, "2")
    assert approved(scene) == [(2, 100)]
    assert 1 <= scene.room() < Decimal("1.01")  # A little of what was bought went in fees.


@pytest.mark.parametrize("fact", [a_cancel, an_amendment])
def test_one_that_is_changing_already_is_left(scene, fact):
    scene.journal.append(fact(client_order_id=NAME))
    amend(scene, "0.5")
    assert dropped(scene) == ["NOT_AMENDABLE"]


def test_nothing_would_change(scene):
    amend(scene, "1", "100")
    assert dropped(scene) == ["NOT_AMENDABLE"]


def test_one_that_nobody_knows_is_refused(scene):
    amend(scene, "1", name=ClientOrderId("t-9"))
    assert dropped(scene) == ["NOT_AMENDABLE"]


def test_a_halt_stops_it_at_the_guard_already(scene):
    scene.latch.set("fire")
    amend(scene, "0.5")
    assert dropped(scene) == ["HALTED"]


# Parent orders count once.


LADDER = Ladder(rungs_bps=(Decimal(5),))


def begin_parent(scene, quantity="2"):
    parent = a_parent(side=Side.BUY, price=Decimal(100), quantity=Decimal(quantity), plan=LADDER)
    scene.journal.append(parent)


def child_of(number, quantity):
    return an_intent(
        client_order_id=f"t-p-{number}",
        decision_id=DecisionId("p-1"),
        parent=DecisionId("p-1"),
        attempt=number,
        quantity=Decimal(quantity),
    )


def test_a_parent_counts_in_full_and_its_children_within_it(house):
    scene = Scene(house)
    begin_parent(scene)
    assert scene.room() == 1
    scene.journal.append(child_of(1, "1.5"))
    assert scene.room() == 1
    scene.journal.append(a_fill(client_order_id="t-p-1", quantity=Decimal("1.5")))
    assert 1 <= scene.room() < Decimal("1.01")  # A little of what was bought went in fees.


def test_after_a_cancel_only_what_its_children_have_out_counts(house):
    scene = Scene(house)
    begin_parent(scene)
    scene.journal.append(child_of(1, "0.5"))
    cancel = ParentCancelIntended(
        decision_id=DecisionId("p-1"), pair=BTC, at_ns=NOW, reason="enough"
    )
    scene.journal.append(cancel)
    assert scene.room() == 2  # One order takes 200 at most; 250 of 300 are left.


def test_an_approved_parent_counts_until_it_is_known_and_then_as_itself(house):
    scene = Scene(house)
    decision = scene.propose("2", plan=LADDER)
    assert scene.room() == 1
    begun = a_parent(
        decision_id=decision, side=Side.BUY, price=Decimal(100), quantity=Decimal(2), plan=LADDER
    )
    scene.journal.append(begun)
    assert scene.room() == 1
    assert scene.journal.told(ParentIntended) == [begun]
    assert scene.journal.told(OrderIntended) == []


def test_a_new_guard_counts_what_the_books_say(house):
    scene = Scene(house)
    begin_parent(scene)
    scene.journal.append(child_of(1, "1"))
    house.crash(GUARD)
    scene.get_ready()
    assert scene.room() == 1


def test_a_new_guard_counts_an_amendment_that_may_be_on_its_way(scene):
    amend(scene, "2")
    assert approved(scene) == [(2, 100)]
    scene.house.crash(GUARD)
    scene.get_ready()
    assert scene.room() == 1
    amend(scene, "1.5")
    assert dropped(scene) == ["NOT_AMENDABLE"]
    question = scene.router.take(ApprovalsWanted)[-1]
    nothing = ApprovalsHeld(request=question.request, decisions=(), amendments=())
    scene.house.tell(GUARD, nothing)
    assert scene.room() == 2
