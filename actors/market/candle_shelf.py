"""The closed candles of one pair and timeframe that are at hand, and which of them are not. Pure.

A shelf is whole up to some candle: every one from its oldest to that is there, those that nobody
knows marked as missing. Candles beyond may be there too, told live after a loss of the stream;
what lies between is its hole, and the exchange is asked for it.
"""

from collections.abc import Iterable

from state.candle import length_ns, missing_candle, opening_of
from state.messages.market import CandleClosed, Timeframe
from state.values import Pair, TimeNs


class Shelf:
    """See the module. Times are openings, nanoseconds by the exchange's clock."""

    def __init__(self, pair: Pair, timeframe: Timeframe, kept: int) -> None:
        self.pair = pair
        self.timeframe = timeframe
        self.length_ns = length_ns(timeframe)
        self.kept = kept
        self._candles: dict[int, CandleClosed] = {}
        self._oldest_ns = 0
        self._whole_to_ns: int | None = None
        """Opening of the last candle it is whole up to; None before it was ever filled."""
        self.missing = 0
        """How many were marked as missing so far."""

    def at(self, opening_ns: int) -> CandleClosed | None:
        """Return the candle that opened then; None where it is not here."""
        return self._candles.get(opening_ns)

    def put(self, candle: CandleClosed) -> None:
        """Put a closed candle here, in the place of any other of its time."""
        self._candles[candle.open_time_ns] = candle
        self._grow_whole()
        if len(self._candles) > self.kept + self.kept // 4:
            self._clear_out()

    def newest_due_ns(self, now_ns: int) -> int:
        """Return the opening of the newest candle that is over at `now_ns`."""
        return opening_of(now_ns, self.timeframe) - self.length_ns

    def hole(self, now_ns: int) -> tuple[TimeNs, TimeNs] | None:
        """Return the openings of the first and the last candle to ask for; None when it is whole.

        Args:
            now_ns: Candles that are over by then should be here.
        """
        last_ns = self.newest_due_ns(now_ns)
        first_ns = last_ns - (self.kept - 1) * self.length_ns
        if self._whole_to_ns is not None:
            first_ns = max(first_ns, self._whole_to_ns + self.length_ns)
        return (TimeNs(first_ns), TimeNs(last_ns)) if first_ns <= last_ns else None

    def is_ready(self, now_ns: int) -> bool:
        """Whether it is whole up to the newest candle that is over at `now_ns`."""
        return self._whole_to_ns is not None and self._whole_to_ns >= self.newest_due_ns(now_ns)

    def fill(
        self, hole: tuple[TimeNs, TimeNs], candles: Iterable[CandleClosed], *, give_up: bool
    ) -> int:
        """Put what the exchange gave for `hole`; return how many candles became known.

        What it left out between two candles nobody knows: that is marked as missing. What it left
        out at the end may only not have come yet.

        Args:
            hole: As it was asked for.
            candles: Closed ones of that span, oldest first.
            give_up: Whether what is left out at the end is marked as missing too.
        """
        first_ns, last_ns = hole
        given = {one.open_time_ns: one for one in candles}
        if not given and not give_up:
            return 0
        fresh = given.keys() - self._candles.keys()
        self._candles |= {opening: given[opening] for opening in fresh}
        if self._whole_to_ns is None:
            # The exchange's history begins here.
            known = [one for one in self._candles if first_ns <= one <= last_ns]
            self._oldest_ns = min(known, default=last_ns + self.length_ns)
            self._whole_to_ns = self._oldest_ns - self.length_ns
        elif first_ns > self._whole_to_ns + self.length_ns:
            self._forget_before(first_ns)
        self._mark_missing(last_ns if give_up else max(given))
        self._grow_whole()
        return len(fresh)

    def newest(self, bars: int) -> tuple[CandleClosed, ...]:
        """Return the newest `bars` of what is whole, oldest first."""
        if self._whole_to_ns is None:
            return ()
        first_ns = self._whole_to_ns - (min(bars, self.kept) - 1) * self.length_ns
        first_ns = max(first_ns, self._oldest_ns)
        openings = range(first_ns, self._whole_to_ns + 1, self.length_ns)
        return tuple(self._candles[opening] for opening in openings)

    def parts(self, opening_ns: int, end_ns: int) -> tuple[CandleClosed, ...] | None:
        """Return every candle of [opening_ns, end_ns); None when one is not known."""
        found = []
        for opening in range(opening_ns, end_ns, self.length_ns):
            candle = self._candles.get(opening)
            if candle is None or candle.missing:
                return None
            found.append(candle)
        return tuple(found)

    def _grow_whole(self) -> None:
        if self._whole_to_ns is not None:
            while self._whole_to_ns + self.length_ns in self._candles:
                self._whole_to_ns += self.length_ns

    def _mark_missing(self, until_ns: int) -> None:
        assert self._whole_to_ns is not None, "whoever fills it says where it begins"
        opening = self._whole_to_ns + self.length_ns
        while opening <= until_ns:
            before = self._candles.get(opening - self.length_ns)
            if opening not in self._candles:
                if before is None:
                    self._forget_before(opening + self.length_ns)
                else:
                    here = TimeNs(opening)
                    self._candles[opening] = missing_candle(
                        self.pair, self.timeframe, here, before.close
                    )
                    self.missing += 1
            opening += self.length_ns

    def _forget_before(self, first_ns: int) -> None:
        """Begin at `first_ns`: what is older does not join what will follow."""
        self._candles = {one: kept for one, kept in self._candles.items() if one >= first_ns}
        self._oldest_ns = first_ns
        self._whole_to_ns = first_ns - self.length_ns

    def _clear_out(self) -> None:
        newest_ns = max(self._candles)
        first_ns = newest_ns - (self.kept - 1) * self.length_ns
        self._candles = {one: kept for one, kept in self._candles.items() if one >= first_ns}
        if self._whole_to_ns is None:
            return
        if self._whole_to_ns < first_ns:
            # What it was whole up to is older than all that is kept: the hole is at the front.
            self._oldest_ns, self._whole_to_ns = first_ns, first_ns - self.length_ns
            self._grow_whole()
        else:
            self._oldest_ns = max(self._oldest_ns, first_ns)
