"""Somebody else at our account: brings money, takes some away, trades and amends by hand.

The house has to notice, to know what it was, and to leave it alone. What the stranger did is a
fault like any other, so that a list of faults says it and a shorter list still means something.
"""

from collections.abc import Collection
from decimal import Decimal
from random import Random

from adapters.simulated.core.ledger import Account
from adapters.simulated.core.orders import AmendRequest, Order, OrderRequest
from adapters.simulated.core.units import SCALE, decimal_of
from state.errors import VenueRefused
from state.values import ZERO, Currency, Pair, Side, TimeInForce, base_of
from supervisor.simulation.faults import Fault, Kind
from supervisor.worlds.virtual import ACCOUNT, STRANGER, VirtualOutside

_UNIT = 10 ** (SCALE - 8)
"""Atoms: nobody moves less than the 8th decimal."""


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
                    self._fund(currency, chance.randint(1, 10**11) * _UNIT)
                case Kind.WITHDRAWAL:
                    free = self._account.balances[currency].available
                    self._fund(currency, -(free * chance.randint(1, 9) // 50 // _UNIT * _UNIT))
                case _:
                    self._trade(pair, chance)
        except VenueRefused:
            pass
        self._outside.host.turn()

    def amend(self, fault: Fault, names: Collection[str]) -> bool:
        """Amend one of these orders as its owner would by hand; return whether one was."""
        venue = self._outside.host.venue
        resting = [one for one in venue.index.open_orders(ACCOUNT) if one.text in names]
        if not resting:
            return False
        now_ns = self._outside.venue_now_ns()
        chance = Random(f"stranger:{fault.kind}:{fault.nth}:{now_ns}")  # noqa: S311 (reproducible)
        order = chance.choice(sorted(resting, key=lambda one: one.id))
        before = self._worth(order)
        units = venue.pairs[order.pair].units
        lots = order.amount * chance.choice([1, 2, 3, 4]) // 2
        ticks = order.ticks + int(chance.gauss(0, 20))
        wanted = AmendRequest(
            amount=decimal_of(lots, units.amount_decimals) if chance.random() < 0.7 else None,
            price=decimal_of(ticks, units.price_decimals) if chance.random() < 0.7 else None,
        )
        try:
            venue.amend(self._account, str(order.id), order.pair, wanted, now_ns)
        except VenueRefused:
            return False
        added = self._outside.added_by_hand
        more = max(ZERO, self._worth(order) - before)
        added[order.text] = added.get(order.text, ZERO) + more
        quantity = decimal_of(order.amount, units.amount_decimals)
        price = decimal_of(order.ticks, units.price_decimals)
        self._outside.made_by_hand.add((order.text, quantity, price))
        self._outside.host.turn()
        return True

    def _worth(self, order: Order) -> Decimal:
        units = self._outside.host.venue.pairs[order.pair].units
        return decimal_of(units.quote_atoms(order.ticks, order.amount))

    @property
    def _account(self) -> Account:
        return self._outside.host.venue.ledger.accounts[ACCOUNT]

    def _fund(self, currency: Currency, atoms: int) -> None:
        if atoms:
            ledger, now_ns = self._outside.host.venue.ledger, self._outside.venue_now_ns()
            ledger.fund(self._account, currency, atoms, now_ns)

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
        venue.place(self._account, order, self._outside.venue_now_ns())
