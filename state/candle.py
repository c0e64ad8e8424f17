"""Candles from trades, and larger candles from smaller ones. Pure.

A candle covers [open, open + timeframe), opened at exact UTC multiples of the timeframe. Volumes
are added up in decimal, each number as the exchange wrote it, and become float64 once at the end.
So a candle rolled up from smaller ones equals the one built from the trades, to the last bit, as
long as a sum has no more than 15 significant digits; beyond, the last bit may differ.

A candle is told only if the whole of it was watched: not the one in which watching began, and no
larger one of which a part is missing.
"""

from collections.abc import Iterable
from decimal import Decimal
from functools import cache

import msgspec
from msgspec import Struct

from state.exact import exactly
from state.messages.market import (
    CandleClosed,
    CandleSeen,
    CandleSource,
    Timeframe,
    TradePrinted,
)
from state.values import NS_PER_S, ZERO, Pair, TimeNs


@cache
def length_ns(timeframe: Timeframe) -> int:
    """Return how long a candle of `timeframe` is, in nanoseconds."""
    return timeframe.seconds * NS_PER_S


def opening_of(at_ns: int, timeframe: Timeframe) -> TimeNs:
    """Return when the candle opened that `at_ns` falls into."""
    return TimeNs(at_ns - at_ns % length_ns(timeframe))


class Forming(Struct, frozen=True, kw_only=True):
    """A candle that still takes trades."""

    open: float
    high: float
    low: float
    close: float
    base_volume: Decimal = ZERO
    quote_volume: Decimal = ZERO
    trades: int = 0


class CandleFold(Struct, frozen=True, kw_only=True):
    """The candles of one pair and timeframe, fed with trades and with the passing of time."""

    pair: Pair
    timeframe: Timeframe
    watched_from_ns: TimeNs
    """Since when nothing was missed; after a loss of the stream, start a new fold."""
    open_time_ns: TimeNs
    """Opening of the candle that forms."""
    forming: Forming | None = None
    """None while nothing has traded in it."""
    last_close: float | None = None
    """What an empty candle repeats; None before the first trade."""
    last_trade_id: int = -1
    ignored: int = 0
    """Trades that came again, or too late for a candle already told."""

    @classmethod
    def watching(cls, pair: Pair, timeframe: Timeframe, since_ns: TimeNs) -> "CandleFold":
        """Return a fold that has seen nothing before `since_ns`, the exchange's time."""
        opening = opening_of(since_ns, timeframe)
        return cls(pair=pair, timeframe=timeframe, watched_from_ns=since_ns, open_time_ns=opening)

    def apply(self, trade: TradePrinted) -> tuple["CandleFold", tuple[CandleClosed, ...]]:
        """Return the fold after one more trade, and the candles it closed, oldest first."""
        assert trade.pair == self.pair, "a trade of another pair: a bug"
        if trade.trade_id <= self.last_trade_id or trade.event_time_ns < self.open_time_ns:
            return msgspec.structs.replace(self, ignored=self.ignored + 1), ()
        fold, closed = self.advance(trade.event_time_ns)
        forming = _grown(fold.forming, trade)
        fold = msgspec.structs.replace(fold, forming=forming, last_trade_id=trade.trade_id)
        return fold, closed

    def advance(self, now_ns: int) -> tuple["CandleFold", tuple[CandleClosed, ...]]:
        """Return the fold at `now_ns`, the exchange's time, and the candles closed by then.

        Candles in which nothing traded repeat the last close, with no trades.
        """
        length = length_ns(self.timeframe)
        fold, closed = self, []
        while now_ns >= fold.open_time_ns + length:
            candle = fold._closed()
            if candle is None:
                # Nothing ever traded, so there is no close to repeat.
                opening = opening_of(now_ns, fold.timeframe)
                return msgspec.structs.replace(fold, open_time_ns=opening), ()
            if fold.open_time_ns >= fold.watched_from_ns:
                closed.append(candle)
            fold = msgspec.structs.replace(
                fold,
                open_time_ns=TimeNs(fold.open_time_ns + length),
                forming=None,
                last_close=candle.close,
            )
        return fold, tuple(closed)

    def _closed(self) -> CandleClosed | None:
        if self.forming is not None:
            forming = self.forming
        elif self.last_close is not None:
            last = self.last_close
            forming = Forming(open=last, high=last, low=last, close=last)
        else:
            return None
        return _told(self.pair, self.timeframe, self.open_time_ns, forming)


class RollUp(Struct, frozen=True, kw_only=True):
    """Closed candles of one timeframe, each told once, becoming one of a larger timeframe."""

    timeframe: Timeframe
    """The larger one; a multiple of what is fed."""
    open_time_ns: TimeNs = TimeNs(-1)
    """Opening of the larger candle that the last part belongs to."""
    parts: tuple[CandleClosed, ...] = ()
    """What of it is there, oldest first."""
    incomplete: int = 0
    """Larger candles that were not told because parts of them were missing."""

    def apply(self, part: CandleClosed) -> tuple["RollUp", CandleClosed | None]:
        """Return the roll-up after one more closed candle, and the larger one it completed."""
        length, part_length = length_ns(self.timeframe), length_ns(part.timeframe)
        assert length % part_length == 0, "not a multiple: a bug"
        opening = opening_of(part.open_time_ns, self.timeframe)
        is_new = opening != self.open_time_ns
        parts = (part,) if is_new else (*self.parts, part)
        incomplete = self.incomplete + (is_new and bool(self.parts))
        larger = None
        if part.open_time_ns + part_length == opening + length:
            if len(parts) == length // part_length:
                larger = _rolled(parts, self.timeframe, opening)
            else:
                incomplete += 1
            parts = ()
        fold = msgspec.structs.replace(
            self, open_time_ns=opening, parts=parts, incomplete=incomplete
        )
        return fold, larger


