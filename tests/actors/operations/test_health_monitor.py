"""The health monitor: the exchange's clock against ours, and what the process costs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import addresses
from actors.kernel import ChildReport
from actors.operations.health_monitor import (
    CLOCK_EVERY_S,
    CLOCK_RETRY_S,
    SAMPLE_EVERY_S,
    SLOPE_WINDOW,
    HealthMonitor,
    slope_per_hour,
)
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
from state.messages.venue import FetchTime, Refused, Succeeded, Unknown, VenueTime
from state.values import NS_PER_MS, TimeNs
from tests.actors.examples import NOW
from tests.actors.house import House, Journal
from tests.fakes import FakeExchange, FakeMeter

MONITOR = addresses.HEALTH_MONITOR


class Scene:
    """A health monitor and an exchange whose clock the test sets."""

    def __init__(self, house):
        self.house, self.exchange, self.meter = house, FakeExchange(), FakeMeter()
        self.asker = house.ear("asker")
        self.journal = Journal(house, addresses.RECORDER)
        self.keeper = house.ear(addresses.SESSION_KEEPER)
        self.heard = house.listener(ClockMeasured, HealthSampled)
        house.live(MONITOR, HealthMonitor, self.meter, self.exchange, 1.0)

    def answer(self, *, ahead_ms=0.0, took_ms=20.0):
        """Answer after `took_ms`; halfway through, the exchange's clock was `ahead_ms` of ours."""
        [request] = self.exchange.waiting(FetchTime)[:1]
        answered_ns = request.asked_at_ns + int(took_ms * NS_PER_MS)
        venue_ns = request.asked_at_ns + int((took_ms / 2 + ahead_ms) * NS_PER_MS)
        told = VenueTime(venue_ns=TimeNs(venue_ns), answered_at_ns=TimeNs(answered_ns))
        self.exchange.answer(FetchTime, Succeeded(time=told))
        self.house.settle()

    @property
    def clocks(self):
        return self.heard.of(ClockMeasured)

    @property
    def samples(self):
        return self.heard.of(HealthSampled)


@pytest.fixture
def scene(house):
    return Scene(house)


# The clock.


def test_the_offset_is_taken_from_the_middle_of_the_round_trip(scene):
    scene.answer(ahead_ms=-300.0, took_ms=40.0)
    clock = scene.house.runtime.clock
    assert scene.clocks == [
        ClockMeasured(
            offset_ns=-300 * NS_PER_MS,
            steady_ns=-300 * NS_PER_MS + clock.now_ns() - clock.monotonic_ns(),
            uncertainty_ns=20 * NS_PER_MS,
            at_ns=TimeNs(NOW + 40 * NS_PER_MS),
        )
    ]


@given(ahead_ms=st.integers(-5000, 5000), there_ms=st.integers(0, 800), back_ms=st.integers(0, 800))
def test_the_offset_is_never_wrong_by_more_than_it_says(ahead_ms, there_ms, back_ms):
    """However the round trip splits: a request that took long, or an answer that did."""
    scene = Scene(House())
    told = VenueTime(
        venue_ns=TimeNs(NOW + (there_ms + ahead_ms) * NS_PER_MS),
        answered_at_ns=TimeNs(NOW + (there_ms + back_ms) * NS_PER_MS),
    )
    scene.exchange.answer(FetchTime, Succeeded(time=told))
    scene.house.settle()
    [clock] = scene.clocks
    assert abs(clock.offset_ns - ahead_ms * NS_PER_MS) <= clock.uncertainty_ns + 1


def test_a_clock_beyond_tolerance_stops_trading_and_calls_somebody_once(scene):
    scene.answer(ahead_ms=900.0)
    assert scene.keeper == []
    for _ in range(2):
        scene.house.pass_time(CLOCK_EVERY_S)
        scene.answer(ahead_ms=-90_000.0)
    [unready] = scene.keeper
    assert isinstance(unready, PartNotReady)
    assert "-90000 ms" in unready.reason
    [alert] = scene.journal.told(AlertRaised)
    assert (alert.alert, alert.severity) == ("clock_skew", Severity.CRITICAL)
    assert "orders.clock_skew_max_s" in alert.text
    scene.house.pass_time(CLOCK_EVERY_S)
    scene.answer(ahead_ms=3.0)
    assert scene.keeper[1:] == [PartReady(part="clock")]


def test_only_what_is_certainly_beyond_tolerance_stops_trading(scene):
    scene.answer(ahead_ms=1200.0, took_ms=600.0)
    assert scene.keeper == []


def test_a_new_session_keeper_is_told_again(scene):
    scene.answer(ahead_ms=5000.0)
    scene.keeper.clear()
    scene.house.tell(MONITOR, ReadinessWanted())
    [unready] = scene.keeper
    assert isinstance(unready, PartNotReady)


def test_a_later_life_takes_back_what_an_earlier_one_said_of_a_clock_that_is_right_by_now(scene):
    scene.answer(ahead_ms=5000.0)
    scene.keeper.clear()
    scene.house.crash(MONITOR)
    scene.answer(ahead_ms=3.0)
    assert scene.keeper == [PartReady(part="clock")]


def test_a_new_recorder_is_told_again_what_was_not_answered(scene):
    scene.journal.patient = True
    scene.answer(ahead_ms=5000.0)
    scene.journal.lose()
    scene.journal.patient = False
    scene.journal.reopen()
    assert len(scene.journal.told(AlertRaised)) == 1


