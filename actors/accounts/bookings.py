"""What the ledger keeper journals of balances that differ, each under a key of its own. Pure."""

from collections.abc import Iterable

from actors.accounts.explanation import Cause
from state.exact import difference
from state.ledger import OPENING
from state.messages.accounts import BalanceDifference, FundsMoved
from state.messages.journal import Entry
from state.messages.operations import AlertRaised, Severity
from state.messages.venue import BalanceReport
from state.values import ZERO, Currency, TimeNs, plain


def opening(reports: Iterable[BalanceReport], quote: Currency, now_ns: TimeNs) -> list[Entry]:
    """Return where the accounts begin: with what the exchange shows."""
    # An account that was never funded opens with nothing, which has to be said too.
    amounts = {quote: ZERO} | {one.currency: one.available + one.locked for one in reports}
    return [
        Entry(
            key=f"opening:{currency}",
            event=FundsMoved(currency=currency, change=amount, reason=OPENING, at_ns=now_ns),
        )
        for currency, amount in amounts.items()
    ]


def of_causes(causes: Iterable[Cause]) -> list[Entry]:
    """Return what was found to have moved balances, by the exchange's own ids."""
    return [Entry(key=key, event=moved) for cause in causes for key, moved in cause.bookings()]


def accepted(differences: Iterable[BalanceDifference], reason: str, now_ns: TimeNs) -> list[Entry]:
    """Return what a person takes as moved, for a reason of theirs."""
    return [
        Entry(
            # Said again to a new recorder, it is the same entry and not booked twice.
            key=f"accepted:{one.currency}:{now_ns}",
            event=FundsMoved(
                currency=one.currency,
                change=difference(one.exchange, one.ledger),
                reason=reason,
                at_ns=now_ns,
            ),
        )
        for one in differences
    ]


def mismatch(told: str, why: str, now_ns: TimeNs) -> Entry:
    """Return the call for a person: `told` differs, and nobody knows more than `why`."""
    text = f"{told}; {why}; " if why else f"{told}; "
    alert = AlertRaised(
        alert="ledger_mismatch",
        severity=Severity.CRITICAL,
        text=f"{text}no trading until they agree, or reconcile accept=REASON books it",
        at_ns=now_ns,
    )
    return Entry(key=f"alert:{alert.alert}:{now_ns}", event=alert)


def in_words(differences: Iterable[BalanceDifference]) -> str:
    """Return `differences` for people."""
    return ", ".join(
        f"{one.currency}: ledger {plain(one.ledger)}, exchange {plain(one.exchange)}"
        for one in differences
    )
