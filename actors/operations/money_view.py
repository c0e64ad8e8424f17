"""What the operator is shown of money: the identity of equity, balances, positions, drift. Pure.

Amounts are text, exact.
"""

from decimal import Decimal
from typing import Any

from state.exact import difference, exactly, total
from state.messages.accounts import BalancesCompared, EquityMarked
from state.store.reader import Rows
from state.values import ZERO, plain


def equity_view(equity: EquityMarked | None) -> dict[str, str] | None:
    """Return the identity of equity as text, money exact."""
    if equity is None:
        return None
    with exactly():
        earned = equity.realised + equity.unrealised - equity.fees
        over = equity.start + equity.flows + earned - equity.equity
    view = {
        "currency": equity.currency,
        "equity": plain(equity.equity),
        "start": plain(equity.start),
        "flows": plain(equity.flows),
        "realised": plain(equity.realised),
        "unrealised": plain(equity.unrealised),
        "fees": plain(equity.fees),
        "difference": plain(over),
    }
    if equity.realised_fifo is not None and equity.unrealised_fifo is not None:
        with exactly():
            earned = equity.realised_fifo + equity.unrealised_fifo - equity.fees
            over = equity.start + equity.flows + earned - equity.equity
        view |= {
            "realised_fifo": plain(equity.realised_fifo),
            "unrealised_fifo": plain(equity.unrealised_fifo),
            "difference_fifo": plain(over),
        }
    return view


def balances_view(
    ledger: Rows,
    accounts: Rows,
    equity: EquityMarked | None,
    compared: BalancesCompared | None,
) -> dict[str, Any]:
    """Return what `balances` answers: by currency, by account, as equity, and as compared."""
    sums: dict[str, Decimal] = {}
    for row in accounts:
        sums[row["currency"]] = total([sums.get(row["currency"], ZERO), Decimal(row["amount"])])
    return {
        "ledger": ledger,
        "accounts": accounts,
        "trial_balance": {currency: plain(over) for currency, over in sorted(sums.items())},
        "equity": equity_view(equity),
        "drift": drift_view(compared),
        "compared": compared,
    }


def positions_view(positions: Rows, lots: Rows) -> Rows:
    """Return the positions, each with its lots, oldest first."""
    return [
        row
        | {
            "lots": [
                {name: lot[name] for name in ("at_ns", "quantity", "cost")}
                for lot in lots
                if lot["pair"] == row["pair"]
            ]
        }
        for row in positions
    ]


def drift_view(compared: BalancesCompared | None) -> dict[str, Any]:
    """Return how far the exchange's balances were from ours when they were last compared."""
    if compared is None:
        return {"total": None, "currency": None, "by_currency": {}}
    return {
        "total": None if compared.drift is None else plain(compared.drift),
        "currency": compared.drift_currency or None,
        "by_currency": {
            one.currency: plain(difference(one.exchange, one.ledger))
            for one in compared.differences
        },
    }
