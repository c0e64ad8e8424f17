"""What a WebSocket client may say and what it is answered (gate-protocol.md sections 7 to 10).

Pure: bytes in, a decision and bytes out.
"""

from typing import Any, NamedTuple

import msgspec

from adapters.simulated.core.ledger import Account
from adapters.simulated.core.venue import Venue
from adapters.simulated.server.channels import (
    BAD_ARGUMENT,
    BAD_BODY,
    CHANNELS,
    NOT_AUTHENTICATED,
    ChannelError,
)
from adapters.simulated.server.hub import BOOK_STREAM
from adapters.simulated.server.pushes import book_stream_name
from adapters.simulated.server.signing import ChannelAuth, authenticated_channel
from adapters.simulated.server.socket_api import Asked, SocketApi
from adapters.simulated.server.subscriptions import Topic
from state.errors import VenueRefused
from state.values import NS_PER_MS, NS_PER_S

_encode = msgspec.json.Encoder().encode


class Incoming(msgspec.Struct, kw_only=True):
    """A client's message; members not named here are ignored."""

    channel: str
    time: int = 0
    event: str = ""
    id: Any = None
    """Echoed verbatim."""
    payload: msgspec.Raw = msgspec.Raw(b"null")
    auth: ChannelAuth | None = None


class Decision(NamedTuple):
    """What to do about a message."""

    reply: bytes | None = None
    asked: Asked | None = None
    """A call to be made."""
    subscribe: tuple[Topic, ...] = ()
    unsubscribe: tuple[Topic, ...] = ()


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
        service, _, word = incoming.channel.partition(".")
        if word == "ping" and service in ("spot", "announcement"):
            return Decision(_pong(service, now_ns))
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


def _pong(service: str, now_ns: int) -> bytes:
    return _encode(
        {
            "time": now_ns // NS_PER_S,
            "time_ms": now_ns // NS_PER_MS,
            "channel": f"{service}.pong",
            "event": "",
            "error": None,
            "result": None,
        }
    )
