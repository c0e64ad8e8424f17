"""What is outside of the crashed house: a still market, a street that follows a script, a wire."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from math import ceil
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from actors.execution.client_ids import client_order_id
from actors.kernel.virtual import VirtualClock
from adapters.ports import AccountMessage, AccountStream, Exchange
from adapters.simulated.core.orders import Order, OrderRequest
from adapters.simulated.core.units import decimal_of
from adapters.simulated.faults import FaultName, FaultOrder
from adapters.simulated.network import Network
from adapters.simulated.options import AccountOptions, open_accounts
from state.messages.venue import AmendOrder, CancelPlaced, PlaceOrder, VenueAnswer, VenueRequest
from state.values import (
    NS_PER_MS,
    NS_PER_S,
    Currency,
    DecisionId,
    Pair,
    Price,
    Quantity,
    Side,
    TimeInForce,
)
from supervisor.crash_points.instants import Fate, Flight, Site, Watch
from supervisor.crash_points.platter import Platter, PlatterDisk
from supervisor.crash_points.scenarios import ATTEMPTS, CHILDREN, Fill, Scenario
from supervisor.worlds.virtual import ACCOUNT, Scene, VirtualOutside

PAIR = Pair("BTC_USDT")
STREET = "street"
LOOK_EVERY_NS = 50 * NS_PER_MS
BEAT_EVERY_NS = 600 * NS_PER_MS
_STILL = Network(
    latency_min_ns=5 * NS_PER_MS,
    latency_max_ns=5 * NS_PER_MS,
    silence_ns=3600 * NS_PER_S,
    reconnect_min_ns=200 * NS_PER_MS,
    reconnect_max_ns=200 * NS_PER_MS,
    timeout_ns=2 * NS_PER_S,
)
_BEAT = OrderRequest(pair=PAIR, side=Side.BUY, amount=Decimal("0.001"), price=Decimal(64990))
_BEAT_BELOW = replace(_BEAT, price=Decimal(63050))
_FALL = (
    (Side.SELL, Decimal(63000), Decimal(100), TimeInForce.IOC),
    (Side.BUY, Decimal(63100), Decimal("0.5"), TimeInForce.GTC),
    (Side.SELL, Decimal(63101), Decimal("0.5"), TimeInForce.GTC),
)
"""Everything that is bid down to 63,000 is taken; then somebody bids below the stop."""
_FAULTS = {
    Fate.LOST: (FaultName.REQUEST_LOST, 0),
    Fate.TORN: (FaultName.REQUEST_LOST, 0),
    Fate.ANSWER_LOST: (FaultName.ANSWER_LOST, 0),
    Fate.LATE: (FaultName.REQUEST_LATE, 900),
    Fate.TOO_LATE: (FaultName.REQUEST_LATE, 6_000),
    Fate.ANSWER_LATE: (FaultName.ANSWER_LATE, 1_500),
}


class _Due(Struct):
    """One fill that the script wants of one order."""

    fill: Fill
    since_ns: int
    """When the order was first seen to rest."""
    done: bool = False


class Stage(VirtualOutside):
    """The exchange, the disk and time: all that outlives a crash.

    Args:
        scenario: What the street does.
        clock: Time.
        watch: Told of every instant.
    """

    def __init__(self, scenario: Scenario, clock: VirtualClock, watch: Watch) -> None:
        self.platters = PlatterDisk(watch)
        scene = Scene(pairs=(PAIR,), seed=1, network=_STILL)
        super().__init__(scene, clock, disk=self.platters)
        self._scenario = scenario
        self._watch = watch
        self.flights: list[Flight] = []
        """What this life asked for and may still hear of."""
        self.named = {
            str(client_order_id(ACCOUNT, DecisionId(f"{wish.name}/{attempt}"), child)): wish.name
            for wish in scenario.wishes
            for attempt in range(1, ATTEMPTS + 1)
            for child in range(1, 2 if wish.plan is None else CHILDREN + 1)
        }
        """Which wish an order is of, by its client order id."""
        self.fell = False
        """Whether the price has fallen."""
        self._held_ns: int | None = None
        self._dues: dict[tuple[int, int], _Due] = {}
        venue = self.host.venue
        venue.markets.clear()
        balances = {Currency("USDT"): Decimal(10_000_000), Currency("BTC"): Decimal(1_000)}
        street = AccountOptions(name=STREET, key=STREET, secret=STREET, balances=balances)
        open_accounts(venue, [street])
        if scenario.offer is not None:
            self._offer(*scenario.offer)
        clock.call_later(LOOK_EVERY_NS, self._look)
        clock.call_later(BEAT_EVERY_NS, self._beat)

    def wire(self, exchange: Exchange) -> "Wire":
        """Return `exchange` with every instant of a request told."""
        self.flights = []
        return Wire(self, exchange, self._watch)

    def ears(self, stream: AccountStream) -> "Ears":
        """Return `stream` with every push told."""
        return Ears(stream, self._watch)

    @property
    def platter(self) -> Platter:
        """What the store writes to."""
        return self.platters.connection

    def strike(self, fate: Fate) -> None:
        """Have the very next request struck."""
        fault, delay_ms = _FAULTS[fate]
        if fate in (Fate.LATE, Fate.TOO_LATE):
            self.flights[-1].travels_until_ns = self.clock.elapsed_ns + delay_ms * NS_PER_MS
        self.arm([FaultOrder(fault=fault, occurrences=(1,), delay_ms=delay_ms)])

    def arm(self, faults: Iterable[FaultOrder]) -> None:
        """Have the exchange misbehave like this from now on, and in no other way."""
        self.faults.replace(faults)

    def ours(self) -> dict[str, list[Order]]:
        """Return every order of ours that the exchange ever took, by our name for it."""
        found: dict[str, list[Order]] = {}
        for order in self.orders():
            found.setdefault(order.text, []).append(order)
        return found

    def held(self) -> Decimal:
        """Return what we bought and did not sell again, base units before fees."""
        units = self.host.venue.pairs[PAIR].units
        trades = self.host.venue.index.trades_since(ACCOUNT, PAIR, 0)
        lots = sum(trade.side.sign * trade.lots for trade in trades)
        return decimal_of(lots, units.amount_decimals)

    def traded(self) -> int:
        """Return a number that grows with every fill of anybody."""
        return self.host.venue.pairs[PAIR].sequence

    def fill(self, order: Order, share: Decimal) -> None:
        """Have the street trade `share` of an order with it, as much of that as rests."""
        units = self.host.venue.pairs[order.pair].units
        # Upwards: of one that was made smaller the last part would leave a lot that rests for ever.
        lots = min(order.left, ceil(order.amount * share))
        if lots <= 0 or not order.is_open:
            return
        self.host.venue.place(
            self.host.venue.ledger.accounts[STREET],
            OrderRequest(
                pair=order.pair,
                side=order.side.opposite,
                amount=decimal_of(lots, units.amount_decimals),
                price=decimal_of(order.ticks, units.price_decimals),
                time_in_force=TimeInForce.IOC,
            ),
            self.host.now_ns(),
        )
        self.host.turn()

    def cancel_leaves(self, flight: Flight) -> None:
        """Let the script cross a cancel that has just left."""
        for order in self.ours().get(flight.name, []):
            wish = self._scenario.wish(self.named.get(order.text, ""))
            if wish is not None and wish.crossed and order.is_open:
                action = partial(self.fill, order, wish.crossed)
                self.clock.call_later(NS_PER_MS, action)

    def _offer(self, price: Price, quantity: Quantity) -> None:
        venue = self.host.venue
        offer = OrderRequest(pair=PAIR, side=Side.SELL, amount=quantity, price=price)
        venue.place(venue.ledger.accounts[STREET], offer, self.host.now_ns())
        self.host.turn()

    def _fall_if_due(self, now_ns: int) -> None:
        after_s = self._scenario.falls_after_s
        if after_s is None or self.fell or not self.held():
            return
        if self._held_ns is None:
            self._held_ns = now_ns
        if now_ns - self._held_ns < after_s * 1e9:
            return
        self.fell = True
        venue, at_ns = self.host.venue, self.host.now_ns()
        street = venue.ledger.accounts[STREET]
        venue.cancel_all(street, at_ns)
        for side, price, amount, time_in_force in _FALL:
            order = OrderRequest(
                pair=PAIR, side=side, amount=amount, price=price, time_in_force=time_in_force
            )
            venue.place(street, order, at_ns)
        self.host.turn()

    def _beat(self) -> None:
        """Move the book a little, far from where anybody trades: a still one is measured once."""
        self.clock.call_later(BEAT_EVERY_NS, self._beat)
        venue, now_ns = self.host.venue, self.host.now_ns()
        street = venue.ledger.accounts[STREET]
        if not venue.cancel_all(street, now_ns, side=Side.BUY):
            venue.place(street, _BEAT_BELOW if self.fell else _BEAT, now_ns)
        self.host.turn()

    def _look(self) -> None:
        self.clock.call_later(LOOK_EVERY_NS, self._look)
        now_ns = self.clock.elapsed_ns
        self._fall_if_due(now_ns)
        for order in self.host.venue.index.open_orders(ACCOUNT):
            wish = self._scenario.wish(self.named.get(order.text, ""))
            for number, fill in enumerate(wish.fills if wish is not None else ()):
                due = self._dues.setdefault((order.id, number), _Due(fill, now_ns))
                if not due.done and now_ns - due.since_ns >= fill.after_s * 1e9:
                    due.done = True
                    self.fill(order, fill.share)


class Wire:
    """The `Exchange` port with a name for each instant of a request."""

    def __init__(self, stage: Stage, inner: Exchange, watch: Watch) -> None:
        self._stage = stage
        self._inner = inner
        self._watch = watch

    def request(self, request: VenueRequest, deliver: Callable[[VenueAnswer], None]) -> None:
        """See `adapters.ports.Exchange.request`."""
        flight = Flight(request)
        if isinstance(request, CancelPlaced):
            orders = self._stage.ours().get(flight.name, [])
            flight.left_lots = sum(order.left for order in orders)
        self._stage.flights.append(flight)
        self._watch(Site.HANDED, flight)
        self._inner.request(request, partial(self._received, flight, deliver))
        flight.sent = True
        if isinstance(request, CancelPlaced):
            self._stage.cancel_leaves(flight)
        if not isinstance(request, PlaceOrder | AmendOrder | CancelPlaced):
            return
        self._watch(Site.SENT, flight)

    def _received(
        self, flight: Flight, deliver: Callable[[VenueAnswer], None], answer: VenueAnswer
    ) -> None:
        flight.received = True
        flight.outcome = answer.outcome
        self._watch(Site.RECEIVED, flight)
        deliver(answer)


class Ears:
    """The `AccountStream` port with a name for the instant of a push."""

    def __init__(self, inner: AccountStream, watch: Watch) -> None:
        self._inner = inner
        self._watch = watch

    def open(self, deliver: Callable[[AccountMessage], None]) -> None:
        """See `adapters.ports.AccountStream.open`."""

        def pushed(message: Any) -> None:
            self._watch(Site.PUSHED, message)
            deliver(message)

        self._inner.open(pushed)
