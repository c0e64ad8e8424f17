"""What the venue keeps is what it was; what cannot be kept is never heard of."""

import asyncio
import contextlib
import sqlite3
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.simulated.building import build_venue
from adapters.simulated.catalogue import CATALOGUE
from adapters.simulated.core.events import TradeDone
from adapters.simulated.core.invariants import broken_invariants, checksum
from adapters.simulated.core.orders import AmendRequest, OrderRequest
from adapters.simulated.core.price_orders import PriceOrderRequest, Rule
from adapters.simulated.core.venue import Venue
from adapters.simulated.faults import FaultPlan
from adapters.simulated.options import ExchangeOptions
from adapters.simulated.rate_limits import RateLimits
from adapters.simulated.server.connection import Connection
from adapters.simulated.server.exchange import Exchange
from adapters.simulated.server.journal import SqliteJournal
from state.errors import StoreCorrupt, StoreForeign, VenueRefused
from state.values import NS_PER_S, Currency, OrderType, Pair, Side
from tests.adapters.simulated.venues import NOON

OPTIONS = ExchangeOptions(pairs=("BTC_USDT",))
BTC = Pair("BTC_USDT")


def opened(path, now_ns=NOON):
    journal = SqliteJournal(path)
    return build_venue(OPTIONS, now_ns, keeper=journal), journal


def known(venue):
    """Return all that must survive."""
    demo = venue.ledger.accounts["demo"]
    return (
        {
            (name, currency): (kept.available, kept.locked)
            for name, account in venue.ledger.accounts.items()
            for currency, kept in account.balances.items()
        },
        sorted(venue.index.finished_since("demo", 0), key=lambda order: order.id),
        venue.index.open_orders("demo"),
        list(venue.index.trades_since("demo", None, 0)),
        dict(venue.ledger.deposited),
        dict(venue.countdowns.deadlines),
        venue.next_order_id,
        list(venue.triggers.open.values()),
        list(venue.triggers.finished),
        venue.triggers.next_id,
        list(venue.ledger.entries),
        venue.ledger.next_entry_id,
        demo.user_id,
    )


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(
            ["buy", "sell", "iceberg", "market", "amend", "trigger", "cancel", "arm", "wait"]
        ),
        st.integers(min_value=-400, max_value=400),
    ),
    max_size=25,
)


def arm_trigger(venue, demo, number, now_ns):
    """Arm a price order `number` ticks from the last price, and take back an older one."""
    for armed in venue.triggers.of("demo")[1:]:
        venue.triggers.cancel("demo", str(armed.id), now_ns)
    request = PriceOrderRequest(
        pair=BTC,
        trigger_price=Decimal(venue.pairs[BTC].reference_ticks() + number) / 10,
        rule=Rule.AT_LEAST if number > 0 else Rule.AT_MOST,
        expiration_s=60,
        side=Side.BUY,
        amount=Decimal("0.001"),
        price=Decimal(60_000),
    )
    with contextlib.suppress(VenueRefused):
        venue.triggers.arm(demo, request, now_ns)


def act(venue, action, number, now_ns):
    demo = venue.ledger.accounts["demo"]
    if action == "cancel":
        venue.cancel_all(demo, now_ns)
    elif action == "arm":
        venue.arm_countdown(demo, 60, None, now_ns)
    elif action == "wait":
        venue.advance(now_ns)
    elif action == "trigger":
        arm_trigger(venue, demo, number, now_ns)
    elif action == "amend":
        for order in venue.index.open_orders("demo")[:1]:
            change = AmendRequest(price=Decimal(order.ticks + number) / 10, text="moved")
            with contextlib.suppress(VenueRefused):
                venue.amend(demo, str(order.id), BTC, change, now_ns)
    else:
        reference = venue.pairs[BTC].reference_ticks()
        market = action == "market"
        request = OrderRequest(
            pair=BTC,
            side=Side.SELL if action == "sell" else Side.BUY,
            amount=Decimal(10 if market else "0.001"),
            iceberg=Decimal("0.0003") if action == "iceberg" else None,
            price=None if market else Decimal(reference + number) / 10,
            type=OrderType.MARKET if market else OrderType.LIMIT,
        )
        venue.place(demo, request, now_ns)


