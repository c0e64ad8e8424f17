"""A recorded market through everything: exchange process, sockets, stream, feed, book analyzer.

The truth is an independent stream of best prices recorded beside the tape. For each update the
book's best bid and ask, price and size, must be what that stream said last.
"""

import bisect
import threading
from pathlib import Path
from typing import Any

import duckdb
import pytest

from actors import addresses
from actors.kernel import Actor, Birthright
from actors.kernel.live import LiveRuntime
from actors.market.book_analyzer import BookAnalyzer
from actors.market.feed import Feed
from adapters.clock import SystemClock
from adapters.gate.connection import StreamSettings
from adapters.gate.market_stream import GateMarketStream
from adapters.gate.rest import GateExchange
from adapters.gate.signing import Credentials
from adapters.loop import LoopThread
from adapters.simulated.options import DEMO_KEY, DEMO_SECRET
from scripts.proofs.processes import Exchange
from state.config import FeedSettings, FlowSettings, Secret
from state.messages.market import (
    BookDelta,
    BookLost,
    BookMeasured,
    BookSnapshot,
    StreamOpened,
)
from state.messages.venue import FetchBook, Succeeded, VenueAnswer
from state.values import NS_PER_S, Pair, TimeNs

RECORDED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "l2"
TAPE = RECORDED / "btcusdt_binance_spot_20240808.parquet"
TRUTH = RECORDED / "btcusdt_binance_spot_20240808_bbo.parquet"
BTC = Pair("BTC_USDT")
SPEED = 50.0
"""650 s of market in 13."""
ETH_TAPE = RECORDED / "ethbtc_binance_spot_20201101_09h-11h.parquet"
ETHBTC = Pair("ETH_BTC")
ETH_SPEED = 480.0
"""Two hours in 15 seconds."""
ETH_UPDATES = 7_198
PAUSE_S = 5.0
"""Between the first snapshot and the first update, for the stream to be there in time."""
UPDATES = 6_492
"""That begin after the snapshot; two ended before it, and one straddles it."""
SNAPSHOT_ID = 50093239218
STRADDLING_ID = 50093239224
"""Last id of the update, received before the snapshot, that the snapshot's id lies inside."""
BEHIND = [50093478174, 50093480542]
"""Where the independent stream itself is three or four ids older than the update."""
LAST_ID = 50093696318
WINDOW = 5000
"""The recorder's venue told of every change, and of so many levels in a snapshot."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not TAPE.exists(), reason="the recorded tapes are not beside this checkout"),
]


EACH = FlowSettings(conflated_ms=0)
"""Every change is measured, however many wait."""


class Collector(Actor):
    """Notes every measure and every lost book."""

    def __init__(self, pair, measured, lost, last_id, done) -> None:
        super().__init__()
        self._pair = pair
        self._measured = measured
        self._lost = lost
        self._last_id = last_id
        self._done = done

    def on_start(self) -> None:
        self.subscribe(BookMeasured, self._pair)
        self.subscribe(BookLost, self._pair)

    def on_receive(self, message: Any) -> None:
        if isinstance(message, BookLost):
            self._lost.append(message.reason)
            return
        self._measured.append(message)
        if message.sequence >= self._last_id:
            self._done.set()


def followed(stream, exchange, last_id, *, pair=BTC, before=lambda: None):
    """Run the real actors over `stream` and `exchange` until `last_id`.

    Returns:
        Every measure in order, and why the book was lost, each time.
    """
    measured: list[BookMeasured] = []
    lost: list[str] = []
    done = threading.Event()
    runtime = LiveRuntime(SystemClock(), workers=2)
    try:
        collector = (pair, measured, lost, last_id, done)
        births = {
            "tests/collector": Birthright(make=Collector, args=collector),
            addresses.book_analyzer(pair): Birthright(
                make=BookAnalyzer, args=(pair, 10.0, WINDOW, EACH)
            ),
            addresses.feed(pair): Birthright(
                make=Feed,
                args=(
                    pair,
                    stream,
                    exchange,
                    FeedSettings(book_stale_after_s=60.0, together_max=1),
                ),
            ),
        }
        for address in births:
            runtime.open(address)
        for address, birthright in births.items():
            runtime.spawn(address, birthright, parent=None)
        before()
        assert done.wait(100), f"{len(measured)} measures, the last {measured[-1:]}, lost {lost}"
        letters = runtime.dead_letters.newest()
        assert letters == []
    finally:
        runtime.close()
    return measured, lost


def compared_with_truth(measured):
    """Return (how many could be compared, sequences at which the best prices differ)."""
    truth = duckdb.execute(
        "select update_id, bid, bid_size, ask, ask_size from read_parquet(?) order by update_id",
        [str(TRUTH)],
    ).fetchall()
    ids = [row[0] for row in truth]
    compared, differing = 0, []
    for one in measured:
        place = bisect.bisect_right(ids, one.sequence) - 1
        if place < 0:
            continue
        compared += 1
        if (one.bid, one.bid_size, one.ask, one.ask_size) != truth[place][1:]:
            differing.append(one.sequence)
    return compared, differing


def never_crossed_and_in_order(measured):
    sequences = [one.sequence for one in measured]
    return sequences == sorted(set(sequences)) and all(one.bid < one.ask for one in measured)


def paused(tape, speed, folder):
    """Copy a tape with a pause between its first snapshot and what follows it."""
    path = folder / f"{tape.name.partition('_')[0]}_paused.parquet"
    began = "msg <= (select min(msg) from read_parquet(?) where kind = 'snapshot')"
    earlier = int(PAUSE_S * speed * NS_PER_S)
    shifted = ", ".join(
        f"{column} - case when {began} and {column} > 0 then {earlier} else 0 end as {column}"
        for column in ("ts_recv_ns", "ts_exchange_ns")
    )
    duckdb.execute(
        f"copy (select * replace ({shifted}) from read_parquet(?) order by msg)"  # noqa: S608
        f" to '{path}' (format parquet)",
        [str(tape)] * 3,
    )
    return path


def through_the_sockets(tape, speed, folder, pair, last_id):
    """Return what `followed` says of a tape that an exchange of its own plays."""
    options = ["--tape", str(paused(tape, speed, folder)), "--speed", str(speed)]
    # On a busy machine the replay outruns its reader, who is not to be cut off for that.
    options += ["--no-rate-limits", "--most-queued", "1000000"]
    with Exchange(folder, pairs=pair, options=options, keeps=False) as venue:
        loop, clock = LoopThread(), SystemClock()
        rest = GateExchange(
            rest_url=venue.rest,
            credentials=Credentials(key=Secret(DEMO_KEY), secret=Secret(DEMO_SECRET)),
            clock=clock,
        )
        stream = GateMarketStream(
            loop,
            ws_urls=(venue.url.replace("http", "ws") + "/ws/v4/",),
            clock=clock,
            # The tape pauses after its first snapshot, and a busy machine may stall.
            settings=StreamSettings(
                silence_floor_s=60.0, silence_s=60.0, deaf_s=60.0, book_floor_s=60.0
            ),
        )
        try:
            return followed(stream, rest, last_id, pair=pair)
        finally:
            stream.close()
            rest.close(5.0)
            assert loop.close(5.0)


def test_every_best_price_of_the_tape_comes_through_the_sockets(tmp_path):
    measured, lost = through_the_sockets(TAPE, SPEED, tmp_path, BTC, LAST_ID)
    compared, differing = compared_with_truth(measured)
    assert never_crossed_and_in_order(measured)
    assert lost == [], "no gap in the ids"
    assert measured[0].sequence == STRADDLING_ID
    assert (len(measured), compared) == (1 + UPDATES, 1 + UPDATES)
    assert differing == BEHIND


def best_prices(tape):
    """Return the best bid and ask, price and size, after each update of a tape, by its id."""
    rows = duckdb.execute(
        "select msg, any_value(kind), any_value(last_id), list((side, price, size))"
        " from read_parquet(?) where kind <> 'trade' group by msg order by msg",
        [str(tape)],
    ).fetchall()
    found: dict[int, tuple[float, ...]] = {}
    bids: dict[float, float] = {}
    asks: dict[float, float] = {}
    for _, kind, last_id, changes in rows:
        if not found and kind == "diff":
            continue  # It ended before the snapshot.
        if found and kind == "snapshot":
            continue  # To check by.
        for side, price, size in changes:
            levels = bids if side == "bid" else asks
            levels[price] = size
            if not size:
                del levels[price]
        bid, ask = max(bids), min(asks)
        found[last_id] = (bid, bids[bid], ask, asks[ask])
    return found


def test_two_hours_of_the_other_tape_come_through_the_sockets(tmp_path):
    truth = best_prices(ETH_TAPE)
    last_id = max(truth)
    measured, lost = through_the_sockets(ETH_TAPE, ETH_SPEED, tmp_path, ETHBTC, last_id)
    assert never_crossed_and_in_order(measured)
    assert lost == [], "no gap in the ids"
    assert len(measured) >= ETH_UPDATES
    differing = [
        one.sequence
        for one in measured
        if (one.bid, one.bid_size, one.ask, one.ask_size) != truth.get(one.sequence)
    ]
    assert differing == []


class Recording:
    """The tape itself as stream and exchange, as the recorder heard it."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self._deliver: Any = None
        self._answer: Any = None
        self._asked = threading.Event()
        self._request: Any = None

    def subscribe(self, _pair, deliver):
        self._deliver = deliver
        deliver(StreamOpened(pair=self._pair))

    def unsubscribe(self, _pair):
        pass

    def request(self, request, deliver):
        assert isinstance(request, FetchBook)
        self._request, self._answer = request, deliver
        self._asked.set()

    def play(self):
        """Give updates and, in its place among them, the snapshot that answers the question."""
        assert self._asked.wait(10)
        rows = duckdb.execute(
            "select msg, any_value(kind), any_value(first_id), any_value(last_id),"
            " list((side, price, size)) from read_parquet(?) where kind <> 'trade'"
            " group by msg order by msg",
            [str(TAPE)],
        ).fetchall()
        kinds = [row[1] for row in rows]
        assert "diff" in kinds[: kinds.index("snapshot")], "the trap is there"
        for _, kind, first_id, last_id, levels in rows:
            sides: dict[str, list[Any]] = {"bid": [], "ask": []}
            for side, price, size in levels:
                sides[side].append((price, size))
            facts = {
                "pair": self._pair,
                "event_time_ns": TimeNs(1),
                "seen_time_ns": TimeNs(1),
                "last_id": last_id,
                "bids": tuple(sides["bid"]),
                "asks": tuple(sides["ask"]),
            }
            if kind == "snapshot":
                assert last_id == SNAPSHOT_ID
                outcome = Succeeded(book=BookSnapshot(**facts))
                self._answer(VenueAnswer(request=self._request, outcome=outcome))
            else:
                self._deliver(BookDelta(first_id=first_id, **facts))


def test_a_snapshot_that_lies_inside_an_earlier_update_is_joined_without_a_hole():
    recording = Recording(BTC)
    measured, lost = followed(recording, recording, LAST_ID, before=recording.play)
    compared, differing = compared_with_truth(measured[1:])
    assert never_crossed_and_in_order(measured)
    assert lost == []
    assert measured[0].sequence == STRADDLING_ID
    assert (len(measured) - 1, compared) == (UPDATES, UPDATES)
    assert differing == BEHIND
