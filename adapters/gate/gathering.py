"""Changes of books that came together are handed on together. Pure but for its memory.

In a flood one read of the socket brings many changes of a pair. To hand each on by itself costs
more than all that is done with it: a place in a mailbox, a turn of the feed, a look at its ids.
"""

from collections.abc import Callable

from state.book_changes import joined
from state.messages.market import BookDelta
from state.values import Pair


class Gathering:
    """What has come and was not handed on, by pair.

    Args:
        most: Changes handed on as one; 1 hands each on by itself.
        deliver: Is handed the changes of a pair as one, in order.
    """

    def __init__(self, most: int, deliver: Callable[[BookDelta], None]) -> None:
        self._most = most
        self._deliver = deliver
        self._held: dict[Pair, list[BookDelta]] = {}

    @property
    def holds(self) -> bool:
        """Whether `hand_on` has something to do."""
        return bool(self._held)

    def take(self, delta: BookDelta) -> None:
        """Keep a change that follows on from what is held of its pair; hand on what it does not."""
        held = self._held.get(delta.pair)
        if held is None:
            if delta.full or self._most == 1:
                self._deliver(delta)
            else:
                self._held[delta.pair] = [delta]
        elif len(held) < self._most and delta.first_id == held[-1].last_id + 1 and not delta.full:
            held.append(delta)
        else:
            self.hand_on_of(delta.pair)
            self.take(delta)

    def hand_on(self) -> None:
        """Hand everything on."""
        held, self._held = self._held, {}
        for deltas in held.values():
            self._deliver(joined(deltas))

    def hand_on_of(self, pair: Pair) -> None:
        """Hand on what is held of a pair."""
        held = self._held.pop(pair, None)
        if held is not None:
            self._deliver(joined(held))

    def forget(self, pair: Pair) -> None:
        """Hand nothing on of what is held of a pair."""
        self._held.pop(pair, None)
