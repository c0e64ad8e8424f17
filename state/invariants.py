"""What must always hold, as lists of violations: for tests, the simulator and `check`. Pure.

Nothing here raises or repairs. An empty list means that all is well.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import pairwise
from math import isfinite

from msgspec import Struct

from state.double_entry import trial_balance
from state.exact import exactly, total
from state.ledger import Ledger
from state.messages.accounts import EquityMarked
from state.messages.journal import Journaled
from state.messages.operations import EpochBegan
from state.messages.orders import OrderIntended
from state.order import Order, OrderState
from state.order_book import OrderBook
from state.position import Position
from state.values import ZERO, Currency, DecisionId


class Violation(Struct, frozen=True, kw_only=True):
    """Something that must not be."""

    name: str
    """Stable: the invariant that is broken."""
    detail: str
    """What breaks it, in numbers."""


def order_violations(order: Order) -> list[Violation]:
    """Return what is strange about one order, each alarm a violation `order_<alarm>`."""
    name = order.client_order_id
    return [_violation(f"order_{alarm}", name) for alarm in order.alarms]


def decision_violations(orders: Iterable[Order]) -> list[Violation]:
    """Return the decisions of which more than one order lives or has traded.

    Attempts that are proven absent or refused may be many; of the rest there is at most one.
    """
    dead = (OrderState.REJECTED, OrderState.NOT_PLACED)
    live: dict[DecisionId, list[str]] = {}
    for order in orders:
        if order.state not in dead and (order.filled or not order.state.is_terminal):
            live.setdefault(order.intent.decision_id, []).append(order.client_order_id)
    return [
        _violation("decision_doubled", f"{decision}: {', '.join(names)}")
        for decision, names in live.items()
        if len(names) > 1
    ]


def ledger_violations(ledger: Ledger) -> list[Violation]:
    """Return what is wrong with the accounts, before any price is known."""
    found = [
        _violation("position_oversold", f"{pair}: {position.oversold}")
        for pair, position in ledger.positions.items()
        if position.oversold
    ]
    found += [
        _violation("position_without_cost", f"{pair}: {position.net} cost {position.cost}")
        for pair, position in ledger.positions.items()
        if position.net * position.cost < 0 or (not position.net and position.cost)
    ]
    with exactly():
        spent = total(p.realised - p.cost - p.fees for p in ledger.counted())
        expected = ledger.start + ledger.flows + spent
    found += [
        _violation("trial_balance", f"{currency}: {over} over")
        for currency, over in trial_balance(ledger.accounts).items()
    ]
    found += [
        _violation("lots_differ", f"{pair}: {detail}")
        for pair, position in ledger.positions.items()
        for detail in _lot_differences(position)
    ]
    if ledger.balance(ledger.quote) != expected:
        found.append(
            _violation("cash_differs", f"{ledger.balance(ledger.quote)} is not {expected}")
        )
    return found


def _lot_differences(position: Position) -> list[str]:
    """Return where the lots tell another holding or another profit than the average."""
    with exactly():
        over = position.net - total(lot.quantity for lot in position.lots)
        by_lots = position.realised_fifo - total(lot.cost for lot in position.lots)
        earned = position.realised - position.cost - by_lots
    return [f"{over} in no lot"] * bool(over) + [f"{earned} earned otherwise"] * bool(earned)


def balance_violations(ledger: Ledger, exchange: Mapping[Currency, Decimal]) -> list[Violation]:
    """Return the currencies where the ledger and the exchange's balances disagree."""
    return [
        _violation("balance_differs", f"{name}: ledger {ours}, exchange {theirs}")
        for name in sorted({*ledger.balances, *exchange})
        if (ours := ledger.balance(name)) != (theirs := exchange.get(name, ZERO))
    ]


def equity_violations(mark: EquityMarked) -> list[Violation]:
    """Return whether what came in and what was earned is not what there is."""
    with exactly():
        earned = mark.realised + mark.unrealised - mark.fees
        difference = mark.equity - (mark.start + mark.flows + earned)
        by_lots = ZERO
        if mark.realised_fifo is not None and mark.unrealised_fifo is not None:
            by_lots = mark.realised_fifo + mark.unrealised_fifo - mark.realised - mark.unrealised
    found = [_violation("equity_differs", f"by {difference}")] if difference else []
    return found + ([_violation("equity_differs_by_lots", f"by {by_lots}")] if by_lots else [])


def journal_violations(journal: Iterable[Journaled]) -> list[Violation]:
    """Return what is wrong with a stretch of the journal: holes, epochs, doubled intents."""
    events = list(journal)
    found = [
        _violation("journal_hole", f"{before.seq} is followed by {after.seq}")
        for before, after in pairwise(events)
        if after.seq != before.seq + 1
    ]
    epochs = [entry.event.epoch for entry in events if isinstance(entry.event, EpochBegan)]
    found += [
        _violation("epoch_not_rising", f"{before} is followed by {after}")
        for before, after in pairwise(epochs)
        if after <= before
    ]
    intents: set[str] = set()
    for entry in events:
        if isinstance(entry.event, OrderIntended):
            if entry.event.client_order_id in intents:
                found.append(_violation("intent_doubled", entry.event.client_order_id))
            intents.add(entry.event.client_order_id)
    return found


def book_violations(book: OrderBook) -> list[Violation]:
    """Return what is wrong with an order book: order, sizes, crossing."""
    bids, asks = book.levels(2**31)
    found = [
        _violation("book_unsorted", f"{before} before {after}")
        for side, sign in ((bids, 1), (asks, -1))
        for before, after in pairwise(side)
        if before[0] * sign <= after[0] * sign
    ]
    found += [
        _violation("book_level_unsound", f"{price} x {size}")
        for price, size in (*bids, *asks)
        if not (isfinite(price) and isfinite(size) and price > 0 and size > 0)
    ]
    if bids and asks and bids[0][0] >= asks[0][0]:
        found.append(_violation("book_crossed", f"{bids[0][0]} reaches {asks[0][0]}"))
    return found


def _violation(name: str, detail: str) -> Violation:
    return Violation(name=name, detail=detail)
