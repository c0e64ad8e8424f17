"""Where the venue outlives its process: one SQLite file, written once a turn.

Only accounts' affairs are kept: balances, orders, fills, countdowns, id counters, and the last
prices so that a synthetic market goes on where it was. Books and public history are not.
"""

import sqlite3
import time
from collections.abc import Iterable
from itertools import takewhile
from pathlib import Path
from typing import TypeVar

import msgspec
from sqlite_utils import Database, Migrations

from adapters.simulated.core.events import Event, OrderMoved, PriceOrderMoved, TradeDone
from adapters.simulated.core.ledger import Balance, BookEntry
from adapters.simulated.core.orders import Order, UserTrade
from adapters.simulated.core.price_orders import PriceOrder
from adapters.simulated.core.units import decimal_of
from adapters.simulated.core.venue import Venue
from state.errors import StoreBusy, StoreCorrupt, StoreForeign
from state.values import Currency, Pair

Waiting = TypeVar("Waiting", Order, PriceOrder)

_MIGRATIONS = Migrations("simulated_exchange")
_TRADE_ID_GAP = 1_000_000
"""Public trades between two commits are not kept; ids jump past whatever they used."""
_COUNTERS_S = 1.0
_FINISHED_LOADED = 200_000


@_MIGRATIONS()
def first_tables(db: Database) -> None:
    """Lay the first schema."""
    db.executescript(
        """
        create table meta (key text primary key, value text not null) strict;
        create table accounts (
            name text primary key, key text not null, secret text not null,
            user_id integer not null
        ) strict;
        create table balances (
            account text not null, currency text not null, available text not null,
            locked text not null, update_id integer not null,
            primary key (account, currency)
        ) strict;
        create table orders (
            id integer primary key, open integer not null, updated_ns integer not null,
            body text not null
        ) strict;
        create index orders_by_end on orders (open, updated_ns);
        create table trades (id integer primary key, body text not null) strict;
        """
    )


@_MIGRATIONS()
def account_book(db: Database) -> None:
    """Keep what trades and fees changed."""
    db.execute("create table entries (id integer primary key, body text not null) strict")


@_MIGRATIONS()
def price_orders(db: Database) -> None:
    """Keep the orders that wait for a price, and what became of them."""
    db.execute("create table price_orders (id integer primary key, body text not null) strict")


class Counters(msgspec.Struct, kw_only=True):
    """Everything that is one value."""

    next_order_id: int
    next_trade_id: int
    deposited: dict[Currency, int]
    countdowns: list[tuple[str, Pair | None, int]]
    prices: dict[Pair, float]


