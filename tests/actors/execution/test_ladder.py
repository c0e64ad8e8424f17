"""The ladder goes out rung by rung, to the parent's own price and no further."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from actors.execution.ladder import PASSING_MAX, REJECTIONS_MAX, Over, Place, next_step
from state.messages.orders import Ladder
from state.order import Order
from state.parent_order import ParentOrder
from state.values import Price, Side
from tests.actors.examples import rules
from tests.state.examples import a_child, a_finish, a_parent, a_proof_of_absence, a_rejection

PLAN = Ladder(rungs_bps=(Decimal(5), Decimal(20)))
TOUCH = Price(Decimal(100))


def parent_of(*ends, **changes):
    """A parent whose children ended like this, one after the other."""
    parent = ParentOrder(intent=a_parent(plan=PLAN, **changes))
    side = parent.intent.side
    for end in ends:
        intent = a_child(parent.next_number, side=side, price=parent.intent.price)
        fact = end(client_order_id=intent.client_order_id)
        parent = parent.with_child(Order(intent=intent).apply(fact))
    return parent


def nothing_taken(**changes):
    return a_finish(filled_quantity=Decimal(0), reason="ioc", **changes)


def busy(**changes):
    return a_rejection(label="TOO_MANY_REQUESTS", **changes)


def prices(*ends, **changes):
    step = next_step(PLAN, parent_of(*ends, **changes), TOUCH, rules())
    return step.price if isinstance(step, Place) else step.reason


def test_each_rung_goes_further_and_the_last_to_the_cap():
    assert prices() == Decimal("99.9")  # 99.95, down to the grid.
    assert prices(nothing_taken) == Decimal("99.8")
    assert prices(nothing_taken, nothing_taken) == 90
    assert prices(*[nothing_taken] * 3) == "nobody takes the rest at its price"


def test_a_buy_goes_up():
    assert prices(side=Side.BUY, price=Decimal(110)) == Decimal("100.1")


def test_no_rung_goes_beyond_the_cap():
    assert prices(price=Decimal("99.95")) == Decimal("99.95")
    assert prices(side=Side.BUY, price=Decimal("100.0")) == 100


def test_a_rung_that_never_lived_is_tried_again():
    assert prices(a_rejection) == prices(a_proof_of_absence) == prices()


def test_refused_again_and_again_it_gives_up():
    assert "rejected 3 times: BALANCE" in prices(*[a_rejection] * REJECTIONS_MAX)


def test_what_passes_by_itself_is_waited_for_much_longer():
    assert prices(*[busy] * (PASSING_MAX - 1)) == prices()
    assert "TOO_MANY_REQUESTS" in prices(*[busy] * PASSING_MAX)


def test_without_a_book_it_goes_to_the_cap():
    step = next_step(PLAN, parent_of(), None, rules())
    assert isinstance(step, Place)
    assert step.price == 90


def test_less_than_the_exchange_takes_is_left():
    step = next_step(PLAN, parent_of(quantity=Decimal("0.0009")), TOUCH, rules())
    assert isinstance(step, Over)


@given(
    touch=st.integers(1, 4000).map(lambda ticks: Price(Decimal(ticks).scaleb(-1))),
    cap=st.integers(1, 4000).map(lambda ticks: Decimal(ticks).scaleb(-1)),
    side=st.sampled_from(Side),
    gone=st.integers(0, 3),
)
def test_whatever_the_book_shows_a_child_is_within_its_parent(touch, cap, side, gone):
    parent = parent_of(*[nothing_taken] * gone, side=side, price=cap)
    step = next_step(PLAN, parent, touch, rules())
    if isinstance(step, Place):
        child = a_child(parent.next_number, side=side, quantity=step.quantity, price=step.price)
        assert parent.objection(child) is None
        assert step.price % rules().price_step == 0
