"""Everything that must hold of a store, asked at once: for the admin's `check` and `doctor`."""

import msgspec

from state.errors import StoreCorrupt
from state.invariants import Violation, ledger_violations
from state.store.account_rows import stored_ledger
from state.store.chain import UNREADABLE, verify
from state.store.moment import one_moment
from state.store.rebuild import Source, self_check
from state.values import Currency


def store_violations(source: Source, quote: Currency) -> list[Violation]:
    """Return what is wrong with the journal, the tables, the accounts and the orders.

    Args:
        source: A `Store`, or a `Reader` while the house runs.
        quote: What equity is counted in.
    """
    try:
        with one_moment(source.connection):
            verify(source.connection, "the journal")
            differing = self_check(source).differing
            return [
                *(Violation(name="projection_differs", detail=table) for table in differing),
                *_account_violations(source, quote),
                *_order_violations(source),
            ]
    except StoreCorrupt as error:
        return [Violation(name="journal_broken", detail=str(error))]
    except UNREADABLE as error:
        return [Violation(name="projection_unreadable", detail=str(error))]


def _account_violations(source: Source, quote: Currency) -> list[Violation]:
    ledger = stored_ledger(source.connection, fills=0)
    return ledger_violations(msgspec.structs.replace(ledger, quote=quote))


def _order_violations(source: Source) -> list[Violation]:
    alarmed = source.connection.execute(
        "SELECT client_order_id, alarms FROM orders WHERE settled = 0 AND alarms <> ''"
    )
    doubled = source.connection.execute(
        "SELECT decision_id, group_concat(client_order_id, ', ') FROM orders WHERE parent IS NULL"
        " AND (filled <> '0' OR state IN ('intended', 'unknown', 'open'))"
        " GROUP BY decision_id HAVING count(*) > 1"
    )
    exceeded = source.connection.execute(
        "SELECT decision_id, filled, quantity FROM parents"
        " WHERE CAST(filled AS REAL) > CAST(quantity AS REAL)"
    )
    return (
        [
            Violation(name="parent_exceeded", detail=f"{decision}: {filled} of {quantity}")
            for decision, filled, quantity in exceeded
        ]
        + [
            Violation(name=f"order_{alarm}", detail=name)
            for name, alarms in alarmed
            for alarm in alarms.split()
        ]
        + [
            Violation(name="decision_doubled", detail=f"{decision}: {names}")
            for decision, names in doubled
        ]
    )
