"""`scripts/control.py`: any method of the admin socket from the shell, and its exit codes."""

import json
import signal

import pytest

from actors.operations.admin_requests import METHODS
from scripts.proofs.processes import House
from tests.scripts.conftest import Script

pytestmark = pytest.mark.slow

CONTROL = Script("control.py")


def test_a_result_is_json_on_the_standard_output(house, here):
    told = CONTROL.run("status", *here)
    assert told.returncode == 0
    assert told.stderr == ""
    assert json.loads(told.stdout)["session"] == "ready"
    assert told.stdout.startswith("{\n  "), "for people too"


def test_a_refusal_is_a_sentence_on_the_standard_error_with_code_1(here):
    told = CONTROL.run("drill", "actor=feed", "fault=crash", *here)
    assert told.returncode == 1
    assert told.stdout == ""
    assert told.stderr.startswith("control: no actor 'feed'; did you mean market/")


def test_an_unknown_method_is_named(here):
    told = CONTROL.run("statsu", *here)
    assert told.returncode == 1
    assert "no method 'statsu'" in told.stderr


def test_where_nothing_runs_the_code_is_3(tmp_path):
    told = CONTROL.run("status", "--data-dir", str(tmp_path))
    assert told.returncode == 3
    assert told.stderr.startswith("control: nothing runs here")


@pytest.mark.parametrize("arguments", [(), ("pause", "lunch"), ("status", "--venue", "gate")])
def test_bad_usage_has_code_2(here, arguments):
    told = CONTROL.run(*arguments, *here)
    assert told.returncode == 2
    assert told.stdout == ""


def test_numbers_reach_the_house_as_they_were_typed(house, here):
    [fill] = house.call("fills", limit=1)
    assert fill["trade_id"].isdigit()
    explained = CONTROL.run("explain", f"id={fill['trade_id']}", *here)
    assert explained.returncode == 0, explained.stderr
    found = json.loads(explained.stdout)
    assert fill["trade_id"] in [one["trade_id"] for one in found["fills"]]
    assert len(json.loads(CONTROL.run("fills", "limit=1", *here).stdout)) == 1


def test_words_of_json_are_sent_as_such(here):
    told = CONTROL.run("orders", "open=true", "limit=5", *here)
    assert told.returncode == 0, told.stderr
    assert all(order["settled"] == 0 for order in json.loads(told.stdout))
    refused = CONTROL.run("set_config", 'changes={"risk.order_notional_max": 1}', *here)
    assert refused.returncode == 1
    assert "needs a restart" in refused.stderr


def test_the_environment_names_the_data_directory_and_any_directory_will_do(tmp_path, house):
    environ = {"GATEHOUSE_DATA_DIR": str(house.data_dir)}
    assert CONTROL.run("metrics", cwd=tmp_path, environ=environ).returncode == 0


def test_what_is_pushed_is_a_line_each_until_interrupted(here):
    with CONTROL.start("subscribe", "topics=equity,health", *here) as following:
        assert following.stdout is not None
        told = [json.loads(following.stdout.readline()) for _ in range(4)]
        following.send_signal(signal.SIGINT)
        _, complaints = following.communicate(timeout=20)
    assert {one["topic"] for one in told} == {"equity", "health"}
    assert following.returncode == 0
    assert complaints == ""


def test_a_command_told_twice_with_one_key_is_done_once(tmp_path):
    with House(tmp_path) as house:
        house.until_ready()
        here = ("--data-dir", str(tmp_path))
        key = "idempotency_key=monday"
        assert json.loads(CONTROL.run("pause", key, *here).stdout) == {"session": "paused"}
        assert json.loads(CONTROL.run("resume", *here).stdout) == {"session": "ready"}
        assert json.loads(CONTROL.run("pause", key, *here).stdout) == {"session": "paused"}
        assert house.session() == "ready", "the repetition gave the first result and did nothing"
        assert CONTROL.run("shutdown", *here).returncode == 0
        assert house.ended() == 0


def test_every_method_answers_something_other_than_a_failure_of_ours(here):
    # Those that change the house are tried in docs/operating.md.
    for method in sorted(METHODS & {"tree", "positions", "balances", "alerts", "config"}):
        told = CONTROL.run(method, *here)
        assert told.returncode == 0, told.stderr
        json.loads(told.stdout)
