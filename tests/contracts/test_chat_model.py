"""One contract for the language model's port: the client over sockets, and the stub in process.

Whatever the stub does has to end in the code that its catalogue promises, in both.
"""

import asyncio
import heapq
import json
import urllib.request
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

from adapters.clock import SystemClock
from adapters.loop import LoopThread
from adapters.nebius.chat import Address, Line
from adapters.nebius.client import NebiusChatModel
from adapters.nebius.http_transport import HttpTransport
from adapters.nebius.pace import Pace
from adapters.nebius.tokens import KeyRing
from adapters.ports import ChatModel
from adapters.server_process import ServerProcess
from adapters.simulated.advisor.failures import TRICKS
from adapters.simulated.advisor.in_process import InProcessChatModel
from adapters.simulated.advisor.service import StubService
from state.advice.codes import Code
from state.advice.contract import SCHEMA_NAME, SYSTEM, schema
from state.advice.prompt import prompt
from state.advice.validation import judge
from state.config.secret import Secret
from state.messages.advice import ChatFailed, ChatRequest, Provider
from state.values import NS_PER_S, TimeNs
from tests.state.advice.examples import MODEL, NOW, a_fact, a_question, the_facts

WITHIN_S = 1.0
QUESTION = a_question(
    facts=(*the_facts(), a_fact(7, "text_of_wire", "Exchange lists a coin", "", untrusted=True))
)


class Process:
    """The client, over sockets, to a stub of its own process."""

    def __init__(self, folder: Any) -> None:
        self._server = ServerProcess(
            ["advisor-stub", "--exit-with-parent"], name="stub", log="stub.log", folder=folder
        )
        told = json.loads(self._server.start())
        self._control = told["control"]
        self._loop, transport, clock = LoopThread("chat test"), HttpTransport(), SystemClock()
        line = Line(
            address=Address(base_url=told["base_url"]),
            credentials=KeyRing(Secret(told["key"]), clock=clock),
            transport=transport,
            clock=clock,
            sleep=asyncio.sleep,
            chance=Random(1),
            pace=Pace(60_000),
            efforts={MODEL: "low"},
        )
        self.line = line
        self.chat: ChatModel = NebiusChatModel(self._loop, line, transport, Provider.STUB)

    def play(self, script: str) -> None:
        body = json.dumps({"script": script}).encode()
        urllib.request.urlopen(self._control, data=body, timeout=10).close()  # noqa: S310
        self.line.forms.clear()
        self.line.efforts = {MODEL: "low"}

    def wait(self, ready: Callable[[], bool]) -> None:
        deadline_ns = SystemClock().monotonic_ns() + 30 * NS_PER_S
        while not ready():
            assert SystemClock().monotonic_ns() < deadline_ns
            self._loop.submit(asyncio.sleep(0.005)).result()

    def close(self) -> None:
        self.chat.close()  # type: ignore[attr-defined]
        self._loop.close(2.0)
        self._server.stop()


class InProcess:
    """The stub behind the port, in time that waits."""

    def __init__(self) -> None:
        self._now_ns, self._due, self._count = 0, list[Any](), 0
        self._service = StubService(seed=1, script=("good",), now_ns=lambda: NOW + self._now_ns)
        self.chat: ChatModel = InProcessChatModel(self._service, self._later)

    def _later(self, delay_ns: int, call: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._due, (self._now_ns + delay_ns, self._count, call))

    def play(self, script: str) -> None:
        self._service.set_script(tuple(script.split(",")))

    def wait(self, ready: Callable[[], bool]) -> None:
        while not ready():
            self._now_ns, _, call = heapq.heappop(self._due)
            call()

    def close(self) -> None:
        assert not self._due, "something was never delivered"


@pytest.fixture(scope="module", params=["process", "in_process"])
def stub(request, tmp_path_factory) -> Iterator[Process | InProcess]:
    made: Process | InProcess = (
        InProcess() if request.param == "in_process" else Process(tmp_path_factory.mktemp("stub"))
    )
    yield made
    made.close()


def a_chat_request(**changes):
    members: dict[str, Any] = {
        "request_id": QUESTION.request_id,
        "model": MODEL,
        "system": SYSTEM,
        "user": prompt(QUESTION),
        "schema_name": SCHEMA_NAME,
        "schema": schema(),
        "max_tokens": 900,
        "within_s": WITHIN_S,
    }
    return ChatRequest(**(members | changes))


def ask(stub, **changes):
    answers = []
    stub.chat.complete(a_chat_request(**changes), answers.append)
    stub.wait(lambda: bool(answers))
    [answer] = answers
    assert answer.request_id == QUESTION.request_id
    return answer.outcome


def code_of(outcome):
    if isinstance(outcome, ChatFailed):
        return Code(outcome.code)
    return judge(QUESTION, outcome, now_ns=TimeNs(NOW + 1), reference=QUESTION.reference).code


@pytest.mark.parametrize("trick", TRICKS)
def test_whatever_the_stub_does_ends_in_the_code_it_promises(stub, trick):
    stub.play(trick)
    assert code_of(ask(stub)) is TRICKS[trick].ends_in


def test_equal_questions_get_equal_answers(stub):
    stub.play("good")
    assert ask(stub).content == ask(stub).content
    assert ask(stub).usage.completion_tokens > 0


def test_the_list_has_the_model_and_its_price(stub):
    listed = []
    stub.chat.list_models(listed.append)
    stub.wait(lambda: bool(listed))
    assert {one.id for one in listed[0].models} >= {MODEL}
    assert all(one.price_in and one.price_out for one in listed[0].models)
    assert (stub.chat.provider, listed[0].code) == (Provider.STUB, Code.OK)


def test_a_model_that_is_not_there_is_unknown(stub):
    stub.play("good")
    assert code_of(ask(stub, model="nobody/none")) is Code.MODEL_UNKNOWN


def test_the_catalogue_has_every_failure_that_is_asked_of_it():

    assert len(TRICKS) >= 60
    assert {one.ends_in for one in TRICKS.values()} >= {
        Code.CREDENTIAL_REFUSED,
        Code.RATE_LIMITED,
        Code.SERVER_ERROR,
        Code.TIMEOUT,
        Code.TRUNCATED,
        Code.MALFORMED,
        Code.REFUSED,
        Code.NO_CONTENT,
        Code.WRONG_SYMBOL,
        Code.NOT_A_NUMBER,
        Code.CONTRADICTION,
        Code.UNGROUNDED,
    }
