"""Candles of one pair and its last 24 hours, folded from its public trades. Pure.

Four base lengths are kept; every other length the venue offers is a whole multiple of one of them
and is put together on demand. A stretch without trades repeats the last close with volume 0.
"""

from collections import deque
from collections.abc import Iterable
from itertools import groupby, takewhile

from msgspec import Struct

from adapters.simulated.core.refusals import refusal
from state.values import NS_PER_S

SECONDS = {
    "1s": 1,
    "10s": 10,
    "30s": 30,
    "1m": 60,
    "3m": 180,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
    "2h": 7200,
    "4h": 14_400,
    "6h": 21_600,
    "8h": 28_800,
    "12h": 43_200,
    "1d": 86_400,
    "7d": 604_800,
    "30d": 2_592_000,
}
"""Every length served over WebSocket or REST."""

REST_INTERVALS = frozenset(SECONDS) - {"30s", "3m", "2h", "6h", "12h"}

MOST = 1000
_OLDEST = 10_000
_KEPT = {1: 1_200, 10: 1_200, 60: 6_000, 3600: 6_000}
_MOST_FLAT = 5_000
"""Bars a silence may add; after a longer one the series has a hole."""


def refuse_too_many(length_s: int, start_s: int, end_s: int, now_s: int) -> None:
    """Refuse a span of candles that the venue would not tell over REST.

    Raises:
        VenueRefused: It begins too long ago, or has too many candles.
    """
    if start_s < now_s - _OLDEST * length_s:
        raise refusal(
            "INVALID_PARAM_VALUE",
            f"Candlestick too long ago. Maximum {_OLDEST} points ago are allowed",
        )
    if (end_s - start_s) // length_s > MOST:
        raise refusal("INVALID_PARAM_VALUE", f"Too many points, at most {MOST}")


class Candle(Struct, gc=False):
    """One bar: prices in ticks, base volume in lots, quote volume in ticks x lots."""

    time_s: int
    open: int
    high: int
    low: int
    close: int
    lots: int = 0
    ticks_lots: int = 0


class Series:
    """Bars of one length, oldest first, the last one still open."""

    def __init__(self, length_s: int) -> None:
        self.length_s = length_s
        self.bars: deque[Candle] = deque(maxlen=_KEPT[length_s])

    def load(self, bars: Iterable[Candle]) -> None:
        """Put `bars` before everything known; they must be older."""
        assert not self.bars, "history comes first"
        self.bars.extend(bars)

    def add(self, time_s: int, ticks: int, lots: int) -> None:
        """Fold one trade in."""
        start = time_s - time_s % self.length_s
        self.fill_until(start)
        bar = self.bars[-1] if self.bars else None
        if bar is None or bar.time_s < start:
            bar = Candle(start, ticks, ticks, ticks, ticks)
            self.bars.append(bar)
        elif not bar.lots:  # a flat bar that somebody asked for before its first trade
            bar.open = bar.high = bar.low = ticks
        bar.high = max(bar.high, ticks)
        bar.low = min(bar.low, ticks)
        bar.close = ticks
        bar.lots += lots
        bar.ticks_lots += ticks * lots

    def fill_until(self, start: int) -> None:
        """Add the flat bars of a silence before `start`."""
        if not self.bars:
            return
        last = self.bars[-1]
        times = range(last.time_s + self.length_s, start, self.length_s)
        for time_s in times[-_MOST_FLAT:]:
            self.bars.append(Candle(time_s, last.close, last.close, last.close, last.close))


def merged(bars: Iterable[Candle], length_s: int) -> list[Candle]:
    """Return `bars` put together to bars of `length_s`, opened at exact UTC multiples.

    Bars without trades only count where there is no other: a longer bar, too, opens with its first
    trade.
    """

    def start_of(bar: Candle) -> int:
        return bar.time_s - bar.time_s % length_s

    result = []
    for start, group in groupby(bars, start_of):
        everything = list(group)
        parts = [bar for bar in everything if bar.lots] or everything
        result.append(
            Candle(
                start,
                parts[0].open,
                max(part.high for part in parts),
                min(part.low for part in parts),
                parts[-1].close,
                sum(part.lots for part in parts),
                sum(part.ticks_lots for part in parts),
            )
        )
    return result


class CandleStore:
    """All lengths of one pair."""

    def __init__(self) -> None:
        self.series = {length: Series(length) for length in _KEPT}
        self._day_minute = -1
        self._day: tuple[int, int, int, int, int] | None = None

    def add(self, time_ns: int, ticks: int, lots: int) -> None:
        """Fold one public trade in."""
        time_s = time_ns // NS_PER_S
        for series in self.series.values():
            series.add(time_s, ticks, lots)

    def _base(self, interval: str) -> Series:
        length = SECONDS[interval]
        return self.series[max(base for base in _KEPT if length % base == 0)]

    def bars(self, interval: str, start_s: int, end_s: int, now_s: int) -> list[Candle]:
        """Return the bars of `interval` that open in [start_s, end_s], oldest first."""
        length = SECONDS[interval]
        base = self._base(interval)
        first = start_s - start_s % length
        base.fill_until(min(now_s, end_s) + 1)
        recent = list(takewhile(lambda bar: bar.time_s >= first, reversed(base.bars)))
        wanted = [bar for bar in reversed(recent) if bar.time_s < end_s + length]
        whole = merged(wanted, length) if base.length_s != length else wanted
        return [bar for bar in whole if start_s <= bar.time_s <= end_s]

    def newest(self, interval: str, now_s: int) -> Candle | None:
        """Return the bar of `interval` that is open now, None before the first trade."""
        bars = self.bars(interval, now_s - now_s % SECONDS[interval], now_s, now_s)
        return bars[-1] if bars else None

    def price_at(self, time_s: int) -> int | None:
        """Return the price in ticks at a full hour, the first known one if that is later."""
        price = None
        for bar in reversed(self.series[3600].bars):
            if bar.time_s < time_s:
                return bar.close if price is None else price
            price = bar.open
        return price

    def day(self, now_s: int) -> tuple[int, int, int, int, int] | None:
        """Return (open, high, low, lots, ticks x lots) of the last 24 hours, None before trades."""
        minutes = self.series[60].bars
        if not minutes:
            return None
        if self._day_minute != now_s // 60:
            self._day_minute = now_s // 60
            self._day = self._closed_day(now_s)
        live = minutes[-1]
        if self._day is None or live.time_s < now_s - now_s % 60:
            return self._day
        start, high, low, lots, ticks_lots = self._day
        return (
            start,
            max(high, live.high),
            min(low, live.low),
            lots + live.lots,
            ticks_lots + live.ticks_lots,
        )

    def _closed_day(self, now_s: int) -> tuple[int, int, int, int, int]:
        minutes = self.series[60].bars
        this_minute = now_s - now_s % 60
        day = [bar for bar in minutes if this_minute - 86_400 <= bar.time_s < this_minute]
        if not day:
            last = minutes[-1]
            return last.open, last.open, last.open, 0, 0
        [whole] = merged(day, 1 << 62)
        return whole.open, whole.high, whole.low, whole.lots, whole.ticks_lots
