"""Double entry: every fact is postings that add up to nothing in each currency. Pure.

An account is a name: `wallet` is what the exchange holds for us, `trading:PAIR` what the trading
of a pair has put in and taken out, `fees` and `fees_elsewhere` where fees went, and `external:KIND`
where everything came from that no fill of ours explains. What one account gains another loses;
therefore the sum over all accounts is 0 in every currency, always: the trial balance.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import NewType

from msgspec import Struct

from state.exact import exactly, total
from state.messages.accounts import FundsKind, FundsMoved
from state.messages.orders import OrderFilled
from state.values import ZERO, Currency, Pair, base_of, quote_of

Account = NewType("Account", str)
Accounts = Mapping[Account, Mapping[Currency, Decimal]]

WALLET = Account("wallet")
"""What the exchange holds for us, free or bound in orders: what its balances must show."""
FEES = Account("fees")
"""Paid in base or quote of the fill: part of profit and loss."""
FEES_ELSEWHERE = Account("fees_elsewhere")
"""Paid in anything else (GT, points): in units of it, outside equity."""
CARRIED = Account("carried")
"""What journals from before double entry bring along, so that they balance too."""
GT = Currency("GT")
POINTS = Currency("POINT")
_EXTERNAL = "external:"


class Posting(Struct, frozen=True, kw_only=True):
    """One line: `account` gains `amount` units of `currency`, or loses them."""

    account: Account
    currency: Currency
    amount: Decimal


def trading(pair: Pair) -> Account:
    """Return the account of what the trading of `pair` put in and took out."""
    return Account(f"trading:{pair}")


def external(kind: FundsKind) -> Account:
    """Return the account of where funds of `kind` come from and go to."""
    return Account(f"{_EXTERNAL}{kind}")


def postings(event: OrderFilled | FundsMoved) -> tuple[Posting, ...]:
    """Return the lines of one fact; a fill's lines of 0 are left out."""
    with exactly():
        if isinstance(event, FundsMoved):
            # To open with nothing has to be said too.
            return tuple(_moved(external(event.kind), WALLET, event.currency, event.change))
        return tuple(line for line in _of_fill(event) if line.amount)


def booked(accounts: Accounts, lines: Iterable[Posting]) -> dict[Account, dict[Currency, Decimal]]:
    """Return `accounts` after `lines`; an amount that came to 0 is kept as 0."""
    after: dict[Account, dict[Currency, Decimal]] = {**accounts}  # type: ignore[dict-item]
    copied: set[Account] = set()
    with exactly():
        for line in lines:
            if line.account not in copied:
                after[line.account] = {**after.get(line.account, {})}
                copied.add(line.account)
            amounts = after[line.account]
            amounts[line.currency] = amounts.get(line.currency, ZERO) + line.amount
    return after


def trial_balance(accounts: Accounts) -> dict[Currency, Decimal]:
    """Return what is over in each currency: anything but an empty answer is a bug."""
    currencies = {currency for amounts in accounts.values() for currency in amounts}
    sums = {
        currency: total(amounts.get(currency, ZERO) for amounts in accounts.values())
        for currency in currencies
    }
    return {currency: amount for currency, amount in sums.items() if amount}


def came_in(accounts: Accounts, *, but: frozenset[FundsKind]) -> dict[Currency, Decimal]:
    """Return what came from outside, less what went there, kinds `but` left out."""
    left_out = {external(kind) for kind in but}
    came: dict[Currency, Decimal] = {}
    with exactly():
        for account, amounts in accounts.items():
            if account.startswith(_EXTERNAL) and account not in left_out:
                for currency, amount in amounts.items():
                    came[currency] = came.get(currency, ZERO) - amount
    return came


def _of_fill(fill: OrderFilled) -> Iterator[Posting]:
    base, quote, sign = base_of(fill.pair), quote_of(fill.pair), fill.side.sign
    pair = trading(fill.pair)
    yield from _moved(pair, WALLET, base, sign * fill.quantity)
    yield from _moved(pair, WALLET, quote, -sign * fill.quantity * fill.price)
    place = FEES if fill.fee_currency in (base, quote) else FEES_ELSEWHERE
    yield from _moved(WALLET, place, fill.fee_currency, fill.fee)
    yield from _moved(WALLET, FEES_ELSEWHERE, GT, fill.gt_fee)
    yield from _moved(WALLET, FEES_ELSEWHERE, POINTS, fill.point_fee)


def _moved(
    giver: Account, taker: Account, currency: Currency, amount: Decimal
) -> Iterator[Posting]:
    yield Posting(account=giver, currency=currency, amount=-amount)
    yield Posting(account=taker, currency=currency, amount=amount)
