"""A parent order and its children: whatever happens, in whatever order, nothing goes beyond it."""

from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from state.messages.orders import ParentCancelIntended, ParentFinished
from state.order import Order, OrderState
from state.parent_order import ParentOrder
from state.values import DecisionId, OrderType, Quantity, Side, TimeNs, TradeId
from tests.state.examples import (
    PAIR,
    a_child,
    a_fill,
    a_finish,
    a_parent,
    a_proof_of_absence,
    a_rejection,
    an_acceptance,
    an_unknown,
)


def a_cancel(reason="enough"):
    return ParentCancelIntended(
        decision_id=DecisionId("p-1"), pair=PAIR, at_ns=TimeNs(5), reason=reason
    )


def an_end(filled="0"):
    return ParentFinished(
        decision_id=DecisionId("p-1"),
        pair=PAIR,
        at_ns=TimeNs(9),
        filled=Quantity(Decimal(filled)),
        reason="over",
    )


def with_child(parent, *facts, **changes):
    """The parent with one more child, after these facts of it."""
    intent = a_child(parent.next_number, **changes)
    order = Order(intent=intent)
    for fact in facts:
        order = order.apply(fact)
    return parent.with_child(order)


def of(number, make, **changes):
    return make(client_order_id=f"t-p-{number}", **changes)


PARENT = ParentOrder(intent=a_parent())


def test_a_new_parent_has_all_of_it_left():
    assert PARENT.filled == 0
    assert PARENT.left == PARENT.free == PARENT.committed == 2
    assert not PARENT.is_over


def test_a_child_of_unknown_fate_counts_in_full():
    parent = with_child(PARENT, of(1, an_unknown), quantity=Decimal("1.5"))
    assert (parent.outstanding, parent.free, parent.committed) == (
        Decimal("1.5"),
        Decimal("0.5"),
        2,
    )


@pytest.mark.parametrize("end", [a_rejection, a_proof_of_absence])
def test_a_child_that_never_lived_gives_its_part_back(end):
    parent = with_child(PARENT, of(1, end))
    assert (parent.free, parent.next_number) == (2, 2)


def test_missing_fills_of_a_child_that_ended_count_until_they_are_known():
    parent = with_child(PARENT, of(1, a_finish, filled_quantity=Decimal(1)))
    assert (parent.filled, parent.outstanding, parent.free) == (0, 1, 1)


def test_after_a_cancel_only_what_is_out_is_committed():
    parent = with_child(PARENT, of(1, an_acceptance), quantity=Decimal(1)).apply(a_cancel())
    assert (parent.committed, parent.left) == (1, 2)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"quantity": Decimal("2.0001")}, "2.0001 of 2 left"),
        ({"quantity": Decimal(0)}, "0 of 2 left"),
        ({"price": Decimal("89.9")}, "worse than"),
        ({"side": Side.BUY}, "another way"),
        ({"pair": "ETH_USDT"}, "another way"),
        ({"order_type": OrderType.MARKET}, "limit price"),
        ({"attempt": 2}, "child 1 comes next"),
    ],
)
def test_what_goes_beyond_the_parent_is_objected_to(changes, why):
    objection = PARENT.objection(a_child(**changes))
    assert objection is not None
    assert why in objection


def test_what_is_within_it_is_not():
    assert PARENT.objection(a_child(price=Decimal(90))) is None


def test_a_buy_must_not_cost_more_than_the_parent_allows():
    parent = ParentOrder(intent=a_parent(side=Side.BUY))
    assert parent.objection(a_child(side=Side.BUY, price=Decimal(90))) is None
    assert parent.objection(a_child(side=Side.BUY, price=Decimal("90.1"))) is not None


@pytest.mark.parametrize("event", [a_cancel(), an_end()])
def test_nothing_is_placed_once_it_is_closed(event):
    assert PARENT.apply(event).objection(a_child()) is not None


def test_the_first_cancel_and_the_first_end_stay():
    parent = PARENT.apply(a_cancel("one")).apply(a_cancel("two")).apply(an_end("1"))
    assert parent.cancel is not None
    assert parent.cancel.reason == "one"
    assert parent.apply(an_end("2")) == parent


