"""The trader: from closed candles and a live book to one proposal at a time.

The scene's strategy: averages of 1 and 2 candles, any trend and any book will do. Rising closes
make it want to enter, falling ones to leave. A proposal lives 2 s, an order 5 s.
"""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from actors import addresses
from actors.trading.trader import ASK_AGAIN_S, FATE_TIMEOUT_S, Trader
from state.config.decision import Confirmation, DecisionSettings
from state.config.settings import TrendSettings
from state.messages.accounts import PositionWanted
from state.messages.held import OrdersHeld, RulesKnown
from state.messages.journal import Journaled, JournalOpened
from state.messages.market import BookLost, Timeframe
from state.messages.operations import PairDrained, SessionSought, SessionState
from state.messages.orders import (
    CancelOrder,
    DecisionDropped,
    OrderProposed,
    OrdersWanted,
    Refusal,
    RulesWanted,
)
from state.messages.signals import Direction, TrendMeasured
from state.order import Order
from state.technical_opinion import LIVES_NS
from state.values import (
    NS_PER_S,
    ClientOrderId,
    DecisionId,
    OrderType,
    Price,
    Quantity,
    Session,
    Side,
    TimeInForce,
    TimeNs,
    TraceId,
)
from tests.actors.examples import BTC, ETH, NOW, a_candle, a_measure, a_position, rules
from tests.state.examples import a_fill, a_finish, a_rejection, an_acceptance, an_intent

TRADER = addresses.trader(BTC)
SETTINGS = TrendSettings(
    fast_window=1,
    slow_window=2,
    entry_bps=0.0,
    imbalance_min=0.0,
    order_notional=Decimal(200),
    order_ttl_s=5.0,
    slippage_bps=Decimal(20),
    proposal_ttl_s=2.0,
)
DECISION = DecisionSettings(cool_down_s=0.0)


class Scene:
    """A trader that knows all it needs, and the ears of those it talks to."""

    def __init__(self, house, **changes: Any):
        self.house = house
        self.keeper = house.ear(addresses.SESSION_KEEPER)
        self.guard = house.ear(addresses.RISK_GUARD)
        self.ledger = house.ear(addresses.LEDGER_KEEPER)
        self.router = house.ear(addresses.ORDER_ROUTER)
        decision = replace(DECISION, confirmation=changes.pop("confirmation", Confirmation.OFF))
        house.live(TRADER, Trader, BTC, SETTINGS, decision, Decimal(200), "7")
        self._seq = 0
        self._candles = 0
        if not changes.pop("ignorant", False):
            self.be(Session.READY)
            self.learn_rules()
            self.hold("0")
            self.answer_orders()

    # What its neighbours say.

    def be(self, session, pairs=()):
        told = SessionState(session=session, reason="", since_ns=NOW, pairs=dict(pairs))
        self.house.publish(told)

    def learn_rules(self):
        self.house.publish(RulesKnown(pair=BTC, rules=rules()))

    def hold(self, quantity):
        self.house.tell(TRADER, a_position(quantity))

    def answer_orders(self, *orders, request=None):
        if request is None:
            request = self.router.of(OrdersWanted)[-1].request
        self.house.tell(TRADER, OrdersHeld(pair=BTC, orders=orders, request=request))

    def journal(self, *events):
        for event in events:
            self._seq += 1
            told = Journaled(seq=self._seq, event=event)
            for listener in self.house.runtime.bus.listeners(type(event), event.pair):
                self.house.runtime.tell(listener, told)
            self.house.settle()

    # What the market does.

    def candles(self, *closes):
        for close in closes:
            self.house.publish(a_candle(self._candles, close))
            self._candles += 1

    def rise(self):
        self.candles(100.0, 101.0, 102.0)

    def fall(self):
        self.candles(102.0, 101.0, 100.0)

    def timeframes(self, confirmed, at_ns=NOW):
        told = TrendMeasured(
            pair=BTC,
            event_time_ns=at_ns,
            timeframes=(),
            missing=(),
            bias=0.5,
            agreement=0.5,
            confirmed=confirmed,
        )
        self.house.publish(told)

    def book(self, **changes):
        self.house.publish(a_measure(**{"ask_depth": 1e6} | changes))

    # What it wants.

    @property
    def proposals(self):
        return self.guard.of(OrderProposed)

    def intend(self, proposal, name="t-gh-1", **changes):
        """Have the journal tell that the proposal became an order."""
        intent = an_intent(
            client_order_id=ClientOrderId(name),
            decision_id=proposal.decision_id,
            side=proposal.side,
            quantity=proposal.quantity,
            price=proposal.price,
            **changes,
        )
        self.journal(intent)
        return ClientOrderId(name)

    def enter(self):
        """Have it enter, and its order accepted."""
        self.rise()
        self.book()
        name = self.intend(self.proposals[-1])
        self.journal(an_acceptance(client_order_id=name))
        return name

    def drop(self, proposal):
        refusal = Refusal(code="SESSION", limit="", value="")
        dropped = DecisionDropped(decision_id=proposal.decision_id, pair=BTC, refusal=refusal)
        self.house.tell(TRADER, dropped)


