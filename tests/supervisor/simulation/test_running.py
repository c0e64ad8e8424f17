"""A run is what its options and faults say, and tells what did not hold."""

from collections import Counter
from decimal import Decimal

import msgspec
import pytest
from msgspec.structs import replace

from actors import addresses
from actors.execution import trigger_keeper
from actors.execution.sweep import Sweep
from actors.kernel.virtual import Policy
from actors.operations.recorder import Recorder
from actors.trading.risk.known import Known
from scripts.proofs.processes import ROOT
from state.errors import ConfigurationInvalid, StoreRefused
from state.trigger import Trigger
from supervisor.backoff import Backoff
from supervisor.children import Children
from supervisor.simulation import ORDER_PATH, Fault, Options, Simulation, simulate
from supervisor.simulation.batch import SIGHTINGS_DUE, Tally, Wanted, run_seeds
from supervisor.simulation.failure import failure_of, read_failure, write_failure
from supervisor.simulation.faults import At, Kind
from supervisor.simulation.oracle import Oracle
from supervisor.simulation.protection_oracles import Resident
from supervisor.simulation.report import Report
from supervisor.simulation.shrink import shrink
from supervisor.simulation.sightings import SIGHTINGS

REGRESSIONS = sorted((ROOT / "tests" / "regressions").glob("*.json"))


@pytest.mark.parametrize("file", REGRESSIONS, ids=lambda file: file.stem)
def test_what_once_failed_holds(file):
    failure = read_failure(file)
    assert Simulation(failure.options, failure.faults).run().violations == []


def test_there_are_failures_to_remember():
    assert REGRESSIONS


@pytest.mark.parametrize("policy", list(Policy))
def test_the_same_options_give_the_same_run(policy):
    options = Options.of(5, ORDER_PATH, policy=policy)
    assert Simulation(options).run() == Simulation(options).run()


def test_another_seed_gives_another_run():
    assert simulate(1, ORDER_PATH).fingerprint != simulate(2, ORDER_PATH).fingerprint


def test_a_run_without_faults_trades_and_holds():
    report = Simulation(Options.of(3, ORDER_PATH), []).run()
    assert report.violations == []
    assert report.counts["lives"] == 1
    assert report.counts["orders"] > 3
    assert report.counts["fills"] > 3


def test_a_strategy_that_fails_at_each_start_is_parked_and_the_house_goes_on():
    options = replace(Options.of(3, ORDER_PATH), classes=(), failing_trader=True, faulty_s=5.5)
    report = Simulation(options).run()
    assert report.violations == []
    assert report.sightings["a strategy was parked"] == 1
    assert report.counts["crash"] == 6
    assert report.counts["lives"] == 1


def test_a_group_that_gives_up_after_a_single_fault_is_found(monkeypatch):
    def refuses(_recorder):
        raise StoreRefused("as it would be if it could not be opened again")

    crash = Fault(place=f"{At.AFTER} {addresses.RECORDER}", nth=20, kind=Kind.CRASH)
    options = Options.of(3, ORDER_PATH)
    opens = Recorder.on_start
    monkeypatch.setattr(
        Recorder, "on_start", lambda one: (opens if one.incarnation == 1 else refuses)(one)
    )
    (violation,) = Simulation(options, [crash]).run().violations
    assert "operations: more than 10 restarts in 60 s, the last of recorder: Store" in violation


def test_a_guard_that_buys_in_a_pair_that_was_told_not_to_is_found(monkeypatch):
    options = Options.of(91, ORDER_PATH)
    assert options.pair_sessions
    assert Simulation(options).run().violations == []
    monkeypatch.setattr(Known, "session_of", lambda known, _pair: known.session)
    (violation,) = Simulation(options).run().violations
    assert violation.startswith("bought in a pair that was told not to")


def test_mail_to_who_is_not_there_yet_is_found_when_it_is_lost(monkeypatch):
    options = Options.of(5, ORDER_PATH)
    assert Simulation(options).run().violations == []

    def open_just_it(children, address, spec):
        children._runtime.open(address, control=spec.control, data=spec.data)

    monkeypatch.setattr(Children, "_open", open_just_it)
    violations = Simulation(options).run().violations
    assert any(one.startswith("mail to nobody") for one in violations)


@pytest.mark.parametrize(
    ("seed", "owner", "pause", "no_pause"),
    [
        (309, Sweep, "is_worn", property(lambda _: False, lambda *_: None)),
        (217, trigger_keeper, "CANCEL_AGAIN_S", 0),
    ],
)
def test_what_is_asked_again_and_again_is_found(monkeypatch, seed, owner, pause, no_pause):
    options = Options.of(seed, ORDER_PATH)
    assert Simulation(options).run().violations == []
    monkeypatch.setattr(owner, pause, no_pause, raising=False)
    violations = Simulation(options).run().violations
    assert violations
    assert all(one.startswith("asked without a pause") for one in violations)


