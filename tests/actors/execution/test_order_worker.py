"""The worker says what comes next, says it again until it is heard, and knows when it is over."""

from decimal import Decimal

import pytest

from actors import addresses
from actors.execution.order_worker import ASK_AGAIN_S, TOUCH_WAIT_S, OrderWorker
from state.messages.held import ParentHeld, RulesKnown
from state.messages.market import BookLost
from state.messages.operations import SessionState
from state.messages.orders import (
    ChildProposed,
    ChildRefused,
    Ladder,
    ParentCancelIntended,
    ParentWanted,
    PlanOver,
)
from state.order import Order
from state.parent_order import ParentOrder
from state.values import DecisionId, Session, Side, TimeNs
from tests.actors.examples import BTC, NOW, a_measure, rules
from tests.state.examples import a_child, a_finish, a_parent, a_rejection, an_acceptance

WORKER = addresses.order_worker("p")
D = DecisionId("p-1")


class Scene:
    def __init__(self, house):
        self.house = house
        self.router = house.ear(addresses.ORDER_ROUTER)
        self.guard = house.ear(addresses.RISK_GUARD)
        self.keeper = house.ear(addresses.SESSION_KEEPER)
        house.live(WORKER, OrderWorker, D)

    def tell(self, *messages):
        self.house.tell(WORKER, *messages)

    def hold(self, parent):
        self.tell(ParentHeld(decision_id=D, parent=parent))

    def begin(self, **changes):
        """Everything is known that it needs."""
        self.hold(ParentOrder(intent=a_parent(**changes)))
        self.tell(RulesKnown(pair=BTC, rules=rules()), a_measure())

    @property
    def proposed(self):
        return self.router.of(ChildProposed)


@pytest.fixture
def scene(house):
    return Scene(house)


def with_child(number=1, *facts, **changes):
    parent = ParentOrder(intent=a_parent(**changes))
    for one in range(1, number + 1):
        order = Order(intent=a_child(one))
        for fact in facts:
            order = order.apply(fact(client_order_id=order.client_order_id))
        parent = parent.with_child(order)
    return parent


def nothing_taken(**changes):
    return a_finish(filled_quantity=Decimal(0), **changes)


def test_it_asks_how_its_parent_stands_until_it_is_told(scene):
    scene.house.pass_time(3 * ASK_AGAIN_S + 0.1)
    assert len(scene.router.of(ParentWanted)) == 4


def test_it_proposes_the_first_rung_at_the_touch_of_the_moment(scene):
    scene.begin()
    [child] = scene.proposed
    assert (child.number, child.quantity, child.price) == (1, 2, Decimal("99.9"))
    assert (child.touch, child.reply_to) == (100, WORKER)


def test_it_waits_for_the_rules(scene):
    scene.hold(ParentOrder(intent=a_parent()))
    scene.tell(a_measure())
    assert scene.proposed == []


def test_without_a_book_it_goes_to_the_cap_after_a_while(scene):
    scene.hold(ParentOrder(intent=a_parent()))
    scene.tell(RulesKnown(pair=BTC, rules=rules()), a_measure(), BookLost(pair=BTC, reason="gap"))
    scene.router.clear()
    scene.hold(with_child(1, nothing_taken))
    assert scene.proposed == []
    scene.house.pass_time(TOUCH_WAIT_S + 0.1)
    [child] = scene.proposed
    assert (child.price, child.touch) == (90, None)


def test_nothing_is_proposed_while_a_child_is_out(scene):
    scene.begin()
    scene.router.clear()
    scene.hold(with_child(1, an_acceptance))
    scene.tell(a_measure())
    assert scene.proposed == []


def test_the_next_rung_follows_the_end_of_the_last(scene):
    scene.begin()
    scene.hold(with_child(1, an_acceptance))
    scene.hold(with_child(1, nothing_taken))
    assert [(one.number, one.price) for one in scene.proposed] == [
        (1, Decimal("99.9")),
        (2, Decimal("99.8")),
    ]


def test_a_pause_is_kept_between_rungs(scene):
    plan = Ladder(rungs_bps=(Decimal(5), Decimal(20)), pause_s=0.6)
    scene.begin(plan=plan)
    scene.hold(with_child(1, an_acceptance, plan=plan))
    scene.hold(with_child(1, nothing_taken, plan=plan))
    assert len(scene.proposed) == 1
    scene.house.pass_time(0.61)
    assert len(scene.proposed) == 2


def test_what_the_exchange_rejected_is_not_repeated_at_once(scene):
    scene.begin()
    scene.hold(with_child(1))
    scene.hold(with_child(1, a_rejection))
    assert len(scene.proposed) == 1
    scene.house.pass_time(0.3)
    assert len(scene.proposed) == 2


def test_what_the_router_refused_is_proposed_again(scene):
    scene.begin()
    scene.tell(ChildRefused(decision_id=D, number=1, reason="not ready"))
    assert len(scene.proposed) == 1
    scene.house.pass_time(0.3)
    assert [one.number for one in scene.proposed] == [1, 1]


def test_what_nobody_answered_is_said_again(scene):
    scene.begin()
    scene.house.pass_time(ASK_AGAIN_S + 0.1)
    assert [one.number for one in scene.proposed] == [1, 1]


def test_with_nothing_left_to_try_it_says_so_until_it_is_over(scene):
    scene.begin()
    scene.hold(with_child(3, nothing_taken))
    scene.house.pass_time(1.5)
    assert len(scene.router.of(PlanOver)) >= 2
    scene.hold(None)
    assert not scene.house.is_alive(WORKER)


def test_a_cancelled_parent_is_left_alone(scene):
    scene.begin()
    scene.router.clear()
    cancel = ParentCancelIntended(decision_id=D, pair=BTC, at_ns=TimeNs(1), reason="enough")
    scene.hold(with_child(1, nothing_taken).apply(cancel))
    scene.house.pass_time(2.0)
    assert scene.proposed == []


def test_what_grows_a_position_waits_until_the_session_is_ready(scene):
    scene.begin(side=Side.BUY, price=Decimal(110))
    assert scene.proposed == []
    state = SessionState(session=Session.READY, since_ns=NOW, reason="")
    scene.tell(state)
    assert len(scene.proposed) == 1


def test_what_grows_a_position_waits_while_its_own_pair_is_paused(scene):
    scene.begin(side=Side.BUY, price=Decimal(110))
    pairs = {BTC: Session.PAUSED}
    scene.tell(SessionState(session=Session.READY, since_ns=NOW, reason="", pairs=pairs))
    assert scene.proposed == []
    scene.tell(SessionState(session=Session.READY, since_ns=NOW, reason=""))
    assert len(scene.proposed) == 1


def test_a_new_worker_goes_on_where_the_old_one_was(scene):
    scene.begin()
    scene.house.crash(WORKER)
    scene.router.clear()
    scene.hold(with_child(1, nothing_taken))
    scene.tell(RulesKnown(pair=BTC, rules=rules()), a_measure())
    assert [(one.number, one.price) for one in scene.proposed] == [(2, Decimal("99.8"))]
