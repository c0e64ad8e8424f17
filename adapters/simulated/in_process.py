"""The venue for a virtual runtime: the same core behind the ports, without sockets or threads.

Everything happens through `schedule` and `now_ns`, everything random through one seeded `Random`:
the same seed gives the same run. The venue outlives its clients: kill the trading side with
`Client.close`, connect again, and what was on its way to the dead one is dropped.

    host = InProcessVenue(venue, now_ns=..., schedule=runtime.call_later, chance=Random(seed))
    client = host.connect("demo")
    client.exchange, client.market, client.account  # serve the ports
"""

from collections.abc import Callable
from random import Random

from adapters.simulated.book_memory import BookMemory
from adapters.simulated.core.events import (
    Announced,
    BalanceMoved,
    BookPublished,
    Event,
    OrderMoved,
    PriceOrderMoved,
    TradeDone,
    TradePublished,
)
from adapters.simulated.core.ledger import Account
from adapters.simulated.core.venue import Venue
from adapters.simulated.faults import FaultName, FaultPlan
from adapters.simulated.in_process_exchange import InProcessExchange
from adapters.simulated.in_process_streams import (
    BOOK_UPDATES,
    InProcessAccountStream,
    InProcessMarketStream,
)
from adapters.simulated.network import Network
from adapters.simulated.rate_limits import RateLimits
from adapters.simulated.stage import Stage
from state.messages.venue import VenueRequest
from state.values import NS_PER_S

Schedule = Callable[[int, Callable[[], None]], None]
"""Run an action after so many nanoseconds; actions due at one time run in the order scheduled."""

_SUMMARIES_NS = NS_PER_S


class InProcessVenue:
    """One venue on a virtual clock.

    Args:
        venue: With its markets, which move from now on.
        now_ns: The venue's own clock; give it one that does not step with the trading side's.
        schedule: Runs an action later.
        chance: The only source of chance: latencies and reconnects.
        network: How long things take.
        faults: How it misbehaves; its own seeded plan.
        limits: How often clients may call; None counts nothing.
    """

    def __init__(
        self,
        venue: Venue,
        *,
        now_ns: Callable[[], int],
        schedule: Schedule,
        chance: Random,
        network: Network | None = None,
        faults: FaultPlan | None = None,
        limits: RateLimits | None = None,
    ) -> None:
        self.venue = venue
        self.stage = Stage(venue)
        self.true_now_ns = now_ns
        self.now_ns: Callable[[], int] = lambda: now_ns() + self.stage.ahead_ns
        self.schedule = schedule
        self.chance = chance
        self.network = network or Network()
        self.faults = faults or FaultPlan((), chance)
        self.limits = limits
        self.memory = BookMemory(venue)
        self.running = True
        self._clients: list[Client] = []
        self._armed_ns: int | None = None
        self._summaries_due_ns = 0
        self._arm()

    def connect(
        self,
        account: str = "demo",
        *,
        client_now_ns: Callable[[], int] | None = None,
        permit: Callable[[VenueRequest], str | None] = lambda _: None,
        book: str = BOOK_UPDATES,
    ) -> "Client":
        """Return a new client of `account`.

        Args:
            account: Its name at the venue.
            client_now_ns: The trading side's clock; the venue's, as it would be without jumps,
                unless it differs.
            permit: Asked right before each placement leaves; a reason refuses it with `HALTED`.
            book: The kind of book channel that it follows, by its name in `BOOK_KINDS`.
        """
        holder = self.venue.ledger.accounts[account]
        client = Client(self, holder, client_now_ns or self.true_now_ns, permit, book)
        self._clients.append(client)
        return client

    def forget(self, client: "Client") -> None:
        """Tell a closed client nothing any more."""
        if client in self._clients:
            self._clients.remove(client)

    def stop(self) -> None:
        """Let the venue's time stand still: nothing more is scheduled."""
        self.running = False

    def turn(self) -> None:
        """Do what is due now and tell it; every change of the venue ends with this."""
        now_ns = self.now_ns()
        self.venue.advance(now_ns)
        if self.faults.wants(FaultName.BOOK_STALE):
            self.memory.remember(now_ns)
        events = self.venue.drain()
        for client in tuple(self._clients):
            client.tell(events)
        if self.stage.closed:
            for client in tuple(self._clients):
                client.shut_out()
        if now_ns >= self._summaries_due_ns:
            self._summaries_due_ns = now_ns - now_ns % _SUMMARIES_NS + _SUMMARIES_NS
            for client in tuple(self._clients):
                client.market.tell_summaries(now_ns)
        self._arm()

    def _arm(self) -> None:
        """Be woken when the venue has something to do, unless that is planned already."""
        due_ns = self.venue.next_due_ns()
        if not self.running or due_ns is None:
            return
        now_ns = self.now_ns()
        due_ns = max(due_ns, now_ns)
        if self._armed_ns is None or due_ns < self._armed_ns:
            self._armed_ns = due_ns
            self.schedule(due_ns - now_ns, self._wake)

    def _wake(self) -> None:
        # An alarm that an earlier one replaced still rings; it has nothing to do.
        if self.running and self._armed_ns is not None and self.now_ns() >= self._armed_ns:
            self._armed_ns = None
            self.turn()


class Client:
    """One life of a trading side: its ports, all dead once it is closed.

    Args:
        host: The venue.
        account: Who trades.
        now_ns: The trading side's clock.
        permit: Asked before placements leave.
        book: The kind of book channel that it follows.
    """

    def __init__(
        self,
        host: InProcessVenue,
        account: Account,
        now_ns: Callable[[], int],
        permit: Callable[[VenueRequest], str | None],
        book: str,
    ) -> None:
        self._host = host
        self.alive = True
        self._owner = account.name
        self.exchange = InProcessExchange(host, self, account, now_ns, permit)
        self.market = InProcessMarketStream(host, self, now_ns, book)
        self.account = InProcessAccountStream(host, self)

    def close(self) -> None:
        """Die: what left is still handled by the venue, nothing is delivered any more."""
        self.alive = False
        self.market.forget_all()
        self._host.forget(self)

    def shut_out(self) -> None:
        """Lose every stream: nobody is served."""
        self.market.break_off("the exchange is closed")
        self.account.break_off("the exchange is closed")

    def tell(self, events: list[Event]) -> None:
        """Hand the streams what concerns them."""
        for event in events:
            match event:
                case BookPublished() | TradePublished():
                    self.market.tell(event)
                case OrderMoved(order=order):
                    if order.owner == self._owner:
                        self.account.tell(event)
                case TradeDone(trade=trade):
                    if trade.owner == self._owner:
                        self.account.tell(event)
                case BalanceMoved(owner=owner):
                    if owner == self._owner:
                        self.account.tell(event)
                case PriceOrderMoved(order=price_order):
                    if price_order.owner == self._owner:
                        self.account.tell(event)
                case Announced():
                    pass  # no port carries them
        self.market.flush()
        self.account.flush()
