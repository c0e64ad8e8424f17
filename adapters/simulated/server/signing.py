"""Gate's APIv4 signatures, as the venue checks them (gate-protocol.md sections 2 and 3). Pure.

The text of a header and the query of the request line are signed as they came, never rebuilt.
"""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import unquote_plus

import msgspec

from adapters.simulated.core.ledger import Account
from adapters.simulated.core.refusals import refusal
from adapters.simulated.core.switches import WRONG_SIGNATURE
from state.values import NS_PER_S

TOLERANCE_S = 60


class SignedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What of a request takes part in its signature."""

    method: str
    path: str
    """With the `/api/v4` prefix, without host and query."""
    query: str
    """As in the request line, without `?`."""
    body: bytes


def _digest(secret: str, text: bytes) -> str:
    return hmac.new(secret.encode(), text, hashlib.sha512).hexdigest()


def rest_signature(secret: str, request: SignedRequest, timestamp: str) -> str:
    """Return the SIGN header of `request`."""
    body_hash = hashlib.sha512(request.body).hexdigest()
    query = unquote_plus(request.query)
    parts = (request.method, request.path, query, body_hash, timestamp)
    return _digest(secret, "\n".join(parts).encode())


def channel_signature(secret: str, channel: str, event: str, time_s: int) -> str:
    """Return the SIGN member of a private subscription."""
    return _digest(secret, f"channel={channel}&event={event}&time={time_s}".encode())


def call_signature(secret: str, channel: str, parameters: bytes, timestamp: str) -> str:
    """Return the `signature` member of a call over the socket.

    Args:
        secret: Of the account.
        channel: Such as `spot.login`.
        parameters: The JSON text of `req_param` as sent, empty when it is absent.
        timestamp: As sent.
    """
    return _digest(secret, b"\n".join((b"api", channel.encode(), parameters, timestamp.encode())))


def _check_time(timestamp: str, now_ns: int) -> None:
    try:
        gap = abs(float(timestamp) - now_ns / NS_PER_S)
    except ValueError:
        raise refusal("INVALID_PARAM_VALUE", f"Invalid header Timestamp: {timestamp}") from None
    if not gap <= TOLERANCE_S:
        raise refusal(
            "REQUEST_EXPIRED",
            f"gap between request Timestamp and server time exceeds {TOLERANCE_S}",
        )


def _compare(expected: str, signature: str) -> None:
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise refusal("INVALID_SIGNATURE", WRONG_SIGNATURE)


def authenticated(
    accounts: Mapping[str, Account],
    headers: Mapping[str, str],
    request: SignedRequest,
    now_ns: int,
) -> Account:
    """Return the account that signed `request`.

    Raises:
        VenueRefused: `MISSING_REQUIRED_HEADER`, `REQUEST_EXPIRED`, `INVALID_KEY` or
            `INVALID_SIGNATURE`, looked at in this order.
    """
    for name in ("Timestamp", "KEY", "SIGN"):
        if not headers.get(name):
            raise refusal("MISSING_REQUIRED_HEADER", f"Missing required header: {name}")
    timestamp = headers["Timestamp"]
    _check_time(timestamp, now_ns)
    account = accounts.get(headers["KEY"])
    if account is None:
        raise refusal("INVALID_KEY", "Invalid key provided")
    expected = rest_signature(account.secret, request, timestamp)
    _compare(expected, headers["SIGN"])
    return account


class ChannelAuth(msgspec.Struct, frozen=True):
    """The `auth` member of a private subscription."""

    method: str = ""
    KEY: str = ""
    SIGN: str = ""


def authenticated_channel(
    accounts: Mapping[str, Account],
    auth: ChannelAuth,
    subscription: tuple[str, str, int],
    now_ns: int,
) -> Account:
    """Return the account that signed a subscription.

    Args:
        accounts: By key.
        auth: As sent.
        subscription: (channel, event, time in s).
        now_ns: The venue's time.

    Raises:
        VenueRefused: `REQUEST_EXPIRED`, `INVALID_KEY` or `INVALID_SIGNATURE`.
    """
    channel, event, time_s = subscription
    _check_time(str(time_s), now_ns)
    account = accounts.get(auth.KEY)
    if account is None or auth.method != "api_key":
        raise refusal("INVALID_KEY", "Invalid key provided")
    # The venue's own Go client signs the word subscribe even when it unsubscribes.
    accepted = {
        channel_signature(account.secret, channel, word, time_s) for word in (event, "subscribe")
    }
    if not any(hmac.compare_digest(each.encode(), auth.SIGN.encode()) for each in accepted):
        raise refusal("INVALID_SIGNATURE", WRONG_SIGNATURE)
    return account


class SignedCall(msgspec.Struct, frozen=True, kw_only=True):
    """What of a call over the socket takes part in its signature, and the signature."""

    channel: str
    key: str
    parameters: bytes
    timestamp: str
    signature: str


def authenticated_call(accounts: Mapping[str, Account], signed: SignedCall, now_ns: int) -> Account:
    """Return the account that signed a call over the socket.

    Raises:
        VenueRefused: `REQUEST_EXPIRED`, `INVALID_KEY` or `INVALID_SIGNATURE`.
    """
    _check_time(signed.timestamp, now_ns)
    account = accounts.get(signed.key)
    if account is None:
        raise refusal("INVALID_KEY", "Invalid key provided")
    _compare(
        call_signature(account.secret, signed.channel, signed.parameters, signed.timestamp),
        signed.signature,
    )
    return account
