"""Several changes of a book as one. Pure.

Sizes are absolute, so changes that follow on from one another, told in their order as one, make
the same book as one by one.
"""

from collections.abc import Sequence
from itertools import chain

from msgspec.structs import replace

from state.messages.market import BookDelta


def joined(deltas: Sequence[BookDelta]) -> BookDelta:
    """Return changes that follow on from one another (one at least) as one, as new as the last."""
    last = deltas[-1]
    if len(deltas) == 1:
        return last
    return replace(
        last,
        first_id=deltas[0].first_id,
        bids=tuple(chain.from_iterable(delta.bids for delta in deltas)),
        asks=tuple(chain.from_iterable(delta.asks for delta in deltas)),
    )
