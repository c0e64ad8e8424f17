"""A world to look at and nothing else: Gate's protocol over sockets, with little patience."""

from collections.abc import Callable
from dataclasses import dataclass

from adapters.clock import SystemClock
from adapters.gate.market_stream import GateMarketStream
from adapters.gate.rest import GateExchange
from adapters.gate.sdk import Timeouts
from adapters.gate.signing import Credentials
from adapters.gate.venue_clock import VenueClock
from adapters.loop import LoopThread
from adapters.ports import Clock, Exchange, MarketStream
from state.config import Endpoints

_CLOSE_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Glance:
    """What somebody who looks may ask."""

    clock: Clock
    exchange: Exchange
    market: MarketStream
    close: Callable[[], None]
    """Give up sockets and threads at once; what still waits is left to the end of the process."""


def glance(endpoints: Endpoints, credentials: Credentials | None, *, patience_s: float) -> Glance:
    """Return the exchange at `endpoints`; nothing is connected before somebody asks.

    Args:
        endpoints: Where it listens.
        credentials: For signed reads; None allows public ones only.
        patience_s: The longest that one answer may take.
    """
    clock, loop = SystemClock(), LoopThread("glance")
    # Whoever looks is to see how far the clocks differ: no difference keeps the look back.
    skew = VenueClock(clock)
    exchange = GateExchange(
        rest_url=endpoints.rest,
        credentials=credentials,
        clock=clock,
        skew=skew,
        permit=lambda _: "only looking",
        timeouts=Timeouts(connect_s=patience_s, read_s=patience_s, total_s=patience_s),
    )
    market = GateMarketStream(loop, ws_urls=endpoints.streams, clock=clock, skew=skew)

    def close() -> None:
        market.close()
        exchange.close(_CLOSE_S)
        loop.close(_CLOSE_S)

    return Glance(clock=clock, exchange=exchange, market=market, close=close)
