"""The ledger keeper: accounts that begin where the exchange stood, and agree to the last unit."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from actors import addresses
from actors.accounts.comparison import ATTEMPTS
from actors.accounts.ledger_keeper import (
    ASK_AGAIN_S,
    INQUIRIES,
    LOOK_AGAIN_S,
    MARK_EVERY_S,
    MARKS_PER_RECORD,
    LedgerKeeper,
)
from state.invariants import equity_violations
from state.messages.accounts import (
    BalancesCompared,
    DifferenceKind,
    EquityMarked,
    FundsMoved,
    PositionChanged,
    PositionWanted,
)
from state.messages.market import StreamOpened
from state.messages.operations import (
    AlertRaised,
    PartNotReady,
    PartReady,
    ReadinessWanted,
    ReconcileWanted,
    Severity,
)
from state.messages.protection import TriggerIntended
from state.messages.venue import (
    AccountEntry,
    FetchAccountBook,
    FetchBalances,
    FetchTrades,
    FetchTriggers,
    Refused,
    Succeeded,
    TradeReport,
    TriggerReport,
    TriggerRule,
    TriggerStatus,
    Unknown,
)
from state.values import NS_PER_S, Price, Purpose, Quantity, Side, TimeNs, TradeId, VenueOrderId
from tests.actors.examples import BTC, ETH, USDT, a_balance, a_measure, a_trade_report
from tests.actors.house import House, Journal
from tests.fakes import FakeExchange
from tests.state.examples import a_fill, an_intent, an_opening

KEEPER = addresses.LEDGER_KEEPER
EVERY_S = 30.0
LASTS_S = ATTEMPTS * LOOK_AGAIN_S + INQUIRIES * ASK_AGAIN_S + 0.1
"""So long a difference must last to count."""


class Scene:
    """A ledger keeper between a journal and an exchange that shows what the test says."""

    def __init__(self, house: House, *stored, shown=None):
        self.house, self.exchange = house, FakeExchange()
        self.journal = Journal(house, addresses.RECORDER)
        self.journal.append(*stored, an_intent(quantity=Decimal(100)))  # Whose fills follow.
        self.keeper = house.ear(addresses.SESSION_KEEPER)
        self.asker = house.ear("asker")
        self.heard = house.listener(PositionChanged, EquityMarked, BalancesCompared)
        for nothing in (FetchAccountBook, FetchTrades, FetchTriggers):
            self.exchange.promptly(nothing, Succeeded())
        if shown is not None:
            self.show(**shown)
        house.live(KEEPER, LedgerKeeper, self.exchange, USDT, EVERY_S, (BTC, ETH))

    def show(self, **balances):
        reports = tuple(a_balance(name, amount) for name, amount in balances.items())
        self.exchange.promptly(FetchBalances, Succeeded(balances=reports))
        self.house.settle()

    def answer(self, outcome):
        self.exchange.answer(FetchBalances, outcome)
        self.house.settle()

    def price(self, bid, pair=BTC):
        self.house.publish(a_measure(pair=pair, bid=bid))

    def buy(self, quantity="1", trade_id="7", **changes):
        """Buy at 100 without a fee."""
        fill = a_fill(
            **{"quantity": Decimal(quantity), "trade_id": TradeId(trade_id), "fee": Decimal(0)}
            | changes
        )
        self.journal.append(fill)

    @property
    def readiness(self) -> str:
        """Why it is not ready, empty when it is."""
        told = [one for one in self.keeper if isinstance(one, PartReady | PartNotReady)]
        return told[-1].reason if isinstance(told[-1], PartNotReady) else ""

    @property
    def alerts(self):
        return self.journal.told(AlertRaised)

    @property
    def moved(self):
        """What is journalled of money that came and went: currency, change, reason."""
        return [(one.currency, one.change, one.reason) for one in self.journal.told(FundsMoved)]


@pytest.fixture
def scene(house):
    """An account that opened with 10,000 USDT, ready."""
    made = Scene(house, an_opening(), shown={"USDT": "10000"})
    assert made.readiness == ""
    return made


# The opening.


def test_a_first_look_ever_opens_the_accounts(house):
    scene = Scene(house, shown={"USDT": "10000", "GT": "5"})
    assert scene.readiness == "starting"
    house.pass_time(1.0)
    assert scene.moved == [
        ("USDT", Decimal(10_000), "opening"),
        ("GT", Decimal(5), "opening"),
    ]
    assert scene.readiness == ""


def test_an_account_without_anything_opens_with_nothing(house):
    scene = Scene(house, shown={})
    house.pass_time(1.0)
    assert scene.moved == [("USDT", Decimal(0), "opening")]
    assert scene.readiness == ""


def test_accounts_are_opened_once(house):
    scene = Scene(house)
    scene.journal.patient = True
    scene.show(USDT="10000")
    house.pass_time(5.0)
    scene.journal.patient = False
    scene.journal.write()
    house.pass_time(5.0)
    house.crash(KEEPER)
    house.pass_time(5.0)
    assert len(scene.moved) == 1


def test_an_exchange_that_does_not_answer_opens_nothing(house):
    scene = Scene(house)
    for outcome in (Unknown(reason="time-out"), Refused(label="NO", message="")):
        scene.answer(outcome)
        house.pass_time(LOOK_AGAIN_S)
    assert scene.moved == []
    assert scene.readiness == "starting"
    scene.show(USDT="10")
    house.pass_time(1.0)
    assert scene.readiness == ""


def test_an_answer_to_an_earlier_life_opens_nothing(house):
    """The accounts are open, but the new life does not know it before the books come."""
    scene = Scene(house, an_opening())
    scene.journal.patient = True
    house.crash(KEEPER)
    scene.answer(Succeeded(balances=(a_balance("USDT", "9000"), a_balance("BTC", "10"))))
    scene.journal.patient = False
    scene.journal.write()
    assert scene.moved == [("USDT", Decimal(10_000), "opening")]


# Folding.


def test_a_fill_changes_the_position_and_everybody_hears_of_it(scene):
    scene.heard.clear()
    scene.buy("2")
    [position] = scene.heard.of(PositionChanged)
    assert (position.pair, position.quantity, position.average_entry) == (BTC, 2, 100)


def test_who_asks_is_told_the_position(scene):
    scene.buy("2")
    scene.house.tell(KEEPER, PositionWanted(pair=BTC, reply_to="asker"))
    scene.house.tell(KEEPER, PositionWanted(pair=ETH, reply_to="asker"))
    assert [(one.pair, one.quantity) for one in scene.asker] == [(BTC, 2), (ETH, 0)]


def test_who_asks_before_the_books_are_there_is_told_when_they_are(scene):
    scene.buy("2")
    scene.journal.patient = True
    scene.house.crash(KEEPER)
    scene.house.tell(KEEPER, PositionWanted(pair=BTC, reply_to="asker"))
    assert scene.asker == []
    scene.journal.patient = False
    scene.journal.write()
    assert [one.quantity for one in scene.asker] == [2]


def test_a_restart_tells_every_position_and_folds_nothing_twice(scene):
    scene.buy("2")
    scene.heard.clear()
    scene.journal.patient = True
    scene.house.crash(KEEPER)
    scene.buy("1", "8")
    scene.journal.patient = False
    scene.journal.write()
    assert [one.quantity for one in scene.heard.of(PositionChanged)] == [3]
    scene.house.tell(KEEPER, PositionWanted(pair=BTC, reply_to="asker"))
    assert scene.asker[-1].quantity == 3


def test_a_fill_that_a_dying_recorder_told_nobody_is_in_the_next_books(scene):
    scene.journal.append(a_fill(quantity=Decimal(2), fee=Decimal(0)), silently=True)
    scene.journal.reopen()
    scene.house.tell(KEEPER, PositionWanted(pair=BTC, reply_to="asker"))
    assert scene.asker[-1].quantity == 2


# Against the exchange.


def test_agreement_is_journalled_told_and_makes_it_ready(house):
    scene = Scene(house, an_opening(), shown={"USDT": "10000"})
    assert scene.readiness == ""
    [compared] = scene.journal.told(BalancesCompared)
    assert (compared.differences, compared.fills) == ((), 0)
    assert scene.heard.of(BalancesCompared) == [compared]


def test_it_compares_every_so_often(scene):
    scene.house.pass_time(EVERY_S * 3 + 1.0)
    assert len(scene.journal.told(BalancesCompared)) == 4


def test_a_difference_that_passes_is_none(scene):
    """A fill was on its way to us."""
    scene.show(USDT="9900", BTC="1")
    scene.house.pass_time(EVERY_S + 1.0)
    assert scene.readiness == ""
    scene.buy("1")
    scene.house.pass_time(LASTS_S)
    assert scene.readiness == ""
    assert scene.alerts == []
    assert scene.journal.told(BalancesCompared)[-1].differences == ()


def test_a_difference_that_lasts_stops_trading_and_calls_somebody(scene):
    scene.show(USDT="9900", BTC="0.5")
    scene.house.pass_time(EVERY_S + LASTS_S)
    told = "BTC: ledger 0, exchange 0.5, USDT: ledger 10000, exchange 9900"
    assert scene.readiness == f"the exchange shows other balances: {told}"
    [alert] = scene.alerts
    assert (alert.alert, alert.severity) == ("ledger_mismatch", Severity.CRITICAL)
    assert told in alert.text
    assert "reconcile accept=REASON" in alert.text
    assert len(scene.journal.told(BalancesCompared)[-1].differences) == 2


def test_a_difference_that_goes_away_lets_it_trade_again(scene):
    scene.show(USDT="9900")
    scene.house.pass_time(EVERY_S + LASTS_S)
    assert scene.readiness != ""
    scene.show(USDT="10000")
    scene.house.pass_time(EVERY_S)
    assert scene.readiness == ""


def test_it_compares_at_once_when_it_is_asked_to(scene):
    scene.show(USDT="10000")
    looks = len(scene.exchange.asked)
    scene.house.tell(KEEPER, ReconcileWanted())
    assert len(scene.exchange.asked) == looks + 1


def test_asked_to_while_it_compares_it_goes_on(scene):
    scene.exchange.slowly(FetchBalances)
    scene.house.tell(KEEPER, ReconcileWanted())
    scene.house.tell(KEEPER, ReconcileWanted())
    assert len(scene.exchange.waiting(FetchBalances)) == 1


def test_a_look_nobody_answers_is_repeated_and_changes_nothing(scene):
    scene.exchange.promptly(FetchBalances, Unknown(reason="time-out"))
    scene.house.pass_time(EVERY_S + 10.0)
    assert scene.readiness == ""
    assert scene.alerts == []


# Accepting.


def accept(scene, reason="I withdrew it"):
    scene.house.tell(KEEPER, ReconcileWanted(accept=reason))
    scene.house.pass_time(LASTS_S + 1.0)


def test_differences_that_are_accepted_are_booked_with_the_reason(scene):
    scene.show(USDT="9900", GT="5")
    accept(scene)
    assert scene.moved[1:] == [
        ("GT", Decimal(5), "I withdrew it"),
        ("USDT", Decimal(-100), "I withdrew it"),
    ]
    assert scene.readiness == ""
    assert scene.alerts == []


def test_accepting_holds_for_one_comparison_only(scene):
    """Else it would cover, long after, whatever else goes wrong."""
    accept(scene)
    assert len(scene.moved) == 1
    scene.show(USDT="1")
    scene.house.pass_time(EVERY_S + LASTS_S)
    assert len(scene.moved) == 1
    assert scene.readiness != ""


def test_what_was_accepted_is_booked_once_although_the_recorder_died_over_it(scene):
    scene.show(USDT="9900")
    scene.house.tell(KEEPER, ReconcileWanted(accept="I withdrew it"))
    scene.journal.patient = True
    scene.house.pass_time(LASTS_S)
    [record] = [
        one for one in scene.journal.records if isinstance(one.entries[-1].event, FundsMoved)
    ]
    written = scene.journal.store.append_many([record])
    assert len(written.journaled) == 2  # On the disk, but nobody was told.
    scene.journal.lose()
    scene.journal.patient = False
    scene.journal.reopen()
    scene.house.pass_time(LASTS_S)
    assert scene.moved[1:] == [("USDT", Decimal(-100), "I withdrew it")]
    assert scene.readiness == ""


def test_looking_without_accepting_takes_an_earlier_acceptance_back(scene):
    scene.exchange.slowly(FetchBalances)
    scene.house.tell(KEEPER, ReconcileWanted(accept="I withdrew it"))
    scene.house.tell(KEEPER, ReconcileWanted())
    scene.show(USDT="9900")
    scene.house.pass_time(LASTS_S)
    assert len(scene.moved) == 1


# Explaining.


def an_entry(entry_id, kind, change, currency=USDT, at_s=0):
    return AccountEntry(
        entry_id=entry_id,
        currency=currency,
        change=Decimal(change),
        kind=kind,
        text="",
        event_time_ns=TimeNs(at_s * NS_PER_S),
    )


def a_foreign_trade(scene, trade_id="70", **changes):
    members: dict[str, Any] = {
        "trade_id": TradeId(trade_id),
        "client_order_id": "web",
        "venue_order_id": "9001",
        "price": Decimal(100),
        "quantity": Decimal(1),
        "fee": Decimal("0.002"),
        "event_time_ns": TimeNs(scene.house.now_ns + 20 * NS_PER_S),
    }
    return a_trade_report(**members | changes)


def tell_book(scene, *entries):
    later_s = scene.house.now_ns // NS_PER_S + 20
    told = tuple(replace(one, event_time_ns=TimeNs(later_s * NS_PER_S)) for one in entries)
    scene.exchange.promptly(FetchAccountBook, Succeeded(account_book=told))


def compare(scene):
    scene.house.pass_time(EVERY_S + LASTS_S)


def test_a_deposit_is_booked_once_by_the_number_of_its_line(scene):
    scene.show(USDT="10500")
    tell_book(scene, an_entry("9", "deposit", "500"))
    compare(scene)
    compare(scene)
    assert scene.moved[1:] == [
        ("USDT", Decimal(500), "deposit: deposit, line 9 of the account book")
    ]
    assert scene.readiness == ""
    assert scene.alerts == []
    compared = [one for one in scene.journal.told(BalancesCompared) if one.differences]
    assert [one.differences[0].kind for one in compared] == [DifferenceKind.DEPOSIT]
    assert compared[0].drift == 500


def test_what_somebody_else_traded_is_booked_and_our_position_stays(scene):
    scene.buy("2")
    trade = a_foreign_trade(scene)
    scene.exchange.promptly(
        FetchTrades, lambda asked: Succeeded(trades=(trade,) if asked.pair == BTC else ())
    )
    scene.show(USDT="9700", BTC="2.998")
    compare(scene)
    assert sorted(scene.moved[1:]) == [
        ("BTC", Decimal("0.998"), f"foreign: trade 70 of BTC_USDT, order {trade.venue_order_id}"),
        ("USDT", Decimal(-100), f"foreign: trade 70 of BTC_USDT, order {trade.venue_order_id}"),
    ]
    scene.house.tell(KEEPER, PositionWanted(pair=BTC, reply_to="asker"))
    assert scene.asker[-1].quantity == 2
    assert scene.readiness == ""


def test_a_trade_of_a_pair_that_is_not_ours_is_asked_for_by_the_coin_it_left(scene):
    trade = a_foreign_trade(scene, pair="SOL_USDT", fee=Decimal(0), fee_currency="SOL")
    scene.exchange.promptly(
        FetchTrades, lambda asked: Succeeded(trades=(trade,) if asked.pair == "SOL_USDT" else ())
    )
    scene.show(USDT="9900", SOL="1")
    compare(scene)
    assert scene.readiness == ""
    assert [change for _, change, _ in sorted(scene.moved[1:])] == [1, -100]


def test_a_fill_of_ours_that_nobody_told_is_fetched_and_never_booked_as_anything_else(scene):
    router = scene.house.ear(addresses.ORDER_ROUTER)
    trade = a_foreign_trade(scene, client_order_id="t-gh-lost-1", fee=Decimal(0))
    scene.exchange.promptly(
        FetchTrades, lambda asked: Succeeded(trades=(trade,) if asked.pair == BTC else ())
    )
    scene.show(USDT="9900", BTC="1")
    compare(scene)
    assert router.of(ReconcileWanted)
    assert set(router.of(TradeReport)) == {trade}
    assert len(scene.moved) == 1
    assert "missed: trade 70" in scene.alerts[-1].text
    kinds = {one.kind for one in scene.journal.told(BalancesCompared)[-1].differences}
    assert kinds == {DifferenceKind.MISSED_FILL}
    scene.buy("1", "70")
    compare(scene)
    assert scene.readiness == ""


def test_what_our_trigger_order_became_is_ours_whatever_name_it_carries(scene):
    scene.journal.append(
        TriggerIntended(
            trigger_id="g/BTC_USDT/1",
            pair=BTC,
            at_ns=TimeNs(1),
            number=1,
            purpose=Purpose.STOP_LOSS,
            trigger_price=Price(Decimal(90)),
            price=Price(Decimal(89)),
            quantity=Quantity(Decimal(1)),
            expiration_s=2_592_001,
        )
    )
    trade = a_foreign_trade(scene, fee=Decimal(0), venue_order_id="555")
    fired = TriggerReport(
        venue_trigger_id="5",
        pair=BTC,
        side=Side.SELL,
        rule=TriggerRule.AT_MOST,
        trigger_price=Price(Decimal(90)),
        price=Price(Decimal(89)),
        quantity=Quantity(Decimal(1)),
        expiration_s=2_592_001,
        status=TriggerStatus.FIRED,
        fired_order_id=VenueOrderId("555"),
    )
    for kind, told in (
        (FetchTrades, Succeeded(trades=(trade,))),
        (FetchTriggers, Succeeded(triggers=(fired,))),
    ):
        scene.exchange.promptly(
            kind, lambda asked, told=told: told if asked.pair == BTC else Succeeded()
        )
    scene.show(USDT="9900", BTC="1")
    compare(scene)
    assert len(scene.moved) == 1
    assert "missed: trade 70" in scene.alerts[-1].text


def test_what_only_half_explains_it_explains_nothing(scene):
    scene.show(USDT="10501")
    tell_book(scene, an_entry("9", "deposit", "500"))
    compare(scene)
    assert len(scene.moved) == 1
    assert scene.readiness != ""


def test_a_word_that_nobody_knows_books_nothing(scene):
    scene.show(USDT="10500")
    tell_book(scene, an_entry("9", "mystery", "500"))
    compare(scene)
    assert len(scene.moved) == 1
    assert scene.readiness != ""


def test_what_was_booked_explains_nothing_a_second_time(scene):
    scene.show(USDT="10500")
    tell_book(scene, an_entry("9", "deposit", "500"))
    compare(scene)
    scene.show(USDT="11000")
    compare(scene)
    assert len(scene.moved) == 2
    assert scene.readiness != ""


def test_a_booking_survives_a_recorder_that_dies_over_it(scene):
    scene.show(USDT="10500")
    tell_book(scene, an_entry("9", "deposit", "500"))
    scene.house.tell(KEEPER, ReconcileWanted())
    scene.house.pass_time(LASTS_S / 2)
    scene.journal.patient = True
    scene.house.pass_time(LASTS_S)
    scene.journal.lose()
    scene.journal.patient = False
    scene.journal.reopen()
    scene.house.pass_time(LASTS_S)
    assert [change for _, change, _ in scene.moved[1:]] == [500]
    assert scene.readiness == ""


def test_what_the_exchange_rounds_away_is_dust(scene):
    scene.show(USDT="9999.999999999")
    compare(scene)
    assert [(change, reason) for _, change, reason in scene.moved[1:]] == [
        (Decimal("-1E-9"), "dust: rounded away by the exchange")
    ]
    assert scene.readiness == ""


def test_nobody_can_say_why_while_the_exchange_does_not_answer(scene):
    scene.show(USDT="10500")
    scene.exchange.promptly(FetchAccountBook, Unknown(reason="time-out"))
    compare(scene)
    assert "nobody could say why" in scene.alerts[-1].text
    tell_book(scene, an_entry("9", "deposit", "500"))
    compare(scene)
    assert scene.readiness == ""


def test_an_answer_to_an_earlier_life_explains_nothing(scene):
    scene.show(USDT="10500")
    scene.exchange.slowly(FetchAccountBook)
    scene.house.tell(KEEPER, ReconcileWanted())
    scene.house.pass_time(LASTS_S)
    scene.house.crash(KEEPER)
    told = (an_entry("9", "deposit", "500", at_s=scene.house.now_ns // NS_PER_S),)
    scene.exchange.answer(FetchAccountBook, Succeeded(account_book=told))
    scene.house.settle()
    assert len(scene.moved) == 1
    tell_book(scene, *told)
    scene.house.pass_time(LASTS_S + 1)
    assert len(scene.moved) == 2


def test_it_compares_when_the_account_stream_is_back(scene):
    looks = len(scene.exchange.of(FetchBalances))
    scene.house.tell(KEEPER, StreamOpened())
    assert len(scene.exchange.of(FetchBalances)) == looks + 1


# Readiness and equity.


def test_it_says_whether_it_is_ready_when_asked(scene):
    scene.keeper.clear()
    scene.house.tell(KEEPER, ReadinessWanted())
    assert scene.keeper == [PartReady(part="ledger")]


def test_a_later_life_is_not_ready_before_it_has_compared(scene):
    scene.exchange.slowly(FetchBalances)
    scene.house.crash(KEEPER)
    assert scene.readiness == "starting"
    scene.answer(Succeeded(balances=(a_balance("USDT", "10000"),)))
    assert scene.readiness == ""


def test_equity_is_what_came_in_and_what_was_earned(scene):
    scene.buy("2")  # At 100.
    scene.buy("1", "8", side=Side.SELL, price=Decimal(120), fee=Decimal("0.1"), fee_currency=USDT)
    scene.journal.append(an_opening(change=Decimal(500), reason="deposit"))
    scene.price(bid=110.0)
    scene.heard.clear()
    scene.house.pass_time(MARK_EVERY_S)
    [mark] = scene.heard.of(EquityMarked)
    assert mark.equity == 10_000 + 500 + 20 + 10 - Decimal("0.1")
    told = (mark.start, mark.flows, mark.realised, mark.unrealised, mark.fees)
    assert told == (10_000, 500, 20, 10, Decimal("0.1"))
    assert equity_violations(mark) == []


def test_equity_is_told_every_second_and_journalled_every_minute(scene):
    before = len(scene.heard.of(EquityMarked))
    scene.house.pass_time(MARKS_PER_RECORD * 2 * MARK_EVERY_S)
    assert len(scene.heard.of(EquityMarked)) == before + 2 * MARKS_PER_RECORD
    assert len(scene.journal.told(EquityMarked)) == 2


def test_without_the_price_of_something_held_nobody_knows_the_equity(scene):
    scene.buy("1")
    scene.heard.clear()
    scene.house.pass_time(5.0)
    assert scene.heard.of(EquityMarked) == []
    scene.price(bid=100.0)
    scene.house.pass_time(MARK_EVERY_S)
    assert len(scene.heard.of(EquityMarked)) == 1


def test_before_the_opening_nothing_is_worth_anything(house):
    scene = Scene(house)
    house.pass_time(5.0)
    assert scene.heard.of(EquityMarked) == []


def test_a_push_of_a_balance_changes_nothing(scene):
    """It lags the order it follows; only a look at all of them at once tells anything."""
    scene.heard.clear()
    scene.house.tell(KEEPER, a_balance("USDT", "1"))
    assert scene.heard == []
    assert scene.readiness == ""


def test_a_message_it_does_not_know_is_a_bug(scene):
    scene.house.tell(KEEPER, "nonsense")
    assert scene.house.deaths() == ["TypeError: accounts/ledger_keeper: unexpected str"]
