"""`python -m supervisor simulate`: what it prints, what it leaves, how it ends."""

import json

import pytest
from click.testing import CliRunner

from supervisor.commands.simulate import simulate
from supervisor.simulation import ORDER_PATH, Fault, Options, Simulation
from supervisor.simulation.failure import failure_of, read_failure, write_failure
from supervisor.simulation.faults import At, Kind

FAST = ("--profile", ORDER_PATH.name)


def run(*args):
    return CliRunner().invoke(simulate, [str(arg) for arg in args])


@pytest.mark.parametrize("args", [(), ("run",)], ids=["without a sub-command", "run"])
def test_seeds_that_hold_end_well(args):
    done = run(*args, "--seeds", "0:3", *FAST)
    assert done.exit_code == 0, done.output
    assert "3 seeds, " in done.output
    assert " 0 failed; " in done.output


def test_a_program_gets_an_object_a_seed():
    done = run("run", "--seeds", "5:7", "--json", *FAST)
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert [report["options"]["seed"] for report in reports] == [5, 6]
    assert all(report["steps"] > 0 for report in reports)


def test_a_seed_is_run_again_and_watched():
    done = run("replay", "--seed", "5", "--trace", "--stop-at", "40", *FAST)
    assert done.exit_code == 0
    assert "operations/recorder:1" in done.output
    assert "seed 5 holds" in done.output


def test_a_file_is_run_again(tmp_path):
    kill = Fault(place=At.TIME, nth=700, kind=Kind.KILL)
    report = Simulation(Options.of(2, ORDER_PATH), [kill]).run()
    write_failure(failure_of(report, "test"), tmp_path / "it.json")
    done = run("replay", tmp_path / "it.json", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["fingerprint"] == report.fingerprint


def test_what_holds_now_cannot_be_shrunk(tmp_path):
    report = Simulation(Options.of(2, ORDER_PATH), []).run()
    report.violations.append("not ready at 1.000 s: once")
    write_failure(failure_of(report, "test"), tmp_path / "it.json")
    done = run("shrink", tmp_path / "it.json", "-o", tmp_path / "small.json")
    assert done.exit_code == 1
    assert "not violated any more" in done.output
    assert not (tmp_path / "small.json").exists()
    assert read_failure(tmp_path / "it.json").oracle == "not ready"


def test_a_run_does_not_depend_on_how_a_process_hashes():
    done = run("check-determinism", "--seeds", "0:3", "--json", *FAST)
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {"seeds": 3, "differing": []}


@pytest.mark.parametrize(
    "args",
    [
        ("run", "--seeds", "many"),
        ("run", "--profile", "everything"),
        ("replay",),
        ("replay", "no/such/file.json"),
        ("replay", "some.json", "--seed", "3"),
        ("shrink", "some.json"),
        ("prove",),
    ],
    ids=" ".join,
)
def test_bad_usage_has_its_code(args):
    assert run(*args).exit_code == 2
