"""What is held has a stop that somebody watches, and is sold when the price comes to it."""

from decimal import Decimal
from typing import Any

import pytest

from actors import addresses
from actors.trading.protection import FATE_AFTER_S, Protector
from state.config import CoverSettings, StopMode
from state.messages.held import RulesKnown
from state.messages.journal import Echo, JournalOpened
from state.messages.market import BookLost
from state.messages.operations import (
    AlertRaised,
    PairDrained,
    PartNotReady,
    PartReady,
    ReadinessWanted,
    SessionState,
)
from state.messages.orders import CancelOrder, DecisionDropped, OrderProposed, Refusal
from state.messages.protection import (
    Cover,
    DrainWanted,
    FlattenBegan,
    FlattenWanted,
    PositionCovered,
    ProtectionChosen,
    StopMoved,
    TriggerEnd,
    TriggerWanted,
)
from state.values import NS_PER_S, Price, Purpose, Quantity, Session, Side, TimeNs, TradeId
from tests.actors.examples import BTC, NOW, a_measure, rules
from tests.actors.house import Journal
from tests.state.examples import (
    a_fill,
    a_finish,
    a_foreign_amendment,
    a_trigger_cancel,
    a_trigger_end,
    a_trigger_intent,
    an_acceptance,
    an_armed_trigger,
    an_intent,
)

PROTECTOR = addresses.protection(BTC)
STALE_S = 5.0


class Scene:
    """A protector between a real store and everybody's ears."""

    def __init__(self, house, settings=None, *, stored=()):
        self.house = house
        self.journal = Journal(house, addresses.RECORDER)
        self.journal.append(*stored)
        self.guard = house.ear(addresses.RISK_GUARD)
        self.router = house.ear(addresses.ORDER_ROUTER)
        self.triggers = house.ear(addresses.TRIGGER_KEEPER)
        self.keeper = house.ear(addresses.SESSION_KEEPER)
        self.heard = house.listener(PositionCovered)
        self.settings = settings or CoverSettings(resident=True)
        self._trades = 0
        house.live(PROTECTOR, Protector, BTC, self.settings, "1", STALE_S)
        self.session(Session.READY)
        house.tell(PROTECTOR, RulesKnown(pair=BTC, rules=rules()))

    def session(self, session):
        self.house.publish(SessionState(session=session, reason="", since_ns=NOW))

    def book(self, bid=100.0):
        self.house.publish(a_measure(bid=bid, ask=bid + 0.1, mid=bid + 0.05))

    def fill(self, side=Side.BUY, quantity="1", price="100", *, ends=True):
        """Have an order of the strategy filled."""
        self._trades += 1
        number = self._trades
        name = {"client_order_id": f"t-{number}", "pair": BTC}
        amount = Quantity(Decimal(quantity))
        events: list[Any] = [
            an_intent(**name, side=side, quantity=amount, decision_id=f"d-{number}"),
            an_acceptance(**name, venue_order_id=f"v-{number}"),
            a_fill(
                **name,
                side=side,
                quantity=amount,
                price=Price(Decimal(price)),
                fee=Decimal(0),
                trade_id=TradeId(str(number)),
                at_ns=TimeNs(self.house.now_ns),
                venue_order_id=f"v-{number}",
            ),
        ]
        if ends:
            events.append(a_finish(**name, filled_quantity=amount))
        self.journal.append(*events)

    def sell(self, proposal, quantity=None, price="97"):
        """Have what it proposed sold, as if it was an order of its own."""
        self._trades += 1
        number = self._trades
        name = {"client_order_id": f"t-{number}", "pair": BTC}
        amount = proposal.quantity if quantity is None else Quantity(Decimal(quantity))
        common = {**name, "side": Side.SELL, "quantity": amount}
        intent = an_intent(
            **name,
            side=Side.SELL,
            quantity=proposal.quantity,
            decision_id=proposal.decision_id,
            purpose=proposal.purpose,
        )
        fill = a_fill(
            **common,
            price=Price(Decimal(price)),
            fee=Decimal(0),
            trade_id=TradeId(str(number)),
            at_ns=TimeNs(self.house.now_ns),
        )
        self.journal.append(intent, fill, a_finish(**name, filled_quantity=amount, reason="ioc"))

    def arm(self, quantity="1", number=1):
        name = {"trigger_id": f"trigger/{BTC}/{number}"}
        self.journal.append(
            a_trigger_intent(number, quantity=Quantity(Decimal(quantity))),
            an_armed_trigger(**name),
        )

    @property
    def covered(self) -> Any:
        return self.heard[-1]

    @property
    def proposals(self):
        return self.guard.of(OrderProposed)

    @property
    def wanted(self):
        return self.triggers.of(TriggerWanted)

    @property
    def readiness(self):
        told = [one for one in self.keeper if isinstance(one, PartReady | PartNotReady)]
        return told[-1].reason if isinstance(told[-1], PartNotReady) else ""

    def drop(self, proposal, code="NOT_SENT"):
        refusal = Refusal(code=code, limit="", value="")
        dropped = DecisionDropped(decision_id=proposal.decision_id, pair=BTC, refusal=refusal)
        self.house.tell(PROTECTOR, dropped)


