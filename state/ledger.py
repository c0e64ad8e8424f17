"""What the account holds and how it came to be, as a fold of fills and moved funds. Pure.

Two views of the same facts. Balances, by currency, are what the exchange must show: the wallet's
side of the double entry (`state.double_entry`). Equity, in the quote currency, is the quote balance
and the positions of our own trading; what else lies in the account (coins deposited, GT, points) is
shown, but not counted: nobody here trades it, and its price is no merit of ours. So these two are
always equal, to the last unit, with profit by average cost and by lots alike:

    start + flows + realised + unrealised - fees == equity
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec
from msgspec import Struct

from state.double_entry import (
    FEES_ELSEWHERE,
    WALLET,
    Account,
    booked,
    came_in,
    external,
    postings,
)
from state.exact import exactly, total
from state.messages.accounts import EquityMarked, FundsKind, FundsMoved
from state.messages.orders import OrderFilled
from state.position import Position
from state.values import ZERO, Currency, Pair, TimeNs, quote_of

OPENING = FundsKind.OPENING.value
"""The `FundsMoved.reason` of what was there when the journal began."""


class Ledger(Struct, frozen=True, kw_only=True):
    """The accounts after the facts folded so far.

    Each fact must be folded once: the journal's keys see to that, and `fills` counts them.
    """

    quote: Currency
    """The currency equity is counted in; pairs quoted in another one are not part of equity."""
    accounts: dict[Account, dict[Currency, Decimal]] = {}
    """Every account's amounts: over all of them each currency adds up to 0."""
    positions: dict[Pair, Position] = {}
    fills: int = 0

    @property
    def balances(self) -> dict[Currency, Decimal]:
        """All there is of each currency, free or bound in orders."""
        return self.accounts.get(WALLET, {})

    @property
    def opened(self) -> dict[Currency, Decimal]:
        """What was there when the journal began."""
        opening = self.accounts.get(external(FundsKind.OPENING), {})
        return {currency: amount.copy_negate() for currency, amount in opening.items()}

    @property
    def moved(self) -> dict[Currency, Decimal]:
        """Moved in, less out, since."""
        return came_in(self.accounts, but=frozenset({FundsKind.OPENING}))

    @property
    def fees_elsewhere(self) -> dict[Currency, Decimal]:
        """Fees paid in neither base nor quote (GT, points): units of each, outside equity."""
        return self.accounts.get(FEES_ELSEWHERE, {})

    @property
    def is_open(self) -> bool:
        """Whether the opening balances are known."""
        return external(FundsKind.OPENING) in self.accounts

    @property
    def start(self) -> Decimal:
        """Quote units at the opening."""
        return self.opened.get(self.quote, ZERO)

    @property
    def flows(self) -> Decimal:
        """Quote units moved in, less out, since the opening."""
        return self.moved.get(self.quote, ZERO)

    @property
    def realised(self) -> Decimal:
        """Quote units earned by sales at average cost, before fees."""
        return total(position.realised for position in self.counted())

    @property
    def realised_fifo(self) -> Decimal:
        """Quote units earned by sales of the oldest purchases first, before fees."""
        return total(position.realised_fifo for position in self.counted())

    @property
    def fees(self) -> Decimal:
        """Quote units of fees taken in base or quote."""
        return total(position.fees for position in self.counted())

    def balance(self, currency: Currency) -> Decimal:
        """Return how much of `currency` there is, 0 where none was ever seen."""
        return self.balances.get(currency, ZERO)

    def position(self, pair: Pair) -> Position:
        """Return the position of `pair`, flat where it never traded."""
        return self.positions.get(pair) or Position(pair=pair)

    def counted(self) -> list[Position]:
        """Return the positions that are part of equity: those quoted in `quote`."""
        return [p for p in self.positions.values() if quote_of(p.pair) == self.quote]

    def apply(self, event: OrderFilled | FundsMoved) -> "Ledger":
        """Return the ledger after one more fact."""
        accounts = booked(self.accounts, postings(event))
        if isinstance(event, FundsMoved):
            return msgspec.structs.replace(self, accounts=accounts)
        ordinal = self.fills + 1
        position = self.position(event.pair).apply(event, ordinal)
        return msgspec.structs.replace(
            self,
            accounts=accounts,
            positions=self.positions | {event.pair: position},
            fills=ordinal,
        )

    def marked(self, prices: Mapping[Pair, Decimal], at_ns: TimeNs) -> EquityMarked | None:
        """Return what everything is worth, or None while the price of something held is missing.

        Args:
            prices: Quote per base, by pair.
            at_ns: When those prices were seen.
        """
        held = [position for position in self.counted() if position.net]
        if any(position.pair not in prices for position in held):
            return None
        values = [position.value(prices[position.pair]) for position in held]
        return EquityMarked(
            at_ns=at_ns,
            currency=self.quote,
            equity=total([self.balance(self.quote), *values]),
            start=self.start,
            flows=self.flows,
            realised=self.realised,
            unrealised=total(position.unrealised(prices[position.pair]) for position in held),
            fees=self.fees,
            realised_fifo=self.realised_fifo,
            unrealised_fifo=total(
                position.unrealised_fifo(prices[position.pair]) for position in held
            ),
        )


def balance_changes(fill: OrderFilled) -> dict[Currency, Decimal]:
    """Return what one fill does to the account, by currency, fees included; 0s are left out."""
    changes: dict[Currency, Decimal] = {}
    with exactly():
        for line in postings(fill):
            if line.account == WALLET:
                changes[line.currency] = changes.get(line.currency, ZERO) + line.amount
    return {currency: change for currency, change in changes.items() if change}
