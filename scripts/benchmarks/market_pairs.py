"""A living market in this process: so many pairs at so many updates a second.

Each pair has its feed, book analyzer, flow analyzer and candle builder on the real runtime, and one
who listens to its measures in the trader's place. The exchange is a thread that hands bytes over as
the socket's loop does: decoding is measured, the network is not. `flood` has it over a socket.
"""

import json
import resource
import threading
import time
from collections.abc import Callable
from typing import Any

from actors import addresses
from actors.kernel import Actor, Birthright
from actors.kernel.live import LiveRuntime
from actors.kernel.mailbox import LanePolicy, WhenFull
from actors.market.book_analyzer import BookAnalyzer
from actors.market.candle_builder import CandleBuilder
from actors.market.feed import Feed
from actors.market.flow_analyzer import FlowAnalyzer
from adapters.clock import SystemClock
from adapters.gate.frames import decode_frame, decode_market
from adapters.ports import MarketMessage, MarketStream
from scripts.benchmarks.figures import Figure, percentile
from scripts.benchmarks.pushes import BEST_TICKS, MARK, PUSHES
from state.config import CandleSettings, FeedSettings, FlowSettings
from state.instrument import TradingRules
from state.messages.held import RulesKnown
from state.messages.market import (
    BookMeasured,
    BookSnapshot,
    CandleClosed,
    StreamOpened,
    TradePrinted,
)
from state.messages.signals import Opinion
from state.messages.venue import FetchBook, Refused, Succeeded, VenueAnswer, VenueRequest
from state.values import Currency, Pair, Side, TimeNs

TABLE = (1, 10, 50, 100, 200)
UPDATES_PER_S = 10
WATCHED_S = 6.0
_FEED = FeedSettings(book_stale_after_s=600.0, compare_every_s=3600.0)
_BOOKS = LanePolicy(limit=100_000)
_NEWEST = LanePolicy(
    WhenFull.CONFLATE,
    limit=100_000,
    key=lambda message: message.pair if isinstance(message, BookMeasured) else None,
)


def measure() -> list[Figure]:
    """Measure 100 pairs."""
    loaded = _watched(100)
    return [
        Figure(
            f"100 pairs, {UPDATES_PER_S} updates a second each: processor",
            loaded["cpu"],
            "cores",
            target="< 1 core",
            met=loaded["cpu"] < 1,
            note=f"{loaded['rate']:,.0f} updates a second came to be measured",
        ),
        Figure(
            "the same: oldest mail",
            loaded["oldest_ms"],
            "ms",
            target="<= 100 ms",
            met=loaded["oldest_ms"] <= 100,
        ),
        Figure("the same: socket to trader, p99", loaded["p99_ms"], "ms"),
    ]


def table() -> list[Figure]:
    """Measure what more pairs cost, at ten updates a second each."""
    figures = []
    for pairs in TABLE:
        loaded = _watched(pairs)
        figures += [
            Figure(f"{pairs} pairs: processor", loaded["cpu"], "cores"),
            Figure(f"{pairs} pairs: updates measured", loaded["rate"], "/s"),
            Figure(f"{pairs} pairs: socket to trader, p50", loaded["p50_ms"], "ms"),
            Figure(f"{pairs} pairs: socket to trader, p99", loaded["p99_ms"], "ms"),
            Figure(f"{pairs} pairs: oldest mail", loaded["oldest_ms"], "ms"),
            Figure(f"{pairs} pairs: memory at most", loaded["rss_mb"], "MB"),
            Figure(f"{pairs} pairs: threads", loaded["threads"], ""),
        ]
    return figures


class _Trader(Actor):
    """Hears what a trader hears, and notes how old it is."""

    def __init__(self, pair: Pair, heard: Callable[[BookMeasured, int], None]) -> None:
        super().__init__()
        self._pair = pair
        self._heard = heard

    def on_start(self) -> None:
        for topic in (BookMeasured, CandleClosed, Opinion):
            self.subscribe(topic, self._pair)

    def on_receive(self, message: Any) -> None:
        if isinstance(message, BookMeasured) and message.fed_time_ns:
            self._heard(message, self.now_ns())