def is_uncovered(scene) -> bool:
    cover: Cover = scene.covered.cover
    return cover is Cover.UNCOVERED


@pytest.fixture
def scene(house):
    scene = Scene(house)
    scene.book()
    return scene


# What is protected.


def test_how_positions_are_protected_is_in_the_journal_before_there_is_one(house):
    scene = Scene(house, CoverSettings(stop_bps=Decimal(150), target_bps=Decimal(300)))
    [chosen] = scene.journal.told(ProtectionChosen)
    assert (chosen.stop_bps, chosen.target_bps) == (Decimal(150), Decimal(300))
    house.crash(PROTECTOR)
    assert len(scene.journal.told(ProtectionChosen)) == 1


def test_a_fact_of_a_trigger_order_that_has_ended_is_nobodys_death(scene):
    """The keeper may mean to take one back while the news of its end is under way."""
    scene.fill()
    scene.arm()
    name = f"trigger/{BTC}/1"
    scene.journal.append(a_trigger_end(trigger_id=name), a_trigger_cancel(trigger_id=name))
    assert scene.house.deaths() == []
    assert (scene.covered.resident, scene.covered.cover) == (0, Cover.COVERED)


def test_what_is_bought_is_covered_from_the_very_fill(scene):
    scene.fill(ends=False)
    assert scene.covered.cover is Cover.COVERED
    assert (scene.covered.stop, scene.covered.quantity) == (98, 1)
    assert scene.covered.watched
    assert scene.covered.reason.startswith("not at the exchange")
    scene.arm()
    assert (scene.covered.resident, scene.covered.reason) == (1, "")


def test_each_fill_has_the_stop_at_the_exchange_replaced_and_bursts_only_once(scene):
    scene.fill()
    assert [one.quantity for one in scene.wanted] == [1]
    for _ in range(5):
        scene.fill(quantity="0.1")
    assert [one.quantity for one in scene.wanted] == [1]
    scene.house.pass_time(0.3)
    assert [one.quantity for one in scene.wanted[:2]] == [1, Decimal("1.5")]
    last = scene.wanted[-1]
    assert (last.trigger_price, last.price) == (98, Decimal("97.0"))
    assert last.as_of_seq == scene.journal.store.last_seq


def test_a_partial_close_leaves_the_rest_protected_and_no_more(scene):
    scene.fill(quantity="2")
    scene.arm("2")
    scene.fill(Side.SELL, "0.5")
    assert (scene.covered.quantity, scene.covered.stop) == (Decimal("1.5"), 98)
    scene.house.pass_time(0.6)
    assert scene.wanted[-1].quantity == Decimal("1.5")


def test_what_nobody_would_take_is_as_good_as_nothing(scene):
    scene.fill(quantity="0.0005")
    assert scene.covered.cover is Cover.FLAT
    assert scene.wanted == []


