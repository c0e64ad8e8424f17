"""What somebody writes for pairs, timeframes, kinds and times on the command line. Pure."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from adapters.history.kinds import ALL, Kind, candles
from state.errors import HistoryRefused
from state.messages.market import Timeframe
from state.values import NS_PER_S, Pair

_SPAN = re.compile(r"(\d+)(s|m|h|d|w)")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_PAIR = re.compile(r"[A-Z0-9]{1,20}_[A-Z0-9]{1,20}")


def words(text: str | None) -> tuple[str, ...]:
    """Return the words of a list with commas."""
    return tuple(word.strip() for word in (text or "").split(",") if word.strip())


def pairs_of(text: str | None) -> tuple[Pair, ...]:
    """Return pairs such as `BTC_USDT,ETH_USDT`.

    Raises:
        HistoryRefused: One is no pair.
    """
    for word in words(text):
        if not _PAIR.fullmatch(word):
            raise HistoryRefused(f"no pair: {word}; expected capitals, such as BTC_USDT")
    return tuple(map(Pair, words(text)))


def timeframe_named(word: str) -> Timeframe:
    """Return a timeframe.

    Raises:
        HistoryRefused: There is none of this name.
    """
    try:
        return Timeframe(word)
    except ValueError:
        raise HistoryRefused(
            f"unknown timeframe: {word}; there are {', '.join(Timeframe)}"
        ) from None


def timeframes_of(text: str | None) -> tuple[Timeframe, ...]:
    """Return timeframes such as `1m,1h`.

    Raises:
        HistoryRefused: There is none of some name.
    """
    return tuple(timeframe_named(word) for word in words(text))


def kinds_of(text: str | None) -> tuple[Kind, ...]:
    """Return kinds such as `trades,candles-1m`; `1m` is `candles-1m` too.

    Raises:
        HistoryRefused: There is none of some name.
    """
    return tuple(_kind(word) for word in words(text))


def _kind(word: str) -> Kind:
    if word in tuple(Timeframe):
        return candles(Timeframe(word))
    if word not in ALL:
        raise HistoryRefused(f"no kind of history: {word}; there are {', '.join(ALL)}")
    return ALL[word]


def time_of(text: str, now_ns: int) -> int:
    """Return a time in ns: `2026-04-01`, `2026-04-01T12:00`, `7d` (ago), `now` or Unix seconds.

    Raises:
        HistoryRefused: It is none of these.
    """
    ago = _SPAN.fullmatch(text)
    if text == "now":
        return now_ns
    if ago is not None:
        return now_ns - int(ago[1]) * _UNIT_S[ago[2]] * NS_PER_S
    if text.isdigit() and 9 <= len(text) <= 10:
        return int(text) * NS_PER_S
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise HistoryRefused(
            f"no time: {text}; expected 2026-04-01, 2026-04-01T12:00, 7d, now or Unix seconds"
        ) from None
    told = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return round(told.timestamp()) * NS_PER_S


def span_s(text: str) -> float:
    """Return a span such as `30s`, `20m`, `24h`, `7d` or `1w`, seconds.

    Raises:
        HistoryRefused: It is none, or lasts no time.
    """
    found = _SPAN.fullmatch(text)
    if found is None or int(found[1]) == 0:
        raise HistoryRefused(f"no span of time: {text}; expected 30s, 20m, 24h, 7d or 1w")
    return float(int(found[1]) * _UNIT_S[found[2]])


def shown(time_ns: int) -> str:
    """Return a time for people, UTC."""
    return datetime.fromtimestamp(time_ns // NS_PER_S, UTC).strftime("%Y-%m-%d %H:%M:%S")


def listed(items: Iterable[str]) -> str:
    """Return items in one line."""
    return ", ".join(items)
