"""Both recorded order-book tapes and a real capture of Gate, followed without a hole or a cross.

They lie beside the repository; without them these tests are skipped, saying so.
"""

import bisect
import gzip
import itertools
import json
from typing import Any

import duckdb
import pytest

from actors.market.book_chain import BookChain
from adapters.gate import codec, frames
from adapters.gate.frames import Acknowledged, Pushed
from state.messages.market import BookDelta, CandleSeen, TickerSeen, TradePrinted
from state.order_book import OrderBook
from state.values import TimeNs
from tests.actors.examples import a_delta, a_snapshot
from tests.state.tapes import tape

BTCUSDT = "btcusdt_binance_spot_20240808.parquet"
BEST = "btcusdt_binance_spot_20240808_bbo.parquet"
ETHBTC = "ethbtc_binance_spot_20201101_09h-11h.parquet"
CAPTURE = "gateio_spot_ws_rest_20210422.jsonl.gz"
PAIRS = "gateio_spot_currency_pairs_20210422.json.gz"

pytestmark = pytest.mark.slow


class Followed:
    """A book that is followed as the feed and the analyzer do it."""

    def __init__(self):
        self.chain = BookChain(strict=False, monotonic_ns=lambda: 0)
        self.book = OrderBook()
        self.kept = []

    def show(self, snapshot) -> bool:
        """Begin from a snapshot; return whether what was kept joins it."""
        since = self.chain.join(snapshot)
        if since is not None:
            self.book.apply_snapshot(snapshot, since)
        return since is not None

    def hear(self, delta):
        """Go on; a hole or a cross raises."""
        if not self.chain.follows:
            self.kept.append(delta)
            self.chain.keep(delta)
        elif self.chain.take(delta):
            self.book.apply_delta(delta)


def messages(name):
    """Return (kind, first id, last id, bids, asks) of every book message, in replay order."""
    rows = duckdb.execute(
        "select msg, kind, side, price, size, first_id, last_id from read_parquet(?)"
        " where kind <> 'trade' order by msg",
        [tape("l2", name)],
    ).fetchall()
    for _, group in itertools.groupby(rows, key=lambda row: row[0]):
        of_one = list(group)
        _, kind, _, _, _, first, last = of_one[0]
        bids = tuple((row[3], row[4]) for row in of_one if row[2] == "bid")
        asks = tuple((row[3], row[4]) for row in of_one if row[2] == "ask")
        yield kind, first, last, bids, asks


def test_the_btcusdt_tape_shows_the_best_prices_of_the_independent_stream():
    shown = duckdb.execute(
        "select update_id, bid, bid_size, ask, ask_size from read_parquet(?) order by update_id",
        [tape("l2", BEST)],
    ).fetchall()
    ids = [row[0] for row in shown]
    followed, compared, differing = Followed(), 0, []
    for kind, first, last, bids, asks in messages(BTCUSDT):
        if kind == "snapshot":
            assert followed.show(a_snapshot(last, bids=bids, asks=asks))
            continue
        followed.hear(a_delta(first, last, bids=bids, asks=asks))
        if followed.chain.follows:
            compared += 1
            if followed.book.best() != tuple(shown[bisect.bisect_right(ids, last) - 1][1:]):
                differing.append(last)
    assert compared == 6492
    # Instants where the other stream is itself three or four ids behind.
    assert differing == [50093478174, 50093480542]


def test_the_ethbtc_tape_agrees_with_the_snapshot_an_hour_later():
    followed, shown, changes, compared = Followed(), [], 0, 0
    for kind, first, last, bids, asks in messages(ETHBTC):
        if kind == "snapshot":
            shown.append(a_snapshot(last, bids=bids, asks=asks))
            if len(shown) == 1:
                assert followed.show(shown[0])
            continue
        changes += 1
        followed.hear(a_delta(first, last, bids=bids, asks=asks))
        if len(shown) == 2 and not compared:
            # As the feed has it compared: the snapshot, brought to the id of the book.
            since = followed.chain.since(shown[1])
            assert since is not None
            theirs = OrderBook()
            theirs.apply_snapshot(shown[1], since)
            assert theirs.last_id == followed.book.last_id
            # Deeper down the first snapshot did not reach (see the data's README).
            assert followed.book.differs(theirs, 500) == ""
            compared += 1
    assert (changes, compared) == (7199, 1)
    assert followed.book.is_live


def captured() -> list[dict[str, Any]]:
    with gzip.open(tape("l2", CAPTURE), "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_the_real_capture_of_gate_is_read_whole_and_its_books_followed():
    kinds: dict[str, int] = {}
    books: dict[str, Followed] = {}
    stale = 0
    for line in captured():
        if line["dir"] == "rest":
            pair = line["path"].partition("currency_pair=")[2].partition("&")[0]
            snapshot = codec.decode_book(json.dumps(line["data"]).encode(), pair, TimeNs(1))
            before = sum(delta.last_id <= snapshot.last_id for delta in books[pair].kept)
            stale += bool(before)
            assert books[pair].show(snapshot), pair
        elif line["dir"] == "ws_in":
            frame = frames.decode_frame(json.dumps(line["data"]).encode())
            kind = _kind(frame, books)
            kinds[kind] = kinds.get(kind, 0) + 1
    assert kinds == {
        "Acknowledged": 22,
        "BookDelta": 172,
        "TradePrinted": 9,
        "TickerSeen": 22,
        "CandleSeen": 14,
    }
    assert len(books) == 10
    assert all(one.book.is_live and one.book.best() for one in books.values())
    assert stale == 9, "in nine of the ten pairs updates older than the snapshot came first"


def _kind(frame, books):
    if isinstance(frame, Acknowledged):
        assert frame.error is None
        return "Acknowledged"
    assert isinstance(frame, Pushed)
    message = frames.decode_market(frame, TimeNs(1))
    assert isinstance(message, BookDelta | TradePrinted | TickerSeen | CandleSeen)
    if isinstance(message, BookDelta):
        books.setdefault(message.pair, Followed()).hear(message)
    return type(message).__name__


def test_the_pairs_of_that_moment_are_read_whole():
    with gzip.open(tape("l2", PAIRS), "rt", encoding="utf-8") as file:
        rows = json.load(file)["data"]
    rules = codec.decode_all_rules(json.dumps(rows).encode())
    assert len(rules) == len({one.pair for one in rules}) == 1458
    assert all(one.base and one.quote and one.price_step > 0 for one in rules)
