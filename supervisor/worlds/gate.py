"""The world of Gate's protocol over sockets: the simulated exchange's process, testnet, live."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from actors.operations.admin import Desk
from adapters.clock import SystemClock
from adapters.gate.account_stream import GateAccountStream
from adapters.gate.market_stream import GateMarketStream, followed_by
from adapters.gate.order_entry import OrderEntry
from adapters.gate.rest import GateExchange
from adapters.gate.signing import Credentials
from adapters.gate.venue_clock import VenueClock
from adapters.halt_latch import Latch, permit_of
from adapters.loop import LoopThread
from adapters.ports import ChatModel, MarketHistory
from adapters.process_meter import SystemProcessMeter
from state.config import Config, Endpoints
from state.store import Store
from supervisor.worlds.world import World


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
    history: Path | None = None
    """Folder of the market's history; None where none is kept."""


def connect(
    endpoints: Endpoints,
    credentials: Credentials,
    *,
    config: Config,
    loop: LoopThread,
    latch: Latch,
    desk: Desk,
    journal: Journal,
    chat: ChatModel | None = None,
) -> Connected:
    """Return the world at `endpoints`; only the order entry connects before an actor asks.

    It logs in once somebody has heard what time it is there.

    Args:
        endpoints: Where the exchange listens.
        credentials: Of the account to trade on.
        config: What is traded, the first pair's ticker shows that the account stream lives; by
            which channel books are followed; most that the clocks may differ.
        loop: Owns the sockets.
        latch: Read before each order is written.
        desk: What the operator's desk stands on.
        journal: Where everything is written.
        chat: Whom the advisor asks.
    """
    clock = SystemClock()
    skew = VenueClock(clock, tolerance_s=config.orders.clock_skew_max_s)
    ws_urls = endpoints.streams
    exchange = GateExchange(
        rest_url=endpoints.rest,
        credentials=credentials,
        clock=clock,
        skew=skew,
        permit=permit_of(latch),
        entry=OrderEntry(loop, ws_urls=ws_urls, credentials=credentials, clock=clock, skew=skew),
    )
    feed = config.feed
    market = GateMarketStream(
        loop,
        ws_urls=ws_urls,
        clock=clock,
        skew=skew,
        book=followed_by(feed.book_channel, feed.book_depth),
        together_max=feed.together_max,
    )
    account = GateAccountStream(
        loop,
        ws_urls=ws_urls,
        credentials=credentials,
        heartbeat=config.pairs[0],
        clock=clock,
        skew=skew,
    )

    world = World(
        exchange=exchange,
        market=market,
        account=account,
        latch=latch,
        meter=SystemProcessMeter(),
        open_store=journal.open,
        desk=desk,
        process=journal.process,
        account_name=journal.name,
        chat=chat,
        open_history=None if journal.history is None else partial(_open_history, journal.history),
    )
    return Connected(world=world, close=exchange.close)


def _open_history(folder: Path) -> MarketHistory:
    # Imported when there is something to write: DuckDB takes a while.
    from adapters.history.keeper import HistoryKeeper  # noqa: PLC0415
    from adapters.history.store import HistoryStore  # noqa: PLC0415

    return HistoryKeeper(HistoryStore(folder))