class SqliteJournal:
    """The venue's file.

    Args:
        path: Made when missing.

    Raises:
        StoreForeign: If the file is no exchange database.
        StoreBusy: If another process holds it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._venue: Venue | None = None
        self._counters_due = 0.0
        self._entries_kept = 0
        self._connection = _connected(path)
        try:
            self._db = _prepared(self._connection, path)
        except BaseException:
            self._connection.close()
            raise

    def prices(self) -> dict[Pair, float]:
        """Return where each pair's market stood when the file was last written."""
        counters = self._read_counters()
        return counters.prices if counters is not None else {}

    def restore(self, venue: Venue) -> None:
        """Give `venue` what the file knows, before its markets open; keep it from then on."""
        self._venue = venue
        counters = self._read_counters()
        if counters is None:
            return
        try:
            self._restore_accounts(venue)
            self._restore_orders(venue)
            self._restore_price_orders(venue)
            self._restore_entries(venue)
        except msgspec.DecodeError as problem:
            message = f"{self._path} holds a row nobody can read ({problem}); name another --db"
            raise StoreCorrupt(message) from None
        venue.ledger.deposited.update(counters.deposited)
        venue.next_order_id = counters.next_order_id
        venue.clearing.next_trade_id = counters.next_trade_id + _TRADE_ID_GAP
        for owner, pair, deadline in counters.countdowns:
            venue.countdowns.deadlines[owner, pair] = deadline

    def _restore_accounts(self, venue: Venue) -> None:
        ledger = venue.ledger
        for name, key, secret, user_id in self._connection.execute(
            "select name, key, secret, user_id from accounts"
        ):
            account = ledger.accounts.get(name) or ledger.open(name, key, secret)
            account.user_id = user_id
        for name, currency, available, locked, update_id in self._connection.execute(
            "select account, currency, available, locked, update_id from balances"
        ):
            kept = Balance(int(available), int(locked), update_id)
            ledger.accounts[name].balances[Currency(currency)] = kept

    def _restore_orders(self, venue: Venue) -> None:
        finished = self._connection.execute(
            "select body from (select * from orders where open = 0 "
            "order by updated_ns desc, id desc limit ?) order by updated_ns, id",
            (_FINISHED_LOADED,),
        )
        for (body,) in finished:
            venue.index.add(self._listed(venue, msgspec.json.decode(body, type=Order)))
        opened = self._connection.execute("select body from orders where open order by id")
        resting = [self._listed(venue, msgspec.json.decode(body, type=Order)) for (body,) in opened]
        for order in resting:
            venue.index.add(order)
        for order in sorted(resting, key=lambda order: order.queued):
            venue.pairs[order.pair].book.restore(order)
        trades = self._connection.execute(
            "select body from (select * from trades order by id desc limit ?) order by id",
            (_FINISHED_LOADED,),
        )
        for (body,) in trades:
            venue.index.add_trade(msgspec.json.decode(body, type=UserTrade))

    def _restore_price_orders(self, venue: Venue) -> None:
        for (body,) in self._connection.execute("select body from price_orders order by id"):
            order = msgspec.json.decode(body, type=PriceOrder)
            venue.triggers.add(self._listed(venue, order))

    def _restore_entries(self, venue: Venue) -> None:
        entries = self._connection.execute(
            "select body from (select * from entries order by id desc limit ?) order by id",
            (venue.ledger.entries.maxlen,),
        )
        for (body,) in entries:
            venue.ledger.entries.append(msgspec.json.decode(body, type=BookEntry))
        if venue.ledger.entries:
            venue.ledger.next_entry_id = venue.ledger.entries[-1].id + 1
        self._entries_kept = venue.ledger.next_entry_id - 1

    def _listed(self, venue: Venue, order: Waiting) -> Waiting:
        if order.pair not in venue.pairs:
            message = f"{self._path} has orders of {order.pair}: add it to --pairs"
            raise StoreForeign(message)
        return order

    def commit(self, events: Iterable[Event]) -> None:
        """See `exchange.Journal.commit`."""
        venue = self._venue
        assert venue is not None, "restore comes first"
        told = {event.order.id: event.order for event in events if isinstance(event, OrderMoved)}
        # As they are now: an order has joined its queue only after it was told.
        orders = {number: venue.index.get(number) or order for number, order in told.items()}
        trades = [event.trade for event in events if isinstance(event, TradeDone)]
        armed = {each.order.id: each.order for each in events if isinstance(each, PriceOrderMoved)}
        dirty = venue.ledger.dirty or venue.countdowns.dirty
        if not (orders or armed or trades or dirty or self._counters_are_due()):
            return
        with self._db.atomic():
            self._write_balances(venue)
            self._connection.executemany(
                "insert or replace into orders (id, open, updated_ns, body) values (?, ?, ?, ?)",
                [(each.id, each.is_open, each.updated_ns, _json(each)) for each in orders.values()],
            )
            self._connection.executemany(
                "insert or replace into trades (id, body) values (?, ?)",
                [(trade.id, _json(trade)) for trade in trades],
            )
            self._connection.executemany(
                "insert or replace into price_orders (id, body) values (?, ?)",
                [(each.id, _json(each)) for each in armed.values()],
            )
            self._connection.executemany(
                "insert or replace into entries (id, body) values (?, ?)",
                [(entry.id, _json(entry)) for entry in self._new_entries(venue)],
            )
            self._write_counters(venue)
        self._entries_kept = venue.ledger.next_entry_id - 1
        venue.ledger.dirty.clear()
        venue.countdowns.dirty = False

    def _new_entries(self, venue: Venue) -> list[BookEntry]:
        newest_first = reversed(venue.ledger.entries)
        return list(takewhile(lambda entry: entry.id > self._entries_kept, newest_first))

    def _counters_are_due(self) -> bool:
        return time.monotonic() >= self._counters_due

    def _write_balances(self, venue: Venue) -> None:
        accounts = venue.ledger.accounts
        self._connection.executemany(
            "insert or replace into accounts (name, key, secret, user_id) values (?, ?, ?, ?)",
            [
                (name, accounts[name].key, accounts[name].secret, accounts[name].user_id)
                for name in {name for name, _ in venue.ledger.dirty}
            ],
        )
        rows = []
        for name, currency in venue.ledger.dirty:
            kept = accounts[name].balances[currency]
            row = (name, currency, str(kept.available), str(kept.locked), kept.update_id)
            rows.append(row)
        self._connection.executemany(
            "insert or replace into balances (account, currency, available, locked, update_id) "
            "values (?, ?, ?, ?, ?)",
            rows,
        )

    def _write_counters(self, venue: Venue) -> None:
        self._counters_due = time.monotonic() + _COUNTERS_S
        prices = {
            pair: float(decimal_of(ticks, market.units.price_decimals))
            for pair, market in venue.pairs.items()
            if (ticks := market.reference_ticks()) is not None
        }
        counters = Counters(
            next_order_id=venue.next_order_id,
            next_trade_id=venue.clearing.next_trade_id,
            deposited=dict(venue.ledger.deposited),
            countdowns=[(*scope, at) for scope, at in venue.countdowns.deadlines.items()],
            prices=prices,
        )
        self._connection.execute(
            "insert or replace into meta (key, value) values ('counters', ?)", (_json(counters),)
        )

    def _read_counters(self) -> Counters | None:
        found = self._connection.execute("select value from meta where key = 'counters'").fetchone()
        return None if found is None else msgspec.json.decode(found[0], type=Counters)

    def close(self) -> None:
        """See `exchange.Journal.close`."""
        self._connection.close()


def _json(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()


def _connected(path: Path) -> sqlite3.Connection:
    try:
        return sqlite3.connect(path, isolation_level=None, timeout=1.0)
    except sqlite3.OperationalError as problem:
        message = f"cannot open {path}: {problem}; name a file that can be written with --db"
        raise StoreForeign(message) from None


def _prepared(connection: sqlite3.Connection, path: Path) -> Database:
    try:
        connection.execute("pragma locking_mode = exclusive")
        connection.execute("pragma journal_mode = wal")
        # Survives the kill of this process; the machine's own fall is not modelled.
        connection.execute("pragma synchronous = normal")
        db = Database(connection, execute_plugins=False)
        tables = set(db.table_names()) - {"_sqlite_migrations"}
        if tables and not _MIGRATIONS.applied(db):
            message = f"{path} is another program's database: name another file with --db"
            raise StoreForeign(message)
        _MIGRATIONS.apply(db)
    except sqlite3.OperationalError as problem:
        if "locked" in str(problem):
            message = f"{path} is held by another exchange: stop it or name another --db"
            raise StoreBusy(message) from None
        message = f"cannot open {path}: {problem}; name a file that can be written with --db"
        raise StoreForeign(message) from None
    except sqlite3.DatabaseError:
        message = f"{path} is not a database: name another file with --db"
        raise StoreForeign(message) from None
    return db