@settings(max_examples=20, deadline=None)
@given(ACTIONS)
def test_a_venue_comes_back_as_it_was(tmp_path_factory, actions):
    path = tmp_path_factory.mktemp("journal") / "exchange.db"
    venue, journal = opened(path)
    now_ns = NOON
    journal.commit(venue.drain())
    for action, number in actions:
        now_ns += NS_PER_S // 2
        act(venue, action, number, now_ns)
        journal.commit(venue.drain())
    expected = known(venue)
    # A kill: nothing is closed or said good-bye to.
    journal._connection.close()

    again = SqliteJournal(path)
    restored = Venue([venue.pairs[BTC].rules], now_ns)
    again.restore(restored)
    assert known(restored) == expected
    assert checksum(restored) == checksum(venue)
    assert broken_invariants(restored) == []
    assert restored.clearing.next_trade_id > venue.clearing.next_trade_id
    again.close()


def test_a_place_in_the_queue_survives_every_restart(tmp_path):
    path = tmp_path / "exchange.db"
    rules = CATALOGUE[BTC][0]
    venue, journal = quiet_venue(path, rules)
    demo = venue.ledger.open("demo", "k", "s")
    venue.ledger.deposit(demo, Currency("USDT"), 10**24)
    first, second = (bid(venue, demo, "0.003") for _ in range(2))
    # At the same price, but changed: it stands behind the other now.
    venue.amend(demo, str(first.id), BTC, AmendRequest(amount=Decimal("0.004")), NOON)
    journal.commit(venue.drain())
    later = []
    for _ in range(2):
        journal.close()
        venue, journal = quiet_venue(path, rules)
        later.append(bid(venue, venue.ledger.accounts["demo"], "0.001").id)
        journal.commit(venue.drain())
    venue.street_take(venue.pairs[BTC], Side.SELL, 9000, None, NOON)
    journal.close()

    fills = [event.trade.order_id for event in venue.drain() if isinstance(event, TradeDone)]
    assert fills == [second.id, first.id, *later]


def quiet_venue(path, rules):
    """Return a venue without a street, restored from `path`, and its journal."""
    journal = SqliteJournal(path)
    venue = Venue([rules], NOON)
    journal.restore(venue)
    return venue, journal


def bid(venue, demo, amount):
    request = OrderRequest(pair=BTC, side=Side.BUY, amount=Decimal(amount), price=Decimal(60_000))
    return venue.place(demo, request, NOON)


def test_orders_that_rest_meet_the_market_that_opens_again(tmp_path):
    venue, journal = opened(tmp_path / "exchange.db")
    demo = venue.ledger.accounts["demo"]
    best = venue.pairs[BTC].book.bids.best()
    assert best is not None
    price = Decimal(best + 1) / 10  # between the best prices, or at the best
    request = OrderRequest(pair=BTC, side=Side.BUY, amount=Decimal("0.01"), price=price)
    order = venue.place(demo, request, NOON)
    journal.commit(venue.drain())
    journal.close()

    venue, journal = opened(tmp_path / "exchange.db", NOON + 60 * NS_PER_S)
    assert broken_invariants(venue) == []
    reopened = venue.order(venue.ledger.accounts["demo"], str(order.id), BTC, NOON)
    assert reopened.filled_lots + reopened.left == order.amount
    journal.close()


