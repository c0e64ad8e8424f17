"""What an answer of Gate proves. Pure.

Only one question matters: is it proven that nothing happened? Then `Refused`. A success is
decoded elsewhere. Everything else is `Unknown`, to be settled by a query.

Source: gate-protocol.md section 6 and supervision.md section 5.2 step 6.
"""

from adapters.gate.codec import decode_error
from adapters.gate.decoding import excerpt
from state.errors import VenueMalformed
from state.messages.venue import Refused, Unknown

_PROVES_NOTHING = frozenset(
    {
        "INTERNAL",
        "SERVER_ERROR",
        "INTERNAL_SERVER_ERROR",
        "TOO_BUSY",
        "TIMEOUT",
        "SERVER_TIMEOUT",
        # An order of this name lives already: to call ours refused would disown that one.
        "REPEATED_CREATION",
    }
)
_LABEL_MAX = 64
_MESSAGE_MAX = 500
_TOO_MANY = 429
_TIMED_OUT = 408
"""HTTP's own "I gave up waiting for your request": nobody knows what got through."""


def failure(status: int, body: bytes) -> Refused | Unknown | None:
    """Return what an HTTP answer that is no success proves, or None where it is one."""
    if 200 <= status < 300 and not _names_a_label(body):
        return None
    found = judged(status, *_label(body))
    if found is None and not 200 <= status < 300:
        return Unknown(reason=f"status {status}: {excerpt(body)}")
    return found


def judged(status: int, label: str, message: str) -> Refused | Unknown | None:
    """Return what a status with a label proves, over HTTP or over the socket.

    Args:
        status: As HTTP means it.
        label: Gate's; empty where there is none.
        message: Gate's sentence.

    Returns:
        None where there is no label to judge by: a 2xx is then a success, all else unknown.
    """
    label, message = label[:_LABEL_MAX], message[:_MESSAGE_MAX]
    if status == _TOO_MANY:
        # Counted before anything is done, also when a proxy says it without a label.
        return Refused(label=label or "TOO_MANY_REQUESTS", message=message, status=status)
    if not label:
        return None
    # Gate has answered 200 with an error inside.
    proves = 200 <= status < 300 or (400 <= status < 500 and status != _TIMED_OUT)
    if label in _PROVES_NOTHING or not proves:
        return Unknown(reason=f"{label} (status {status}): {message}")
    return Refused(label=label, message=message, status=status)


def _names_a_label(body: bytes) -> bool:
    return body[:1] == b"{" and b'"label"' in body


def _label(body: bytes) -> tuple[str, str]:
    try:
        return decode_error(body)
    except VenueMalformed:
        return "", excerpt(body)
