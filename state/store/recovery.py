"""What a starting house asks the store, beyond accounts and unsettled orders."""

import contextlib
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from state.messages.accounts import BalancesCompared, TradeClosed
from state.messages.journal import KnownFound, KnownSought
from state.messages.operations import SessionChanged
from state.messages.orders import AmendIntended, AmendmentJudged, DecisionMade, Verdict
from state.messages.risk import Lock, Recent, RiskMarked, Tier
from state.order import Order
from state.rates import WINDOW_NS, recent_of
from state.store.account_rows import trade_of
from state.store.chain import event_of
from state.store.refusals import EventsPruned
from state.store.tables import Row
from state.store.writer import Store
from state.values import NS_PER_S, ClientOrderId, Pair, Session, TimeNs, VenueOrderId

TRADES_DAYS = 30
"""Whoever judges by closed trades may look back so far."""
TRADES_MAX = 10_000
"""The newest, where there were more."""
_DAY_NS = 86_400 * NS_PER_S

_LATE_NS = 600 * NS_PER_S
"""So long an intent may wait for the disk. What never comes is asked about soon."""
_RECENT_RECORDS = 5_000
"""Newest records that are looked through for it."""


def pending_decisions(store: Store, now_ns: TimeNs) -> list[DecisionMade]:
    """Return the approved decisions of which no order has come and one may; oldest first.

    One that expired a moment ago may have been meant in time, and wait for the disk.
    """
    rows = store.connection.execute(
        "SELECT e.payload FROM decisions d JOIN events e ON e.seq = d.seq"
        " WHERE d.verdict <> 'deny' AND d.expires_at_ns > ? AND NOT EXISTS"
        # The plus keeps SQLite from walking all decisions for the sake of their order.
        " (SELECT 1 FROM orders o WHERE o.decision_id = d.decision_id) AND NOT EXISTS"
        " (SELECT 1 FROM parents p WHERE p.decision_id = d.decision_id) ORDER BY +d.seq",
        (now_ns - _LATE_NS,),
    )
    events = [event_of(payload) for (payload,) in rows]
    return [event for event in events if isinstance(event, DecisionMade)]


def pending_amendments(store: Store, now_ns: TimeNs) -> list[AmendmentJudged]:
    """Return the approved amendments that nobody has meant and somebody may; oldest first."""
    rows = store.connection.execute(
        "SELECT payload FROM events WHERE seq > ?"
        " AND type IN ('AmendmentJudged', 'AmendIntended') ORDER BY seq",
        (store.last_seq - _RECENT_RECORDS,),
    )
    pending: dict[ClientOrderId, AmendmentJudged] = {}
    for (payload,) in rows:
        match event_of(payload):
            case AmendmentJudged(verdict=Verdict.ALLOW) as judged:
                if judged.expires_at_ns > now_ns - _LATE_NS:
                    pending[judged.client_order_id] = judged
            case AmendIntended() as intent:
                pending.pop(intent.client_order_id, None)
            case _:
                pass
    return list(pending.values())


def fill_cursors(store: Store) -> dict[Pair, TimeNs]:
    """Return when the newest fill happened that is known of each pair: where reading goes on."""
    return dict(
        store.connection.execute(
            "SELECT pair, (SELECT max(at_ns) FROM (SELECT at_ns FROM fills f"
            " WHERE f.pair = p.pair ORDER BY seq DESC LIMIT 20)) FROM positions p"
        )
    )


def order_named(store: Store, name: ClientOrderId) -> Order | None:
    """Return the order of our name, settled or not, or None where there never was one."""
    row = store.connection.execute(
        "SELECT fold FROM orders WHERE client_order_id = ?", (name,)
    ).fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=Order)


def closed_trades(store: Store, now_ns: TimeNs) -> list[TradeClosed]:
    """Return the trades closed within the last `TRADES_DAYS`, oldest first."""
    rows = store.connection.execute(
        "SELECT * FROM (SELECT * FROM trades WHERE closed_at_ns >= ? ORDER BY seq DESC LIMIT ?)"
        " ORDER BY seq",
        (now_ns - TRADES_DAYS * _DAY_NS, TRADES_MAX),
    )
    return [trade_of(row) for row in rows]