def test_slippage_is_of_the_worst_fill_against_the_first_touch():
    fills = [
        of(1, a_fill, price=Decimal(99), quantity=Decimal("0.5"), side=Side.SELL),
        of(1, a_fill, price=Decimal(98), trade_id=TradeId("8"), side=Side.SELL),
    ]
    parent = with_child(PARENT, *fills)
    assert parent.slippage_bps == pytest.approx(200.0)
    assert PARENT.slippage_bps is None
    later = with_child(
        parent, of(2, a_fill, price=Decimal(97), trade_id=TradeId("9")), touch=Decimal(98)
    )
    assert later.slippage_bps == pytest.approx(300.0)


def test_children_come_one_after_the_other():
    with pytest.raises(ValueError, match="1 comes next"):
        PARENT.with_child(Order(intent=a_child(2)))


PARTS = st.integers(1, 40).map(lambda part: Decimal(part).scaleb(-1))


class Working(RuleBasedStateMachine):
    """Children of any size are proposed, and anything an exchange can do happens to them."""

    @initialize(quantity=PARTS)
    def begin(self, quantity):
        self.parent = ParentOrder(intent=a_parent(quantity=quantity))
        self.orders = {}
        self.trades = 0

    def alive(self):
        return [order for order in self.orders.values() if not order.state.is_terminal]

    def tell(self, order, event):
        order = order.apply(event)
        self.orders[order.intent.attempt] = order
        self.parent = self.parent.with_child(order)

    @rule(quantity=PARTS)
    def propose(self, quantity):
        number = self.parent.next_number
        intent = a_child(number, quantity=quantity)
        if self.parent.objection(intent) is None:
            self.orders[number] = Order(intent=intent)
            self.parent = self.parent.with_child(self.orders[number])

    @precondition(lambda self: self.alive())
    @rule(data=st.data(), part=PARTS)
    def fill(self, data, part):
        order = data.draw(st.sampled_from(self.alive()))
        quantity = min(part, order.working)
        self.trades += 1
        name = order.client_order_id
        trade = TradeId(str(self.trades))
        self.tell(order, a_fill(client_order_id=name, trade_id=trade, quantity=quantity))

    @precondition(lambda self: self.alive())
    @rule(data=st.data(), how=st.sampled_from([an_acceptance, an_unknown]))
    def hear(self, data, how):
        order = data.draw(st.sampled_from(self.alive()))
        self.tell(order, how(client_order_id=order.client_order_id))

    @precondition(lambda self: self.alive())
    @rule(data=st.data(), missing=PARTS)
    def end(self, data, missing):
        """It ends; some of its fills may not be known yet."""
        order = data.draw(st.sampled_from(self.alive()))
        filled = order.filled + min(missing, order.working) if missing > 2 else order.filled
        self.tell(order, a_finish(client_order_id=order.client_order_id, filled_quantity=filled))

    @precondition(lambda self: self.alive())
    @rule(data=st.data(), how=st.sampled_from([a_rejection, a_proof_of_absence]))
    def never_live(self, data, how):
        order = data.draw(st.sampled_from(self.alive()))
        if order.state in (OrderState.INTENDED, OrderState.UNKNOWN):
            self.tell(order, how(client_order_id=order.client_order_id))

    @rule()
    def cancel(self):
        self.parent = self.parent.apply(a_cancel())

    @invariant()
    def nothing_is_lost_or_doubled(self):
        if not hasattr(self, "parent"):
            return
        parent, orders = self.parent, self.orders.values()
        filled = sum((order.filled for order in orders), Decimal(0))
        out = sum((order.working + order.missing_fills for order in orders), Decimal(0))
        assert parent.filled == filled
        assert parent.filled + parent.left == parent.intent.quantity
        assert filled + out <= parent.intent.quantity
        assert parent.free == (parent.left - out)
        assert parent.committed >= out
        assert len(parent.children) == len(self.orders)


TestWorking = Working.TestCase
TestWorking.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
