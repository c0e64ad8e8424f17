"""What a recorded handler can see that is no message: the halt latch."""

import msgspec
from msgspec import Struct

from adapters.halt_latch import Latch


class _Seen(Struct, frozen=True, array_like=True):
    reason: str
    exits_allowed: bool


def seen_of(latch: Latch) -> str:
    """Return the latch as it is now, as text; empty while it is not set."""
    reason = latch.reason
    if reason is None:
        return ""
    return msgspec.json.encode(_Seen(reason, latch.exits_allowed)).decode()


def show(latch: Latch, seen: str) -> None:
    """Make the latch as it was."""
    latch.release()
    if seen:
        was = msgspec.json.decode(seen, type=_Seen)
        latch.set(was.reason)
        if was.exits_allowed:
            latch.allow_exits()
