"""Where the journal begins: after what retention has taken, with the accounts as they were."""

import sqlite3
from decimal import Decimal

import msgspec
from msgspec import Struct

from state.double_entry import (
    CARRIED,
    FEES_ELSEWHERE,
    WALLET,
    Posting,
    booked,
    external,
    trial_balance,
)
from state.ledger import Ledger
from state.lots import Lot
from state.messages.accounts import FundsKind
from state.position import Position
from state.protection import Protection
from state.trade import Trip
from state.values import Currency, Pair


class Anchor(Struct, frozen=True, kw_only=True):
    """What the kept part of the journal builds on."""

    seq: int
    """Of the last event that went; 0: none went."""
    ledger: Ledger
    """The accounts then. `quote` is empty: the store does not know in which one somebody counts."""
    trips: dict[Pair, Trip]
    protections: dict[Pair, Protection]


def anchored(connection: sqlite3.Connection) -> Anchor:
    """Return where the journal begins."""
    seq, ledger, trips, protections = connection.execute(
        "SELECT seq, ledger, trips, protections FROM anchor"
    ).fetchone()
    return Anchor(
        seq=seq,
        ledger=_ledger(ledger) if ledger else Ledger(quote=Currency("")),
        trips=msgspec.json.decode(trips, type=dict[Pair, Trip]) if trips else {},
        protections=msgspec.json.decode(protections, type=dict[Pair, Protection])
        if protections
        else {},
    )


def move_anchor(connection: sqlite3.Connection, anchor: Anchor) -> None:
    """Let the journal begin after `anchor.seq`, whose event is still there."""
    connection.execute(
        "UPDATE anchor SET seq = ?1, ledger = ?2, trips = ?3, protections = ?4,"
        " hash = (SELECT hash FROM events WHERE seq = ?1)",
        (
            anchor.seq,
            msgspec.json.encode(anchor.ledger).decode(),
            msgspec.json.encode(anchor.trips).decode(),
            msgspec.json.encode(anchor.protections).decode(),
        ),
    )


class _SingleEntry(Struct, frozen=True, kw_only=True):
    """The accounts as they were kept before double entry."""

    balances: dict[Currency, Decimal] = {}
    opened: dict[Currency, Decimal] = {}
    moved: dict[Currency, Decimal] = {}
    fees_elsewhere: dict[Currency, Decimal] = {}


def _ledger(stored: str) -> Ledger:
    ledger = msgspec.json.decode(stored, type=Ledger)
    if ledger.accounts:
        return ledger
    return _doubled(ledger, msgspec.json.decode(stored, type=_SingleEntry))


def _doubled(ledger: Ledger, single: _SingleEntry) -> Ledger:
    """Return the accounts with their other sides, as far as anybody still knows them.

    What trading and fees had moved is one sum; each holding is one lot, at its average.
    """
    lines = [
        Posting(account=account, currency=currency, amount=amount)
        for account, amounts in (
            (WALLET, single.balances),
            (external(FundsKind.OPENING), _other_side(single.opened)),
            (external(FundsKind.CORRECTION), _other_side(single.moved)),
            (FEES_ELSEWHERE, single.fees_elsewhere),
        )
        for currency, amount in amounts.items()
    ]
    accounts = booked({}, lines)
    rest = [
        Posting(account=CARRIED, currency=currency, amount=amount)
        for currency, amount in _other_side(trial_balance(accounts)).items()
    ]
    positions = {
        pair: msgspec.structs.replace(
            position,
            lots=_one_lot(position, -number),
            realised_fifo=position.realised,
        )
        for number, (pair, position) in enumerate(sorted(ledger.positions.items()), 1)
    }
    return msgspec.structs.replace(ledger, accounts=booked(accounts, rest), positions=positions)


def _other_side(amounts: dict[Currency, Decimal]) -> dict[Currency, Decimal]:
    return {currency: amount.copy_negate() for currency, amount in amounts.items()}


def _one_lot(position: Position, ordinal: int) -> tuple[Lot, ...]:
    if not position.net:
        return ()
    lot = Lot(
        ordinal=ordinal,
        at_ns=position.opened_at_ns,
        quantity=position.net,
        cost=position.cost,
    )
    return (lot,)
