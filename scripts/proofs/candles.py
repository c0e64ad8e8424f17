"""Recorded candles rolled up, held against the larger ones the exchange itself told."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from state.candle import CandleFold, difference, length_ns, roll_up
from state.messages.market import CandleClosed, Timeframe, TradePrinted
from state.values import Pair, Side, TimeNs

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
_LARGE = "candles/binance_spot_{}_2024-01_2024-09.parquet"
_XRPETH = "candles/binance_spot_xrpeth_{}_20191011.parquet"
TRADES = "trades/xrpeth_binance_spot_20191011.parquet"
_M1, _M5, _M15, _H1, _H4, _D1 = (
    Timeframe.M1,
    Timeframe.M5,
    Timeframe.M15,
    Timeframe.H1,
    Timeframe.H4,
    Timeframe.D1,
)
COMPARISONS: tuple[tuple[str, str, tuple[Timeframe, ...]], ...] = (
    (_LARGE, "every pair", (_M5, _H1)),
    (_LARGE, "every pair", (_H1, _D1)),
    (_LARGE, "every pair", (_M5, _M15, _H1, _H4, _D1)),
    (_XRPETH, "XRPETH", (_M1, _M5)),
)
"""Files by timeframe, whose candles, and by way of which timeframes they are rolled up."""


def recorded(shared: Path, file: str, timeframe: Timeframe) -> dict[str, list[CandleClosed]]:
    """Return the candles of a file by symbol, oldest first."""
    rows = duckdb.execute(
        "SELECT symbol, ts_open_ns, open, high, low, close, volume FROM read_parquet(?)"
        " ORDER BY symbol, ts_open_ns",
        [str(shared / file.format(timeframe.value))],
    ).fetchall()
    length = length_ns(timeframe)
    found: dict[str, list[CandleClosed]] = {}
    for symbol, opening, first, high, low, close, volume in rows:
        found.setdefault(symbol, []).append(
            CandleClosed(
                pair=Pair(symbol),
                event_time_ns=TimeNs(opening + length),
                timeframe=timeframe,
                open_time_ns=TimeNs(opening),
                open=first,
                high=high,
                low=low,
                close=close,
                base_volume=volume,
                quote_volume=0.0,
                trades=-1 if volume else 0,
            )
        )
    return found


def differences(
    ours: Sequence[CandleClosed], theirs: Sequence[CandleClosed]
) -> tuple[int, list[str]]:
    """Return how many bars both have, and where they differ."""
    known = {candle.open_time_ns: candle for candle in theirs}
    both = [(one, known[one.open_time_ns]) for one in ours if one.open_time_ns in known]
    told = [
        f"{one.pair} {one.timeframe.value} {one.open_time_ns}: {what}"
        for one, other in both
        if (what := difference(one, other))
    ]
    return len(both), told


def without_gaps(candles: Sequence[CandleClosed]) -> Iterator[CandleClosed]:
    """Yield candles with those that had no trades, which the recording leaves out, put back in."""
    last: CandleClosed | None = None
    for candle in candles:
        length = length_ns(candle.timeframe)
        if last is not None:
            for opening in range(last.open_time_ns + length, candle.open_time_ns, length):
                yield CandleClosed(
                    pair=candle.pair,
                    event_time_ns=TimeNs(opening + length),
                    timeframe=candle.timeframe,
                    open_time_ns=TimeNs(opening),
                    open=last.close,
                    high=last.close,
                    low=last.close,
                    close=last.close,
                    base_volume=0.0,
                    quote_volume=0.0,
                    trades=0,
                )
        yield candle
        last = candle


def rolled(shared: Path, file: str, way: Sequence[Timeframe]) -> tuple[int, list[str]]:
    """Return how many bars were compared at the end of `way`, and where they differ."""
    bars, told = 0, []
    targets = recorded(shared, file, way[-1])
    for symbol, candles in recorded(shared, file, way[0]).items():
        parts = list(without_gaps(candles))
        for timeframe in way[1:]:
            parts = roll_up(parts, timeframe)
        # A bar in which nothing traded is not in every recording.
        count, wrong = differences(parts, targets[symbol])
        bars += count
        told += wrong
    return bars, told


def from_trades(shared: Path, timeframe: Timeframe) -> tuple[int, list[str]]:
    """Return the same of candles built from the recorded trades of XRPETH."""
    rows = duckdb.execute(
        "SELECT ts_exchange_ns, agg_id, price, size, side FROM read_parquet(?) ORDER BY agg_id",
        [str(shared / TRADES)],
    ).fetchall()
    theirs = recorded(shared, _XRPETH, timeframe)["XRPETH"]
    pair = Pair("XRPETH")
    fold = CandleFold.watching(pair, timeframe, theirs[0].open_time_ns)
    ours: list[CandleClosed] = []
    for at_ns, number, price, size, side in rows:
        trade = TradePrinted(
            pair=pair,
            event_time_ns=TimeNs(at_ns),
            trade_id=number,
            price=price,
            quantity=size,
            taker=Side(side),
        )
        fold, closed = fold.apply(trade)
        ours += closed
    ours += fold.advance(theirs[-1].event_time_ns)[1]
    return differences([one for one in ours if one.trades], theirs)
