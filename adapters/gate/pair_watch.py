"""Whether a pair's channels still talk, each at the pace it was learned to have. Pure.

A connection that carries many pairs looks alive while one of them has fallen silent. The book is
watched by itself; trades, ticker and candles together, for each of them may rest for long.
"""

from adapters.gate.cadence import Cadence, Patience
from adapters.gate.connection import StreamSettings
from adapters.ports import MarketMessage
from state.messages.market import BookDelta


class PairWatch:
    """The rhythms of one pair. Times are seconds of a clock that never goes back."""

    def __init__(self, settings: StreamSettings) -> None:
        """Know nothing yet; `begin` starts the watch."""
        self._book = Cadence(
            Patience(floor_s=settings.book_floor_s, ceiling_s=settings.book_ceiling_s)
        )
        self._tape = Cadence(
            Patience(floor_s=settings.tape_floor_s, ceiling_s=settings.tape_ceiling_s)
        )

    def begin(self, now_s: float) -> None:
        """Count silence from here: subscribed, perhaps again. What was learned stays."""
        self._book.begin(now_s)
        self._tape.begin(now_s)

    def heard(self, message: MarketMessage, now_s: float) -> None:
        """Learn that something came."""
        (self._book if isinstance(message, BookDelta) else self._tape).heard(now_s)

    def overdue(self, now_s: float) -> str:
        """Return what has been silent for too long, in words; empty while all is well.

        What is told once is borne for longer the next time, until it talks again.
        """
        for name, cadence in (("book", self._book), ("trades and ticker", self._tape)):
            if cadence.overdue(now_s):
                silent_s, limit_s = cadence.silent_s(now_s), cadence.limit_s
                cadence.struck(now_s)
                return f"no {name} for {silent_s:.1f} s, borne for {limit_s:.1f} s"
        return ""
