"""The chain of numbered changes of one book: what follows on, what is missing. Pure.

Both of Gate's book channels number their changes (gate-protocol section 8). A chain follows one of
them from a snapshot on, or keeps what comes until there is one that it joins.
"""

from collections import deque
from collections.abc import Callable

from state.errors import GatehouseError
from state.messages.market import BookDelta, BookSnapshot

BUFFER_MAX = 5_000
"""Changes kept while waiting for a snapshot; older ones could not join it any more."""
RECENT_MAX = 300
"""Changes kept to bring a later snapshot up to date: at ten a second half a minute of them."""
BELIEVED_NS = 10 * 1_000_000_000
"""So long after an id was seen no book may end before it: only a venue that counts anew has one."""


class ChainBroken(GatehouseError):
    """Changes are missing: the text says which."""


class BookChain:
    """The numbers of one book.

    Args:
        strict: Whether each change has to begin right after the last one, as `obu` has it; else it
            may also repeat what is known.
        monotonic_ns: A clock that never goes back.
    """

    def __init__(self, *, strict: bool, monotonic_ns: Callable[[], int]) -> None:
        self._strict = strict
        self._monotonic_ns = monotonic_ns
        self._newest = (0, 0)
        """The largest id that was seen, and when."""
        self._full: BookSnapshot | None = None
        self.begin()

    def begin(self) -> None:
        """Follow nothing, and keep what comes from now on."""
        self.follows = False
        self.last_id = 0
        self._full = None
        self._kept: deque[BookDelta] = deque(maxlen=BUFFER_MAX)
        self._recent: deque[BookDelta] = deque(maxlen=RECENT_MAX)

    def keep(self, delta: BookDelta) -> None:
        """Keep a change for a snapshot that is still to come; a full one is that snapshot."""
        self._reaches(delta.last_id)
        if delta.full:
            self._full = _whole(delta)
        else:
            self._kept.append(delta)

    @property
    def offered(self) -> BookSnapshot | None:
        """The whole book that the stream itself gave, while it waits to be followed."""
        return self._full

    def is_news(self, snapshot: BookSnapshot) -> bool:
        """Return whether a snapshot that nobody follows is as new as anything seen before."""
        return self._reaches(snapshot.last_id)

    def join(self, snapshot: BookSnapshot) -> tuple[BookDelta, ...] | None:
        """Follow on from `snapshot` and return what was kept since; None where that has a hole.

        It has one, too, where it ends before what is known to have happened.
        """
        last_id, since = snapshot.last_id, []
        for delta in self._kept:
            if delta.last_id > last_id:
                if self._hole(delta, last_id):
                    return None
                last_id = delta.last_id
                since.append(delta)
        if not self._reaches(last_id):
            return None
        self.begin()
        self.follows, self.last_id = True, last_id
        self._recent.extend(since)
        return tuple(since)

    def take(self, delta: BookDelta) -> bool:
        """Go on with `delta`; return whether it says anything new.

        Raises:
            ChainBroken: If changes before it are missing.
        """
        assert self.follows, "nobody follows without a snapshot"
        if delta.last_id <= self.last_id:
            return False
        if delta.first_id != self.last_id + 1:
            hole = self._hole(delta, self.last_id)
            if hole:
                raise ChainBroken(hole)
        self.last_id = last_id = delta.last_id
        self._recent.append(delta)
        if last_id >= self._newest[0]:
            self._newest = (last_id, self._monotonic_ns())
        else:
            self._reaches(last_id)
        return True

    def since(self, snapshot: BookSnapshot) -> tuple[BookDelta, ...] | None:
        """Return what brings `snapshot` to where the chain is; None when it is too old for that."""
        assert self.last_id >= snapshot.last_id, "the chain has not come so far"
        later = tuple(delta for delta in self._recent if delta.last_id > snapshot.last_id)
        is_joined = later and later[0].first_id <= snapshot.last_id + 1
        return later if is_joined or snapshot.last_id == self.last_id else None

    def _hole(self, delta: BookDelta, last_id: int) -> str:
        """Return what is wrong between update `last_id` and `delta`; empty when it follows on."""
        expected = last_id + 1
        if delta.first_id > expected:
            return f"updates {expected} to {delta.first_id - 1} are missing"
        if self._strict and delta.first_id != expected:
            return f"an update begins at {delta.first_id}, not at {expected}"
        return ""

    def _reaches(self, last_id: int) -> bool:
        """Return whether nothing beyond `last_id` is known, and remember how far this is."""
        newest, at_ns = self._newest
        now_ns = self._monotonic_ns()
        if last_id < newest and now_ns - at_ns <= BELIEVED_NS:
            return False
        self._newest = (last_id, now_ns)
        return True


def _whole(delta: BookDelta) -> BookSnapshot:
    return BookSnapshot(
        pair=delta.pair,
        event_time_ns=delta.event_time_ns,
        seen_time_ns=delta.seen_time_ns,
        last_id=delta.last_id,
        bids=delta.bids,
        asks=delta.asks,
    )
