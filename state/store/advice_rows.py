"""Rows of what the advisor was asked, answered and was worth; and what a new life begins from."""

import sqlite3
from decimal import Decimal
from typing import Any, assert_never

import msgspec

from state.advice.budget import DAY_NS
from state.messages.advice import (
    AdviceAsked,
    AdviceBooks,
    AdviceGiven,
    AdviceResolved,
    Authority,
    AuthorityChanged,
    ContractUsed,
    Past,
    Resolved,
    Tally,
)
from state.store.chain import event_of
from state.store.tables import Row
from state.values import ZERO, Pair, TimeNs, plain

BUDGET_ALERT = "advisor_budget"
RESOLVED_MAX = 1000
RECENT_MAX = 100
OUTSTANDING_NS = 3 * DAY_NS
"""An answer whose end was not known by then never had one: its candles are gone."""
_encode = msgspec.json.Encoder().encode


AdviceEvent = ContractUsed | AdviceAsked | AdviceGiven | AdviceResolved | AuthorityChanged


def advice_row(seq: int, event: AdviceEvent) -> tuple[str, Row]:
    """Return the table and the row of an event."""
    match event:
        case ContractUsed():
            return "advice_contracts", _contract_row(seq, event)
        case AdviceAsked():
            return "advice_asked", _asked_row(seq, event)
        case AdviceGiven():
            return "advice_given", _given_row(seq, event)
        case AdviceResolved():
            return "advice_outcomes", _outcome_row(seq, event)
        case AuthorityChanged():
            return "advisor_marks", _authority_row(seq, event)
        case _:
            assert_never(event)


def _contract_row(seq: int, used: ContractUsed) -> Row:
    return (seq, used.contract, used.at_ns, used.system)


def _asked_row(seq: int, asked: AdviceAsked) -> Row:
    return (
        seq,
        asked.request_id,
        asked.pair,
        asked.at_ns,
        asked.provider,
        asked.host,
        asked.model,
        asked.contract,
        asked.prompt,
        _encode(asked.parameters).decode(),
        asked.reserved_tokens,
        plain(asked.reserved_usd),
        asked.state_hash,
    )


def _given_row(seq: int, given: AdviceGiven) -> Row:
    said = given.recommendation
    return (
        seq,
        given.request_id,
        given.pair,
        given.at_ns,
        given.code,
        given.detail,
        given.provider,
        given.model,
        given.answered_by,
        given.contract,
        None if said is None else said.action,
        None if said is None else said.confidence,
        given.calibrated,
        given.reward_risk,
        given.answer,
        given.finish,
        given.form,
        given.latency_ms,
        given.tries,
        int(given.repaired),
        given.tokens_in,
        given.tokens_out,
        plain(given.cost_usd),
        int(given.cost_is_known),
        given.support,
        given.reference,
        given.expires_at_ns,
        given.authority,
        None if said is None else _encode(said).decode(),
    )


def _outcome_row(seq: int, resolved: AdviceResolved) -> Row:
    return (
        seq,
        resolved.request_id,
        resolved.pair,
        resolved.at_ns,
        resolved.contract,
        resolved.model,
        resolved.stated,
        None if resolved.won is None else int(resolved.won),
        resolved.by,
        resolved.result_r,
    )


def _authority_row(seq: int, changed: AuthorityChanged) -> Row:
    return (
        seq,
        changed.at_ns,
        changed.authority,
        changed.contract,
        changed.model,
        changed.reason,
        changed.caller,
    )


def advice_books(connection: sqlite3.Connection, now_ns: TimeNs) -> AdviceBooks:
    """Return what the journal knows of the advisor as of `now_ns`."""
    day_ns = now_ns // DAY_NS * DAY_NS
    calls, tokens, usd = _spent(connection, day_ns)
    alerted = connection.execute(
        "SELECT count(*) FROM alerts WHERE alert = ? AND at_ns >= ?", (BUDGET_ALERT, day_ns)
    ).fetchone()[0]
    return AdviceBooks(
        authority=last_authority(connection),
        resolved=tuple(resolved_advice(connection)),
        outstanding=tuple(_outstanding(connection, TimeNs(now_ns - OUTSTANDING_NS))),
        recent=tuple(_recent(connection)),
        tallies=tuple(advice_tallies(connection)),
        last_state=dict(
            connection.execute(
                "SELECT pair, state_hash FROM advice_asked WHERE seq IN"
                " (SELECT max(seq) FROM advice_asked GROUP BY pair)"
            )
        ),
        calls=calls,
        spent_tokens=tokens,
        spent_usd=usd,
        alerted=bool(alerted),
    )


