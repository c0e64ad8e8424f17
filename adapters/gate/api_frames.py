"""Gate's WebSocket API: calls to frames, and frames to answers. Pure.

What Gate hashes of a call is the raw JSON text of its `req_param`, so the text that is signed is
the text that is sent: it is encoded once and put into the frame as it is.

Source: gate-protocol.md sections 3 and 10.
"""

from typing import Any

import msgspec
from msgspec import Raw, Struct, field

from adapters.gate.amounts import Number
from adapters.gate.decoding import UNREADABLE, decoder, unreadable
from adapters.gate.rate_limit import HeadRoom, head_room
from adapters.gate.signing import Credentials, api_signature

LOGIN = "spot.login"
PLACE = "spot.order_place"
CANCEL = "spot.order_cancel"
AMEND = "spot.order_amend"
STATUS = "spot.order_status"


class ApiCall(Struct, frozen=True, kw_only=True):
    """What to ask over the socket."""

    channel: str
    parameters: bytes
    """The raw JSON of `req_param`; empty leaves it out."""
    expires_ms: int | None = None
    """Gate refuses what arrives later."""


class ApiAnswer(Struct, frozen=True, kw_only=True):
    """What Gate says to one call."""

    request_id: str
    is_ack: bool
    """Only that it was received: the answer proper follows."""
    status: int
    """As HTTP means it."""
    label: str
    message: str
    result: bytes
    """Raw JSON."""
    stamps: dict[str, str]
    """`x_in_time` and `x_out_time` where they are given."""
    _limits: tuple[Number | None, Number | None, Number | None]

    def head_room(self, now_s: float) -> HeadRoom | None:
        """Return what it says of Gate's own count, `now_s` by Gate's clock."""
        return head_room(*self._limits, now_s)


class _Header(Struct, gc=False):
    status: int = 0
    x_in_time: Number | None = None
    x_out_time: Number | None = None
    remaining: Number | None = field(name="x_gate_ratelimit_requests_remain", default=None)
    limit: Number | None = field(name="x_gate_ratelimit_limit", default=None)
    # The missing e is Gate's.
    reset: Number | None = field(name="x_gat_ratelimit_reset_timestamp", default=None)


class _Errors(Struct, gc=False):
    label: str = ""
    message: str = ""


class _Data(Struct, gc=False):
    result: Raw = Raw(b"null")
    errs: _Errors | None = None


class _Answer(Struct, gc=False):
    request_id: str = ""
    ack: bool = False
    header: _Header | None = None
    data: _Data = field(default_factory=_Data)


class _Named(Struct, gc=False):
    request_id: str = ""


_answer = decoder(_Answer)
_named = decoder(_Named)
_encoder = msgspec.json.Encoder()


def encode_parameters(members: dict[str, str]) -> bytes:
    """Return `members` as the text that is signed and sent."""
    return _encoder.encode(members)


def encode_call(call: ApiCall, *, request_id: str, time_s: int, credentials: Credentials) -> bytes:
    """Return the frame of `call`, signed."""
    timestamp = str(time_s)
    payload: dict[str, Any] = {
        "req_id": request_id,
        "api_key": credentials.key.reveal(),
        "timestamp": timestamp,
        "signature": api_signature(
            credentials.secret.reveal(),
            channel=call.channel,
            parameters=call.parameters.decode(),
            timestamp=timestamp,
        ),
    }
    if call.expires_ms is not None:
        payload["req_header"] = {"x-gate-exptime": str(call.expires_ms)}
    if call.parameters:
        payload["req_param"] = Raw(call.parameters)
    return _encoder.encode(
        {"time": time_s, "channel": call.channel, "event": "api", "payload": payload}
    )


def decode_answer(data: bytes) -> ApiAnswer | None:
    """Return the answer in a frame, or None where it is a frame of another kind.

    Raises:
        VenueMalformed: It is no frame of Gate's, or an answer nobody can read.
    """
    try:
        answer = _answer.decode(data)
    except UNREADABLE as error:
        raise unreadable(error, data) from None
    header, errors = answer.header, answer.data.errs or _Errors()
    if header is None:
        return None
    stamps = {"x_in_time": header.x_in_time, "x_out_time": header.x_out_time}
    return ApiAnswer(
        request_id=answer.request_id,
        is_ack=answer.ack,
        status=header.status,
        label=errors.label,
        message=errors.message,
        result=bytes(answer.data.result),
        stamps={name: str(value) for name, value in stamps.items() if value is not None},
        _limits=(header.limit, header.remaining, header.reset),
    )


def request_named(data: bytes) -> str:
    """Return which request a frame nobody could read belongs to; empty where it does not say."""
    try:
        return _named.decode(data).request_id
    except UNREADABLE:
        return ""