def test_without_a_book_only_a_trigger_order_for_all_of_it_covers(scene):
    scene.fill()
    scene.house.publish(BookLost(pair=BTC, reason="gap"))
    assert is_uncovered(scene)
    scene.arm("0.5")
    assert is_uncovered(scene)
    scene.arm("0.5", number=2)
    assert not is_uncovered(scene)
    assert scene.covered.reason == "not watched here: no live book"
    scene.journal.append(a_trigger_cancel())
    assert is_uncovered(scene)


def test_what_alone_covers_is_not_replaced_before_somebody_watches(house):
    scene = Scene(house, CoverSettings(stop=StopMode.TRAILING, resident=True))
    scene.book()
    scene.fill()
    scene.arm()
    house.pass_time(0.3)
    scene.book(103.0)
    house.crash(PROTECTOR)
    said = len(scene.wanted)
    house.tell(PROTECTOR, RulesKnown(pair=BTC, rules=rules()))
    house.pass_time(2.0)
    assert len(scene.wanted) == said
    assert (scene.covered.cover, scene.covered.watched) == (Cover.COVERED, False)
    assert scene.readiness == ""
    scene.book(102.0)
    assert len(scene.wanted) == said + 1
    assert scene.wanted[-1].trigger_price == Decimal("101.0")


@pytest.mark.parametrize("session", [Session.STOPPED, Session.EMERGENCY])
def test_what_alone_covers_is_not_taken_back_while_nothing_may_be_armed(house, session):
    scene = Scene(house, CoverSettings(stop=StopMode.TRAILING, resident=True))
    scene.book()
    scene.fill()
    scene.arm()
    house.pass_time(0.3)
    scene.session(session)
    said = len(scene.wanted)
    scene.book(110.0)
    house.pass_time(2.0)
    assert scene.journal.told(StopMoved)
    assert len(scene.wanted) == said
    scene.session(Session.READY)
    assert scene.wanted[-1].trigger_price == scene.covered.stop


def test_a_book_that_falls_silent_covers_nothing(scene):
    scene.fill()
    scene.house.pass_time(STALE_S + 1)
    assert scene.covered.cover is Cover.UNCOVERED


@pytest.mark.parametrize("session", [Session.STOPPED, Session.EMERGENCY])
def test_watching_covers_nothing_while_nothing_may_leave(scene, session):
    scene.fill()
    scene.session(session)
    assert scene.covered.cover is Cover.UNCOVERED
    assert not scene.covered.watched


def test_one_alert_is_raised_for_each_time_without_cover(scene):
    scene.fill()
    scene.house.publish(BookLost(pair=BTC, reason="gap"))
    scene.house.pass_time(0.5)
    assert scene.journal.told(AlertRaised) == []
    scene.house.pass_time(5.0)
    assert [one.alert for one in scene.journal.told(AlertRaised)] == ["uncovered"]
    scene.book()
    scene.house.publish(BookLost(pair=BTC, reason="gap"))
    scene.house.pass_time(5.0)
    assert len(scene.journal.told(AlertRaised)) == 2


# Readiness.


def test_it_is_ready_when_nothing_is_held(house):
    scene = Scene(house)
    assert scene.readiness == ""


def test_it_is_not_ready_while_what_is_held_is_not_covered(house):
    bought = [an_intent(pair=BTC), a_fill(pair=BTC, fee=Decimal(0))]
    scene = Scene(house, stored=bought)
    scene.session(Session.STARTING)
    assert "not covered" in scene.readiness
    scene.book()
    assert scene.readiness == ""


def test_a_question_is_answered_behind_what_the_recorder_has_yet_to_tell(scene):
    """It may be a position that nobody covers."""
    ready = PartReady(part=f"protection of {BTC}", asked=3)
    scene.keeper.clear()
    scene.journal.patient = True
    scene.house.tell(PROTECTOR, ReadinessWanted(asked=3))
    scene.book()
    assert scene.keeper.of(PartReady) == []
    scene.journal.patient = False
    scene.journal.write()
    assert scene.keeper.of(PartReady) == [ready]
    scene.house.tell(PROTECTOR, ReadinessWanted(asked=3))
    assert scene.keeper.of(PartReady) == [ready], "it has been answered"