class _Forgetful(set[tuple[str, Decimal, Decimal]]):
    def add(self, _one):
        pass


def test_an_amendment_that_was_refused_and_made_is_found_unless_a_hand_made_it():
    failure = read_failure(ROOT / "tests/regressions/just-what-ours-asked-for.json")
    simulation = Simulation(failure.options, failure.faults)
    simulation.outside.made_by_hand = _Forgetful()
    assert simulation.run().violations == list(failure.violations)


@pytest.mark.parametrize("blind", [False, True])
def test_a_stop_that_is_not_taken_back_and_sells_what_is_not_held_is_found(monkeypatch, blind):
    """That it waits, and where nobody sees that, what it sells."""
    failure = read_failure(ROOT / "tests" / "regressions" / "trigger-that-turned-up.json")
    monkeypatch.setattr(Trigger, "is_to_go", False)
    if blind:
        monkeypatch.setattr(Resident, "on_step", Oracle.on_step)
    (violation,) = Simulation(failure.options, failure.faults).run().violations
    assert violation.startswith("position_oversold" if blind else "not what waits")


def test_a_child_that_waits_for_ever_before_its_next_start_is_found(monkeypatch):
    file = ROOT / "tests" / "regressions" / "start-that-waits-longer-than-the-calm.json"
    failure = read_failure(file)
    monkeypatch.setattr(Backoff, "delay_s", lambda _, failures, __: 0.1 if failures < 5 else 1e6)
    found = Simulation(failure.options, failure.faults).run().violations
    assert any(one.startswith("not running") for one in found)


def test_a_run_can_be_stopped_and_watched():
    seen = []
    report = Simulation(Options.of(3, ORDER_PATH), [], watch=seen.append).run(stop_at=50)
    assert report.steps == 50
    assert [one.step for one in seen] == sorted(one.step for one in seen)
    assert "operations/recorder:1" in "\n".join(map(str, seen))


def broken(options, faults):
    """Run a house that somebody broke: a kill of it is a violation."""
    report = Simulation(options, faults).run()
    if report.counts.get("kill"):
        report.violations.append(f"killed at 1.000 s: {report.counts['kill']} times")
    return report


KILL = Fault(place=f"{At.BEFORE} execution/order_router", nth=5, kind=Kind.KILL)


def test_a_failure_is_shrunk_to_what_it_takes():
    options = Options.of(4, ORDER_PATH)
    faults = [
        Fault(place=f"{At.AFTER} trading/risk_guard", nth=7, kind=Kind.CRASH),
        Fault(place=f"{At.TIME} operations/recorder", nth=900, kind=Kind.HANG),
        KILL,
        Fault(place="commit", nth=9_000, kind=Kind.CRASH),
        Fault(place=f"{At.TIME}", nth=1500, kind=Kind.CLOCK, value=-300),
    ]
    found = shrink(options, faults, "killed", run=broken)
    assert found is not None
    assert found.report.faults == [KILL]
    assert found.report.options.faulty_s < options.faulty_s


def test_what_does_not_fail_is_not_shrunk():
    assert shrink(Options.of(4, ORDER_PATH), [], "killed", run=broken) is None


def test_a_failure_comes_back_from_its_file(tmp_path):
    report = broken(Options.of(4, ORDER_PATH), [KILL])
    failure = failure_of(report, "1.2.3")
    write_failure(failure, tmp_path / "deep" / "one.json")
    again = read_failure(tmp_path / "deep" / "one.json")
    assert again == failure
    assert again.oracle == "killed"
    assert broken(again.options, again.faults).fingerprint == failure.fingerprint


@pytest.mark.parametrize("content", [None, b"{", b'{"seed": 1, "unheard": 2}'])
def test_a_file_that_is_no_failure_is_refused_by_name(tmp_path, content):
    file = tmp_path / "bad.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationInvalid, match=r"bad\.json"):
        read_failure(file)


def test_several_processes_find_what_one_does():
    wanted = Wanted(profile=ORDER_PATH.name)
    one = [report.fingerprint for report in run_seeds(wanted, range(4), 1)]
    assert [report.fingerprint for report in run_seeds(wanted, range(4), 2)] == one


def test_what_was_never_seen_fails_a_long_run_and_no_short_one():
    tally = Tally(seeds=SIGHTINGS_DUE - 1)
    assert tally.missing == []
    tally.add(Report(options=Options.of(1, ORDER_PATH), sightings={"hang": 1}))
    assert tally.missing == [name for name in SIGHTINGS if name != "hang"]


def test_a_report_can_be_read_by_a_program():
    report = simulate(7, ORDER_PATH)
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report
    assert Counter(report.counts)["faults"] <= len(report.faults)
