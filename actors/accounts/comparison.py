"""The ledger against the exchange's balances, at a moment when nothing moves. Pure."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from msgspec import Struct

from state.exact import exactly, total
from state.messages.accounts import BalanceDifference
from state.messages.venue import BalanceReport
from state.values import ZERO, Currency, Pair

ATTEMPTS = 4
"""Looks before anybody asks why: a fill may be on its way to us."""


class Comparison(Struct, frozen=True, kw_only=True):
    """One comparison, over several looks: a currency that has agreed once has agreed."""

    agreed: frozenset[Currency] = frozenset()
    differences: tuple[BalanceDifference, ...] = ()
    looks: int = 0

    @property
    def over(self) -> bool:
        """Whether there is nothing more to look at."""
        return self.looks > 0 and (not self.differences or self.looks >= ATTEMPTS)

    def looked(
        self, ledger: Mapping[Currency, Decimal], reports: Iterable[BalanceReport]
    ) -> "Comparison":
        """Return the comparison after one more look.

        Args:
            ledger: What we believe, by currency.
            reports: What the exchange shows; a currency it leaves out is 0.
        """
        shown = {report.currency: report.available + report.locked for report in reports}
        agreed = set(self.agreed)
        differences = []
        for currency in sorted({*ledger, *shown} - self.agreed):
            ours, theirs = ledger.get(currency, ZERO), shown.get(currency, ZERO)
            if ours == theirs:
                agreed.add(currency)
            else:
                differences.append(
                    BalanceDifference(currency=currency, ledger=ours, exchange=theirs)
                )
        return Comparison(
            agreed=frozenset(agreed), differences=tuple(differences), looks=self.looks + 1
        )


def drift(
    differences: Iterable[BalanceDifference], prices: Mapping[Pair, Decimal], quote: Currency
) -> Decimal | None:
    """Return what `differences` are worth together, each counted positive, in quote units.

    None where the price of one is not known.
    """
    worths = []
    for one in differences:
        price = Decimal(1) if one.currency == quote else prices.get(Pair(f"{one.currency}_{quote}"))
        if price is None:
            return None
        with exactly():
            worths.append(abs(one.exchange - one.ledger) * price)
    return total(worths)
