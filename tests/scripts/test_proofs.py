"""The proofs that a person runs: each fault is tried, and a soak says what it saw."""

import json

import pytest

from adapters.simulated.faults import FaultName
from scripts.proofs.faults import TRIALS
from tests.scripts.conftest import Script


def test_each_fault_of_the_catalogue_is_tried_in_its_order():
    assert [trial.fault for trial in TRIALS] == list(FaultName)


@pytest.mark.slow
def test_a_fault_is_tried_at_a_house_that_trades():
    told = Script("fault_table.py").run("--only", "push_twice", "--json")
    assert told.returncode == 0, told.stderr
    [result] = json.loads(told.stdout)
    assert (result["fault"], result["struck"]) == ("push_twice", 3)
    assert result["fills"] > 0
    assert result["findings"] == []


def test_a_table_with_one_fault_is_not_written_over_the_whole():
    told = Script("fault_table.py").run("--only", "push_twice", "--write")
    assert told.returncode == 2
    assert "leave --only out" in told.stderr


@pytest.mark.slow
def test_a_soak_says_what_it_saw_and_that_nothing_was_lost():
    told = Script("soak.py").run("--pairs", "2", "--minutes", "0.2", "--json")
    assert told.returncode == 0, told.stderr
    outcome = json.loads(told.stdout)
    assert outcome["plan"]["pairs"] == 2
    assert outcome["findings"] == []
    assert outcome["agreement"]["fills"] > 0
    assert outcome["rss_mb"][1] > 0
    assert set(outcome["books"]) >= {"gaps", "resyncs", "mismatches"}