def last_agreement(store: Store) -> BalancesCompared | None:
    """Return the newest comparison that found no difference, or None where there never was one."""
    row = store.connection.execute(
        "SELECT at_ns, began_at_ns, fills FROM comparisons WHERE differences = '[]'"
        " ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    if row is None:
        return None
    at_ns, began_at_ns, fills = row
    return BalancesCompared(at_ns=at_ns, began_at_ns=began_at_ns, fills=fills, differences=())


def known_of(store: Store, sought: KnownSought) -> KnownFound:
    """Return what the journal knows of what was sought."""
    orders = store.connection.execute(
        "SELECT venue_order_id FROM orders"
        " WHERE venue_order_id IN (SELECT value FROM json_each(?))",
        (msgspec.json.encode(sought.orders).decode(),),
    )
    known = {VenueOrderId(name) for (name,) in orders}
    for fired in sought.fired:
        trigger = store.connection.execute(
            "SELECT 1 FROM triggers WHERE pair = ? AND expiration_s = ?",
            (fired.pair, fired.expiration_s),
        ).fetchone()
        known |= set() if trigger is None else {fired.venue_order_id}
    return KnownFound(
        request=sought.request,
        keys=tuple(sorted(store.known(sought.keys))),
        orders=tuple(sorted(known)),
    )


def last_session(store: Store) -> SessionChanged | None:
    """Return the newest change of session, or None where there never was one."""
    row = store.connection.execute(
        "SELECT seq, session, reason, caller, at_ns FROM sessions ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    if row is None:
        return None
    seq, session, reason, caller, at_ns = row
    with contextlib.suppress(EventsPruned):
        [stored] = store.read(seq - 1, 1)
        if isinstance(stored.event, SessionChanged):
            return stored.event  # All of it; the table has what people ask for.
    return SessionChanged(session=Session(session), reason=reason, caller=caller, at_ns=at_ns)


def pair_sessions(store: Store) -> dict[Pair, Session]:
    """Return what single pairs are to do, where that is anything of their own."""
    rows = store.connection.execute("SELECT pair, session FROM pair_sessions ORDER BY seq")
    newest = {pair: Session(session) for pair, session in rows}
    return {pair: session for pair, session in newest.items() if session is not Session.READY}


def last_risk(store: Store) -> RiskMarked | None:
    """Return how the account stood against its limits of loss, None where nobody marked it."""
    row = store.connection.execute("SELECT * FROM risk_marks ORDER BY seq DESC LIMIT 1").fetchone()
    return None if row is None else _risk_of(row)


def recent_risk(store: Store, now_ns: TimeNs) -> list[Recent]:
    """Return what counts against a rate, oldest first.

    Ages are counted from record to record, back from the newest, as if that were of now: a clock
    that was set back makes nothing older, and a house that was away only waits a minute more.
    """
    rows = store.connection.execute(
        "SELECT payload FROM events WHERE seq > ?"
        " AND type IN ('DecisionMade', 'OrderRejected', 'CancelIntended') ORDER BY seq DESC",
        (store.last_seq - _RECENT_RECORDS,),
    )
    recent: list[Recent] = []
    age_ns, later_ns = 0, None
    for (payload,) in rows:
        one = recent_of(event_of(payload))
        if one is None:
            continue
        age_ns += 0 if later_ns is None else max(0, later_ns - one.at_ns)
        if age_ns > WINDOW_NS:
            break
        later_ns = one.at_ns
        recent.append(replace(one, at_ns=TimeNs(now_ns - age_ns)))
    return recent[::-1]


def _risk_of(row: Row) -> RiskMarked:
    _, at_ns, equity, flows, peak, peak_at_ns, day, opening, tier, since_ns, told, locks, why = row
    return RiskMarked(
        at_ns=at_ns,
        equity=Decimal(equity),
        flows=Decimal(flows),
        peak=Decimal(peak),
        peak_at_ns=peak_at_ns,
        day=day,
        day_opening=Decimal(opening),
        tier=Tier(tier),
        tier_since_ns=since_ns,
        halt_told=bool(told),
        locks=msgspec.json.decode(locks, type=tuple[Lock, ...]),
        reason=why,
    )
