"""A flood of one pair's changes, over a socket: how old is what the house goes by meanwhile.

The exchange is a process of its own (`flood_source`), which says of each change when it told it:
what waits in a socket is part of the age. Everything from the bytes on is the house's own.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from statistics import median
from types import TracebackType
from typing import Self

from adapters.clock import SystemClock
from adapters.gate.market_stream import GateMarketStream
from adapters.loop import LoopThread
from adapters.ports import MarketMessage, MarketStream
from scripts.benchmarks.figures import Figure, held, microseconds, percentile
from scripts.benchmarks.market_pairs import Market, read_by_json
from scripts.proofs.processes import ROOT, environment
from state.config import FeedSettings
from state.messages.market import BookDelta, BookMeasured
from state.values import Pair

PER_S = 20_000
SECONDS = 3.0
AGE_MAX_MS = 50.0
WITHIN_S = 60.0
_PAIRS = 2


class _Source:
    """The exchange's process."""

    def __init__(self, pairs: list[Pair]) -> None:
        command = [sys.executable, "-m", "scripts.benchmarks.flood_source", *pairs]
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment(),
        )
        self.port = int(self._line())

    def flood(self, rate: float, seconds: float) -> tuple[int, int, int]:
        """Have it flood; return when that was over (UTC ns), how many it told, what nobody took."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{rate} {seconds}\n")
        self._process.stdin.flush()
        ended_ns, told, left = map(int, self._line().split())
        return ended_ns, told, left

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


class _Noted:
    """The stream, and how far it has told each book."""

    def __init__(self, stream: MarketStream) -> None:
        self._stream = stream
        self.ids: dict[Pair, int] = {}

    def subscribe(self, pair: Pair, deliver: Callable[[MarketMessage], None]) -> None:
        """See `adapters.ports.MarketStream.subscribe`."""

        def noted(message: MarketMessage) -> None:
            if isinstance(message, BookDelta):
                self.ids[pair] = message.last_id
            deliver(message)

        self._stream.subscribe(pair, noted)

    def unsubscribe(self, pair: Pair) -> None:
        """See `adapters.ports.MarketStream.unsubscribe`."""
        self._stream.unsubscribe(pair)


class _Flooded:
    """Two pairs that live on the source's stream, and what their traders hear."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._heard: list[tuple[Pair, int, int]] = []
        """Pair, when the exchange told it, and when its trader heard, UTC ns."""
        self._newest: dict[Pair, BookMeasured] = {}
        pairs = [Pair(f"C{number}_USDT") for number in range(_PAIRS)]
        self.source, self._loop = _Source(pairs), LoopThread()
        self._stream = GateMarketStream(
            self._loop,
            ws_urls=(f"ws://127.0.0.1:{self.source.port}/ws/v4/",),
            clock=SystemClock(),
            together_max=FeedSettings().together_max,
        )
        noted = _Noted(self._stream)
        self.market = Market(_PAIRS, noted, self._hear)
        # What is made up has no levels that come and go: any book is right at any id.
        self.market.outside.newest_id = lambda pair: noted.ids.get(pair, 1000)

    def _hear(self, measured: BookMeasured, now_ns: int) -> None:
        with self._changed:
            self._heard.append((measured.pair, measured.event_time_ns, now_ns))
            self._newest[measured.pair] = measured
            self._changed.notify_all()

    def wait_since(self, at_ns: int) -> int:
        """Wait until of each pair is known what was told later; return when that was, UTC ns."""
        until_s = time.monotonic() + WITHIN_S
        with self._changed:
            while not all(
                pair in self._newest and self._newest[pair].event_time_ns > at_ns
                for pair in self.market.pairs
            ):
                left_s = until_s - time.monotonic()
                assert left_s > 0, "the books do not come back"
                self._changed.wait(left_s)
        return time.time_ns()

    def take(self) -> list[tuple[Pair, int, int]]:
        """Return what was heard since the last time."""
        with self._changed:
            heard, self._heard = self._heard, []
        return heard

    @property
    def connects(self) -> int:
        """Return how often the stream was connected."""
        return self._stream.connects

    def close(self) -> None:
        """End everything."""
        self._stream.close()
        self.market.close()
        self._loop.close(2.0)
        self.source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def measure(rate: int = PER_S, seconds: float = SECONDS) -> list[Figure]:
    """Measure one flood."""
    with _Flooded() as flooded:
        flooded.wait_since(0)
        flooded.source.flood(rate / 10, 0.5)  # Warm.
        flooded.wait_since(time.time_ns())
        flooded.take()
        connects = flooded.connects
        alone_us = [median(microseconds(500, read_by_json))]
        began_cpu_s = time.process_time()
        ended_ns, told, left = flooded.source.flood(rate, seconds)
        over_ns = flooded.wait_since(ended_ns)
        cpu_s = time.process_time() - began_cpu_s
        alone_us.append(median(microseconds(500, read_by_json)))
        heard = flooded.take()
        lost = flooded.connects - connects
    first = flooded.market.pairs[0]
    ages_ms = [
        (heard_ns - told_ns) / 1e6
        for pair, told_ns, heard_ns in heard
        if pair == first and told_ns <= ended_ns
    ]
    p99 = percentile(ages_ms, 0.99)
    return [
        Figure("flood: told", told / seconds, "/s", target=f"{rate:,} /s wanted"),
        Figure(
            "flood: age of the newest applied, p99",
            p99,
            "ms",
            target=f"<= {AGE_MAX_MS:g} ms",
            met=p99 <= AGE_MAX_MS,
            note=f"{len(ages_ms):,} measures of {told:,} changes, the rest conflated; "
            "from the exchange's telling it to the trader's hearing of it, sockets included",
        ),
        Figure("flood: the same, p50", percentile(ages_ms, 0.5), "ms"),
        Figure("flood: the same, most", max(ages_ms), "ms"),
        held(
            "flood: processor a change takes, with all that follows",
            cpu_s / told * 1e6,
            sum(alone_us) / 2,
            1e6 / PER_S,
        ),
        Figure(
            "flood: processor there was", cpu_s / (seconds + (over_ns - ended_ns) / 1e9), "cores"
        ),
        Figure(
            "flood: current again after its end",
            (over_ns - ended_ns) / 1e6,
            "ms",
            note="what is told ten times a second is told within 100 ms",
        ),
        Figure("flood: connections given up, for more came than was read", lost, ""),
        Figure("flood: bytes that nobody had taken at its end", left, "B"),
    ]
