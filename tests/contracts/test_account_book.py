"""The account book: every change of a balance is a line, told once, whatever made it."""

from decimal import Decimal

from state.exact import total
from state.messages.venue import (
    AccountEntry,
    FetchAccountBook,
    FetchTrades,
    Succeeded,
)
from state.values import NS_PER_S, Currency, Side, TimeNs
from tests.contracts.orders import BASE, BTC, QUOTE, balances, fills_of, market_buy, only, placed
from tests.contracts.worlds import ask


def book(world, since_ns) -> tuple[AccountEntry, ...]:
    return only(Succeeded, ask(world, FetchAccountBook(since_ns=TimeNs(since_ns)))).account_book


def held(world) -> dict[str, Decimal]:
    nothing = (Decimal(0), Decimal(0))
    return {name: total(balances(world).get(name, nothing)) for name in (BASE, QUOTE)}


def test_deposits_and_withdrawals_are_told_with_what_they_changed(world):
    before = balances(world)[QUOTE][0]
    since_ns = world.now_ns() - NS_PER_S
    world.fund(QUOTE, "250.5")
    world.fund(QUOTE, "-100")
    assert balances(world)[QUOTE][0] == before + Decimal("150.5")
    told = [one for one in book(world, since_ns) if one.kind in ("deposit", "withdraw")]
    newest = told[-2:]
    assert [(one.currency, one.change, one.kind) for one in newest] == [
        (QUOTE, Decimal("250.5"), "deposit"),
        (QUOTE, Decimal(-100), "withdraw"),
    ]
    assert newest[0].entry_id != newest[1].entry_id


def test_a_fill_is_in_the_book_to_the_last_unit(world):
    before = held(world)
    since_ns = world.now_ns()
    order = placed(world, market_buy(world, "50"))
    fills = fills_of(world, order)
    assert fills
    assert fills[0].side is Side.BUY
    told = [one for one in book(world, since_ns - NS_PER_S) if one.text == order.client_order_id]
    assert {one.kind for one in told} == {"order_fill", "order_fee"}
    after = held(world)
    for name in (BASE, QUOTE):
        changed = total(one.change for one in told if one.currency == Currency(name))
        assert changed == after[name] - before[name]
    trades = only(Succeeded, ask(world, FetchTrades(pair=BTC, since_ns=TimeNs(since_ns))))
    assert trades.trades


def test_nothing_older_than_asked_for_is_told(world):
    world.fund(QUOTE, "1")
    entries = book(world, world.now_ns() - 60 * NS_PER_S)
    assert list(entries) == sorted(entries, key=lambda one: one.event_time_ns)
    newest_ns = entries[-1].event_time_ns
    assert all(one.event_time_ns >= newest_ns for one in book(world, newest_ns))
    assert book(world, newest_ns + 10 * NS_PER_S) == ()