@pytest.fixture
def scene(house):
    return Scene(house)


# What it begins with.


def test_it_begins_by_asking_how_things_stand(house):
    scene = Scene(house, ignorant=True)
    assert scene.keeper == [SessionSought(reply_to=TRADER)]
    assert scene.guard == [RulesWanted(pair=BTC, reply_to=TRADER)]
    assert scene.ledger == [PositionWanted(pair=BTC, reply_to=TRADER)]
    assert scene.router == [OrdersWanted(pair=BTC, reply_to=TRADER, request=1)]


@pytest.mark.parametrize("missing", ["session", "rules", "position", "orders"])
def test_until_it_knows_everything_it_wants_nothing(house, missing):
    scene = Scene(house, ignorant=True)
    learn = {
        "session": lambda: scene.be(Session.READY),
        "rules": scene.learn_rules,
        "position": lambda: scene.hold("0"),
        "orders": scene.answer_orders,
    }
    for what, how in learn.items():
        if what != missing:
            how()
    scene.rise()
    scene.book()
    assert scene.proposals == []
    learn[missing]()
    scene.book()
    assert len(scene.proposals) == 1


def test_a_question_nobody_answers_is_asked_again(house):
    scene = Scene(house, ignorant=True)
    house.pass_time(ASK_AGAIN_S)
    assert [one.request for one in scene.router.of(OrdersWanted)] == [1, 2]
    scene.hold("0")
    house.pass_time(ASK_AGAIN_S)
    assert len(scene.router.of(OrdersWanted)) == 3
    scene.answer_orders()
    scene.hold("0")
    house.pass_time(60.0)
    assert len(scene.router.of(OrdersWanted)) == 3


# Entering and leaving.


def test_a_rising_trend_and_a_book_that_agrees_make_it_enter(scene):
    scene.rise()
    scene.book(ask=100.2)
    [proposal] = scene.proposals
    assert proposal == OrderProposed(
        decision_id=DecisionId("BTC_USDT/judgement/7/1.1"),
        trace_id=TraceId("BTC_USDT/judgement/7/1.1"),
        pair=BTC,
        strategy="judgement",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Quantity(Decimal("1.9960")),  # 200 / 100.2, rounded down.
        price=Price(Decimal("100.2")),
        time_in_force=TimeInForce.GTC,
        reason=proposal.reason,
        worksheet=proposal.worksheet,
        proposed_at_ns=NOW,
        expires_at_ns=TimeNs(NOW + 2 * NS_PER_S),
        reply_to=TRADER,
        judgement=proposal.judgement,
    )
    assert proposal.reason == "score +1.00: trend +1.00"
    [used] = proposal.judgement.used
    assert (used.source, used.weight, used.without, used.decides) == ("trend", 1.0, None, True)
    assert used.reasons[0].says.startswith("upward")
    assert [(one.name, one.quantity) for one in proposal.worksheet if one.quantity is not None] == [
        ("order_notional", Decimal("1.9960")),
        ("depth", Decimal("4990.0199")),
    ]


