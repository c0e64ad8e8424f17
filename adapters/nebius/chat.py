"""One exchange with a model, from the first request to the last retry, within one deadline.

Asynchronous, and without a clock, chance or socket of its own: tests let hours pass in no time.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import assert_never
from urllib.parse import urlencode

import msgspec

from adapters.nebius.credentials import Shape, redacted, shape_of
from adapters.nebius.durations import wait_s
from adapters.nebius.pace import Pace
from adapters.nebius.tokens import CredentialSource, NoCredential
from adapters.nebius.transport import NoAnswer, Transport
from adapters.nebius.wire import (
    FORMS,
    RawAnswer,
    Unreadable,
    blames_effort,
    blames_form,
    chat_body,
    code_of,
    models_of,
    problem_of,
    reply_of,
    support_of,
)
from adapters.ports import Clock
from state.advice.codes import Code
from state.config.advisor import OLD_HOSTS
from state.config.secret import Secret
from state.messages.advice import ChatFailed, ChatReplied, ChatRequest, ModelsListed
from state.values import NS_PER_S

READ_S = 15.0
"""Of one request; the deadline of the whole is the caller's."""
LEAST_S = 0.2
"""With less time left nothing is sent."""
MODELS_S = 5.0
BASE_S, BACKOFF_MAX_S = 0.5, 8.0
"""The n-th retry waits anything up to `BASE_S * 2^n`: full jitter."""
SERVER_RETRIES = 2
LIMIT_RETRIES = 3
_RETRIED_ONCE = frozenset({408, 409, 425})
_FORM_FAULTS = frozenset({400, 422})


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where the interface is."""

    base_url: str
    project: str | None = None

    def of(self, path: str, **query: str) -> str:
        """Return the URL of an endpoint."""
        if self.project is not None:
            query["ai_project_id"] = self.project
        asked = f"?{urlencode(query)}" if query else ""
        return f"{self.base_url.rstrip('/')}/{path}{asked}"


@dataclass(kw_only=True)
class Line:
    """What an exchange stands on. One loop's thread only."""

    address: Address
    credentials: CredentialSource
    transport: Transport
    clock: Clock
    """Its monotonic side measures the deadline."""
    sleep: Callable[[float], Awaitable[None]]
    chance: Random
    """Spreads retries."""
    pace: Pace
    efforts: dict[str, str]
    """`reasoning_effort` by model; a model that is not in it is sent none."""
    forms: dict[str, int] = field(default_factory=dict)
    """By model: the first of `FORMS` that it did not refuse; remembered."""

    async def send(
        self, method: str, url: str, body: bytes | None, credential: Secret, timeout_s: float
    ) -> RawAnswer:
        """Send one request with `credential`.

        Raises:
            NoAnswer: There is none.
        """
        headers = {
            "authorization": f"Bearer {credential.reveal()}",
            "accept": "application/json",
        }
        if body is not None:
            headers["content-type"] = "application/json"
        return await self.transport.send(
            method, url, headers=headers, body=body, timeout_s=timeout_s
        )

    def complaint(self, answer: RawAnswer) -> str:
        """Return what a refusal says, with a hint where its cause is a usual one."""
        told = f"{answer.status} {problem_of(answer)}".strip()
        return f"{told}; {self._hint()}" if answer.status == 401 else told

    def slow_down(self) -> None:
        """Send less for a while."""
        self.pace.crowded(self.clock.monotonic_ns())

    def _hint(self) -> str:
        host = self.address.base_url.split("//", 1)[-1].split("/", 1)[0]
        if any(host.startswith(one) for one in OLD_HOSTS):
            return (
                f"advisor.base_url names {host}, a former host of the service that refuses new keys"
            )
        old = ", ".join(OLD_HOSTS)
        return (
            f"keys of the former hosts ({old}) may not be taken here, and an IAM token is not a key"
        )


class Chat:
    """The interface of one provider.

    Args:
        line: What it stands on.
    """

    def __init__(self, line: Line) -> None:
        self._line = line

    async def complete(self, request: ChatRequest) -> ChatReplied | ChatFailed:
        """Return what became of `request`, within its time."""
        return await _Exchange(self._line, request).run()

    async def list_models(self) -> ModelsListed:
        """Return the models and their prices; nothing is retried."""
        url = self._line.address.of("models", verbose="true")
        try:
            answer = await self._authorized("GET", url, None, MODELS_S)
        except (NoCredential, NoAnswer) as error:
            return ModelsListed(
                code=error.code, detail=error.detail, warning=self._line.credentials.warning()
            )
        if answer.status != 200:
            detail = self._line.complaint(answer)
            return ModelsListed(
                code=code_of(answer.status), detail=detail, warning=self._line.credentials.warning()
            )
        try:
            return ModelsListed(models=models_of(answer), warning=self._line.credentials.warning())
        except Unreadable as error:
            return ModelsListed(code=Code.BODY_UNREADABLE, detail=str(error))

    async def _authorized(
        self, method: str, url: str, body: bytes | None, timeout_s: float
    ) -> RawAnswer:
        """Send with the credential in use, and once more with another where that is refused."""
        line = self._line
        credential = await line.credentials.current()
        answer = await line.send(method, url, body, credential, timeout_s)
        if answer.status == 401:
            other = await line.credentials.instead_of(credential)
            if other is not None:
                answer = await line.send(method, url, body, other, timeout_s)
        return answer