def test_the_market_goes_on_where_it_was(tmp_path):
    venue, journal = opened(tmp_path / "exchange.db")
    for second in range(1, 1200):
        venue.advance(NOON + second * NS_PER_S)
    journal.commit(venue.drain())
    last = venue.pairs[BTC].reference_ticks()
    journal.close()

    venue, journal = opened(tmp_path / "exchange.db", NOON + 1200 * NS_PER_S)
    assert venue.pairs[BTC].reference_ticks() == last
    assert last != 650_000, "it did move"
    journal.close()


def test_accounts_keep_their_money_and_take_a_new_key(tmp_path):
    from adapters.simulated.options import parse_account  # noqa: PLC0415

    path = tmp_path / "exchange.db"
    first = ExchangeOptions(pairs=(BTC,), accounts=(parse_account("amy:k1:s1:USDT=5"),))
    journal = SqliteJournal(path)
    build_venue(first, NOON, keeper=journal)
    journal.commit(())
    journal.close()

    second = ExchangeOptions(
        pairs=(BTC,), accounts=(parse_account("amy:k2:s2:USDT=7"), parse_account("ben:k3:s3"))
    )
    journal = SqliteJournal(path)
    venue = build_venue(second, NOON, keeper=journal)
    assert set(venue.ledger.by_key) == {"k2", "k3"}
    assert venue.ledger.accounts["amy"].balances[Currency("USDT")].total == 5 * 10**18
    assert broken_invariants(venue) == []
    journal.close()


def test_a_foreign_database_is_left_alone(tmp_path):
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("create table guests (name text)")
    other.close()
    with pytest.raises(StoreForeign, match="another program's database"):
        SqliteJournal(path)
    check = sqlite3.connect(path)
    assert check.execute("select name from sqlite_master").fetchall() == [("guests",)]
    check.close()


def test_a_row_nobody_can_read_is_named(tmp_path):
    path = tmp_path / "exchange.db"
    venue, journal = opened(path)
    act(venue, "buy", -100, NOON)
    journal.commit(venue.drain())
    journal.close()
    broken = sqlite3.connect(path)
    broken.execute("update orders set body = '{'")
    broken.commit()
    broken.close()

    journal = SqliteJournal(path)
    with pytest.raises(StoreCorrupt, match="a row nobody can read"):
        build_venue(OPTIONS, NOON, keeper=journal)
    journal.close()


class FullDisk:
    """A journal that cannot write."""

    def __init__(self):
        self.closed = False

    def commit(self, events):
        if list(events):
            message = "no space left on device"
            raise OSError(message)

    def close(self):
        self.closed = True


async def test_what_cannot_be_written_down_ends_the_exchange_unheard():
    venue = build_venue(OPTIONS, NOON)
    disk = FullDisk()
    exchange = Exchange(venue, FaultPlan((), Random(1)), RateLimits(), disk)
    venue.drain()
    act(venue, "buy", -100, NOON)

    with pytest.raises(OSError, match="no space"):
        await asyncio.wait_for(exchange.turn_over(), 5)
    with pytest.raises(OSError, match="no space"):
        await asyncio.wait_for(exchange.run(), 5)
    exchange.close()
    assert disk.closed


class KeptAndTold(Connection):
    """A journal and a client's connection in one, that notes which comes first."""

    def __init__(self):
        self.noted = []

    def commit(self, events):
        self.noted += ["kept" for _ in events]

    def push(self, subject, message):
        self.noted.append("told")

    def close(self):
        pass


async def test_a_turn_writes_before_it_tells():
    venue = build_venue(OPTIONS, NOON)
    both = KeptAndTold()
    exchange = Exchange(venue, FaultPlan((), Random(1)), RateLimits(), both)
    exchange.hub.add(both, [("spot.orders", "demo/!all"), ("spot.balances", "demo/!all")], NOON)
    venue.drain()
    act(venue, "buy", -100, NOON)
    first = exchange.turn_over()
    assert exchange.turn_over() is first, "whatever happens in one turn is kept together"
    assert both.noted == []
    await first
    assert both.noted == ["kept", "kept", "told", "told"]
