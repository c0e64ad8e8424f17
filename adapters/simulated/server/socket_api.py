"""The WebSocket API: calls over a socket, by the routes of REST (gate-protocol.md section 10).

Pure: bytes in, a call for `answering.answered` or bytes out. Adding a call is adding a row to
`_CHANNELS`.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from adapters.simulated.core.ledger import Account
from adapters.simulated.core.refusals import missing_parameter, refusal
from adapters.simulated.core.venue import Venue
from adapters.simulated.rate_limits import LimitClass
from adapters.simulated.server import rest_private
from adapters.simulated.server.answering import Outcome, refused
from adapters.simulated.server.calls import Call, Route
from adapters.simulated.server.signing import SignedCall, authenticated_call
from state.errors import VenueRefused
from state.values import NS_PER_MS

_encode = msgspec.json.Encoder().encode

LOGIN = "spot.login"

_CHANNELS = {
    "spot.order_place": ("POST", "/spot/orders"),
    "spot.order_cancel": ("DELETE", "/spot/orders/{order_id}"),
    "spot.order_cancel_ids": ("POST", "/spot/cancel_batch_orders"),
    "spot.order_cancel_cp": ("DELETE", "/spot/orders"),
    "spot.order_amend": ("PATCH", "/spot/orders/{order_id}"),
    "spot.order_status": ("GET", "/spot/orders/{order_id}"),
    "spot.order_list": ("GET", "/spot/orders"),
}
"""The route that serves each call."""

_BATCH = ("POST", "/spot/batch_orders")
"""What `spot.order_place` means when it brings an array."""

_ACKNOWLEDGED = "spot.order_place"


def _over_the_socket(route: Route) -> Route:
    """Return `route` as the socket limits it: no limit is known for reading over it."""
    return route._replace(limit=None) if route.limit is LimitClass.PRIVATE else route


_ROUTES = {(route.method, route.path): _over_the_socket(route) for route in rest_private.ROUTES}


class Payload(msgspec.Struct, kw_only=True):
    """The payload of an `api` message; members not named here are ignored."""

    req_id: Any = ""
    """Echoed verbatim."""
    api_key: str = ""
    signature: str = ""
    timestamp: str | int = ""
    req_header: dict[str, Any] | None = None
    req_param: msgspec.Raw = msgspec.Raw(b"")
    """As sent: its very text is signed."""


class Asked(NamedTuple):
    """One call as it came in."""

    channel: str
    payload: Payload
    arrived_ns: int
    route: Route

    @property
    def subject(self) -> str:
        """What faults are matched against: the channel, and the endpoint it stands for."""
        return f"{self.channel} {self.route.method} {self.route.path}"


class SocketApi:
    """Reads and answers the calls of one connection, and knows who logged in.

    Args:
        venue: Whose pairs and accounts are meant.
        connection: Names the connection in answers.
        client: The address it came from.
    """

    def __init__(self, venue: Venue, connection: str, client: str) -> None:
        self._venue = venue
        self._connection = connection
        self._client = client
        self._signer: Account | None = None
        self._answered = 0

    def read(self, channel: str, raw: msgspec.Raw, now_ns: int) -> Asked | bytes:
        """Return the call in one message, or the answer if none is to be made."""
        payload = Payload()
        try:
            payload = msgspec.json.decode(raw, type=Payload)
            if channel == LOGIN:
                return self._login(payload, now_ns)
            return Asked(channel, payload, now_ns, _route(channel, payload))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            bad = refusal("INVALID_REQUEST_BODY", f"invalid payload: {problem}")
            return self._message(channel, payload, refused(bad), now_ns, now_ns)
        except VenueRefused as problem:
            return self._message(channel, payload, refused(problem), now_ns, now_ns)

    def _login(self, payload: Payload, now_ns: int) -> bytes:
        self._signer = self._authenticated(LOGIN, payload, now_ns)
        known = {"api_key": payload.api_key, "uid": str(self._signer.user_id)}
        return self._message(LOGIN, payload, Outcome(known, 200, {}), now_ns, now_ns)

    def _authenticated(self, channel: str, payload: Payload, now_ns: int) -> Account:
        signed = SignedCall(
            channel=channel,
            key=payload.api_key,
            parameters=bytes(payload.req_param),
            timestamp=str(payload.timestamp),
            signature=payload.signature,
        )
        return authenticated_call(self._venue.ledger.by_key, signed, now_ns)

    def arrive(self, asked: Asked, now_ns: int) -> Call:
        """Return what `asked` asks for.

        Raises:
            VenueRefused: `AUTHENTICATION_FAILED` before a login; of a signature what it lacks.
        """
        signer = self._signer
        if signer is None:
            raise refusal("AUTHENTICATION_FAILED", "Not login")
        payload = asked.payload
        if payload.signature and self._venue.switches.call_signatures_checked:
            signer = self._authenticated(asked.channel, payload, now_ns)
        members = _members(payload.req_param)
        path = {}
        if "{order_id}" in asked.route.path:
            if not members.get("order_id"):
                raise missing_parameter("order_id")
            path["order_id"] = members["order_id"]
        return Call(
            venue=self._venue,
            now_ns=now_ns,
            query=members,
            path=path,
            headers={name.lower(): str(text) for name, text in (payload.req_header or {}).items()},
            body=bytes(payload.req_param),
            client=self._client,
            signer=signer,
            default_text="apiv4-ws",
        )

    def acknowledgement(self, asked: Asked, now_ns: int) -> bytes | None:
        """Return what says that a call arrived, None for a call that says so by its answer."""
        if asked.channel != _ACKNOWLEDGED:
            return None
        payload = asked.payload
        echo = {
            "req_id": payload.req_id,
            "req_header": payload.req_header,
            "api_key": "",
            "timestamp": "",
            "signature": "",
            "req_param": payload.req_param if bytes(payload.req_param) else None,
        }
        message = {
            "request_id": payload.req_id,
            "ack": True,
            "header": self._header(asked.channel, 200, asked.arrived_ns, now_ns),
            "data": {"result": echo},
        }
        return _encode(message)

    def answer(self, asked: Asked, outcome: Outcome, now_ns: int) -> bytes:
        """Return the message that tells what came of `asked`."""
        return self._message(asked.channel, asked.payload, outcome, asked.arrived_ns, now_ns)

    def _message(
        self, channel: str, payload: Payload, outcome: Outcome, arrived_ns: int, now_ns: int
    ) -> bytes:
        status = outcome.status if outcome.refused else 200
        header = self._header(channel, status, arrived_ns, now_ns) | _limits(outcome.limits)
        return _encode(
            {
                "request_id": payload.req_id,
                "header": header,
                "data": {"errs" if outcome.refused else "result": outcome.value},
            }
        )

    def _header(self, channel: str, status: int, arrived_ns: int, now_ns: int) -> dict[str, Any]:
        self._answered += 1
        return {
            "response_time": str(now_ns // NS_PER_MS),
            "status": str(status),
            "channel": channel,
            "event": "api",
            "client_id": f"{self._client}-{self._connection}",
            "x_in_time": arrived_ns // 1000,
            "x_out_time": now_ns // 1000,
            "conn_id": self._connection,
            "conn_trace_id": self._connection,
            "trace_id": f"{self._connection}{self._answered:016x}",
        }


def _route(channel: str, payload: Payload) -> Route:
    served = _CHANNELS.get(channel)
    if channel == _ACKNOWLEDGED and bytes(payload.req_param).lstrip().startswith(b"["):
        served = _BATCH
    route = _ROUTES.get(served) if served is not None else None
    if route is None:
        raise refusal("INVALID_ARGUMENT", f"unknown channel: {channel}")
    return route


def _members(raw: msgspec.Raw) -> dict[str, str]:
    """Return the members of `req_param` as a query would carry them; those of an array are none."""
    try:
        members = msgspec.json.decode(raw) if bytes(raw) else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise refusal("INVALID_REQUEST_BODY", "req_param is not valid JSON") from None
    if not isinstance(members, dict):
        return {}
    return {name: _text(value) for name, value in members.items() if value is not None}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _limits(headers: Mapping[str, str]) -> dict[str, int]:
    """Return the rate-limit members of a header: numbers, and Gate's own spelling of the last."""
    if not headers:
        return {}
    reset = int(headers["X-Gate-RateLimit-Reset-Timestamp"])
    return {
        "x_gate_ratelimit_requests_remain": int(headers["X-Gate-RateLimit-Requests-Remain"]),
        "x_gate_ratelimit_limit": int(headers["X-Gate-RateLimit-Limit"]),
        # Milliseconds here whatever the unit over REST.
        "x_gat_ratelimit_reset_timestamp": reset if reset > 10**12 else reset * 1000,
    }