def test_what_the_recorder_could_not_say_is_asked_for_again(scene):
    scene.keeper.clear()
    scene.journal.patient = True
    scene.house.tell(PROTECTOR, ReadinessWanted(asked=3))
    scene.journal.lose()
    scene.journal.patient = False
    scene.house.pass_time(1.0)
    assert len(scene.keeper.of(PartReady)) == 1


def test_it_is_not_ready_by_an_echo_while_it_waits_for_books(scene):
    """A new recorder has told no one what the one before it wrote last."""
    scene.keeper.clear()
    scene.journal.patient = True
    scene.house.tell(PROTECTOR, JournalOpened(last_seq=9, epoch=2), ReadinessWanted(asked=3))
    scene.house.tell(PROTECTOR, Echo(number=3))
    assert scene.keeper.of(PartReady) == []
    scene.journal.patient = False
    scene.journal.write()
    assert len(scene.keeper.of(PartReady)) == 1


def test_in_mid_session_what_is_uncovered_holds_up_nobody_else(scene):
    scene.fill()
    scene.house.publish(BookLost(pair=BTC, reason="gap"))
    scene.house.pass_time(2.0)
    assert scene.readiness == ""


def test_a_restart_has_the_same_levels_and_is_covered_within_the_first_book(house):
    settings = CoverSettings(stop=StopMode.TRAILING)
    scene = Scene(house, settings)
    scene.book()
    scene.fill()
    scene.book(110.0)
    before = scene.covered
    assert before.stop == Decimal("107.8")
    house.crash(PROTECTOR)
    scene.session(Session.READY)
    house.tell(PROTECTOR, RulesKnown(pair=BTC, rules=rules()))
    scene.book(109.0)
    after = scene.covered
    assert (after.stop, after.quantity, after.cover) == (before.stop, 1, Cover.COVERED)


def test_what_was_given_up_before_a_restart_is_not_taken_for_what_waits(scene):
    scene.fill()
    wish = scene.wanted[-1]
    given_up = a_trigger_intent(quantity=wish.quantity, trigger_price=wish.trigger_price)
    scene.journal.append(given_up, a_trigger_end(TriggerEnd.NOT_PLACED))
    scene.house.crash(PROTECTOR)
    scene.house.tell(PROTECTOR, RulesKnown(pair=BTC, rules=rules()))
    told = len(scene.wanted)
    scene.house.pass_time(1.0)
    assert len(scene.wanted) > told


# Stops that follow.


def test_a_trailing_stop_is_drawn_closer_by_records_and_never_loosened(house):
    scene = Scene(house, CoverSettings(stop=StopMode.TRAILING))
    scene.book()
    scene.fill()
    for bid in (101.0, 101.05, 103.0, 102.0, 101.9):
        scene.book(bid)
    assert [one.stop for one in scene.journal.told(StopMoved)] == [
        Decimal("98.98"),
        Decimal("100.94"),
    ]
    assert scene.covered.stop == Decimal("100.94")
    assert scene.proposals == []


# Getting out.


def test_at_the_stop_all_is_sold_by_a_ladder_within_the_cap(scene):
    scene.fill()
    scene.book(98.1)
    assert scene.proposals == []
    scene.book(98.0)
    [proposal] = scene.proposals
    assert (proposal.side, proposal.quantity) == (Side.SELL, 1)
    assert proposal.purpose is Purpose.STOP_LOSS
    assert proposal.price == Decimal("97.1")  # 90 bps below the bid, on the grid
    assert proposal.plan is not None
    assert proposal.plan.rungs_bps == (5, 20, 50)


def test_at_the_target_it_is_sold_too(house):
    scene = Scene(house, CoverSettings(target_bps=Decimal(100)))
    scene.book()
    scene.fill()
    scene.book(101.0)
    [proposal] = scene.proposals
    assert proposal.purpose is Purpose.TAKE_PROFIT


