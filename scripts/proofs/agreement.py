"""Whether the house and the exchange say the same of every order, every fill and every unit.

Asked when nothing is under way: the two are compared row by row, not sampled.
"""

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec import Struct

from scripts.proofs.processes import control
from state.store import open_reader, store_violations
from state.values import Currency

OURS = "t-gh-"
ALL = 1_000_000
_DEAD = ("rejected", "not_placed")


class Agreement(Struct, frozen=True, kw_only=True):
    """What was compared, and every difference in words."""

    orders: int
    """Of ours, at the exchange."""
    fills: int
    intents: int
    """In the journal."""
    never_placed: int
    """Intents that the exchange refused, or that never reached it."""
    events: int
    lost: int
    """Orders and fills at the exchange that the journal does not have."""
    doubled: int
    """Names placed more than once, and fills the journal has that the exchange does not."""
    drift: dict[str, str]
    """What the exchange has more than the journal, by currency; empty when they agree."""
    findings: tuple[str, ...]


def agreement(url: str, database: Path, quote: str = "USDT") -> Agreement:
    """Compare the exchange at `url` with the journal in `database`.

    Args:
        url: Of a simulated exchange with one account named `demo`.
        database: Of a house that has ended, or in which nothing moves.
        quote: What equity is counted in.
    """
    account = control(url, "accounts/demo")
    reader = open_reader(database)
    try:
        findings = [f"{v.name}: {v.detail}" for v in store_violations(reader, Currency(quote))]
        intents = {row["client_order_id"]: row for row in reader.orders(limit=ALL)}
        fills = reader.fills(limit=ALL)
        balances = {row["currency"]: Decimal(row["amount"]) for row in reader.balances()}
        events = reader.last_seq()
    finally:
        reader.close()
    theirs = [row for row in account["orders"] if row["text"].startswith(OURS)]
    doubled = _doubled(theirs)
    unknown = [row["text"] for row in theirs if row["text"] not in intents]
    findings += doubled
    findings += _of_orders(theirs, intents)
    # What a trigger order of ours became carries no name of ours.
    fired = {str(row.get("fired_order_id") or "") for row in account["price_orders"]} - {"", "0"}
    traded = [
        row
        for row in account["trades"]
        if row["text"].startswith(OURS) or str(row["order_id"]) in fired
    ]
    findings += _of_fired(fired, intents)
    lost, made_up = _of_fills(traded, fills)
    findings += [*lost, *made_up]
    drift = _drift(account["balances"], balances)
    findings += [f"{currency}: {more} more there than here" for currency, more in drift.items()]
    broken = control(url, "invariants")
    findings += [f"the exchange itself: {text}" for text in broken["broken"]]
    return Agreement(
        orders=len(theirs),
        fills=len(fills),
        intents=len(intents),
        never_placed=sum(row["state"] in _DEAD for row in intents.values()),
        events=events,
        lost=len(unknown) + len(lost),
        doubled=len(doubled) + len(made_up),
        drift=drift,
        findings=tuple(findings),
    )


def _doubled(theirs: list[dict[str, Any]]) -> list[str]:
    counts = Counter(row["text"] for row in theirs)
    return [f"placed {count} times: {text}" for text, count in counts.items() if count > 1]


def _of_orders(theirs: list[dict[str, Any]], intents: dict[str, dict[str, Any]]) -> list[str]:
    findings = []
    for row in theirs:
        intent = intents.get(row["text"])
        if intent is None:
            findings.append(f"at the exchange without an intent: {row['text']}")
            continue
        is_open = row["status"] == "open"
        # What rests there rests here; what has ended there has ended here, fully accounted for.
        if is_open != (intent["state"] == "open") or bool(intent["settled"]) == is_open:
            findings.append(f"{row['text']}: {row['status']} there, {intent['state']} here")
        if Decimal(row["filled_amount"]) != Decimal(intent["filled"]):
            there, here = row["filled_amount"], intent["filled"]
            findings.append(f"{row['text']}: filled {there} there, {here} here")
        if (row["currency_pair"], row["side"]) != (intent["pair"], intent["side"]):
            findings.append(f"{row['text']}: another pair or side")
        if Decimal(row["amount"]) != Decimal(intent["quantity"]):
            findings.append(f"{row['text']}: another quantity")
    known = {row["text"] for row in theirs}
    findings += [
        f"{name}: {intent['state']} here, unknown there"
        for name, intent in intents.items()
        if name not in known and intent["state"] not in _DEAD and not _is_adopted(intent)
    ]
    return findings


def _is_adopted(intent: dict[str, Any]) -> bool:
    """Whether the exchange made it of a trigger order of ours."""
    decision: str = intent["decision_id"]
    return decision.startswith("trigger/")


def _of_fired(fired: set[str], intents: dict[str, dict[str, Any]]) -> list[str]:
    adopted = Counter(
        intent["venue_order_id"] for intent in intents.values() if _is_adopted(intent)
    )
    there = Counter(fired)
    findings = [f"fired and not adopted: order {name}" for name in there - adopted]
    return findings + [f"adopted and never fired: order {name}" for name in adopted - there]


def _of_fills(
    theirs: list[dict[str, Any]], ours: list[dict[str, Any]]
) -> tuple[list[str], list[str]]:
    there = Counter(
        (row["currency_pair"], row["id"], Decimal(row["amount"]), Decimal(row["price"]))
        for row in theirs
    )
    here = Counter(
        (row["pair"], row["trade_id"], Decimal(row["quantity"]), Decimal(row["price"]))
        for row in ours
    )
    lost = [f"a fill is lost: {key[0]} {key[1]}" for key in there - here]
    made_up = [f"a fill is made up or doubled: {key[0]} {key[1]}" for key in here - there]
    return lost, made_up


def _drift(theirs: dict[str, dict[str, str]], ours: dict[str, Decimal]) -> dict[str, str]:
    found = {}
    for currency in sorted({*theirs, *ours}):
        there = Decimal(theirs[currency]["total"]) if currency in theirs else Decimal(0)
        more = there - ours.get(currency, Decimal(0))
        if more:
            found[currency] = str(more)
    return found
