"""Where mail goes that nobody will handle, and the messages that killed somebody."""

import threading
import zlib
from collections import Counter, deque
from dataclasses import dataclass
from enum import StrEnum

import msgspec


class Undelivered(StrEnum):
    """Why mail was not handled."""

    ABSENT = "absent"
    """No such address has ever been opened."""
    CLOSED = "closed"
    """The address is closed for good."""
    OVERFLOW = "overflow"
    """The lane was full."""
    DOWN = "down"
    """The lane refuses mail while its actor is being restarted."""
    FENCED = "fenced"
    """The sender had been cut off."""
    POISON = "poison"
    """It killed its actor, or equals one that killed twice."""
    UNEXPECTED = "unexpected"
    """Nobody there knows what to do with it."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One piece of mail that was not handled."""

    to: str
    message: object
    why: Undelivered


class DeadLetters:
    """The newest dead letters and a count of all by reason. Safe to use from any thread."""

    def __init__(self, keep: int = 1000) -> None:
        self._newest: deque[DeadLetter] = deque(maxlen=keep)
        self._counts: Counter[Undelivered] = Counter()
        self._lock = threading.Lock()

    def add(self, to: str, message: object, why: Undelivered) -> None:
        """Count one more and keep it while there is room."""
        with self._lock:
            self._counts[why] += 1
            self._newest.append(DeadLetter(to, message, why))

    def counts(self) -> dict[Undelivered, int]:
        """Return how many there were, by reason."""
        with self._lock:
            return dict(self._counts)

    def newest(self) -> list[DeadLetter]:
        """Return the newest ones, oldest first."""
        with self._lock:
            return list(self._newest)


@dataclass(frozen=True, slots=True)
class Poison:
    """A message that was being handled when its actor died. It is never handled again."""

    to: str
    incarnation: int
    message: object
    error: str
    traceback: str


class Quarantine:
    """Messages that killed, and the deny list of those that did it twice.

    A message is out of its mailbox before it is handled, so a restart never meets it again. A
    sender that transmits it anew could still kill for ever: after a second death by the same
    fingerprint within `window_s` that fingerprint is refused for as long. Not for ever: equal
    messages are not always the same message, and what was wrong may have passed. An actor that was
    refused mail meanwhile is restarted when the refusal ends, for it may have missed what nobody
    will say again.
    """

    def __init__(self, keep: int = 200, window_s: float = 60.0) -> None:
        self._kept: deque[Poison] = deque(maxlen=keep)
        self._window_ns = int(window_s * 1e9)
        self._last_death_ns: dict[tuple[str, int], int] = {}
        self._lock = threading.Lock()

    def add(self, poison: Poison, now_ns: int) -> tuple[int, int] | None:
        """Keep `poison`; return its fingerprint and until when, if it must be denied."""
        mark = fingerprint(poison.message)
        with self._lock:
            self._kept.append(poison)
            last = self._last_death_ns.get((poison.to, mark))
            self._last_death_ns[(poison.to, mark)] = now_ns
            if len(self._last_death_ns) > _DEATHS_REMEMBERED:
                del self._last_death_ns[next(iter(self._last_death_ns))]
        if last is None or now_ns - last > self._window_ns:
            return None
        return mark, now_ns + self._window_ns

    def kept(self) -> list[Poison]:
        """Return the newest ones, oldest first."""
        with self._lock:
            return list(self._kept)


_DEATHS_REMEMBERED = 10_000


# A set has another order in another process.
_encode = msgspec.msgpack.Encoder(order="deterministic").encode


def fingerprint(message: object) -> int:
    """Return a number that is the same for equal messages, in every process."""
    try:
        body = _encode(message)
    except (TypeError, ValueError, OverflowError, RecursionError):
        body = repr(message).encode()
    return zlib.crc32(body, zlib.crc32(type(message).__qualname__.encode()))
