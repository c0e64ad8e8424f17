"""The world of Gate's protocol over sockets: the simulated exchange's process, testnet, live."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from actors.operations.admin import Desk
from adapters.clock import SystemClock
from adapters.gate.account_stream import GateAccountStream
from adapters.gate.market_stream import GateMarketStream
from adapters.gate.rest import GateExchange
from adapters.gate.signing import Credentials
from adapters.halt_latch import Latch
from adapters.loop import LoopThread
from adapters.ports import Exchange
from adapters.process_meter import SystemProcessMeter
from state.config import Endpoints
from state.messages.venue import FetchTime, Succeeded, VenueAnswer, VenueRequest
from state.store import Store
from state.values import Pair
from supervisor.worlds.world import World


class ClockedExchange:
    """An `Exchange` that remembers, of every answer to `FetchTime`, how far the clocks differ."""

    def __init__(self) -> None:
        self._inner: Exchange | None = None
        self.offset_ns: int | None = None
        """The exchange's clock minus ours; None before anybody asked."""

    def over(self, inner: Exchange) -> None:
        """Send requests to `inner`."""
        self._inner = inner

    def request(self, request: VenueRequest, deliver: Callable[[VenueAnswer], None]) -> None:
        """See `adapters.ports.Exchange.request`."""
        assert self._inner is not None
        if isinstance(request, FetchTime):
            asked_ns = request.asked_at_ns

            def remember(answer: VenueAnswer) -> None:
                outcome = answer.outcome
                if isinstance(outcome, Succeeded) and outcome.time is not None:
                    told = outcome.time
                    self.offset_ns = told.venue_ns - (asked_ns + told.answered_at_ns) // 2
                deliver(answer)

            self._inner.request(request, remember)
        else:
            self._inner.request(request, deliver)


@dataclass(frozen=True, kw_only=True)
class Connected:
    """A world and how to leave it."""

    world: World
    close: Callable[[float], Any]
    """Give up its sockets and threads within so many seconds."""


@dataclass(frozen=True, kw_only=True)
class Journal:
    """The journal of a process that is about to begin."""

    open: Callable[[], Store]
    """Opens it for writing."""
    name: str
    """Tells it from every other journal: part of every client order id."""
    process: str
    """Names this process in decision ids."""


def connect(
    endpoints: Endpoints,
    credentials: Credentials,
    *,
    pairs: tuple[Pair, ...],
    loop: LoopThread,
    latch: Latch,
    desk: Desk,
    journal: Journal,
) -> Connected:
    """Return the world at `endpoints`; nothing is connected before an actor asks.

    Args:
        endpoints: Where the exchange listens.
        credentials: Of the account to trade on.
        pairs: What is traded; the first one's ticker shows that the account stream lives.
        loop: Owns the sockets.
        latch: Read before each order is written.
        desk: What the operator's desk stands on.
        journal: Where everything is written.
    """
    clock, clocked = SystemClock(), ClockedExchange()
    rest = GateExchange(
        rest_url=endpoints.rest,
        credentials=credentials,
        clock=clock,
        clock_offset_ns=lambda: clocked.offset_ns,
        permit=lambda: latch.reason,
    )
    clocked.over(rest)
    market = GateMarketStream(
        loop, ws_url=endpoints.ws, clock=clock, clock_offset_ns=lambda: clocked.offset_ns
    )
    account = GateAccountStream(
        loop,
        ws_url=endpoints.ws,
        credentials=credentials,
        heartbeat=pairs[0],
        clock=clock,
        clock_offset_ns=lambda: clocked.offset_ns,
    )
    world = World(
        exchange=clocked,
        market=market,
        account=account,
        latch=latch,
        meter=SystemProcessMeter(),
        open_store=journal.open,
        desk=desk,
        process=journal.process,
        account_name=journal.name,
    )
    return Connected(world=world, close=rest.close)
