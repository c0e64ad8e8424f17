"""The WebSocket channels, and how each reads what a client wants of it. Pure.

Adding a channel is adding a row to `CHANNELS`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from adapters.simulated.core.book_channel import BOOK_KINDS
from adapters.simulated.core.candles import SECONDS
from adapters.simulated.core.venue import Venue
from adapters.simulated.server.hub import BOOK_STREAM, BOOK_UPDATES
from adapters.simulated.server.periodic import (
    BEST_PRICES,
    BOOK_PACES_NS,
    CANDLES,
    TICKERS,
    WHOLE_BOOKS,
)
from adapters.simulated.server.pushes import ANNOUNCEMENTS, LANGUAGES, announcement_channel
from adapters.simulated.server.subscriptions import EVERY_PAIR
from state.values import Pair

_WHOLE_BOOK_LEVELS = ("5", "10", "20", "30", "50", "100")

BAD_BODY, BAD_ARGUMENT, SERVER_FAILED, NOT_AUTHENTICATED = 1, 2, 3, 4
"""Gate's error codes."""


class ChannelError(Exception):
    """Gate's answer to a message that cannot be served."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def _strings(payload: Any) -> list[str]:
    if not isinstance(payload, list) or not payload:
        raise ChannelError(BAD_ARGUMENT, "payload must be a non-empty array of strings")
    if not all(isinstance(each, str) for each in payload):
        raise ChannelError(BAD_ARGUMENT, "payload must be a non-empty array of strings")
    return payload


def _known(venue: Venue, pairs: list[str]) -> list[str]:
    for pair in pairs:
        if Pair(pair) not in venue.pairs:
            raise ChannelError(BAD_ARGUMENT, f"unknown currency pair: {pair}")
    return pairs


def _pairs(venue: Venue, payload: Any) -> list[str]:
    return _known(venue, _strings(payload))


def _book(venue: Venue, payload: Any) -> list[str]:
    pair, *rest = _strings(payload)
    _known(venue, [pair])
    pace = rest[0] if rest else "100ms"
    if pace not in BOOK_KINDS or BOOK_KINDS[pace].begins_full:
        raise ChannelError(BAD_ARGUMENT, f"unknown interval: {pace}")
    return [f"{pace}_{pair}"]


def _book_streams(venue: Venue, payload: Any) -> list[str]:
    wanted = []
    for name in _strings(payload):
        prefix, _, rest = name.partition(".")
        pair, _, depth = rest.partition(".")
        kind = f"{prefix}.{depth}"
        if kind not in BOOK_KINDS:
            raise ChannelError(BAD_ARGUMENT, f"unknown stream: {name}")
        _known(venue, [pair])
        wanted.append(f"{kind}_{pair}")
    return wanted


def _whole_book(venue: Venue, payload: Any) -> list[str]:
    pair, *rest = _strings(payload)
    _known(venue, [pair])
    levels, pace = rest if len(rest) == 2 else ("", "")
    if levels not in _WHOLE_BOOK_LEVELS:
        raise ChannelError(BAD_ARGUMENT, f"unknown level: {levels}")
    if pace not in BOOK_PACES_NS:
        raise ChannelError(BAD_ARGUMENT, f"unknown interval: {pace}")
    return [f"{levels}_{pace}_{pair}"]


def _candles(venue: Venue, payload: Any) -> list[str]:
    interval, *pairs = _strings(payload)
    if interval not in SECONDS:
        raise ChannelError(BAD_ARGUMENT, f"unknown interval: {interval}")
    if not pairs:
        raise ChannelError(BAD_ARGUMENT, "payload must be an interval and a currency pair")
    return [f"{interval}_{pair}" for pair in _known(venue, pairs)]


def _own_pairs(venue: Venue, payload: Any) -> list[str]:
    pairs = _strings(payload)
    _known(venue, [pair for pair in pairs if pair != EVERY_PAIR])
    return pairs


def _whole_account(_venue: Venue, _payload: Any) -> list[str]:
    return [EVERY_PAIR]


def _languages(_venue: Venue, payload: Any) -> list[str]:
    wanted = _strings(payload)
    for language in wanted:
        if language not in LANGUAGES:
            raise ChannelError(BAD_ARGUMENT, f"unknown language: {language}")
    return wanted


class _Channel(NamedTuple):
    """How a channel reads its payload, and whether it wants a signature."""

    wants: Callable[[Venue, Any], list[str]]
    private: bool = False


CHANNELS = {
    TICKERS: _Channel(_pairs),
    "spot.trades": _Channel(_pairs),
    "spot.trades_v2": _Channel(_pairs),
    BEST_PRICES: _Channel(_pairs),
    BOOK_UPDATES: _Channel(_book),
    BOOK_STREAM: _Channel(_book_streams),
    WHOLE_BOOKS: _Channel(_whole_book),
    CANDLES: _Channel(_candles),
    "spot.orders": _Channel(_own_pairs, private=True),
    "spot.orders_v2": _Channel(_own_pairs, private=True),
    "spot.usertrades": _Channel(_own_pairs, private=True),
    "spot.usertrades_v2": _Channel(_own_pairs, private=True),
    "spot.balances": _Channel(_whole_account, private=True),
    "spot.priceorders": _Channel(_own_pairs, private=True),
    # Nothing is ever told here: there is no margin and no funding account.
    "spot.margin_balances": _Channel(_whole_account, private=True),
    "spot.funding_balances": _Channel(_whole_account, private=True),
    "spot.cross_balances": _Channel(_whole_account, private=True),
    **dict.fromkeys(map(announcement_channel, ANNOUNCEMENTS), _Channel(_languages)),
}
