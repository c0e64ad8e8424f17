"""What a change of a book costs, from its bytes to all that is measured of it, beside other ways.

The changes are made up as Gate writes them, four levels on average near the best price; every way
takes the same bytes in the same run, one after the other in short portions, so that a drifting
machine drifts under all.
"""

import gc
import importlib.util
import json
import random
import time
from bisect import bisect_left
from collections.abc import Callable
from statistics import median
from typing import Any

import msgspec

from actors.market.book_watch import BookWatch
from actors.market.flow_watch import FlowWatch
from adapters.gate.frames import decode_frame, decode_market
from scripts.benchmarks import flood, market_pairs
from scripts.benchmarks.figures import Figure, held, percentile
from state.messages.market import BookDelta, BookMeasured, BookSnapshot, TradePrinted
from state.order_book import Best, OrderBook
from state.values import NS_PER_MS, Pair, Side, TimeNs

PEER = "beside it"
CHANGES = 4_000
PORTIONS = 5
PORTION = 200
PRINTS = 2.8
"""To an execution, in the mean: on the recorded tape of BTCUSDT 19,904 trades are 7,135."""
PAIR = Pair("BTC_USDT")
_NOW_MS = 1_700_000_000_000
_SEEN_NS = TimeNs(1)
_MID = 600_000
"""In ticks of 0.1."""


def measure() -> list[Figure]:
    """Measure books, measures, and a living market of 100 pairs and in a flood; a minute."""
    return [*_books(), *_measures(), *market_pairs.measure(), *flood.measure()]


