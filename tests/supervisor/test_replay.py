"""Recorded actors live again: a whole simulated house, crashes included, decides as it did."""

import dataclasses
from decimal import Decimal
from functools import partial

import msgspec
import pytest

from adapters.recording import (
    FILE_NAME,
    Missed,
    RecordingUnreadable,
    RecordingWriter,
    read_recordings,
)
from state.config import changed
from state.messages.journal import Record
from state.messages.orders import DecisionMade, OrderProposed
from supervisor.replay import seen_of, verify, what_if
from supervisor.simulation.faults import Fault
from supervisor.simulation.options import Options
from supervisor.simulation.profiles import HOUSE
from supervisor.simulation.run import Simulation

ALWAYS = (0, 2**62)
FEE = Decimal("0.002")
CRASHES = [
    Fault(place="after trading/BTC_USDT/trader", nth=60, kind="crash"),
    Fault(place="before trading/risk_guard", nth=200, kind="crash"),
    Fault(place="time", nth=4_000, kind="emergency", value=1_000),
]


class Day:
    """A simulated house of one life, recorded."""

    def __init__(self, folder):
        self.path = folder / FILE_NAME
        self.journalled: dict[str, bytes] = {}
        self.proposed = 0
        self._process = ""
        options = Options.of(3, HOUSE)
        simulation = Simulation(options, CRASHES, watch=self._watch)
        self.config = simulation.config
        config = msgspec.json.encode(simulation.config)
        writer = RecordingWriter(
            self.path,
            process="1",
            version="test",
            config=config,
            now_ns=simulation.clock.now_ns(),
            keep_bytes=1 << 30,
            context=partial(seen_of, simulation.latch),
        )
        simulation.runtime.tape = writer
        report = simulation.run()
        writer.close()
        assert report.violations == []
        assert report.counts["lives"] == 1

    def _watch(self, delivery):
        message = delivery.message
        if isinstance(message, Record):
            for entry in message.entries:
                if isinstance(entry.event, DecisionMade):
                    payload = msgspec.json.encode(entry.event)
                    self.journalled.setdefault(entry.event.decision_id, payload)
        elif isinstance(message, OrderProposed):
            self.proposed += message.strategy == "judgement"

    @property
    def recording(self):
        [one] = read_recordings(self.path, *ALWAYS)
        return one


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    return Day(tmp_path_factory.mktemp("recording"))


def test_every_decision_comes_out_as_it_did_to_the_byte(day):
    found = verify(day.recording, day.journalled, ALWAYS)
    assert found.divergences == ()
    assert found.notes == ()
    assert found.proposals == day.proposed > 10
    assert found.decisions == len(day.journalled) >= found.proposals
    # Two traders and the risk guard, and the two that crashed again.
    assert found.lives == 5


def test_another_setting_is_found_out_at_the_first_decision_it_changes(day):
    other = changed(day.config, {"strategy.trend.order_notional": "20"})
    recording = dataclasses.replace(day.recording, config=msgspec.json.encode(other))
    found = verify(recording, day.journalled, ALWAYS)
    first = found.divergences[0]
    assert first.actor.endswith("/trader")
    assert first.member == "quantity"
    assert float(first.replayed) < float(first.recorded)


def test_the_same_settings_change_nothing(day):
    found = what_if(day.recording, day.config, ALWAYS, fee=FEE)
    for pair in found.pairs:
        assert pair.recorded == pair.changed
        assert (pair.only_recorded, pair.only_changed) == (0, 0)
    assert sum(pair.same for pair in found.pairs) > 10


def test_a_higher_threshold_enters_less(day):
    stricter = changed(day.config, {"strategy.trend.entry_bps": "5"})
    found = what_if(day.recording, stricter, ALWAYS, fee=FEE)
    was = sum(pair.recorded.entries for pair in found.pairs)
    now = sum(pair.changed.entries for pair in found.pairs)
    assert now < was
    assert "Modelled, not recorded" in found.note


def test_what_was_held_before_the_window_is_no_gain_within_it(day):
    """With entries before the window alone, nothing in it can gain more than the market moves."""
    items = [item.now_ns for item in day.recording.items()]
    late = (items[-1] - 1, 2**62)
    for pair in what_if(day.recording, day.config, late, fee=FEE).pairs:
        assert (pair.recorded.entries, pair.recorded.exits) == (0, 0)
        assert abs(pair.recorded.profit) < 1


def test_messages_that_cannot_be_kept_are_counted_each(tmp_path):
    writer = RecordingWriter(
        tmp_path / FILE_NAME,
        process="1",
        version="test",
        config=b"{}",
        now_ns=1,
        keep_bytes=1 << 30,
        context=str,
    )
    writer._keep([("a", 1, 5, 6, "", object()), ("a", 1, 5, 6, "", object())])
    writer.born("a", 1, _At(5, 6), None)
    writer.close()
    [one] = read_recordings(tmp_path / FILE_NAME, *ALWAYS)
    assert next(iter(one.items())) == Missed(5, 2)


def test_what_was_not_recorded_is_told(tmp_path):
    writer = RecordingWriter(
        tmp_path / FILE_NAME,
        process="1",
        version="test",
        config=b"{}",
        now_ns=1,
        keep_bytes=1 << 30,
        context=str,
    )
    writer._missed = 3
    writer.born("a", 1, _At(5, 6), None)
    writer.close()
    [one] = read_recordings(tmp_path / FILE_NAME, *ALWAYS)
    first, _born = one.items()
    assert first == Missed(5, 3)


def test_the_oldest_goes_when_there_is_too_much(tmp_path):
    for process in ("1", "2"):
        writer = RecordingWriter(
            tmp_path / FILE_NAME,
            process=process,
            version="test",
            config=b"{}",
            now_ns=1,
            keep_bytes=200,
            context=str,
        )
        for number in range(3):
            writer.born(f"{process}{number}", 1, _At(5, 6), None)
        writer.close()
    kept = read_recordings(tmp_path / FILE_NAME, *ALWAYS)
    assert "2" in [one.process for one in kept]
    size = sum(len(list(one.items())) for one in kept)
    assert size >= 3


@pytest.mark.parametrize("content", [None, b"nonsense" * 100])
def test_no_recording_and_a_damaged_one_are_told(tmp_path, content):
    path = tmp_path / FILE_NAME
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecordingUnreadable, match=FILE_NAME):
        read_recordings(path, *ALWAYS)


class _At:
    def __init__(self, now_ns, monotonic_ns):
        self.now_ns, self.monotonic_ns = now_ns, monotonic_ns
