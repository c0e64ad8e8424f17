"""A world for one short visit: everything that trades, and no house behind it."""

from collections.abc import Callable
from dataclasses import dataclass

from adapters.clock import SystemClock
from adapters.gate.account_stream import GateAccountStream
from adapters.gate.market_stream import GateMarketStream
from adapters.gate.order_entry import OrderEntry
from adapters.gate.rest import GateExchange
from adapters.gate.signing import Credentials
from adapters.gate.venue_clock import VenueClock
from adapters.loop import LoopThread
from adapters.ports import AccountStream, Clock, Exchange, MarketStream
from state.config import Endpoints
from state.values import Pair

_CLOSE_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What a visitor may use."""

    clock: Clock
    exchange: Exchange
    market: MarketStream
    account: AccountStream
    close: Callable[[], None]
    """Give up sockets and threads, after what is under way has ended."""


def visit(endpoints: Endpoints, credentials: Credentials, pair: Pair) -> Visit:
    """Return the exchange at `endpoints`; only the order entry connects before somebody asks.

    Args:
        endpoints: Where it listens.
        credentials: Of the account to trade on.
        pair: Its ticker shows that the account stream lives.
    """
    clock, loop = SystemClock(), LoopThread("visit")
    skew, ws_urls = VenueClock(clock), (endpoints.ws,)
    exchange = GateExchange(
        rest_url=endpoints.rest,
        credentials=credentials,
        clock=clock,
        skew=skew,
        entry=OrderEntry(loop, ws_urls=ws_urls, credentials=credentials, clock=clock, skew=skew),
    )
    market = GateMarketStream(loop, ws_urls=ws_urls, clock=clock, skew=skew)
    account = GateAccountStream(
        loop, ws_urls=ws_urls, credentials=credentials, heartbeat=pair, clock=clock, skew=skew
    )

    def close() -> None:
        market.close()
        account.close()
        exchange.close(_CLOSE_S)
        loop.close(_CLOSE_S)

    return Visit(clock=clock, exchange=exchange, market=market, account=account, close=close)