def test_an_exit_that_nobody_answers_is_proposed_again_within_a_second(scene):
    """Who had it in hand may have died; the guard sees to it that nothing is sold twice."""
    scene.book()
    scene.fill()
    scene.book(97.0)
    scene.house.pass_time(FATE_AFTER_S - 0.1)
    scene.book(97.0)
    assert len(scene.proposals) == 1
    scene.house.pass_time(0.2)
    scene.book(97.0)
    first, second = scene.proposals
    assert first.decision_id != second.decision_id
    assert (second.purpose, second.quantity) == (Purpose.STOP_LOSS, Decimal(1))


def test_one_attempt_is_out_at_a_time_and_the_rest_is_tried_again(scene):
    scene.fill()
    for bid in (97.0, 96.0, 95.0):
        scene.book(bid)
    [first] = scene.proposals
    scene.sell(first, "0.4", price="96.5")
    scene.house.pass_time(0.2)
    scene.book(94.0)
    second = scene.proposals[-1]
    assert (len(scene.proposals), second.quantity) == (2, Decimal("0.6"))
    assert second.trace_id == first.trace_id
    scene.sell(second, price="93.8")
    [alert] = scene.journal.told(AlertRaised)
    assert alert.alert == "stop_loss_done"
    assert "sold 1 " in alert.text
    assert "worst 93.8, 428.6 bps beyond 98" in alert.text
    assert "0.4 down to 96.5, 0.6 down to 93.8" in alert.text


def test_a_refusal_is_not_the_end(scene):
    scene.fill()
    scene.book(97.0)
    for _ in range(4):
        scene.drop(scene.proposals[-1])
        scene.house.pass_time(1.0)
        scene.book(97.0)
    assert len(scene.proposals) == 5


def test_out_of_the_price_band_it_goes_less_far(scene):
    scene.fill()
    scene.book(97.0)
    scene.drop(scene.proposals[0], "PRICE_BAND")
    scene.house.pass_time(0.2)
    scene.book(97.0)
    assert scene.proposals[1].price > scene.proposals[0].price


def test_once_begun_it_goes_on_although_the_price_comes_back(scene):
    scene.fill()
    scene.book(97.9)
    scene.sell(scene.proposals[0], "0.4")
    scene.house.pass_time(0.2)
    scene.book(99.0)
    assert len(scene.proposals) == 2


def test_what_would_buy_more_is_cancelled_first(scene):
    scene.fill()
    resting = {"client_order_id": "t-50", "pair": BTC}
    scene.journal.append(an_intent(**resting, decision_id="d-50"), an_acceptance(**resting))
    scene.book(97.0)
    assert scene.router.of(CancelOrder)[0].client_order_id == "t-50"


def test_it_waits_for_a_sale_that_is_out_already(scene):
    scene.fill()
    sale = {"client_order_id": "t-50", "pair": BTC}
    scene.journal.append(an_intent(**sale, side=Side.SELL, decision_id="d-50"))
    scene.book(97.0)
    assert scene.proposals == []
    scene.journal.append(a_finish(**sale, filled_quantity=Quantity(Decimal(0)), reason="ioc"))
    scene.book(97.0)
    assert len(scene.proposals) == 1


@pytest.mark.parametrize("restarted", [False, True])
def test_a_sale_that_is_over_and_strange_keeps_no_other_from_leaving(scene, restarted):
    """It was waited for for ever, with the stop at the exchange taken back for the way out."""
    scene.fill(quantity="2")
    name = {"client_order_id": "t-strange", "pair": BTC}
    common = {**name, "side": Side.SELL}
    asked, sold = Quantity(Decimal("0.5")), Quantity(Decimal("0.6"))
    scene.journal.append(
        an_intent(**common, quantity=asked, decision_id="d-strange"),
        a_fill(**common, quantity=sold, fee=Decimal(0), trade_id=TradeId("77")),
        a_finish(**name, filled_quantity=asked),
    )
    if restarted:
        scene.house.crash(PROTECTOR)
        scene.house.tell(PROTECTOR, RulesKnown(pair=BTC, rules=rules()))
    scene.book(90.0)
    [proposal] = scene.proposals
    assert proposal.quantity == Decimal("1.4")