def rolled_up(
    parts: tuple[CandleClosed, ...], timeframe: Timeframe, opening: TimeNs
) -> CandleClosed:
    """Return the candle of `timeframe` that `parts`, all of it and oldest first, make up."""
    assert not any(part.missing for part in parts), "nobody knows what a missing part held: a bug"
    return _rolled(parts, timeframe, opening)


def from_exchange(seen: CandleSeen, *, revision: int = 0) -> CandleClosed:
    """Return the exchange's own closed candle as one of ours."""
    assert seen.closed, "it may still change: a bug"
    return CandleClosed(
        pair=seen.pair,
        event_time_ns=TimeNs(seen.open_time_ns + length_ns(seen.timeframe)),
        timeframe=seen.timeframe,
        open_time_ns=seen.open_time_ns,
        open=seen.open,
        high=seen.high,
        low=seen.low,
        close=seen.close,
        base_volume=seen.base_volume,
        quote_volume=seen.quote_volume,
        trades=-1 if seen.base_volume else 0,
        revision=revision,
        source=CandleSource.EXCHANGE,
    )


def missing_candle(pair: Pair, timeframe: Timeframe, opening: TimeNs, close: float) -> CandleClosed:
    """Return what marks the place of a candle that nobody knows: `close`, again and again."""
    return CandleClosed(
        pair=pair,
        event_time_ns=TimeNs(opening + length_ns(timeframe)),
        timeframe=timeframe,
        open_time_ns=opening,
        open=close,
        high=close,
        low=close,
        close=close,
        base_volume=0.0,
        quote_volume=0.0,
        trades=0,
        missing=True,
        source=CandleSource.EXCHANGE,
    )


_VOLUME_TOLERANCE = 1e-9


def difference(ours: CandleClosed, theirs: CandleSeen | CandleClosed) -> str:
    """Return where two candles of the same time differ, in words; empty when they agree.

    Prices to the last bit, the base volume to 1e-9 of itself, for it is a sum. What it is worth in
    quote is not compared: exchanges round it.
    """
    found = [
        f"{name} {one!r} against {other!r}"
        for name in ("open", "high", "low", "close")
        if (one := getattr(ours, name)) != (other := getattr(theirs, name))
    ]
    if abs(ours.base_volume - theirs.base_volume) > _VOLUME_TOLERANCE * theirs.base_volume:
        found.append(f"volume {ours.base_volume!r} against {theirs.base_volume!r}")
    return ", ".join(found)


def roll_up(candles: Iterable[CandleClosed], timeframe: Timeframe) -> list[CandleClosed]:
    """Return the candles of `timeframe` that `candles`, oldest first, make up completely."""
    fold, found = RollUp(timeframe=timeframe), []
    for candle in candles:
        fold, larger = fold.apply(candle)
        if larger is not None:
            found.append(larger)
    return found


def _grown(forming: Forming | None, trade: TradePrinted) -> Forming:
    price = trade.price
    with exactly():
        # The shortest decimal that gives back a float is the one the exchange sent.
        quantity = Decimal(repr(trade.quantity))
        value = Decimal(repr(price)) * quantity
        if forming is None:
            return Forming(
                open=price,
                high=price,
                low=price,
                close=price,
                base_volume=quantity,
                quote_volume=value,
                trades=1,
            )
        return Forming(
            open=forming.open,
            high=max(forming.high, price),
            low=min(forming.low, price),
            close=price,
            base_volume=forming.base_volume + quantity,
            quote_volume=forming.quote_volume + value,
            trades=forming.trades + 1,
        )


def _rolled(parts: tuple[CandleClosed, ...], timeframe: Timeframe, opening: TimeNs) -> CandleClosed:
    # An empty part only repeats an older close: it says nothing about this candle's range.
    traded = [part for part in parts if part.trades] or list(parts)
    counted = all(part.trades >= 0 for part in parts)
    trades = sum(part.trades for part in parts) if counted else -1
    with exactly():
        forming = Forming(
            open=traded[0].open,
            high=max(part.high for part in traded),
            low=min(part.low for part in traded),
            close=traded[-1].close,
            base_volume=sum((Decimal(repr(part.base_volume)) for part in parts), ZERO),
            quote_volume=sum((Decimal(repr(part.quote_volume)) for part in parts), ZERO),
            trades=trades,
        )
    candle = _told(parts[0].pair, timeframe, opening, forming)
    if all(part.source is CandleSource.TRADES for part in parts):
        return candle
    return msgspec.structs.replace(candle, source=CandleSource.MIXED)


def _told(pair: Pair, timeframe: Timeframe, opening: TimeNs, forming: Forming) -> CandleClosed:
    return CandleClosed(
        pair=pair,
        event_time_ns=TimeNs(opening + length_ns(timeframe)),
        timeframe=timeframe,
        open_time_ns=opening,
        open=forming.open,
        high=forming.high,
        low=forming.low,
        close=forming.close,
        base_volume=float(forming.base_volume),
        quote_volume=float(forming.quote_volume),
        trades=forming.trades,
    )
