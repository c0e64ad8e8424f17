"""How long the market's news take from the exchange to those who decide, hop by hop. Pure.

Each hop has a histogram since the start and one of the last minute or two, which the alarms look
at: what was slow this morning is no alarm now. What lies between the two clocks is corrected by
their difference as it was last measured, and is as uncertain as that.
"""

from collections.abc import Iterator

from msgspec import Struct

from state.config.measures import LatencySettings
from state.log_histogram import LogHistogram
from state.messages.flow import HOPS, HopLatency, LatencyMeasured
from state.values import NS_PER_MS, NS_PER_S

WINDOW_NS = 60 * NS_PER_S
SAMPLES_MIN = 100
"""Fewer in a window are no base for a percentile of 99."""
GOOD_AGAIN = 0.8
"""Of the budget: below it the alarm may be raised anew."""
STATE_HOP = "socket_to_state"


class LatencyAlarm(Struct, frozen=True):
    """Something took too long."""

    is_hard: bool
    """Beyond the hard limit, not only beyond the budget."""
    text: str


class LatencyBoard:
    """All pairs together.

    Args:
        settings: Budget and hard limit of the way from the socket to the measured book.
    """

    def __init__(self, settings: LatencySettings) -> None:
        self._settings = settings
        self._hops = {hop: LogHistogram() for hop in HOPS}
        self._window = LogHistogram()
        """Of the hop that the alarms look at."""
        self._before = LogHistogram()
        """The window before."""
        self._began_ns: int | None = None
        self._is_late = self._is_hard = False

    def hear(self, measured: LatencyMeasured, offset_ns: int | None) -> None:
        """Count what one actor told; without the clocks' difference the way to us is not known."""
        for hop in HOPS:
            histogram = self._hops[hop]
            if hop == HOPS[0]:
                if offset_ns is not None:
                    for took_ns in measured.exchange_to_socket:
                        histogram.record(took_ns + offset_ns)
                continue
            for took_ns in getattr(measured, hop):
                histogram.record(took_ns)
        for took_ns in measured.socket_to_state:
            self._window.record(took_ns)

    def hops(self) -> tuple[HopLatency, ...]:
        """Return what there is to tell, in the order of the way."""
        return tuple(self._told())

    def _told(self) -> Iterator[HopLatency]:
        for hop, histogram in self._hops.items():
            if histogram.count:
                p50, p95, p99 = (histogram.percentile(share) for share in (0.5, 0.95, 0.99))
                assert p50 is not None
                assert p95 is not None
                assert p99 is not None
                yield HopLatency(
                    hop=hop,
                    count=histogram.count,
                    p50_ms=p50 / NS_PER_MS,
                    p95_ms=p95 / NS_PER_MS,
                    p99_ms=p99 / NS_PER_MS,
                    max_ms=histogram.largest / NS_PER_MS,
                )

    def look(self, now_ns: int) -> list[LatencyAlarm]:
        """Return what is to be said now; `now_ns` never goes back."""
        if self._began_ns is None:
            self._began_ns = now_ns
        alarms = list(self._judged())
        if now_ns - self._began_ns >= WINDOW_NS:
            self._began_ns = now_ns
            self._before, self._window = self._window, self._before
            self._window.clear()
        return alarms

    def _judged(self) -> Iterator[LatencyAlarm]:
        both = LogHistogram()
        for one in (self._before, self._window):
            both.add(one.counts(), one.largest)
        hard_ns = self._settings.hard_ms * NS_PER_MS
        if both.largest <= hard_ns:
            self._is_hard = False
        elif not self._is_hard:
            self._is_hard = True
            yield LatencyAlarm(
                is_hard=True,
                text=f"an update of a book took {both.largest / NS_PER_MS:,.0f} ms from the socket "
                f"to its measures; never more than {self._settings.hard_ms:g} ms is allowed",
            )
        p99 = both.percentile(0.99)
        if p99 is None or both.count < SAMPLES_MIN:
            return
        budget_ns = self._settings.budget_ms * NS_PER_MS
        if p99 <= GOOD_AGAIN * budget_ns:
            self._is_late = False
        elif p99 > budget_ns and not self._is_late:
            self._is_late = True
            yield LatencyAlarm(
                is_hard=False,
                text=f"of the last minutes' updates of books 1 % took more than "
                f"{p99 / NS_PER_MS:,.0f} ms from the socket to their measures; the budget is "
                f"{self._settings.budget_ms:g} ms",
            )