class _Parent(Actor):
    """Hears how the others live."""

    def on_receive(self, message: Any) -> None:
        """Nothing is done about it: whoever dies is missed in the figures."""


class Outside:
    """Both ports: opens streams at once, and knows one book."""

    def __init__(self) -> None:
        self.deliver: dict[Pair, Callable[[MarketMessage], None]] = {}
        self.newest_id: Callable[[Pair], int] = lambda _: 1000
        """Of a pair's book, when it is fetched."""

    def subscribe(self, pair: Pair, deliver: Callable[[MarketMessage], None]) -> None:
        """See `adapters.ports.MarketStream.subscribe`."""
        self.deliver[pair] = deliver
        deliver(StreamOpened(pair=pair))

    def unsubscribe(self, pair: Pair) -> None:
        """See `adapters.ports.MarketStream.unsubscribe`."""

    def request(self, request: VenueRequest, deliver: Callable[[VenueAnswer], None]) -> None:
        """See `adapters.ports.Exchange.request`."""
        outcome: Any = Refused(label="NOT_SENT", message="only books are known here")
        if isinstance(request, FetchBook):
            levels = range(1, 101)
            outcome = Succeeded(
                book=BookSnapshot(
                    pair=request.pair,
                    event_time_ns=TimeNs(time.time_ns()),
                    seen_time_ns=TimeNs(time.time_ns()),
                    last_id=self.newest_id(request.pair),
                    bids=tuple(((BEST_TICKS - place) / 10, 1.0) for place in levels),
                    asks=tuple(((BEST_TICKS + place) / 10, 1.0) for place in levels),
                )
            )
        deliver(VenueAnswer(request=request, outcome=outcome))  # type: ignore[arg-type]