@pytest.mark.parametrize(
    ("wanted", "confirmed", "enters"),
    [
        (Confirmation.OFF, Direction.DOWN, True),
        (Confirmation.OFF, None, True),
        (Confirmation.NOT_AGAINST, Direction.DOWN, False),
        (Confirmation.NOT_AGAINST, None, True),
        (Confirmation.NOT_AGAINST, Direction.UP, True),
        (Confirmation.REQUIRED, None, False),
        (Confirmation.REQUIRED, Direction.DOWN, False),
        (Confirmation.REQUIRED, Direction.UP, True),
    ],
)
def test_an_entry_waits_for_what_the_timeframes_must_say(house, wanted, confirmed, enters):
    scene = Scene(house, confirmation=wanted)
    scene.timeframes(confirmed)
    scene.rise()
    scene.book()
    assert len(scene.proposals) == enters
    if enters:
        assert scene.proposals[0].judgement.confirmed == confirmed


def test_what_the_timeframes_said_too_long_ago_confirms_nothing(house):
    scene = Scene(house, confirmation=Confirmation.REQUIRED)
    scene.timeframes(Direction.UP, at_ns=TimeNs(NOW - LIVES_NS))
    scene.rise()
    scene.book()
    assert scene.proposals == []
    scene.timeframes(Direction.UP, at_ns=TimeNs(NOW - LIVES_NS + 1))
    scene.book()
    assert len(scene.proposals) == 1


def test_nobody_needs_a_confirmation_to_leave(house):
    scene = Scene(house, confirmation=Confirmation.REQUIRED)
    scene.timeframes(None)
    scene.hold("1.23456")
    scene.fall()
    scene.book(bid=100.0, imbalance=-0.5)
    assert [one.side for one in scene.proposals] == [Side.SELL]


def test_a_turned_trend_makes_it_sell_what_it_holds_at_once(scene):
    scene.hold("1.23456")
    scene.fall()
    scene.book(bid=100.0, imbalance=-0.5)
    [proposal] = scene.proposals
    assert (proposal.side, proposal.time_in_force) == (Side.SELL, TimeInForce.IOC)
    assert proposal.quantity == Decimal("1.2345")
    assert proposal.price == Decimal("99.8")  # 20 basis points below the bid.
    assert [one.quantity for one in proposal.worksheet] == [Decimal("1.23456")]


def test_without_enough_candles_it_wants_nothing(scene):
    scene.candles(100.0)
    scene.book()
    assert scene.proposals == []


def test_it_decides_only_when_the_book_moves(scene):
    scene.rise()
    assert scene.proposals == []


def test_candles_of_other_timeframes_are_not_its_own(scene):
    for number, close in enumerate((100.0, 101.0, 102.0)):
        scene.house.publish(a_candle(number, close, timeframe=Timeframe.S10))
    scene.book()
    assert scene.proposals == []


def test_dust_is_as_good_as_nothing(scene):
    """Less than the exchange takes can be neither sold nor in the way of a purchase."""
    scene.hold("0.00099")
    scene.fall()
    scene.book(imbalance=-0.5)
    assert scene.proposals == []
    scene.candles(110.0, 120.0)
    scene.book()
    assert [one.side for one in scene.proposals] == [Side.BUY]


def test_an_order_below_the_exchange_minimum_is_not_proposed(house):
    scene = Scene(house, ignorant=True)
    scene.be(Session.READY)
    scene.hold("0")
    scene.answer_orders()
    house.publish(RulesKnown(pair=BTC, rules=rules(notional_min=Decimal(1000))))
    scene.rise()
    scene.book()
    assert scene.proposals == []


# One at a time.


def test_while_a_proposal_is_out_it_wants_nothing_more(scene):
    scene.rise()
    scene.book()
    scene.book(sequence=11)
    assert len(scene.proposals) == 1