def test_it_asks_again_every_so_often(scene):
    scene.answer()
    scene.house.pass_time(CLOCK_EVERY_S - 0.1)
    assert scene.exchange.waiting(FetchTime) == []
    scene.house.pass_time(0.2)
    assert len(scene.exchange.waiting(FetchTime)) == 1


@pytest.mark.parametrize(
    "outcome", [Unknown(reason="time-out"), Refused(label="NO", message=""), Succeeded()]
)
def test_without_an_answer_it_asks_again_soon(scene, outcome):
    scene.exchange.answer(FetchTime, outcome)
    scene.house.pass_time(CLOCK_RETRY_S)
    assert len(scene.exchange.waiting(FetchTime)) == 1
    assert scene.clocks == []


def test_an_answer_that_took_long_is_told_and_asked_for_again_soon(scene):
    scene.answer(took_ms=600.0)
    assert scene.clocks[-1].uncertainty_ns == 300 * NS_PER_MS
    scene.house.pass_time(CLOCK_RETRY_S)
    assert len(scene.exchange.waiting(FetchTime)) == 1


def test_an_answer_from_before_its_question_tells_nothing(scene):
    """Our clock was set back meanwhile."""
    scene.answer(took_ms=-5000.0)
    assert scene.clocks == []
    scene.house.pass_time(CLOCK_RETRY_S)
    assert len(scene.exchange.waiting(FetchTime)) == 1


def test_a_restart_does_not_ask_twice_as_often(scene):
    scene.house.crash(MONITOR)
    scene.answer()  # Asked by the life before.
    scene.answer()
    scene.house.pass_time(CLOCK_EVERY_S + 1.0)
    assert len(scene.exchange.asked) == 3


def test_who_asks_is_told_the_newest_measurement(scene):
    scene.house.tell(MONITOR, ClockWanted(reply_to="asker"))
    assert scene.asker == []
    scene.answer(ahead_ms=7.0)
    scene.house.tell(MONITOR, ClockWanted(reply_to="asker"))
    assert scene.asker == scene.clocks


# The process.


def test_every_second_it_says_what_the_process_costs(scene):
    scene.answer(ahead_ms=-3.0, took_ms=20.0)
    scene.house.pass_time(SAMPLE_EVERY_S * 3)
    sample = scene.samples[-1]
    assert len(scene.samples) == 3
    assert (sample.cpu_percent, sample.rss_bytes) == (12.5, 50_000_000)
    assert (sample.threads, sample.fds) == (7, 23)
    assert (sample.clock_offset_ms, sample.clock_uncertainty_ms) == (-3.0, 10.0)


def test_before_the_clock_is_measured_its_offset_is_not_known(scene):
    scene.house.pass_time(SAMPLE_EVERY_S)
    assert scene.samples[-1].clock_offset_ms is None
    assert scene.samples[-1].clock_uncertainty_ms is None


def test_it_counts_waiting_mail_and_restarts(scene):
    runtime = scene.house.runtime
    runtime.open("busy")
    for number in range(7):
        runtime.tell("busy", number)
    for address, restarts in (("a", 2), ("b", 3)):
        runtime.report(
            ChildReport(
                address=address,
                supervisor="",
                state="running",
                incarnation=1,
                restarts=restarts,
                last_error="",
                since_ns=0,
            )
        )
    scene.house.pass_time(SAMPLE_EVERY_S)
    assert scene.samples[-1].mailbox_depth_max == 7
    assert scene.samples[-1].restarts == 5


def test_the_slope_of_memory_is_measured_over_ten_minutes(scene):
    for _ in range(SLOPE_WINDOW):
        scene.meter.rss += 1000
        scene.house.pass_time(SAMPLE_EVERY_S)
    assert scene.samples[-1].rss_slope_bytes_h == pytest.approx(3_600_000)
    for _ in range(SLOPE_WINDOW):
        scene.house.pass_time(SAMPLE_EVERY_S)
    assert scene.samples[-1].rss_slope_bytes_h == pytest.approx(0.0, abs=1.0)


def test_a_message_it_does_not_know_is_a_bug(scene):
    scene.house.tell(MONITOR, "nonsense")
    assert scene.house.deaths() == ["TypeError: operations/health_monitor: unexpected str"]


# The slope.


def test_a_slope_needs_two_samples_at_different_times():
    assert slope_per_hour([]) == 0.0
    assert slope_per_hour([(1.0, 5.0)]) == 0.0
    assert slope_per_hour([(1.0, 5.0), (1.0, 9.0)]) == 0.0


def test_the_slope_is_that_of_the_least_squares_line():
    # Through (0, 0), (1, 1), (2, 5): 2.5 a second.
    assert slope_per_hour([(0.0, 0.0), (1.0, 1.0), (2.0, 5.0)]) == pytest.approx(2.5 * 3600)


@given(
    start=st.integers(-(10**6), 10**6),
    by=st.integers(-1000, 1000),
    seconds=st.lists(st.integers(0, 10_000), min_size=2, max_size=50, unique=True),
)
def test_the_slope_of_a_straight_line_is_its_own(start, by, seconds):
    samples = [(float(second), float(start + by * second)) for second in seconds]
    assert slope_per_hour(samples) == pytest.approx(by * 3600.0, abs=1e-3)
