"""A stretch of the simulated market, recorded in virtual time, is replayed as any recording is."""

import json
import sqlite3

import pytest
from click.testing import CliRunner

from adapters.recording import FILE_NAME, read_recordings
from adapters.simulated.markets.history import Past
from state.config import load
from supervisor.commands.replay import replay
from supervisor.commands.simulate import simulate
from supervisor.simulation.day import Day

OFTEN = ("--set", "strategy.trend.timeframe=1s", "--set", "strategy.trend.entry_bps=0.2")


def run(command, *arguments):
    return CliRunner().invoke(command, [str(one) for one in arguments])


def record(folder, *options):
    return run(simulate, "record", "--data-dir", folder, "--step", "1", *OFTEN, *options)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recorded")
    done = record(folder, "--for", "3m", "--json")
    assert done.exit_code == 0, done.output
    return folder, json.loads(done.stdout)


def test_the_house_lived_and_everything_it_heard_is_there(recorded):
    folder, lived = recorded
    assert (lived["virtual_s"], lived["missed"]) == (180.0, 0)
    assert lived["orders"] > 2
    assert lived["fills"] > 0
    assert lived["recorded_bytes"] == (folder / "simulated" / FILE_NAME).stat().st_size


def test_every_decision_of_the_stretch_comes_out_to_the_byte(recorded):
    folder, lived = recorded
    done = run(replay, "--data-dir", folder, "--verify", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    [process] = found["processes"]
    assert found["same"]
    assert process["notes"] == []
    assert process["proposals"] == process["decisions"] == lived["orders"]


def test_a_ruling_that_was_altered_is_found(recorded):
    folder, _ = recorded
    database = sqlite3.connect(folder / "simulated" / "gatehouse.db")
    kept = database.execute(
        "SELECT seq, payload FROM events WHERE type = 'DecisionMade' ORDER BY seq LIMIT 1"
    ).fetchone()
    altered = kept[1].replace('"verdict":"allow"', '"verdict":"shrink"')
    assert altered != kept[1]
    try:
        database.execute("UPDATE events SET payload = ? WHERE seq = ?", (altered, kept[0]))
        database.commit()
        done = run(replay, "--data-dir", folder, "--verify", "--json")
    finally:
        database.execute("UPDATE events SET payload = ? WHERE seq = ?", (kept[1], kept[0]))
        database.commit()
        database.close()
    assert done.exit_code == 1
    [divergence] = json.loads(done.stdout)["processes"][0]["divergences"]
    assert (divergence["member"], divergence["replayed"]) == ("verdict", "allow")


def test_what_is_there_already_is_never_written_over(recorded):
    folder, _ = recorded
    done = record(folder, "--for", "1m")
    assert done.exit_code == 2
    assert "is there already" in done.output


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--for", "0s"), "--for 0s"),
        (("--for", "soon"), "--for soon"),
        (("--venue", "testnet"), "testnet"),
    ],
)
def test_what_cannot_be_recorded_is_refused(tmp_path, monkeypatch, options, named):
    monkeypatch.setenv("GATE_API_KEY", "a-key")
    monkeypatch.setenv("GATE_API_SECRET", "a-secret")
    done = record(tmp_path / "new", *options)
    assert done.exit_code == 2
    assert named in done.output
    assert not (tmp_path / "new").exists()


def test_other_settings_of_traders_are_compared_and_those_of_others_refused(recorded):
    folder, _ = recorded
    options = ("--data-dir", folder, "--json", "--set")
    done = run(replay, *options, "strategy.trend.order_notional=50")
    assert done.exit_code == 0, done.output
    [process] = json.loads(done.stdout)
    assert sum(pair["recorded"]["entries"] for pair in process["pairs"]) > 0
    assert sum(pair["only_changed"] for pair in process["pairs"]) > 0

    refused = run(replay, *options, "risk.order_notional_max=50")
    assert refused.exit_code == 2
    assert "risk.order_notional_max: no trader knows that setting" in refused.output


def test_a_stretch_that_is_ended_before_is_whole_as_far_as_it_went(tmp_path):
    config = load(None, {}, {"advisor.provider": "off"}).config
    lived_s: list[float] = []
    day = Day(config, tmp_path, step_s=5.0, past=Past(minutes=120, hours=3, seconds=0))
    lived = day.live(3600.0, lived_s.append, lambda: len(lived_s) == 1)
    assert lived.virtual_s == 60.0
    assert lived.missed == 0
    [recording] = read_recordings(tmp_path / FILE_NAME, 0, 2**62)
    assert 59e9 < recording.ended_ns - recording.began_ns < 75e9