def test_while_an_order_is_out_it_wants_nothing_more(scene):
    scene.enter()
    scene.book(sequence=11)
    assert len(scene.proposals) == 1


def test_after_the_order_has_ended_it_may_want_again(scene):
    name = scene.enter()
    scene.journal(a_finish(client_order_id=name, filled_quantity=Decimal(0)))
    scene.book(sequence=11)
    assert len(scene.proposals) == 2
    assert len({one.decision_id for one in scene.proposals}) == 2


def test_an_order_whose_fills_are_missing_is_still_out(scene):
    name = scene.enter()
    quantity = scene.proposals[0].quantity
    scene.journal(a_finish(client_order_id=name, filled_quantity=quantity))
    scene.book(sequence=11)
    assert len(scene.proposals) == 1
    scene.journal(a_fill(client_order_id=name, quantity=quantity))
    scene.book(sequence=12)
    assert len(scene.proposals) == 2


def test_a_rejected_order_is_not_out(scene):
    name = scene.enter()
    scene.journal(a_finish(client_order_id=name, filled_quantity=Decimal(0)))
    scene.book(sequence=11)
    second = scene.intend(scene.proposals[-1], "t-gh-2")
    scene.journal(a_rejection(client_order_id=second))
    scene.book(sequence=12)
    assert len(scene.proposals) == 3


def test_a_dropped_proposal_makes_room_for_the_next(scene):
    scene.rise()
    scene.book()
    scene.drop(scene.proposals[0])
    scene.book(sequence=11)
    assert len(scene.proposals) == 2


def test_the_fate_of_another_decision_is_not_its_own(scene):
    scene.rise()
    scene.book()
    scene.drop(an_intent(decision_id=DecisionId("another")))
    scene.book(sequence=11)
    assert len(scene.proposals) == 1


def test_a_proposal_nobody_answers_is_waited_for_until_it_cannot_be_sent_any_more(scene):
    scene.rise()
    scene.book()
    scene.house.pass_time(2.0 + FATE_TIMEOUT_S - 0.1)
    scene.book(sequence=11)
    assert len(scene.proposals) == 1
    scene.house.pass_time(0.2)
    scene.book(sequence=12)
    assert len(scene.proposals) == 2


def test_what_happens_to_an_order_that_is_not_out_changes_nothing(scene):
    scene.journal(a_fill(client_order_id=ClientOrderId("t-gh-9")))
    scene.rise()
    scene.book()
    assert len(scene.proposals) == 1


# An order that rests.


def test_an_order_that_rests_too_long_is_cancelled(scene):
    name = scene.enter()
    scene.house.pass_time(4.9)
    assert scene.router.of(CancelOrder) == []
    scene.house.pass_time(0.2)
    assert scene.router.of(CancelOrder) == [
        CancelOrder(client_order_id=name, reason="rested long enough")
    ]


def test_a_cancel_is_said_again_while_the_order_rests(scene):
    """The router may have died with the first one in hand."""
    name = scene.enter()
    scene.house.pass_time(15.5)
    assert len(scene.router.of(CancelOrder)) == 3
    scene.journal(a_finish(client_order_id=name, filled_quantity=Decimal(0)))
    scene.house.pass_time(60.0)
    assert len(scene.router.of(CancelOrder)) == 3


def test_an_order_that_ended_in_time_is_not_cancelled(scene):
    name = scene.enter()
    scene.journal(a_finish(client_order_id=name, filled_quantity=Decimal(0)))
    scene.house.pass_time(60.0)
    assert scene.router.of(CancelOrder) == []


# What the session allows.


@pytest.mark.parametrize(
    "session",
    [Session.STARTING, Session.PAUSED, Session.DRAINING, Session.STOPPED, Session.EMERGENCY],
)
def test_it_enters_only_in_a_ready_session(scene, session):
    scene.be(session)
    scene.rise()
    scene.book()
    assert scene.proposals == []