class Market:
    """So many pairs that live.

    Args:
        count: Of pairs.
        stream: Where they hear of the market; by `push` when None.
        heard: Is handed all measures, and the time.
    """

    def __init__(
        self,
        count: int,
        stream: MarketStream | None = None,
        heard: Callable[[BookMeasured, int], None] | None = None,
    ) -> None:
        self.pairs = [Pair(f"C{number}_USDT") for number in range(count)]
        self.ages_ns: list[int] = []
        self.outside = Outside()
        self._stream = stream or self.outside
        self._heard = heard or self._note_age
        self.runtime = LiveRuntime(SystemClock())
        self.runtime.spawn("parent", Birthright(make=_Parent), parent=None)
        for pair in self.pairs:
            self._live(pair)
        self._numbers = dict.fromkeys(self.pairs, 0)

    def _note_age(self, measured: BookMeasured, now_ns: int) -> None:
        self.ages_ns.append(now_ns - measured.seen_time_ns)

    def _live(self, pair: Pair) -> None:
        runtime, outside, flow = self.runtime, self.outside, FlowSettings()
        births = {
            f"bench/{pair}/trader": Birthright(make=_Trader, args=(pair, self._heard)),
            addresses.flow_analyzer(pair): Birthright(make=FlowAnalyzer, args=(pair, flow)),
            addresses.candle_builder(pair): Birthright(
                make=CandleBuilder, args=(pair, outside, CandleSettings(backfill=False))
            ),
            addresses.book_analyzer(pair): Birthright(
                make=BookAnalyzer, args=(pair, 10.0, 100, flow)
            ),
            addresses.feed(pair): Birthright(make=Feed, args=(pair, self._stream, outside, _FEED)),
        }
        for address, birth in births.items():
            policy = _NEWEST if address.endswith(("trader", "flow_analyzer")) else _BOOKS
            runtime.open(address, data=policy)
            runtime.spawn(address, birth, parent="parent")
        rules = TradingRules(
            pair=pair,
            base=Currency(pair.split("_")[0]),
            quote=Currency("USDT"),
            price_decimals=1,
            quantity_decimals=4,
        )
        runtime.tell(addresses.flow_analyzer(pair), RulesKnown(pair=pair, rules=rules))

    def wait(self, within_s: float = 30.0) -> None:
        """Wait until every pair's stream is asked for and all that waits was handled."""
        until_s, by_push = time.monotonic() + within_s, self._stream is self.outside
        while (by_push and len(self.outside.deliver) < len(self.pairs)) or self.waiting():
            assert time.monotonic() < until_s, "the market does not come to rest"
            time.sleep(0.05)

    def waiting(self) -> int:
        """Return how much mail waits."""
        return sum(len(box.data) + len(box.control) for box in self.runtime.mailboxes.values())

    def oldest_ms(self) -> float:
        """Return how long the oldest mail of all has waited."""
        return max(self.runtime.oldest_ms(address) for address in list(self.runtime.mailboxes))

    def push(self, pair: Pair) -> None:
        """Hand over a pair's next change, and now and then a trade, as the socket's loop does."""
        number = self._numbers[pair]
        self._numbers[pair] = number + 1
        data = PUSHES[number % len(PUSHES)]
        first = 1001 + number
        # Names, numbers and times are put in where they stand: it costs far less than writing JSON.
        data = data.replace(b"@", pair.encode()).replace(b"#", str(first).encode())
        data = data.replace(MARK, str(time.time_ns() // 1_000_000).encode())
        seen_ns = TimeNs(time.time_ns())
        message = decode_market(decode_frame(data), seen_ns, _now_ns)  # type: ignore[arg-type]
        deliver = self.outside.deliver[pair]
        deliver(message)
        if number % 5 == 0:
            deliver(
                TradePrinted(
                    pair=pair,
                    event_time_ns=seen_ns,
                    seen_time_ns=seen_ns,
                    trade_id=number,
                    price=(BEST_TICKS + 1) / 10,
                    quantity=0.01,
                    taker=Side.BUY,
                )
            )

    def close(self) -> None:
        """End all threads."""
        self.runtime.close()


def _now_ns() -> TimeNs:
    return TimeNs(time.time_ns())


_READABLE = PUSHES[0].replace(b"#", b"1001")


def read_by_json() -> None:
    """Read one push with the standard library, and do nothing with it."""
    json.loads(_READABLE)


def _watched(count: int) -> dict[str, float]:
    """Return what so many pairs cost while they are updated."""
    market = Market(count)
    try:
        market.wait()
        oldest: list[float] = []
        ended = threading.Event()

        def look() -> None:
            while not ended.wait(0.05):
                oldest.append(market.oldest_ms())

        watcher = threading.Thread(target=look, daemon=True)
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        watcher.start()
        step_s = 1 / UPDATES_PER_S / count
        for number in range(int(WATCHED_S * UPDATES_PER_S * count)):
            left_s = began_s + number * step_s - time.perf_counter()
            # The network tells several at once too: no thread wakes a thousand times a second.
            if left_s > 0.002:
                time.sleep(left_s)
            market.push(market.pairs[number % count])
        took_s = time.perf_counter() - began_s
        cpu_s, threads = time.process_time() - began_cpu_s, threading.active_count() - 1
        ended.set()
        watcher.join()
        market.wait()
        ages_ms = [age_ns / 1e6 for age_ns in market.ages_ns]
        return {
            "cpu": cpu_s / took_s,
            "rate": len(ages_ms) / took_s,
            "p50_ms": percentile(ages_ms, 0.5),
            "p99_ms": percentile(ages_ms, 0.99),
            "oldest_ms": max(oldest, default=0.0),
            "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "threads": float(threads),
        }
    finally:
        market.close()
