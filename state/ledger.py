"""What the account holds and how it came to be, as a fold of fills and moved funds. Pure.

Two views of the same facts. Balances, by currency, are what the exchange must show. Equity, in
the quote currency, is the quote balance and the positions of our own trading; what else lies in
the account (coins deposited, GT, points) is shown, but not counted: nobody here trades it, and
its price is no merit of ours. So these two are always equal, to the last unit:

    start + flows + realised + unrealised - fees == equity
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec
from msgspec import Struct

from state.exact import exactly, total
from state.messages.accounts import EquityMarked, FundsMoved
from state.messages.orders import OrderFilled
from state.position import Position
from state.values import ZERO, Currency, Pair, TimeNs, base_of, quote_of

GT = Currency("GT")
POINTS = Currency("POINT")
OPENING = "opening"
"""The `FundsMoved.reason` of what was there when the journal began."""


class Ledger(Struct, frozen=True, kw_only=True):
    """The accounts after the facts folded so far.

    Each fact must be folded once: the journal's keys see to that, and `fills` counts them.
    """

    quote: Currency
    """The currency equity is counted in; pairs quoted in another one are not part of equity."""
    balances: dict[Currency, Decimal] = {}
    """All there is of each currency, free or bound in orders."""
    positions: dict[Pair, Position] = {}
    opened: dict[Currency, Decimal] = {}
    """What was there when the journal began."""
    moved: dict[Currency, Decimal] = {}
    """Moved in, less out, since."""
    fees_elsewhere: dict[Currency, Decimal] = {}
    """Fees paid in neither base nor quote (GT, points): units of each, outside equity."""
    fills: int = 0

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
        """Quote units earned by sales, before fees."""
        return total(position.realised for position in self.counted())

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
        with exactly():
            return (
                self._with_fill(event)
                if isinstance(event, OrderFilled)
                else self._with_funds(event)
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
        )

    def _with_funds(self, event: FundsMoved) -> "Ledger":
        change = {event.currency: event.change}
        place = "opened" if event.reason == OPENING else "moved"
        return msgspec.structs.replace(
            self,
            balances=_changed(self.balances, change),
            **{place: _changed(getattr(self, place), change)},
        )

    def _with_fill(self, fill: OrderFilled) -> "Ledger":
        position = self.position(fill.pair).apply(fill)
        return msgspec.structs.replace(
            self,
            balances=_changed(self.balances, balance_changes(fill)),
            positions=self.positions | {fill.pair: position},
            fees_elsewhere=_changed(self.fees_elsewhere, _fees_elsewhere(fill)),
            fills=self.fills + 1,
        )


def balance_changes(fill: OrderFilled) -> dict[Currency, Decimal]:
    """Return what one fill does to the account, by currency, fees included; 0s are left out."""
    with exactly():
        base, quote, sign = base_of(fill.pair), quote_of(fill.pair), fill.side.sign
        changes = {base: sign * fill.quantity, quote: -sign * fill.quantity * fill.price}
        for currency, fee in _fees(fill):
            changes[currency] = changes.get(currency, ZERO) - fee
        return {currency: change for currency, change in changes.items() if change}


def _fees(fill: OrderFilled) -> tuple[tuple[Currency, Decimal], ...]:
    return ((fill.fee_currency, fill.fee), (GT, fill.gt_fee), (POINTS, fill.point_fee))


def _fees_elsewhere(fill: OrderFilled) -> dict[Currency, Decimal]:
    fees = {GT: fill.gt_fee, POINTS: fill.point_fee}
    if fill.fee_currency not in (base_of(fill.pair), quote_of(fill.pair)):
        fees[fill.fee_currency] = fees.get(fill.fee_currency, ZERO) + fill.fee
    return {currency: fee for currency, fee in fees.items() if fee}


def _changed(
    amounts: Mapping[Currency, Decimal], changes: Mapping[Currency, Decimal]
) -> dict[Currency, Decimal]:
    moved = {currency: amounts.get(currency, ZERO) + change for currency, change in changes.items()}
    return {**amounts, **moved}