@pytest.mark.parametrize(
    ("session", "sells"),
    [
        (Session.READY, True),
        (Session.PAUSED, True),
        (Session.DRAINING, True),
        (Session.STARTING, False),
        (Session.STOPPED, False),
        (Session.EMERGENCY, False),
    ],
)
def test_it_leaves_wherever_selling_is_allowed(scene, session, sells):
    scene.hold("1")
    scene.be(session)
    scene.fall()
    scene.book(imbalance=-0.5)
    assert bool(scene.proposals) == sells


# Draining.


def drained(scene):
    return scene.keeper.of(PairDrained)


def test_draining_it_sells_what_it_holds_whatever_the_trend(scene):
    scene.hold("1")
    scene.rise()
    scene.be(Session.DRAINING)
    scene.book()
    [proposal] = scene.proposals
    assert (proposal.side, proposal.reason) == (Side.SELL, "draining")
    assert drained(scene) == []


def test_with_nothing_held_and_nothing_out_a_drain_is_over_at_once(scene):
    scene.be(Session.DRAINING)
    assert drained(scene) == [PairDrained(pair=BTC)]
    scene.book()
    scene.hold("0")
    assert len(drained(scene)) == 1


def test_a_drain_is_not_over_while_an_order_may_still_be_filled(scene):
    name = scene.enter()
    scene.be(Session.DRAINING)
    assert drained(scene) == []
    scene.journal(a_finish(client_order_id=name, filled_quantity=Decimal(0)))
    assert len(drained(scene)) == 1


def test_an_order_that_is_over_and_strange_does_not_hold_up_a_drain(scene):
    name = scene.enter()
    scene.be(Session.DRAINING)
    much = a_fill(client_order_id=name, quantity=Decimal(1000))
    scene.journal(much, a_finish(client_order_id=name, filled_quantity=Decimal(1)))
    assert len(drained(scene)) == 1


def test_a_drain_is_not_over_while_a_proposal_is_out(scene):
    scene.rise()
    scene.book()
    scene.be(Session.DRAINING)
    assert drained(scene) == []
    scene.drop(scene.proposals[0])
    assert len(drained(scene)) == 1


def test_a_drain_is_over_when_only_dust_is_held(scene):
    scene.hold("1")
    scene.be(Session.DRAINING)
    scene.book()
    scene.drop(scene.proposals[0])
    scene.hold("0.0001")
    assert len(drained(scene)) == 1


def test_what_is_held_counts_until_it_is_known_to_be_dust(house):
    scene = Scene(house, ignorant=True)
    scene.answer_orders()
    scene.hold("0.0001")
    scene.be(Session.DRAINING)
    assert drained(scene) == []
    scene.learn_rules()
    assert drained(scene) == []
    scene.book()
    assert len(drained(scene)) == 1


def test_each_drain_is_told_anew(scene):
    for _ in range(2):
        scene.be(Session.DRAINING)
        scene.be(Session.READY)
    assert len(drained(scene)) == 2


# Over restarts.


def test_a_restart_keeps_the_averages_and_asks_for_the_rest(scene):
    scene.rise()
    scene.house.stop(TRADER)
    scene.house.crash(TRADER)
    scene.book()
    assert scene.proposals == []
    scene.be(Session.READY)
    scene.learn_rules()
    scene.hold("0")
    scene.answer_orders()
    scene.book()
    [proposal] = scene.proposals
    assert proposal.decision_id == "BTC_USDT/judgement/7/2.1"


def test_averages_of_other_windows_are_not_taken_over(scene):
    scene.rise()
    scene.house.stop(TRADER)
    changed = TrendSettings(fast_window=2, slow_window=3, entry_bps=0.0, imbalance_min=0.0)
    scene.house.live(TRADER, Trader, BTC, changed, DECISION, Decimal(200), "7")
    scene.be(Session.READY)
    scene.learn_rules()
    scene.hold("0")
    scene.answer_orders()
    scene.book()
    assert scene.proposals == []
    scene.candles(103.0, 104.0, 105.0)
    scene.book()
    assert len(scene.proposals) == 1


