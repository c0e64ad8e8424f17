"""Time that moves when somebody sleeps, and a wire that answers what the test has written."""

import asyncio
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import msgspec

from adapters.nebius.chat import Address, Chat, Line
from adapters.nebius.pace import Pace
from adapters.nebius.tokens import KeyRing
from adapters.nebius.wire import RawAnswer
from state.config.secret import Secret
from state.messages.advice import ChatRequest
from state.values import NS_PER_S, TimeNs

START_NS = TimeNs(1_790_000_000 * NS_PER_S)


class FakeTime:
    """The `Clock` port, and a sleep that takes no time."""

    def __init__(self) -> None:
        self.passed_ns = 0
        self.offset_ns = 0
        """How far our wall clock is off."""
        self.slept: list[float] = []
        self.oversleeps_s = 0.0
        """How much longer than it was asked for each sleep takes."""

    def now_ns(self) -> TimeNs:
        return TimeNs(START_NS + self.passed_ns + self.offset_ns)

    def monotonic_ns(self) -> int:
        return self.passed_ns

    def pass_s(self, seconds: float) -> None:
        self.passed_ns += int(seconds * NS_PER_S)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_s(seconds + self.oversleeps_s)
        await asyncio.sleep(0)


class FakeWire:
    """The `Transport`: each request is written down and answered by `answer`."""

    def __init__(self, answer: Callable[["Sent"], Any], clock: FakeTime, takes_s: float = 0.0):
        self.answer = answer
        self.clock = clock
        self.takes_s = takes_s
        self.sent: list[Sent] = []

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout_s: float,
    ) -> RawAnswer:
        one = Sent(method, url, dict(headers), body, timeout_s)
        self.sent.append(one)
        await asyncio.sleep(0)  # Whoever else waits gets a turn, as on a real loop.
        await asyncio.sleep(0)
        self.clock.pass_s(self.takes_s)
        answer: RawAnswer = self.answer(one)
        return answer


class Sent:
    """One request as it left."""

    def __init__(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None, timeout_s: float
    ) -> None:
        self.method, self.url, self.headers = method, url, headers
        self.body, self.timeout_s = body, timeout_s

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body or b"null")

    @property
    def credential(self) -> str:
        return self.headers["authorization"].removeprefix("Bearer ")


def raw(status: int, body: Any = None, **headers: str) -> RawAnswer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return RawAnswer(status=status, headers=named, body=content)


def a_completion(content: str = "{}") -> dict[str, Any]:
    message = {"role": "assistant", "content": content, "annotations": [], "reasoning": None}
    return {
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "completion_tokens_details": None},
    }


def a_request(**changes: Any) -> ChatRequest:
    members: dict[str, Any] = {
        "request_id": "a-1",
        "model": "m",
        "system": "the rules",
        "user": "the facts",
        "schema_name": "recommendation_v1",
        "schema": {"type": "object"},
        "max_tokens": 900,
        "within_s": 20.0,
    }
    return ChatRequest(**(members | changes))


def a_chat(wire: FakeWire, clock: FakeTime, *keys: str, **changes: Any) -> Chat:
    members: dict[str, Any] = {
        "address": Address(base_url="https://api.example/v1"),
        "credentials": KeyRing(*map(Secret, keys or ("v1.key.one",)), clock=clock),
        "transport": wire,
        "clock": clock,
        "sleep": clock.sleep,
        "chance": Random(1),
        "pace": Pace(600),
        "efforts": {},
    }
    return Chat(Line(**(members | changes)))