class _Exchange:
    """One request's life: what was tried, and what may still be."""

    def __init__(self, line: Line, request: ChatRequest) -> None:
        self._line = line
        self._request = request
        self._ends_ns = line.clock.monotonic_ns() + int(request.within_s * NS_PER_S)
        self._tries = 0
        self._renewed = False
        self._retries = 0
        self._limits = 0
        self._billed = False
        self._before: ChatFailed | None = None
        """What the last try came to; None before it."""

    async def run(self) -> ChatReplied | ChatFailed:
        try:
            while True:
                ended = await self._try()
                if ended is not None:
                    return ended
        except NoCredential as error:
            return self._failed(error.code, error.detail)

    async def _try(self) -> ChatReplied | ChatFailed | None:
        """Send once; None when it is to be sent again."""
        line, model = self._line, self._request.model
        wait = line.pace.take(line.clock.monotonic_ns())
        if not await self._waited(wait):
            line.pace.give_back()
            return self._failed(Code.RATE_LIMITED, "our own limit of requests a minute")
        credential = await line.credentials.current()
        form = FORMS[line.forms.get(model, 0)]
        body = chat_body(self._request, form, line.efforts.get(model))
        left_s = self._left_s()
        if left_s < LEAST_S:
            # A wait took longer than was asked for: what there was to retry is the cause.
            return self._before or self._failed(Code.TIMEOUT, "no time left")
        self._tries += 1
        url = line.address.of("chat/completions")
        try:
            answer = await line.send(
                "POST", url, msgspec.json.encode(body), credential, min(READ_S, left_s)
            )
        except NoAnswer as error:
            return await self._after_silence(error)
        if answer.status == 200:
            return await self._after_success(answer, form)
        return await self._after_refusal(answer, credential)

    async def _after_success(self, answer: RawAnswer, form: str) -> ChatReplied | ChatFailed | None:
        try:
            reply = reply_of(answer, form, self._tries)
        except Unreadable as error:
            self._billed = True
            failed = self._failed(Code.BODY_UNREADABLE, str(error), answer)
            return self._unless(failed, again=await self._backed_off(1))
        if reply.crowded:
            self._line.slow_down()
        return reply

    async def _after_silence(self, error: NoAnswer) -> ChatFailed | None:
        self._billed = self._billed or error.sent
        # A chat call is not idempotent in money: what may be charged already is sent once more at
        # most.
        failed = self._failed(error.code, error.detail)
        return self._unless(failed, again=await self._backed_off(1))

    async def _after_refusal(self, answer: RawAnswer, credential: Secret) -> ChatFailed | None:
        line, status, problem = self._line, answer.status, problem_of(answer)
        again = False
        if status == 401 and not self._renewed:
            self._renewed = True
            again = await line.credentials.instead_of(credential) is not None
        elif status in _FORM_FAULTS:
            again = self._degraded(problem)
        elif status == 429:
            self._line.slow_down()
            told = wait_s(answer.headers, line.clock.now_ns())
            self._limits += 1
            if self._limits <= LIMIT_RETRIES:
                again = await self._waited(self._jitter(self._limits) if told is None else told)
        elif status >= 500:
            again = await self._backed_off(SERVER_RETRIES)
        elif status in _RETRIED_ONCE:
            again = await self._backed_off(1)
        failed = self._failed(code_of(status), line.complaint(answer), answer)
        return self._unless(failed, again=again)

    def _unless(self, failed: ChatFailed, *, again: bool) -> ChatFailed | None:
        """Return how it failed, None where it is tried again."""
        self._before = failed
        return None if again else failed

    def _degraded(self, problem: str) -> bool:
        """Ask for less where the model lacks something; it is remembered for the model."""
        line, model = self._line, self._request.model
        if model in line.efforts and blames_effort(problem):
            del line.efforts[model]
            return True
        place = line.forms.get(model, 0)
        if place + 1 < len(FORMS) and blames_form(problem):
            line.forms[model] = place + 1
            return True
        return False

    async def _backed_off(self, most: int) -> bool:
        """Wait a while before another try; False where there may be none."""
        if self._retries >= most:
            return False
        self._retries += 1
        return await self._waited(self._jitter(self._retries))

    def _jitter(self, attempt: int) -> float:
        ceiling = min(BACKOFF_MAX_S, BASE_S * 2**attempt)
        return self._line.chance.uniform(0.0, ceiling)

    async def _waited(self, seconds: float) -> bool:
        """Wait, unless the deadline would pass meanwhile: then False, and nobody waits."""
        if seconds <= 0:
            return True
        if seconds + LEAST_S > self._left_s():
            return False
        await self._line.sleep(seconds)
        return True

    def _left_s(self) -> float:
        return (self._ends_ns - self._line.clock.monotonic_ns()) / NS_PER_S

    def _failed(self, code: Code, detail: str, answer: RawAnswer | None = None) -> ChatFailed:
        return ChatFailed(
            code=code,
            detail=redacted(detail)[:400],
            tries=self._tries,
            billed=self._billed,
            support="" if answer is None else support_of(answer),
        )


def shape_hint(credential: Secret) -> str:
    """Return what a log may say of a key: its kind, nothing of itself."""
    shape = shape_of(credential)
    match shape:
        case Shape.JWT:
            return "a JWT"
        case Shape.STATIC:
            return "a static key"
        case Shape.ACCESS:
            return "an IAM access token, which the service may refuse: it wants a key"
        case Shape.UNKNOWN:
            return "a key of unknown shape"
        case _:
            assert_never(shape)
