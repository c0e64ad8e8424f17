"""A look at the store for everyone but its writer: a few named questions, each a list of rows."""

import sqlite3
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from sqlite_utils import Database

from state.errors import StoreRefused
from state.messages.advice import AdviceBooks
from state.messages.orders import DecisionMade
from state.store import chain
from state.store.advice_rows import advice_books, exchanges
from state.store.chain import COLUMNS, Stored, event_of
from state.values import Pair, TimeNs

Rows = list[dict[str, Any]]
"""Rows by column name, money as text: what JSON and tables show."""


def open_reader(path: Path) -> "Reader":
    """Open the database at `path` for reading, while its writer writes.

    Raises:
        StoreRefused: If there is none, or none that can be read.
    """
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False
        )
        return Reader(connection, str(path))
    except chain.UNREADABLE as error:
        raise StoreRefused(f"{path}: cannot be read ({error}); was the house started?") from None


class Reader:
    """Open for reading only. One thread at a time."""

    def __init__(self, connection: sqlite3.Connection, file: str) -> None:
        self._database = Database(connection, execute_plugins=False)
        self._file = file
        self._scalar("SELECT seq FROM head")

    @property
    def connection(self) -> sqlite3.Connection:
        """For the store's other modules."""
        return self._database.conn

    def last_seq(self) -> int:
        """Return the position of the newest record."""
        seq: int = self._scalar("SELECT seq FROM head")
        return seq

    def is_demonstration(self) -> bool:
        """Return whether this journal was made up for demonstration."""
        return bool(self._scalar("SELECT count(*) FROM meta WHERE name = 'demonstration'"))

    def balances(self) -> Rows:
        """Return what there is of each currency."""
        return self._rows("balances", order_by="currency")

    def accounts(self) -> Rows:
        """Return the double entry: every account's amount of each currency."""
        return self._rows("accounts", order_by="account, currency")

    def lots(self) -> Rows:
        """Return what is held, purchase by purchase, oldest first."""
        return self._rows("lots", {"quantity <> '0'": True}, order_by="ordinal")

    def trades(self, *, pair: Pair | None = None, limit: int = 100) -> Rows:
        """Return closed trades, newest first."""
        where = {"pair = :pair": pair is not None}
        return self._rows("trades", where, {"pair": pair}, "seq desc", limit)

    def positions(self) -> Rows:
        """Return what our trading of each pair holds."""
        return self._rows("positions", order_by="pair")

    def orders(
        self, *, unsettled: bool = False, pair: Pair | None = None, limit: int = 100
    ) -> Rows:
        """Return orders, newest first; `unsettled`: only those that may change or lack fills."""
        where = {"settled = 0": unsettled, "pair = :pair": pair is not None}
        return self._rows("orders", where, {"pair": pair}, "intent_seq desc", limit)

    def parents(self, *, open_only: bool = False, limit: int = 100) -> Rows:
        """Return parent orders, newest first; `open_only`: only those that are not over."""
        return self._rows("parents", {"over = 0": open_only}, {}, "intent_seq desc", limit)

    def fills(
        self, *, pair: Pair | None = None, before_seq: int | None = None, limit: int = 100
    ) -> Rows:
        """Return fills, newest first; `before_seq` continues an earlier answer."""
        where = {"pair = :pair": pair is not None, "seq < :before": before_seq is not None}
        return self._rows("fills", where, {"pair": pair, "before": before_seq}, "seq desc", limit)

    def decisions(self, *, pair: Pair | None = None, limit: int = 100) -> Rows:
        """Return decisions with their verdicts, newest first."""
        where = {"pair = :pair": pair is not None}
        return self._rows("decisions", where, {"pair": pair}, "seq desc", limit)

    def last_decision(self, code: str) -> dict[str, Any] | None:
        """Return the newest decision that carries a risk code, None where there is none."""
        rows = self._rows("decisions", {"code = :code": True}, {"code": code}, "seq desc", 1)
        return rows[0] if rows else None

    def risk_marks(self, limit: int = 100) -> Rows:
        """Return how the account stood against its limits of loss, newest first."""
        return self._rows("risk_marks", order_by="seq desc", limit=limit)

    def alerts(self, limit: int = 100) -> Rows:
        """Return alerts, newest first."""
        return self._rows("alerts", order_by="seq desc", limit=limit)

    def sessions(self, limit: int = 100) -> Rows:
        """Return changes of session, newest first."""
        return self._rows("sessions", order_by="seq desc", limit=limit)

    def equity(self, since_ns: TimeNs, limit: int = 10_000) -> Rows:
        """Return the marks of equity since `since_ns`, oldest first."""
        where = {"at_ns >= :since": True}
        return self._rows("equity", where, {"since": since_ns}, "at_ns", limit)

    def advice(
        self, *, request_id: str | None = None, pair: Pair | None = None, limit: int = 100
    ) -> Rows:
        """Return exchanges with the advisor, newest first; with their texts where one is named."""
        return exchanges(self.connection, request_id=request_id, pair=pair, limit=limit)

    def advisor_standing(self, now_ns: TimeNs) -> AdviceBooks:
        """Return what the journal knows of the advisor."""
        return advice_books(self.connection, now_ns)

    def explain(self, name: str) -> dict[str, Rows]:
        """Return all that belongs together with a decision, an order, a trace, or a trade.

        Args:
            name: A decision id, client order id, venue order id, trace id or trade id, or the id of
                an exchange with the advisor.
        """
        traces = self._traces_of(name) | {name}
        decisions = self._among("decisions", "trace_id", traces)
        named = {row["decision_id"] for row in decisions} | {name}
        orders = self._among("orders", "decision_id", named)
        if not orders:
            orders = self._among("orders", "client_order_id", {name})
        placed = {row["client_order_id"] for row in orders}
        # The condition on '' lets SQLite use the index, which leaves those out.
        events = self._among("events", "trace_id <> '' AND trace_id", traces)
        judgements = _judgements(events)
        for row in decisions:
            row["judgement"] = judgements.get(row["decision_id"])
        return {
            "decisions": decisions,
            "parents": self._among("parents", "decision_id", named),
            "orders": orders,
            "fills": self._among("fills", "client_order_id", placed),
            "advice": self._advice_for(name, decisions),
            "events": events,
        }

    def _advice_for(self, name: str, decisions: Rows) -> Rows:
        """Return the exchange of this name whole, and what was in force at each decision."""
        found = self.advice(request_id=name)
        for row in decisions:
            found += exchanges(self.connection, pair=row["pair"], before_ns=row["at_ns"], limit=1)
        return found

    def _traces_of(self, name: str) -> set[str]:
        """Return the traces that `name` belongs to; names with an index are tried first."""
        for table, condition in (
            ("decisions", "decision_id = :name"),
            ("orders", "client_order_id = :name"),
            ("orders", "venue_order_id = :name"),
            (
                "orders",
                "client_order_id IN (SELECT client_order_id FROM fills WHERE trade_id = :name)",
            ),
        ):
            rows = self._rows(table, {condition: True}, {"name": name})
            if rows:
                return {row["trace_id"] for row in rows}
        return set()

    def _among(self, table: str, column: str, values: set[str]) -> Rows:
        wanted = {"values": msgspec.json.encode(sorted(values)).decode()}
        condition = f"{column} IN (SELECT value FROM json_each(:values))"  # noqa: S608 (ours)
        where = {condition: True}
        return self._rows(table, where, wanted)

    def events(self, after_seq: int, limit: int = 1000) -> list[Stored]:
        """Return records after `after_seq`, oldest first."""
        rows = self._database.execute(
            f"SELECT {COLUMNS} FROM events WHERE seq > ? ORDER BY seq LIMIT ?",  # noqa: S608
            (after_seq, limit),
        )
        return [
            Stored(
                seq=seq,
                epoch=epoch,
                actor=actor,
                type=kind,
                trace_id=trace_id,
                key=key,
                at_ns=at_ns,
                event=event_of(payload),
            )
            for seq, epoch, actor, kind, trace_id, key, at_ns, payload in rows
        ]

    def payloads(self, kind: type[Struct]) -> list[tuple[str, bytes]]:
        """Return the trace and the JSON of every event of a kind, oldest first."""
        rows = self._database.execute(
            "SELECT trace_id, payload FROM events WHERE type = ? ORDER BY seq", (kind.__name__,)
        )
        return [(trace_id, payload.encode()) for trace_id, payload in rows]

    def verify(self) -> int:
        """Walk the whole chain and return how many records follow from one another.

        Raises:
            StoreCorrupt: At the first record that does not.
        """
        return chain.verify(self.connection, self._file)

    def close(self) -> None:
        """Close the connection."""
        self._database.close()

    def _rows(
        self,
        table: str,
        where: dict[str, bool] | None = None,
        parameters: dict[str, Any] | None = None,
        order_by: str = "seq",
        limit: int = 1000,
    ) -> Rows:
        conditions = [text for text, is_wanted in (where or {}).items() if is_wanted]
        rows = self._database.table(table).rows_where(
            " AND ".join(conditions) or None, parameters or {}, order_by=order_by, limit=limit
        )
        # What only the store itself reads is shown to nobody.
        return [{name: row[name] for name in row if name not in ("fold", "hash")} for row in rows]

    def _scalar(self, question: str) -> Any:
        return self._database.execute(question).fetchone()[0]


def _judgements(events: Rows) -> dict[str, Any]:
    """Return how each decision among `events` was come to, by decision id."""
    made = (event_of(row["payload"]) for row in events if row["type"] == DecisionMade.__name__)
    return {
        one.decision_id: msgspec.to_builtins(one.judgement)
        for one in made
        if isinstance(one, DecisionMade) and one.judgement is not None
    }
