"""Gate's three signatures, all HMAC-SHA512 in lower-case hex. Pure, and needs nothing but Python.

Source: gate-protocol.md sections 2 and 3, whose vectors are our tests.
"""

import hashlib
import hmac


def rest_signature(
    secret: str, *, method: str, path: str, query: str, body: bytes, timestamp: str
) -> str:
    """Return the `SIGN` header of a REST request.

    Args:
        secret: The API secret.
        method: Upper case.
        path: With `/api/v4`, without host.
        query: As in the URL but percent-decoded, without `?`; empty when there is none.
        body: The bytes as sent; empty when there are none.
        timestamp: The `Timestamp` header verbatim: Unix seconds, decimals allowed.
    """
    digest = hashlib.sha512(body).hexdigest()
    return _signed(secret, f"{method}\n{path}\n{query}\n{digest}\n{timestamp}")


def channel_signature(secret: str, *, channel: str, event: str, time_s: int) -> str:
    """Return the `SIGN` of a private channel's subscription.

    Args:
        secret: The API secret.
        channel: Such as `spot.orders`.
        event: `subscribe` or `unsubscribe`: Gate signs what is asked.
        time_s: The `time` member of the same message, Unix seconds.
    """
    return _signed(secret, f"channel={channel}&event={event}&time={time_s}")


def api_signature(secret: str, *, channel: str, parameters: str, timestamp: str) -> str:
    """Return the `signature` of a WebSocket API call.

    Args:
        secret: The API secret.
        channel: Such as `spot.login`.
        parameters: The raw JSON text of `req_param` as sent; empty when it is absent.
        timestamp: The `timestamp` member: Unix seconds as text.
    """
    return _signed(secret, f"api\n{channel}\n{parameters}\n{timestamp}")


def _signed(secret: str, text: str) -> str:
    return hmac.digest(secret.encode(), text.encode(), "sha512").hex()
