"""The projections' columns and the statements that fill them."""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

Row = tuple[Any, ...]

CHANGING = {
    "orders": (
        (
            "intent_seq, client_order_id, decision_id, attempt, trace_id, pair, strategy, side,"
            " order_type, time_in_force, intended_at_ns, parent"
        ),
        (
            "seq, quantity, price, venue_order_id, state, settled, alarms, filled,"
            " filled_notional, working, missing_fills, updated_at_ns, fold"
        ),
    ),
    "parents": (
        (
            "intent_seq, decision_id, trace_id, pair, strategy, side, quantity, price, purpose,"
            " plan, intended_at_ns"
        ),
        (
            "seq, over, reason, children, filled, filled_notional, outstanding, left_over,"
            " slippage_bps, updated_at_ns, fold"
        ),
    ),
    "positions": (
        "pair",
        "quantity, oversold, cost, realised, fees, average_entry, opened_at_ns, realised_fifo",
    ),
    "balances": ("currency", "amount, opened, moved, fees_elsewhere"),
    "accounts": ("account, currency", "amount"),
    "lots": ("ordinal, pair, at_ns", "quantity, cost"),
    "protections": ("pair", "quantity, entry, stop, target, began_at_ns, flatten, fold"),
    "triggers": (
        (
            "intent_seq, trigger_id, pair, number, purpose, trigger_price, price, quantity,"
            " expiration_s, intended_at_ns"
        ),
        "seq, state, ended_as, venue_trigger_id, fired_order_id, fold",
    ),
    "trips": (
        "pair",
        "opened_at_ns, reduced_at_ns, held, quantity, cost, proceeds, fees, smallest, purpose",
    ),
}
"""Tables whose rows change: the columns that stay, the key first, and those that are replaced."""

_KEYS = {"accounts": "account, currency"}
"""What tells rows apart, where it is more than the first column."""

GROWING = {
    "decisions": (
        "seq, decision_id, trace_id, pair, at_ns, strategy, side, order_type, quantity, price,"
        " reason, worksheet, verdict, approved_quantity, expires_at_ns, code, limit_text,"
        " value_text, largest"
    ),
    "fills": (
        "seq, ordinal, pair, trade_id, client_order_id, venue_order_id, at_ns, side, role, price,"
        " quantity, fee, fee_currency, gt_fee, point_fee"
    ),
    "equity": (
        "seq, at_ns, currency, equity, start, flows, realised, unrealised, fees,"
        " realised_fifo, unrealised_fifo"
    ),
    "trades": (
        "seq, pair, opened_at_ns, closed_at_ns, quantity, cost, proceeds, fees, profit, purpose"
    ),
    "comparisons": "seq, at_ns, began_at_ns, fills, differences, drift, drift_currency",
    "alerts": "seq, at_ns, alert, severity, text, trace_id",
    "sessions": "seq, at_ns, session, reason, caller",
    "pair_sessions": "seq, at_ns, pair, session, reason, caller",
    "risk_marks": (
        "seq, at_ns, equity, flows, peak, peak_at_ns, day, day_opening, tier, tier_since_ns,"
        " halt_told, locks, reason"
    ),
    "advice_contracts": "seq, contract, at_ns, system",
    "advice_asked": (
        "seq, request_id, pair, at_ns, provider, host, model, contract, prompt, parameters,"
        " reserved_tokens, reserved_usd, state_hash"
    ),
    "advice_given": (
        "seq, request_id, pair, at_ns, code, detail, provider, model, answered_by, contract,"
        " action, confidence, calibrated, reward_risk, answer, finish, form, latency_ms, tries,"
        " repaired, tokens_in, tokens_out, cost_usd, cost_is_known, support, reference,"
        " expires_at_ns, authority, recommendation"
    ),
    "advice_outcomes": (
        "seq, request_id, pair, at_ns, contract, model, stated, won, ended_by, result_r"
    ),
    "advisor_marks": "seq, at_ns, authority, contract, model, reason, caller",
}
"""Tables that only get more rows, with their columns, the seq first."""


def insertion(table: str, columns: str) -> str:
    """Return the statement that adds a row to `table`."""
    values = ",".join("?" * len(columns.split(", ")))
    return f"INSERT INTO {table} ({columns}) VALUES ({values})"  # noqa: S608 (names of ours)


def _replacement(table: str, staying: str, replaced: str) -> str:
    key = _KEYS.get(table) or staying.split(", ", maxsplit=1)[0]
    # Only what changes is set: an index over a column that is set is written, changed or not.
    changes = ", ".join(f"{name} = excluded.{name}" for name in replaced.split(", "))
    insert = insertion(table, f"{staying}, {replaced}")
    return f"{insert} ON CONFLICT ({key}) DO UPDATE SET {changes}"


_STATEMENTS = {table: _replacement(table, *columns) for table, columns in CHANGING.items()} | {
    table: insertion(table, columns) for table, columns in GROWING.items()
}


def write_rows(connection: sqlite3.Connection, rows: Mapping[str, Iterable[Row]]) -> None:
    """Put `rows` into their tables, in the order of the mapping; no table has two kinds."""
    for table, its_rows in rows.items():
        if its_rows:  # Most commits touch few tables.
            connection.executemany(_STATEMENTS[table], its_rows)
