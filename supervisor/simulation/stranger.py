"""Somebody else at our account: brings money, takes some away, trades by hand.

The house has to notice, to know what it was, and to leave it alone. What the stranger did is a
fault like any other, so that a list of faults says it and a shorter list still means something.
"""

from decimal import Decimal
from random import Random

from adapters.simulated.core.orders import OrderRequest
from adapters.simulated.core.units import SCALE, scaled
from state.errors import VenueRefused
from state.values import Currency, Pair, Side, TimeInForce, base_of
from supervisor.simulation.faults import Fault, Kind
from supervisor.worlds.virtual import ACCOUNT, STRANGER, VirtualOutside

_UNITS = Decimal("0.00000001")


class Stranger:
    """One per run.

    Args:
        outside: Where the account is.
        pairs: What may be traded there.
        quote: What it is paid with.
    """

    def __init__(self, outside: VirtualOutside, pairs: tuple[Pair, ...], quote: Currency) -> None:
        self._outside = outside
        self._pairs = pairs
        self._quote = quote
        self._orders = 0

    def act(self, fault: Fault) -> None:
        """Do what `fault` says; what the exchange refuses did not happen."""
        chance = Random(f"stranger:{fault.kind}:{fault.nth}")  # noqa: S311 (reproducible)
        pair = chance.choice(self._pairs)
        currency = chance.choice([self._quote, self._quote, base_of(pair)])
        try:
            match fault.kind:
                case Kind.DEPOSIT:
                    self._fund(currency, Decimal(chance.randint(1, 10**11)) * _UNITS)
                case Kind.WITHDRAWAL:
                    self._fund(currency, -self._free(currency) * Decimal(chance.randint(1, 9)) / 50)
                case _:
                    self._trade(pair, chance)
        except VenueRefused:
            pass
        self._outside.host.turn()

    def _fund(self, currency: Currency, change: Decimal) -> None:
        ledger = self._outside.host.venue.ledger
        atoms = scaled(change.quantize(_UNITS), SCALE)
        if atoms:
            account = ledger.accounts[ACCOUNT]
            ledger.fund(account, currency, atoms, self._outside.venue_now_ns())

    def _free(self, currency: Currency) -> Decimal:
        account = self._outside.host.venue.ledger.accounts[ACCOUNT]
        return Decimal(account.balances[currency].available).scaleb(-SCALE)

    def _trade(self, pair: Pair, chance: Random) -> None:
        """Take from the book, a little, either way."""
        venue = self._outside.host.venue
        market = venue.pairs[pair]
        side = chance.choice(list(Side))
        best = market.book.asks.best() if side is Side.BUY else market.book.bids.best()
        if best is None:
            return
        price = Decimal(best).scaleb(-market.units.price_decimals)
        step = Decimal(1).scaleb(-market.units.amount_decimals)
        self._orders += 1
        order = OrderRequest(
            pair=pair,
            side=side,
            amount=Decimal(chance.randint(5, 60)) / price // step * step,
            price=price,
            time_in_force=TimeInForce.IOC,
            text=f"{STRANGER}{self._orders}",
        )
        venue.place(venue.ledger.accounts[ACCOUNT], order, self._outside.venue_now_ns())
