"""The stub behind the `ChatModel` port, without a process or a socket: for virtual time.

It gives what the client makes of the same stub over sockets, but tries nothing twice.
"""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from adapters.nebius.wire import (
    FORMS,
    RawAnswer,
    Unreadable,
    blames_form,
    chat_body,
    code_of,
    models_of,
    problem_of,
    reply_of,
)
from adapters.simulated.advisor.service import KEY, StubAnswer, StubService
from state.advice.codes import Code
from state.messages.advice import (
    ChatAnswer,
    ChatFailed,
    ChatReplied,
    ChatRequest,
    ModelsListed,
    Provider,
)

Schedule = Callable[[int, Callable[[], None]], None]
"""Calls something so many nanoseconds later."""
_HEADERS = {"authorization": f"Bearer {KEY}"}


class InProcessChatModel:
    """One stub for one house.

    Args:
        service: What answers.
        schedule: Lets time pass.
        latency_s: How long an answer takes.
    """

    def __init__(self, service: StubService, schedule: Schedule, latency_s: float = 0.5) -> None:
        self._service = service
        self._schedule = schedule
        self._latency_s = latency_s

    @property
    def provider(self) -> Provider:
        """A stub."""
        return Provider.STUB

    @property
    def host(self) -> str:
        """In process."""
        return "in process"

    def complete(self, request: ChatRequest, deliver: Callable[[ChatAnswer], None]) -> None:
        """Answer `request` after the latency, or after its deadline where the stub hangs."""
        answer, form = self._asked(request)
        outcome = _outcome(answer, form)
        delay_s = request.within_s if answer.hang else min(self._latency_s, request.within_s)
        told = ChatAnswer(request_id=request.request_id, outcome=outcome)
        self._schedule(int(Decimal(repr(delay_s)) * 10**9), lambda: deliver(told))

    def _asked(self, request: ChatRequest) -> tuple[StubAnswer, str]:
        """Ask for JSON by the first form that is not refused, as the client does."""
        for form in FORMS:
            body = msgspec.json.encode(chat_body(request, form, None))
            answer = self._service.chat(_HEADERS, body)
            blamed = answer.status in (400, 422) and blames_form(problem_of(_raw(answer)))
            if not blamed:
                break
        return answer, form

    def list_models(self, deliver: Callable[[ModelsListed], None]) -> None:
        """Give the list after the latency."""
        answer = self._service.models(_HEADERS, verbose=True)
        listed = ModelsListed(models=models_of(_raw(answer)))
        self._schedule(int(Decimal(repr(self._latency_s)) * 10**9), lambda: deliver(listed))


def _outcome(answer: StubAnswer, form: str) -> ChatReplied | ChatFailed:
    if answer.hang:
        return ChatFailed(code=Code.TIMEOUT, detail="no answer in time", billed=True)
    if answer.cut:
        return ChatFailed(code=Code.UNREACHABLE, detail="cut off", billed=True)
    raw = _raw(answer)
    if raw.status != 200:
        told = f"{raw.status} {problem_of(raw)}".strip()
        return ChatFailed(code=code_of(raw.status), detail=told)
    try:
        return reply_of(raw, form, 1)
    except Unreadable as error:
        return ChatFailed(code=Code.BODY_UNREADABLE, detail=str(error), billed=True)


def _raw(answer: StubAnswer) -> RawAnswer:
    told = {name.lower(): value for name, value in answer.headers.items()}
    return RawAnswer(status=answer.status, headers=told, body=answer.body)
