"""What a WebSocket client may say and what it is answered (gate-protocol.md sections 7 to 9).

Pure: bytes in, a decision and bytes out. Adding a channel is adding a row to `CHANNELS`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from adapters.simulated.core.book_channel import BOOK_KINDS
from adapters.simulated.core.candles import SECONDS
from adapters.simulated.core.ledger import Account
from adapters.simulated.core.venue import Venue
from adapters.simulated.server.hub import BOOK_STREAM, BOOK_UPDATES
from adapters.simulated.server.periodic import (
    BEST_PRICES,
    BOOK_PACES_NS,
    CANDLES,
    TICKERS,
    WHOLE_BOOKS,
)
from adapters.simulated.server.pushes import book_stream_name
from adapters.simulated.server.signing import ChannelAuth, authenticated_channel
from adapters.simulated.server.socket_api import Asked, SocketApi
from adapters.simulated.server.subscriptions import EVERY_PAIR, Topic
from state.errors import VenueRefused
from state.values import NS_PER_MS, NS_PER_S, Pair

_encode = msgspec.json.Encoder().encode

_WHOLE_BOOK_LEVELS = ("5", "10", "20", "30", "50", "100")

BAD_BODY, BAD_ARGUMENT, SERVER_FAILED, NOT_AUTHENTICATED = 1, 2, 3, 4
"""Gate's error codes."""


class Incoming(msgspec.Struct, kw_only=True):
    """A client's message; members not named here are ignored."""

    channel: str
    time: int = 0
    event: str = ""
    id: Any = None
    """Echoed verbatim."""
    payload: msgspec.Raw = msgspec.Raw(b"null")
    auth: ChannelAuth | None = None


class ChannelError(Exception):
    """Gate's answer to a message that cannot be served."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Decision(NamedTuple):
    """What to do about a message."""

    reply: bytes | None = None
    asked: Asked | None = None
    """A call to be made."""
    subscribe: tuple[Topic, ...] = ()
    unsubscribe: tuple[Topic, ...] = ()


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
}


class SocketProtocol:
    """Answers one connection.

    Args:
        venue: Whose pairs and accounts are meant.
        connection: Names the connection in answers.
        client: The address it came from.
    """

    def __init__(self, venue: Venue, connection: int, client: str) -> None:
        self._venue = venue
        self._connection = f"{connection:016x}"
        self._answered = 0
        self._subscribed: set[Topic] = set()
        self.api = SocketApi(venue, self._connection, client)

    def decide(self, text: str | bytes, now_ns: int) -> Decision:
        """Return what to do about one message."""
        try:
            incoming = msgspec.json.decode(text, type=Incoming)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            failed = ChannelError(BAD_BODY, f"invalid request: {problem}")
            return Decision(self._answer(Incoming(channel=""), now_ns, failed))
        if incoming.channel == "spot.ping":
            return Decision(_pong(now_ns))
        if incoming.event == "api":
            asked = self.api.read(incoming.channel, incoming.payload, now_ns)
            return Decision(asked) if isinstance(asked, bytes) else Decision(asked=asked)
        try:
            topics = self._topics(incoming, now_ns)
        except ChannelError as failed:
            return Decision(self._answer(incoming, now_ns, failed))
        reply = self._answer(incoming, now_ns, None)
        if incoming.event == "subscribe":
            self._subscribed.update(topics)
            return Decision(reply, subscribe=topics)
        self._subscribed.difference_update(topics)
        return Decision(reply, unsubscribe=topics)

    def _topics(self, incoming: Incoming, now_ns: int) -> tuple[Topic, ...]:
        if incoming.event not in ("subscribe", "unsubscribe"):
            raise ChannelError(BAD_ARGUMENT, f"unknown event: {incoming.event}")
        channel = CHANNELS.get(incoming.channel)
        if channel is None:
            raise ChannelError(BAD_ARGUMENT, f"unknown channel: {incoming.channel}")
        owner = self._signer(incoming, now_ns).name + "/" if channel.private else ""
        wanted = channel.wants(self._venue, msgspec.json.decode(incoming.payload))
        topics = tuple((incoming.channel, owner + what) for what in wanted)
        if incoming.event == "subscribe":
            self._check_room(topics)
        return topics

    def _check_room(self, topics: tuple[Topic, ...]) -> None:
        for channel, what in self._subscribed.intersection(topics):
            if channel == BOOK_STREAM:
                name = book_stream_name(*what.split("_", 1))
                raise ChannelError(BAD_ARGUMENT, f"Alert sub {name}")
        most = self._venue.switches.subscriptions_max
        if most is not None and len(self._subscribed.union(topics)) > most:
            raise ChannelError(BAD_ARGUMENT, f"too many subscriptions: at most {most}")

    def _signer(self, incoming: Incoming, now_ns: int) -> Account:
        if incoming.auth is None:
            raise ChannelError(NOT_AUTHENTICATED, _label("INVALID_KEY", "auth is missing"))
        signed = (incoming.channel, incoming.event, incoming.time)
        accounts = self._venue.ledger.by_key
        try:
            return authenticated_channel(accounts, incoming.auth, signed, now_ns)
        except VenueRefused as refused:
            # Gate puts a JSON text into the message here.
            message = _label(refused.label, refused.message)
            raise ChannelError(NOT_AUTHENTICATED, message) from None

    def _answer(self, incoming: Incoming, now_ns: int, failed: ChannelError | None) -> bytes:
        self._answered += 1
        trace = f"{self._connection}{self._answered:016x}"
        answer: dict[str, Any] = {
            "time": now_ns // NS_PER_S,
            "time_ms": now_ns // NS_PER_MS,
            "id": incoming.id,
            "conn_id": self._connection,
            "trace_id": trace,
            "channel": incoming.channel,
            "event": incoming.event,
            "payload": incoming.payload,
            "error": None,
            "result": {"status": "success"},
            "requestId": trace,
        }
        if failed is not None:
            answer["error"] = {"code": failed.code, "message": failed.message}
            answer["result"] = {"status": "fail"}
        return _encode(answer)


def _label(label: str, message: str) -> str:
    return _encode({"label": label, "message": message}).decode()


def _pong(now_ns: int) -> bytes:
    return _encode(
        {
            "time": now_ns // NS_PER_S,
            "time_ms": now_ns // NS_PER_MS,
            "channel": "spot.pong",
            "event": "",
            "error": None,
            "result": None,
        }
    )
