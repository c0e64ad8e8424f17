"""The health monitor: what the process costs, and how far the exchange's clock is from ours."""

from collections import deque
from typing import Any

import numpy as np
from msgspec import Struct

from actors import addresses
from actors.kernel import Actor, ChildReport, Timer
from actors.operations.latency_board import LatencyBoard
from actors.outbox import Outbox
from adapters.ports import Exchange, ProcessMeter
from state.config.measures import LatencySettings
from state.messages.flow import HopLatency, LatencyMeasured
from state.messages.journal import Entry, JournalOpened, RecordDenied, Recorded
from state.messages.operations import (
    AlertRaised,
    ClockMeasured,
    ClockWanted,
    HealthSampled,
    PartNotReady,
    PartReady,
    ReadinessWanted,
    Severity,
)
from state.messages.venue import FetchTime, Succeeded, VenueAnswer
from state.values import NS_PER_MS, NS_PER_S

PART = "clock"

PATIENT = LatencySettings()
SAMPLE_EVERY_S = 1.0
LATENCY_EVERY = 5
"""Samples between two sums of what was told of latencies."""
CLOCK_EVERY_S = 10.0
CLOCK_RETRY_S = 0.5
"""After no answer, one that took so long that it says little, and one that stops everybody."""
STEP_NS = 20 * NS_PER_MS
"""Our wall clock and the time that passed do not come apart so far within a second by drift."""
CLOCK_GOOD_NS = 250 * NS_PER_MS
"""Half a round trip that says enough."""
SLOPE_WINDOW = 600
"""Samples in the slope of memory: ten minutes."""


class _SampleDue(Struct, frozen=True):
    """Look at the process."""


class _ClockDue(Struct, frozen=True):
    """Ask the exchange what time it is."""