def last_authority(connection: sqlite3.Connection) -> AuthorityChanged | None:
    """Return the newest change of the advisor's authority, None where there never was one."""
    row = connection.execute(
        "SELECT at_ns, authority, contract, model, reason, caller FROM advisor_marks"
        " ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    if row is None:
        return None
    at_ns, authority, contract, model, reason, caller = row
    return AuthorityChanged(
        at_ns=at_ns,
        authority=Authority(authority),
        contract=contract,
        model=model,
        reason=reason,
        caller=caller,
    )


def resolved_advice(connection: sqlite3.Connection) -> list[Resolved]:
    """Return the newest answers whose end is known, oldest first."""
    rows = connection.execute(
        "SELECT at_ns, pair, contract, model, stated, won, result_r FROM advice_outcomes"
        " WHERE won IS NOT NULL AND result_r IS NOT NULL ORDER BY seq DESC LIMIT ?",
        (RESOLVED_MAX,),
    ).fetchall()
    return [
        Resolved(
            at_ns=at_ns,
            pair=pair,
            contract=contract,
            model=model,
            stated=stated,
            won=bool(won),
            result_r=result_r,
        )
        for at_ns, pair, contract, model, stated, won, result_r in reversed(rows)
    ]


def advice_tallies(connection: sqlite3.Connection) -> list[Tally]:
    """Return how often each code was the end, by model and wording."""
    found: dict[tuple[str, str], Tally] = {}
    rows = connection.execute(
        "SELECT model, contract, code, count(*), min(at_ns) FROM advice_given"
        " GROUP BY model, contract, code ORDER BY model, contract, code"
    )
    for model, contract, code, count, first_ns in rows:
        known = found.get((model, contract))
        codes = {} if known is None else known.codes
        earliest = first_ns if known is None else min(first_ns, known.first_ns)
        found[model, contract] = Tally(
            model=model, contract=contract, first_ns=earliest, codes={**codes, code: count}
        )
    return list(found.values())


def _spent(connection: sqlite3.Connection, day_ns: int) -> tuple[int, int, Decimal]:
    """Return calls, tokens and US dollars of the day that began at `day_ns`."""
    calls, tokens, usd = 0, 0, ZERO
    rows = connection.execute(
        "SELECT a.reserved_tokens, a.reserved_usd, g.tokens_in, g.tokens_out, g.cost_usd"
        " FROM advice_asked a LEFT JOIN advice_given g ON g.request_id = a.request_id"
        " WHERE a.at_ns >= ?",
        (day_ns,),
    )
    for reserved, reserved_usd, tokens_in, tokens_out, cost in rows:
        calls += 1
        unknown = tokens_in is None or tokens_out is None
        tokens += reserved if unknown else tokens_in + tokens_out
        usd += Decimal(reserved_usd if cost is None else cost)
    return calls, tokens, usd


def _recent(connection: sqlite3.Connection) -> list[Past]:
    rows = connection.execute(
        "SELECT pair, at_ns, code, model, contract FROM advice_given ORDER BY seq DESC LIMIT ?",
        (RECENT_MAX,),
    ).fetchall()
    return [
        Past(pair=pair, at_ns=at_ns, code=code, model=model, contract=contract)
        for pair, at_ns, code, model, contract in reversed(rows)
    ]


def _outstanding(connection: sqlite3.Connection, since_ns: TimeNs) -> list[AdviceGiven]:
    rows = connection.execute(
        "SELECT e.payload FROM advice_given g JOIN events e ON e.seq = g.seq"
        " WHERE g.action IN ('buy', 'sell') AND g.code = 'OK' AND g.at_ns >= ? AND NOT EXISTS"
        " (SELECT 1 FROM advice_outcomes o WHERE o.request_id = g.request_id) ORDER BY g.seq",
        (since_ns,),
    )
    events = [event_of(payload) for (payload,) in rows]
    return [event for event in events if isinstance(event, AdviceGiven)]


def exchanges(
    connection: sqlite3.Connection,
    *,
    request_id: str | None = None,
    pair: Pair | None = None,
    before_ns: TimeNs | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Return what was asked and what came of it, newest first; whole where one is named.

    Args:
        connection: Of the database.
        request_id: Of one exchange: its texts are given too.
        pair: Only of this pair.
        before_ns: Only what was answered by then and not over yet.
        limit: Most rows.
    """
    conditions = {
        "a.request_id = :request": request_id is not None,
        "a.pair = :pair": pair is not None,
        "g.at_ns <= :at AND g.expires_at_ns > :at": before_ns is not None,
    }
    wanted = [text for text, is_wanted in conditions.items() if is_wanted]
    where = f"WHERE {' AND '.join(wanted)}" if wanted else ""
    texts = f", {_TEXTS}" if request_id is not None else ""
    question = (
        f"SELECT {_EXCHANGE}{texts} FROM advice_asked a"  # noqa: S608 (names of ours)
        " LEFT JOIN advice_given g ON g.request_id = a.request_id"
        " LEFT JOIN advice_outcomes o ON o.request_id = a.request_id"
        f" {where} ORDER BY a.seq DESC LIMIT :limit"
    )
    values = {"request": request_id, "pair": pair, "at": before_ns, "limit": limit}
    cursor = connection.execute(question, values)
    names = [one[0] for one in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


_EXCHANGE = (
    "a.seq, a.request_id, a.pair, a.at_ns AS asked_at_ns, a.provider, a.host, a.model, a.contract,"
    " a.parameters, a.reserved_tokens, a.reserved_usd, g.at_ns AS answered_at_ns, g.code, g.detail,"
    " g.answered_by, g.action, g.confidence, g.calibrated, g.reward_risk, g.finish, g.form,"
    " g.latency_ms, g.tries, g.repaired, g.tokens_in, g.tokens_out, g.cost_usd, g.cost_is_known,"
    " g.support, g.reference, g.expires_at_ns, g.authority, g.recommendation, o.won, o.ended_by,"
    " o.result_r, o.at_ns AS resolved_at_ns"
)
_TEXTS = (
    "a.prompt, g.answer, (SELECT c.system FROM advice_contracts c WHERE c.contract = a.contract"
    " LIMIT 1) AS system"
)
