"""What a starting house asks the store, beyond accounts and unsettled orders."""

import msgspec

from state.messages.operations import SessionChanged
from state.messages.orders import DecisionMade
from state.order import Order
from state.store.chain import event_of
from state.store.writer import Store
from state.values import ClientOrderId, Session, TimeNs


def pending_decisions(store: Store, now_ns: TimeNs) -> list[DecisionMade]:
    """Return the approved decisions, not yet expired, of which no order has come; oldest first."""
    rows = store.connection.execute(
        "SELECT e.payload FROM decisions d JOIN events e ON e.seq = d.seq"
        " WHERE d.verdict <> 'deny' AND d.expires_at_ns > ? AND NOT EXISTS"
        # The plus keeps SQLite from walking all decisions for the sake of their order.
        " (SELECT 1 FROM orders o WHERE o.decision_id = d.decision_id) ORDER BY +d.seq",
        (now_ns,),
    )
    events = [event_of(payload) for (payload,) in rows]
    return [event for event in events if isinstance(event, DecisionMade)]


def order_named(store: Store, name: ClientOrderId) -> Order | None:
    """Return the order of our name, settled or not, or None where there never was one."""
    row = store.connection.execute(
        "SELECT fold FROM orders WHERE client_order_id = ?", (name,)
    ).fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=Order)


def last_session(store: Store) -> SessionChanged | None:
    """Return the newest change of session, or None where there never was one."""
    row = store.connection.execute(
        "SELECT session, reason, caller, at_ns FROM sessions ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    if row is None:
        return None
    session, reason, caller, at_ns = row
    return SessionChanged(session=Session(session), reason=reason, caller=caller, at_ns=at_ns)