class HealthMonitor(Actor):
    """One. Owns no state that matters; a restart measures anew.

    While the clocks differ too much for anything signed to leave, nobody trades and an alert says
    why: orders that the exchange's adapter would refuse one by one are not even proposed.

    Args:
        meter: What the process costs.
        exchange: Whose clock to compare.
        skew_max_s: Most that the clocks may differ, `orders.clock_skew_max_s`.
        latency: How long a book update may take.
    """

    def __init__(
        self,
        meter: ProcessMeter,
        exchange: Exchange,
        skew_max_s: float,
        latency: LatencySettings = PATIENT,
    ) -> None:
        super().__init__()
        self._meter = meter
        self._exchange = exchange
        self._skew_max_s = skew_max_s
        self._board = LatencyBoard(latency)
        self._latency: tuple[HopLatency, ...] = ()
        self._heard = False
        """Whether latencies were told since they were last summed up."""
        self._samples = 0
        self._unready = ""
        """Why nobody may trade by this clock; empty while they may."""
        self._told: bool | None = True
        """Whether they may, as last told; None in a later life: an earlier one told anything."""
        self._rss: deque[tuple[float, float]] = deque(maxlen=SLOPE_WINDOW)
        self._clock: ClockMeasured | None = None
        self._clock_due: Timer | None = None
        """When to ask again: once, although an earlier life's question is answered to us too."""
        self._wall_ns: int | None = None
        """Our wall clock less what passed, at the last sample: a step shows here."""

    def on_start(self) -> None:
        """Begin to measure."""
        self._outbox = Outbox(self.address, self.incarnation)
        if self.incarnation > 1:
            self._told = None
        for news in (JournalOpened, ChildReport, LatencyMeasured):
            self.subscribe(news)
        self._ask_time()
        self.after(SAMPLE_EVERY_S, _SampleDue())

    def on_receive(self, message: Any) -> None:
        """Measure when it is time."""
        match message:
            case _SampleDue():
                self.after(SAMPLE_EVERY_S, _SampleDue())
                self._look_for_steps()
                self._look_at_latency()
                self.publish(self._sample())
            case LatencyMeasured():
                offset_ns = None if self._clock is None else self._clock.offset_ns
                self._board.hear(message, offset_ns)
                self._heard = True
            case _ClockDue():
                self._ask_time()
            case VenueAnswer(request=FetchTime() as request, outcome=outcome):
                self._on_time(request, outcome)
            case ClockWanted():
                if self._clock is not None:
                    self.tell(message.reply_to, self._clock)
            case ReadinessWanted():
                self._tell_readiness()
            case ChildReport():
                if message.state == "disabled" and message.restarts:
                    self._tell_parked(message)
            case JournalOpened():
                for record in self._outbox.unanswered():
                    self.tell(addresses.RECORDER, record)
            case Recorded() | RecordDenied():
                self._outbox.answered(message.request)
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")

    def _tell_parked(self, report: ChildReport) -> None:
        alert = AlertRaised(
            alert=f"parked_{report.address}",
            severity=Severity.CRITICAL,
            text=f"{report.address} stays down, the others go on: {report.last_error}",
            at_ns=self.now_ns(),
        )
        # By its key it is raised once for each life that ended so, however often it is told.
        key = f"parked:{report.address}:{report.since_ns}"
        self.tell(addresses.RECORDER, self._outbox.add([Entry(event=alert, key=key)]))

    def _look_for_steps(self) -> None:
        """Ask at once where our own clock was set: what was measured before is worth nothing."""
        before_ns, self._wall_ns = self._wall_ns, self.now_ns() - self.monotonic_ns()
        if before_ns is not None and abs(self._wall_ns - before_ns) > STEP_NS:
            self._ask_time()

    def _look_at_latency(self) -> None:
        self._samples += 1
        if not self._heard or self._samples % LATENCY_EVERY:
            return
        self._heard = False
        self._latency = self._board.hops()
        for alarm in self._board.look(self.monotonic_ns()):
            self._raise(
                "latency_hard" if alarm.is_hard else "latency",
                Severity.CRITICAL if alarm.is_hard else Severity.WARNING,
                alarm.text,
            )

    def _ask_time(self) -> None:
        self._exchange.request(FetchTime(asked_at_ns=self.now_ns()), self.inlet())

    def _on_time(self, request: FetchTime, outcome: Any) -> None:
        if self._clock_due is not None:
            self._clock_due.cancel()
        told = outcome.time if isinstance(outcome, Succeeded) else None
        half = -1 if told is None else (told.answered_at_ns - request.asked_at_ns) // 2
        # Below 0 our clock was set back meanwhile.
        good = 0 <= half <= CLOCK_GOOD_NS
        if told is not None and half >= 0:
            offset_ns = told.venue_ns - (request.asked_at_ns + half)
            self._clock = ClockMeasured(
                offset_ns=offset_ns,
                steady_ns=offset_ns + self.now_ns() - self.monotonic_ns(),
                uncertainty_ns=half,
                at_ns=told.answered_at_ns,
            )
            self.publish(self._clock)
            self._judge(self._clock)
        # While the clocks differ too much nobody trades: look again soon whether they still do.
        due_s = CLOCK_EVERY_S if good and not self._unready else CLOCK_RETRY_S
        self._clock_due = self.after(due_s, _ClockDue())

    def _judge(self, clock: ClockMeasured) -> None:
        """Say so when the clocks begin or cease to differ too much."""
        was_unready = self._unready
        certain_ns = abs(clock.offset_ns) - clock.uncertainty_ns
        if certain_ns <= self._skew_max_s * NS_PER_S:
            self._unready = ""
        else:
            self._unready = (
                f"the exchange's clock minus ours is {clock.offset_ns / NS_PER_MS:+.0f} ms, more "
                f"than orders.clock_skew_max_s, {self._skew_max_s:g} s: nothing signed is sent"
            )
        if self._unready and not was_unready:
            self._raise("clock_skew", Severity.CRITICAL, self._unready)
        if self._told is not (not self._unready):
            self._tell_readiness()

    def _raise(self, name: str, severity: Severity, text: str) -> None:
        alert = AlertRaised(alert=name, severity=severity, text=text, at_ns=self.now_ns())
        self.tell(addresses.RECORDER, self._outbox.add([Entry(event=alert)]))

    def _tell_readiness(self) -> None:
        self._told = not self._unready
        self.tell_control(
            addresses.SESSION_KEEPER,
            PartNotReady(part=PART, reason=self._unready)
            if self._unready
            else PartReady(part=PART),
        )

    def _sample(self) -> HealthSampled:
        census = self.machine.census()
        rss = self._meter.rss_bytes()
        self._rss.append((self.monotonic_ns() / 1e9, float(rss)))
        clock = self._clock
        return HealthSampled(
            at_ns=self.now_ns(),
            cpu_percent=self._meter.cpu_percent(),
            rss_bytes=rss,
            rss_slope_bytes_h=slope_per_hour(list(self._rss)),
            threads=self._meter.threads(),
            fds=self._meter.fds(),
            clock_offset_ms=clock.offset_ns / NS_PER_MS if clock is not None else None,
            clock_uncertainty_ms=clock.uncertainty_ns / NS_PER_MS if clock is not None else None,
            mailbox_depth_max=max((count.control + count.data for count in census), default=0),
            mailbox_oldest_ms=max((self.machine.oldest_ms(c.address) for c in census), default=0),
            restarts=sum(report.restarts for report in self.machine.board.values()),
            latency=self._latency,
        )


def slope_per_hour(samples: list[tuple[float, float]]) -> float:
    """Return the least-squares slope of (seconds, value) samples, per hour; 0 for fewer than 2."""
    if len(samples) < 2:
        return 0.0
    seconds, values = np.asarray(samples, dtype=np.float64).T
    centred = seconds - seconds.mean()
    spread = float(centred @ centred)
    return float(centred @ (values - values.mean())) / spread * 3600 if spread else 0.0