def changes(count: int, seed: int = 1) -> list[bytes]:
    """Return so many pushes of one pair's book, as Gate writes them; they follow on from id 1000.

    The mid stays where it is, so that no book is crossed by what was made up.
    """
    chance, told = random.Random(seed), []  # noqa: S311 - made up, and the same each time
    for number in range(count):
        first = 1001 + 3 * number
        sides = [
            [
                [f"{(_MID + sign * (1 + int(chance.expovariate(0.15)))) / 10:.1f}", _size(chance)]
                for _ in range(chance.randrange(5))
            ]
            for sign in (-1, 1)
        ]
        at_ms = _NOW_MS + 100 * number
        result = {"t": at_ms, "e": "depthUpdate", "E": at_ms // 1000, "s": PAIR}
        result |= {"U": first, "u": first + 2, "b": sides[0], "a": sides[1]}
        frame = {"time": at_ms // 1000, "time_ms": at_ms, "channel": "spot.order_book_update"}
        told.append(json.dumps(frame | {"event": "update", "result": result}).encode())
    return told


def snapshot(levels: int = 100) -> BookSnapshot:
    """Return the book that the changes follow on from."""
    return BookSnapshot(
        pair=PAIR,
        event_time_ns=TimeNs(_NOW_MS * NS_PER_MS),
        last_id=1000,
        bids=tuple(((_MID - 1 - place) / 10, 1.0) for place in range(levels)),
        asks=tuple(((_MID + 1 + place) / 10, 1.0) for place in range(levels)),
    )


def _size(chance: random.Random) -> str:
    return "0" if chance.random() < 0.4 else f"{chance.random() * 2:.5f}"


# Books.


class _Ours:
    def __init__(self) -> None:
        self._book = OrderBook(100)
        self._book.apply_snapshot(snapshot())

    def take(self, data: bytes) -> float:
        delta = decode_market(decode_frame(data), _SEEN_NS)  # type: ignore[arg-type]
        self._book.apply_delta(delta)  # type: ignore[arg-type]
        self._book.best()
        bids, asks = self._book.sizes(20)
        return (bids - asks) / (bids + asks)


class _Bare(msgspec.Struct, gc=False):
    b: tuple[tuple[float, float], ...]
    a: tuple[tuple[float, float], ...]


class _BareFrame(msgspec.Struct, gc=False):
    result: _Bare


class _TwoLists:
    """Two sorted lists a side and nothing else: no ids, times, verified levels or message."""

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(_BareFrame, strict=False)
        shown = snapshot()
        self._sides: list[tuple[list[float], list[float]]] = []
        for sign, levels in ((1, shown.bids), (-1, shown.asks)):
            pairs = sorted((sign * price, size) for price, size in levels)
            self._sides.append(([key for key, _ in pairs], [size for _, size in pairs]))

    def take(self, data: bytes) -> float:
        result = self._decoder.decode(data).result
        for sign, levels, (keys, sizes) in (
            (1, result.b, self._sides[0]),
            (-1, result.a, self._sides[1]),
        ):
            for price, size in levels:
                key = sign * price
                place = bisect_left(keys, key)
                if place < len(keys) and keys[place] == key:
                    if size:
                        sizes[place] = size
                    else:
                        del keys[place], sizes[place]
                elif size:
                    keys.insert(place, key)
                    sizes.insert(place, size)
        (bids, bid_sizes), (asks, ask_sizes) = self._sides
        assert bids[-1] < -asks[-1]
        bid, ask = sum(bid_sizes[-20:]), sum(ask_sizes[-20:])
        return (bid - ask) / (bid + ask)


class _DictAndSort:
    """What one writes first: `json`, a dict a side, sorted when somebody looks."""

    def __init__(self) -> None:
        shown = snapshot()
        self._bids, self._asks = dict(shown.bids), dict(shown.asks)

    def take(self, data: bytes) -> float:
        result = json.loads(data)["result"]
        for side, levels in ((self._bids, result["b"]), (self._asks, result["a"])):
            for price, size in levels:
                if float(size):
                    side[float(price)] = float(size)
                else:
                    side.pop(float(price), None)
        best = sorted(self._bids, reverse=True)[:20], sorted(self._asks)[:20]
        assert best[0][0] < best[1][0]
        bid = sum(self._bids[price] for price in best[0])
        ask = sum(self._asks[price] for price in best[1])
        return (bid - ask) / (bid + ask)


class _JsonAlone:
    """The standard library's decoder, and no book."""

    def take(self, data: bytes) -> float:
        json.loads(data)
        return 0.0


class _Ccxt:
    """ccxt's own book, with `json` as its Gate client has it."""

    def __init__(self) -> None:
        from ccxt.async_support.base.ws.order_book import OrderBook as Book  # noqa: PLC0415

        shown = snapshot()
        self._book: Any = Book({"bids": map(list, shown.bids), "asks": map(list, shown.asks)})

    def take(self, data: bytes) -> float:
        result, book = json.loads(data)["result"], self._book
        for side, levels in ((book["bids"], result["b"]), (book["asks"], result["a"])):
            for price, size in levels:
                side.storeArray([float(price), float(size)])
        book.limit()
        assert book["bids"][0][0] < book["asks"][0][0]
        bid = sum(level[1] for level in book["bids"][:20])
        ask = sum(level[1] for level in book["asks"][:20])
        return float((bid - ask) / (bid + ask))


def _books() -> list[Figure]:
    told = changes(CHANGES)
    ways: dict[str, Callable[[], Any]] = {
        "ours": _Ours,
        "two bare lists": _TwoLists,
        "json, dict and sort": _DictAndSort,
        "json alone": _JsonAlone,
    }
    if importlib.util.find_spec("ccxt") is not None:
        ways["ccxt"] = _Ccxt
    books = {name: make() for name, make in ways.items()}
    took: dict[str, list[float]] = {name: [] for name in ways}
    said: dict[str, list[float]] = {name: [] for name in ways}
    portion = len(told) // PORTIONS
    for place in range(0, len(told), portion):
        for name, book in books.items():
            gc.collect()
            took[name] += _timed(told[place : place + portion], book.take, said[name])
    agree = all(
        abs(a - b) < 1e-9 for a, b in zip(said["ours"], said["two bare lists"], strict=True)
    )
    assert agree, "two ways that differ are not to be compared"
    ours, alone = (percentile(took[name], 0.5) for name in ("ours", "json alone"))
    figures = [
        held("decode, apply, best, imbalance of 20, p50", ours, alone, 4.0),
        Figure("the same, p99", percentile(took["ours"], 0.99), "µs"),
    ]
    for name in ("two bare lists", "json, dict and sort", "ccxt"):
        if name in ways:
            peer = percentile(took[name], 0.5)
            figures.append(Figure(f"the same beside {name}, p50", ours, "µs", peer))
    return figures


def _timed(items: list[Any], work: Callable[[Any], Any], said: list[Any]) -> list[float]:
    """Return how long each took, µs, less what looking at the clock takes."""
    clock, took = time.perf_counter_ns, []
    for item in items:
        began = clock()
        answer = work(item)
        took.append((clock() - began) / 1e3)
        said.append(answer)
    nothing = min((clock() - clock()) / -1e3 for _ in range(20))
    return [one - nothing for one in took]


# Measures.


def _measures() -> list[Figure]:
    told = changes(CHANGES)
    deltas = [decode_market(decode_frame(one), _SEEN_NS) for one in told]  # type: ignore[arg-type]
    book, watch, flow = OrderBook(100), BookWatch(0.0), FlowWatch(PAIR, 0.1)
    book.apply_snapshot(snapshot())
    flow.volume_told(50_000.0)
    measured: list[BookMeasured] = []

    def hot(delta: Any) -> None:
        book.apply_delta(delta)
        measured.append(_hot(book, watch, delta))

    def dear(one: BookMeasured) -> None:
        watch.liquidity(book, one)

    def trade(both: tuple[TradePrinted, BookMeasured]) -> None:
        printed, one = both
        flow.trade(printed)
        flow.look(Best(one.bid, one.bid_size, one.ask, one.ask_size), one.event_time_ns)

    def tell(one: BookMeasured) -> None:
        flow.measured(one.event_time_ns, one.event_time_ns)

    parts: dict[str, list[float]] = {name: [] for name in ("json", "hot", "trade", "dear", "tell")}
    trades = _trades(CHANGES)
    # In short portions, so that a machine that drifts drifts under `json` as well; by the time of
    # the processor, for what now and then costs more than mostly is not to be left out.
    for place in range(0, CHANGES, PORTION):
        portion = slice(place, place + PORTION)
        measured.clear()
        parts["json"].append(_spent(told[portion], json.loads))
        parts["hot"].append(_spent(deltas[portion], hot))
        parts["trade"].append(_spent(list(zip(trades[portion], measured, strict=True)), trade))
        parts["dear"].append(_spent(measured[::10], dear))
        parts["tell"].append(_spent(measured[::10], tell))
    each = {name: median(took) for name, took in parts.items()}
    # Depth, liquidity and flow are told once a second: an update carries its share at ten a second.
    share = each["hot"] + each["trade"] + (each["dear"] + each["tell"]) / 10
    return [
        Figure("fold and measure what every update needs", each["hot"], "µs"),
        Figure("a trade, and an update held against it", each["trade"], "µs"),
        Figure("depth, cost, liquidity", each["dear"], "µs", note="once a second a pair"),
        Figure("flow: profile, value area, rates", each["tell"], "µs", note="once a second"),
        held("all measures of an update, at ten a second", share, each["json"], 30.0),
        Figure("all of them at every update", sum(each.values()) - each["json"], "µs"),
    ]


def _spent(items: list[Any], work: Callable[[Any], Any]) -> float:
    """Return the processor time of each, µs."""
    began = time.thread_time_ns()
    for item in items:
        work(item)
    return (time.thread_time_ns() - began) / len(items) / 1e3


def _hot(book: OrderBook, watch: BookWatch, delta: BookDelta) -> BookMeasured:
    """Measure as the book analyzer does, without an actor around it."""
    best, at_ns = book.best(), delta.event_time_ns
    assert best is not None
    watch.apply(best, at_ns)
    measured = watch.measured(
        book, PAIR, 10.0, event_time_ns=at_ns, seen_time_ns=at_ns, now_ns=at_ns
    )
    assert measured is not None
    return measured


def _trades(count: int) -> list[TradePrinted]:
    """Return trades as the recorded BTCUSDT tape has them: several prints to an execution.

    Executions come at random (Poisson), so that there are ten prints a second.
    """
    chance, at_ms, taker, told = random.Random(2), _NOW_MS, Side.BUY, []  # noqa: S311 - made up
    for number in range(count):
        if chance.random() < 1 / PRINTS:
            at_ms += 1 + round(chance.expovariate(1 / (100 * PRINTS)))
            taker = chance.choice(tuple(Side))
        told.append(
            TradePrinted(
                pair=PAIR,
                event_time_ns=TimeNs(at_ms * NS_PER_MS),
                trade_id=number,
                price=(_MID + chance.randrange(-300, 300)) / 10,
                quantity=round(chance.lognormvariate(-3, 1.5), 5) or 0.00001,
                taker=taker,
            )
        )
    return told