def test_an_order_that_somebody_made_larger_after_it_was_filled_is_cancelled_first(scene):
    """It seemed to be over, and strange, when the fills came first."""
    name = {"client_order_id": "t-grown", "pair": BTC}
    scene.journal.append(
        an_intent(**name, quantity=Quantity(Decimal(1)), decision_id="d-grown"),
        a_fill(**name, quantity=Quantity(Decimal("1.5")), fee=Decimal(0), trade_id=TradeId("78")),
        a_foreign_amendment(**name, quantity=Quantity(Decimal(3))),
    )
    scene.book(90.0)
    [cancel] = scene.router.of(CancelOrder)
    assert cancel.client_order_id == "t-grown"


def test_nothing_is_proposed_on_a_book_that_is_not_live(scene):
    scene.fill()
    scene.house.publish(BookLost(pair=BTC, reason="gap"))
    scene.house.pass_time(3.0)
    assert scene.proposals == []


def test_while_it_is_sold_nothing_waits_at_the_exchange(scene):
    scene.fill()
    scene.arm()
    scene.book(97.0)
    scene.house.pass_time(0.6)
    assert scene.wanted[-1].quantity == 0


# Flattening.


def test_a_wish_to_flatten_outlives_a_restart_and_ends_flat(scene):
    scene.fill()
    scene.house.tell(PROTECTOR, FlattenWanted(pair=BTC, reason="by hand"))
    scene.book(100.0)
    [first] = scene.proposals
    assert first.purpose is Purpose.FLATTEN
    scene.house.crash(PROTECTOR)
    scene.session(Session.READY)
    scene.house.tell(PROTECTOR, RulesKnown(pair=BTC, rules=rules()))
    scene.book(100.0)
    again = scene.proposals[-1]
    assert again.decision_id != first.decision_id
    scene.sell(again, price="100")
    scene.fill(price="100")
    scene.house.pass_time(1.0)
    scene.book(100.0)
    assert len(scene.proposals) == 2
    assert len(scene.journal.told(FlattenBegan)) == 1


def test_nothing_to_flatten_is_no_wish(scene):
    scene.house.tell(PROTECTOR, FlattenWanted(pair=BTC, reason="by hand"))
    assert scene.journal.told(FlattenBegan) == []


def test_for_a_trader_that_is_parked_it_sells_and_says_when_the_drain_is_over(scene):
    def asked():
        scene.keeper.take(PairDrained)
        scene.house.tell(PROTECTOR, DrainWanted(pair=BTC))
        return scene.keeper.of(PairDrained)

    scene.fill()
    scene.session(Session.DRAINING)
    assert asked() == []
    scene.book(100.0)
    [sale] = scene.proposals
    assert (sale.purpose, sale.quantity) == (Purpose.FLATTEN, Decimal(1))
    scene.sell(sale, quantity="0.4")
    assert asked() == []
    scene.book(100.0)
    scene.sell(scene.proposals[-1])
    assert asked() == [PairDrained(pair=BTC)]


def test_a_drain_is_not_over_while_an_order_is_out(scene):
    order = {"client_order_id": "t-50", "pair": BTC}
    scene.journal.append(an_intent(**order, decision_id="d-50"))
    scene.house.tell(PROTECTOR, DrainWanted(pair=BTC))
    assert scene.keeper.of(PairDrained) == []
    scene.journal.append(a_finish(**order, filled_quantity=Quantity(Decimal(0)), reason="ioc"))
    scene.house.tell(PROTECTOR, DrainWanted(pair=BTC))
    assert scene.keeper.of(PairDrained) == [PairDrained(pair=BTC)]


def test_a_position_is_protected_within_a_second_of_a_first_book(house):
    """The process was killed between the fill and the stop."""
    bought = [an_intent(pair=BTC), a_fill(pair=BTC, fee=Decimal(0))]
    scene = Scene(house, stored=bought)
    began_ns = house.now_ns
    scene.book()
    assert scene.covered.cover is Cover.COVERED
    assert house.now_ns - began_ns < NS_PER_S
    assert scene.wanted[-1].quantity == 1
