"""The advisor's commands: the report reads the journal alone, the stub says what it cannot do."""

import json
import threading

import pytest
from click.testing import CliRunner

from adapters.simulated.advisor.failures import TRICKS
from adapters.stub_chat import StubChatModel, StubListening
from state.store import DataLock
from supervisor.commands.advisor import advisor
from supervisor.commands.advisor_stub import advisor_stub
from tests.state.advice.examples import MODEL, an_exchange
from tests.state.stores import append, opened


@pytest.fixture
def journal(tmp_path):
    """A data directory whose advisor was asked, answered well, and was promoted."""
    folder = tmp_path / "simulated"
    folder.mkdir(mode=0o700)
    with DataLock(folder) as lock:
        store = opened(lock)
        append(store, *an_exchange())
        store.close()
    return tmp_path


def report(data_dir, *options):
    arguments = ["report", "--data-dir", str(data_dir), *options]
    return CliRunner().invoke(advisor, arguments, env={"NEBIUS_API_KEY": "v1.a.b"})


def test_the_report_tells_scores_and_costs_from_the_journal(journal):
    told = json.loads(report(journal, "--json").stdout)
    assert (told["provider"], told["authority"], told["is_stub"]) == ("nebius", "veto", False)
    [record] = told["records"]
    assert (record["model"], record["resolved"], record["codes"]) == (MODEL, 1, {"OK": 1})
    assert record["brier"] == pytest.approx(0.42**2)
    assert record["mean_r"] == 2.0
    assert told["today"]["calls"] == 0  # It was asked on another day.
    text = report(journal).stdout
    assert "authority: veto" in text
    assert MODEL in text


def test_without_a_journal_it_says_so(tmp_path):
    found = report(tmp_path)
    assert found.exit_code == 3
    assert "there is no database" in found.stderr


def test_the_stub_lists_what_it_can_be_told_and_refuses_the_rest():
    rows = json.loads(CliRunner().invoke(advisor_stub, ["--help-failures", "--json"]).stdout)
    assert [row["name"] for row in rows] == list(TRICKS)
    found = CliRunner().invoke(advisor_stub, ["--script", "sing"])
    assert found.exit_code == 2
    assert "there is no 'sing'" in found.stderr


def test_a_stub_is_started_when_it_is_first_asked_and_again_when_it_died(tmp_path):
    there: list[StubListening] = []

    def connect(listening):
        there.append(listening)
        return Client(listening)

    stub = StubChatModel(seed=1, script="good", folder=tmp_path, connect=connect)
    assert there == []
    answers = Answers()
    try:
        stub.list_models(answers.first)
        stub.list_models(answers.second)  # While it starts: one process serves both.
        assert answers.wait(2) == [there[0].base_url] * 2
        stub._server.stop()
        stub.list_models(answers.first)
        assert answers.wait(3)[2] == there[1].base_url
    finally:
        stub.close()
    late = []
    stub.list_models(late.append)
    assert late[0].code == "UNREACHABLE"


class Client:
    """In the place of the client: tells where it would have asked."""

    def __init__(self, listening):
        self.host = listening.base_url

    def list_models(self, deliver):
        deliver(self.host)

    def close(self):
        pass


class Answers:
    """What came, from whatever thread."""

    def __init__(self):
        self._changed = threading.Condition()
        self._all = []

    def first(self, answer):
        with self._changed:
            self._all.append(answer)
            self._changed.notify_all()

    second = first

    def wait(self, count):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._all) >= count, 60)
            return list(self._all)
