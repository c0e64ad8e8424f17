"""Accounts as rows, and back: balances, double entry, positions, lots, trips, trades. Pure.

The tables `accounts`, `positions`, `lots` and `trips` are what the accounts are made of again;
`balances` is the same by currency, for people, and `trades` is told once and stays.
"""

import sqlite3
from decimal import Decimal, InvalidOperation

import msgspec

from state.double_entry import Account
from state.exact import difference
from state.ledger import Ledger
from state.lots import Lot
from state.messages.accounts import BalancesCompared, TradeClosed
from state.position import Position
from state.store.tables import CHANGING, Row
from state.trade import Trip
from state.values import ZERO, Currency, Notional, Pair, Purpose, Quantity, plain


def position_row(position: Position) -> Row:
    """Return the row of `positions`."""
    return (
        position.pair,
        plain(position.quantity),
        plain(position.oversold),
        plain(position.cost),
        plain(position.realised),
        plain(position.fees),
        plain(position.average_entry),
        position.opened_at_ns,
        plain(position.realised_fifo),
    )


def position_of(row: Row, lots: tuple[Lot, ...] = ()) -> Position:
    """Return the position that a row of `positions` and its lots say."""
    pair, quantity, oversold, cost, realised, fees, _, opened_at_ns, realised_fifo = row
    return Position(
        pair=pair,
        net=difference(_amount(quantity), _amount(oversold)),
        cost=_amount(cost),
        realised=_amount(realised),
        fees=_amount(fees),
        opened_at_ns=opened_at_ns,
        lots=lots,
        realised_fifo=_amount(realised_fifo),
    )


def balance_row(ledger: Ledger, currency: Currency) -> Row:
    """Return the row of `balances`."""
    parts = (ledger.balances, ledger.opened, ledger.moved, ledger.fees_elsewhere)
    return (currency, *(plain(part.get(currency, ZERO)) for part in parts))


def account_row(ledger: Ledger, account: Account, currency: Currency) -> Row:
    """Return the row of `accounts`."""
    return (account, currency, plain(ledger.accounts[account][currency]))


def lot_row(pair: Pair, lot: Lot) -> Row:
    """Return the row of `lots`."""
    return (lot.ordinal, pair, lot.at_ns, plain(lot.quantity), plain(lot.cost))


def lot_rows(before: Position, after: Position) -> list[Row]:
    """Return the rows of `lots` that differ; a lot that is gone keeps its row, with nothing."""
    old, new = list(before.lots), list(after.lots)
    # Lots are taken from the front and added at the back: what is the same is in the middle.
    gone = 0
    while gone < len(old) and (not new or old[gone].ordinal < new[0].ordinal):
        gone += 1
    kept = len(old) - gone
    is_front_cut = bool(kept) and old[gone] != new[0]
    changed = [*new[: int(is_front_cut)], *new[kept:]]
    return [(lot.ordinal, after.pair, lot.at_ns, "0", "0") for lot in old[:gone]] + [
        lot_row(after.pair, lot) for lot in changed
    ]


def ledger_of(accounts: list[Row], positions: list[Row], lots: list[Row], fills: int) -> Ledger:
    """Return the accounts that the rows of `accounts`, `positions` and `lots` say.

    Its `quote` is empty: the store does not know in which currency somebody counts.

    Args:
        accounts: In any order.
        positions: In any order.
        lots: Oldest first; those that are gone may be left out.
        fills: How many were folded.
    """
    amounts: dict[Account, dict[Currency, Decimal]] = {}
    for account, currency, amount in accounts:
        amounts.setdefault(account, {})[currency] = _amount(amount)
    held: dict[Pair, list[Lot]] = {}
    for row in lots:
        lot = lot_of(row)
        if lot.quantity:
            held.setdefault(row[1], []).append(lot)
    return Ledger(
        quote=Currency(""),
        accounts=amounts,
        positions={row[0]: position_of(row, tuple(held.get(row[0], ()))) for row in positions},
        fills=fills,
    )


def stored_ledger(connection: sqlite3.Connection, fills: int) -> Ledger:
    """Return the accounts that the tables say, as `ledger_of` does."""

    def rows(question: str) -> list[Row]:
        return connection.execute(question).fetchall()

    return ledger_of(
        rows("SELECT account, currency, amount FROM accounts"),
        rows(f"SELECT {', '.join(CHANGING['positions'])} FROM positions"),  # noqa: S608 (ours)
        rows(
            "SELECT ordinal, pair, at_ns, quantity, cost FROM lots WHERE quantity <> '0'"
            " ORDER BY ordinal"
        ),
        fills,
    )


def lot_of(row: Row) -> Lot:
    """Return the lot that a row of `lots` says."""
    ordinal, _, at_ns, quantity, cost = row
    return Lot(ordinal=ordinal, at_ns=at_ns, quantity=_amount(quantity), cost=_amount(cost))


def trip_row(trip: Trip) -> Row:
    """Return the row of `trips`."""
    return (
        trip.pair,
        trip.opened_at_ns,
        trip.reduced_at_ns,
        int(trip.held),
        plain(trip.quantity),
        plain(trip.cost),
        plain(trip.proceeds),
        plain(trip.fees),
        plain(trip.smallest),
        trip.purpose,
    )


def trip_of(row: Row) -> Trip:
    """Return the trip that a row of `trips` says."""
    pair, opened_at_ns, reduced_at_ns, held, quantity, cost, proceeds, fees, smallest, purpose = row
    return Trip(
        pair=pair,
        opened_at_ns=opened_at_ns,
        reduced_at_ns=reduced_at_ns,
        held=bool(held),
        quantity=Quantity(_amount(quantity)),
        cost=Notional(_amount(cost)),
        proceeds=Notional(_amount(proceeds)),
        fees=Notional(_amount(fees)),
        smallest=Quantity(_amount(smallest)),
        purpose=Purpose(purpose),
    )


def trade_row(trade: TradeClosed) -> Row:
    """Return the row of `trades`."""
    return (
        trade.seq,
        trade.pair,
        trade.opened_at_ns,
        trade.closed_at_ns,
        plain(trade.quantity),
        plain(trade.cost),
        plain(trade.proceeds),
        plain(trade.fees),
        plain(trade.profit),
        trade.purpose,
    )


def comparison_row(seq: int, compared: BalancesCompared) -> Row:
    """Return the row of `comparisons`."""
    return (
        seq,
        compared.at_ns,
        compared.began_at_ns,
        compared.fills,
        msgspec.json.encode(compared.differences).decode(),
        None if compared.drift is None else plain(compared.drift),
        compared.drift_currency,
    )


def trade_of(row: Row) -> TradeClosed:
    """Return the trade that a row of `trades` says."""
    seq, pair, opened_at_ns, closed_at_ns, quantity, cost, proceeds, fees, _, purpose = row
    return TradeClosed(
        seq=seq,
        pair=pair,
        opened_at_ns=opened_at_ns,
        closed_at_ns=closed_at_ns,
        quantity=_amount(quantity),
        cost=_amount(cost),
        proceeds=_amount(proceeds),
        fees=_amount(fees),
        purpose=Purpose(purpose),
    )


def _amount(stored: object) -> Decimal:
    if not isinstance(stored, str):
        raise InvalidOperation(f"{stored!r} is no amount")  # a damaged row
    return Decimal(stored)
