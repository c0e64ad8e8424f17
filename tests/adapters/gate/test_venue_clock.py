"""The exchange's clock is known within bounds that always hold, and beyond tolerance told so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.gate.venue_clock import CLOCK, VenueClock, venue_ns
from state.values import NS_PER_MS, NS_PER_S, TimeNs

MS = NS_PER_MS


class Clocks:
    """Our clock, its monotonic companion and the exchange's, all moved by hand."""

    def __init__(self, ahead_ns=0):
        self.true_ns = 1_700_000_000 * NS_PER_S
        self.ahead_ns = ahead_ns
        """The exchange's clock minus ours."""
        self.stepped_ns = 0

    def now_ns(self):
        return TimeNs(self.true_ns + self.stepped_ns)

    def monotonic_ns(self):
        return self.true_ns - 1_600_000_000 * NS_PER_S

    def venue(self):
        return self.true_ns + self.ahead_ns

    def ask(self, clock, there_ns, back_ns):
        """Ask for the time, which is answered in whole milliseconds."""
        sent_ns = self.monotonic_ns()
        self.true_ns += there_ns
        told_ns = self.venue() // MS * MS
        self.true_ns += back_ns
        clock.told(told_ns, resolution_ns=MS, sent_ns=sent_ns, received_ns=self.monotonic_ns())

    def answer(self, clock, there_ns, handled_ns, back_ns):
        """Get an ordinary answer, stamped in microseconds."""
        sent_ns = self.monotonic_ns()
        self.true_ns += there_ns
        came_us = self.venue() // 1000
        self.true_ns += handled_ns
        went_us = self.venue() // 1000
        self.true_ns += back_ns
        stamps = {"x-in-time": str(came_us), "x-out-time": str(went_us)}
        clock.stamped(stamps, sent_ns=sent_ns, received_ns=self.monotonic_ns())

    def known(self, clock):
        offset_ns, uncertainty_ns = clock.offset_ns(), clock.uncertainty_ns()
        truth = self.ahead_ns - self.stepped_ns
        return abs(offset_ns - truth) <= uncertainty_ns + 2, uncertainty_ns


travel = st.integers(0, 2 * NS_PER_S)


@given(
    ahead_ns=st.integers(-100 * NS_PER_S, 100 * NS_PER_S),
    trips=st.lists(st.tuples(st.booleans(), travel, travel, travel), min_size=1, max_size=12),
)
def test_the_truth_always_lies_within_the_bounds_however_lopsided_the_ways(ahead_ns, trips):
    clocks = Clocks(ahead_ns)
    clock = VenueClock(clocks)
    clocks.ask(clock, 1 * MS, 1 * MS)
    for is_stamped, there_ns, handled_ns, back_ns in trips:
        if is_stamped:
            clocks.answer(clock, there_ns, handled_ns, back_ns)
        else:
            clocks.ask(clock, there_ns, back_ns)
        holds, _ = clocks.known(clock)
        assert holds


def test_ordinary_answers_narrow_what_one_question_told():
    clocks = Clocks(ahead_ns=40 * MS)
    clock = VenueClock(clocks)
    clocks.ask(clock, 300 * MS, 20 * MS)
    _, before_ns = clocks.known(clock)
    clocks.answer(clock, 2 * MS, 50 * MS, 2 * MS)
    holds, after_ns = clocks.known(clock)
    assert holds
    assert after_ns < 3 * MS < before_ns


def test_nobody_knows_before_anybody_asked():
    clock = VenueClock(Clocks(), tolerance_s=1.0)
    assert (clock.offset_ns(), clock.uncertainty_ns(), clock.refusal()) == (None, None, None)


def test_a_step_of_our_clock_is_seen_at_once_and_corrected():
    clocks = Clocks()
    clock = VenueClock(clocks, tolerance_s=1.0)
    clocks.ask(clock, 5 * MS, 5 * MS)
    assert clock.refusal() is None
    clocks.stepped_ns = 90 * NS_PER_S
    assert abs(venue_ns(clocks, clock) - clocks.venue()) < 10 * MS
    refused = clock.refusal()
    assert refused is not None
    assert (refused.label, refused.status) == (CLOCK, 0)
    assert "-90000 ms" in refused.message
    clocks.stepped_ns = 0
    assert clock.refusal() is None


def test_a_jump_of_the_exchanges_clock_is_believed_when_told_and_when_stamps_insist():
    clocks = Clocks()
    clock = VenueClock(clocks)
    clocks.ask(clock, 5 * MS, 5 * MS)
    clocks.ahead_ns = 10 * NS_PER_S
    for _ in range(2):
        clocks.answer(clock, MS, MS, MS)
        assert (clock.offset_ns() or 0) < NS_PER_S, "one machine's wrong stamps move nobody's clock"
    clocks.answer(clock, MS, MS, MS)
    assert clocks.known(clock)[0]
    clocks.ahead_ns = -10 * NS_PER_S
    clocks.ask(clock, 5 * MS, 5 * MS)
    assert clocks.known(clock)[0]


def test_what_is_known_grows_old():
    clocks = Clocks()
    clock = VenueClock(clocks)
    clocks.ask(clock, 5 * MS, 5 * MS)
    _, fresh_ns = clocks.known(clock)
    clocks.true_ns += 3600 * NS_PER_S
    _, old_ns = clocks.known(clock)
    assert old_ns - fresh_ns == pytest.approx(720 * MS, abs=MS)


@pytest.mark.parametrize(
    ("ahead_ms", "refuses"), [(900, False), (-900, False), (1100, True), (-1100, True)]
)
def test_only_what_is_certainly_beyond_tolerance_is_refused(ahead_ms, refuses):
    clocks = Clocks(ahead_ms * MS)
    clock = VenueClock(clocks, tolerance_s=1.0)
    clocks.ask(clock, 10 * MS, 10 * MS)
    assert (clock.refusal() is not None) is refuses


@pytest.mark.parametrize("stamp", ["", "x", "-5", "9" * 40, "1e9"])
def test_stamps_nobody_can_read_teach_nothing(stamp):
    clocks = Clocks()
    clock = VenueClock(clocks)
    stamps = {"x-in-time": stamp, "x-out-time": stamp}
    clock.stamped(stamps, sent_ns=0, received_ns=clocks.monotonic_ns())
    assert clock.offset_ns() is None