def test_a_gap_longer_than_the_window_forgets_the_averages(scene):
    scene.rise()
    scene._candles += 3  # Three candles are missing; the slow window is two.
    scene.candles(110.0)
    scene.book()
    assert scene.proposals == []
    scene.candles(111.0)
    scene.book()
    assert len(scene.proposals) == 1


def test_a_gap_as_long_as_the_window_is_bridged(scene):
    scene.rise()
    scene._candles += 2
    scene.candles(110.0)
    scene.book()
    assert len(scene.proposals) == 1


def test_a_candle_told_again_counts_once(scene):
    scene.candles(100.0)
    for _ in range(5):
        scene.house.publish(a_candle(0, 100.0))
    scene.book()
    assert scene.proposals == []


def test_orders_of_an_earlier_life_are_out(scene):
    resting = Order(intent=an_intent(client_order_id=ClientOrderId("t-gh-9")))
    scene.house.crash(TRADER)
    scene.be(Session.READY)
    scene.learn_rules()
    scene.hold("0")
    scene.answer_orders(resting)
    scene.rise()
    scene.book()
    assert scene.proposals == []
    scene.house.pass_time(5.1)
    assert [one.client_order_id for one in scene.router.of(CancelOrder)] == ["t-gh-9"]


def test_a_new_recorder_makes_it_ask_again(scene):
    scene.router.clear()
    scene.ledger.clear()
    scene.house.publish(JournalOpened(last_seq=1, epoch=2))
    assert scene.router == [OrdersWanted(pair=BTC, reply_to=TRADER, request=2)]
    assert scene.ledger == [PositionWanted(pair=BTC, reply_to=TRADER)]


def test_an_order_that_ended_unheard_is_out_no_longer(scene):
    """The old recorder died between writing the end and telling it."""
    scene.enter()
    scene.house.publish(JournalOpened(last_seq=9, epoch=2))
    scene.answer_orders()
    scene.book(sequence=11)
    assert len(scene.proposals) == 2


def test_an_answer_that_is_older_than_what_was_heard_since_brings_nothing_back(scene):
    """The router answered, then it and the trader heard the end; the answer comes last."""
    scene.house.crash(TRADER)
    scene.be(Session.READY)
    scene.learn_rules()
    scene.hold("0")
    name = ClientOrderId("t-gh-9")
    resting = Order(intent=an_intent(client_order_id=name))
    scene.journal(a_finish(client_order_id=name, filled_quantity=Decimal(0)))
    scene.answer_orders(resting)
    scene.rise()
    scene.book()
    assert len(scene.proposals) == 1


def test_an_answer_does_not_forget_an_order_meant_since(scene):
    scene.rise()
    scene.book()
    scene.house.publish(JournalOpened(last_seq=9, epoch=2))
    scene.intend(scene.proposals[0])
    scene.answer_orders()
    scene.book(sequence=11)
    assert len(scene.proposals) == 1


def test_an_answer_to_an_earlier_question_is_not_taken(scene):
    name = scene.enter()
    scene.house.publish(JournalOpened(last_seq=9, epoch=2))
    scene.answer_orders(request=1)
    scene.book(sequence=11)
    assert len(scene.proposals) == 1
    scene.journal(a_finish(client_order_id=name, filled_quantity=Decimal(0)))


def test_a_lost_book_is_forgotten(scene):
    scene.hold("0.0001")
    scene.book()
    scene.house.publish(BookLost(pair=BTC, reason="gap"))
    scene.be(Session.DRAINING)
    assert drained(scene) == []  # Without a book nobody knows what the exchange would take.


def test_a_message_it_does_not_know_is_a_bug(scene):
    scene.house.tell(TRADER, "nonsense")
    assert scene.house.deaths() == ["TypeError: trading/BTC_USDT/trader: unexpected str"]


def test_what_its_own_pair_was_told_holds_where_it_is_stricter(scene):
    scene.rise()
    scene.be(Session.READY, {BTC: Session.PAUSED})
    scene.book()
    assert scene.proposals == []
    scene.be(Session.READY, {ETH: Session.PAUSED})
    scene.book()
    assert len(scene.proposals) == 1
