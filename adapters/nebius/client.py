"""The `ChatModel` port over sockets: `Chat` on the loop that owns them."""

import asyncio
import concurrent.futures
import contextlib
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from adapters.loop import LoopThread
from adapters.nebius.chat import Chat, Line
from state.advice.codes import Code
from state.messages.advice import ChatAnswer, ChatFailed, ChatRequest, ModelsListed, Provider

if TYPE_CHECKING:
    from adapters.nebius.http_transport import HttpTransport

CLOSE_S = 1.0
_GRACE_S = 0.5
"""Beyond its deadline an exchange is ended from outside, whatever it hangs in."""


class NebiusChatModel:
    """Models at one address.

    Args:
        loop: Owns the sockets.
        line: What exchanges stand on; used on the loop's thread only.
        transport: The sockets of `line`, given up at the end.
        provider: Who answers there.
    """

    def __init__(
        self, loop: LoopThread, line: Line, transport: "HttpTransport", provider: Provider
    ) -> None:
        self._loop = loop
        self._transport = transport
        self._provider = provider
        self._host = line.address.base_url.split("//", 1)[-1].split("/", 1)[0]
        self._chat = Chat(line)

    @property
    def provider(self) -> Provider:
        """Who answers."""
        return self._provider

    @property
    def host(self) -> str:
        """Host and port, for people."""
        return self._host

    def complete(self, request: ChatRequest, deliver: Callable[[ChatAnswer], None]) -> None:
        """Start `request`; exactly one answer is delivered, from the loop's thread."""

        def ended(outcome: object) -> None:
            deliver(ChatAnswer(request_id=request.request_id, outcome=outcome))  # type: ignore[arg-type]

        def failed(code: Code, detail: str) -> None:
            ended(ChatFailed(code=code, detail=detail, billed=True))

        limit_s = request.within_s + _GRACE_S
        self._start(self._chat.complete(request), limit_s, ended, failed)

    def list_models(self, deliver: Callable[[ModelsListed], None]) -> None:
        """Ask for the list; exactly one answer is delivered, from the loop's thread."""

        def failed(code: Code, detail: str) -> None:
            deliver(ModelsListed(code=code, detail=detail))

        self._start(self._chat.list_models(), 15.0, deliver, failed)  # type: ignore[arg-type]

    def close(self) -> None:
        """Give up the connections."""
        # Where the loop is closed, so is every socket.
        with contextlib.suppress(RuntimeError, TimeoutError, concurrent.futures.CancelledError):
            self._loop.submit(self._transport.close()).result(CLOSE_S)

    def _start(
        self,
        work: Coroutine[Any, Any, object],
        limit_s: float,
        ended: Callable[[object], None],
        failed: Callable[[Code, str], None],
    ) -> None:
        async def bounded() -> object:
            async with asyncio.timeout(limit_s):
                return await work

        try:
            future = self._loop.submit(bounded())
        except RuntimeError:
            work.close()
            failed(Code.CLOSING, "the house is going down")
            return

        def report(done: "concurrent.futures.Future[object]") -> None:
            if done.cancelled():
                failed(Code.CLOSING, "the house is going down")
            elif isinstance(done.exception(), TimeoutError):
                failed(Code.TIMEOUT, "it did not end by its deadline")
            elif done.exception() is not None:
                # A fault of ours: told by its kind, for its text could quote a header.
                failed(Code.UNREACHABLE, f"failed within: {type(done.exception()).__name__}")
            else:
                ended(done.result())

        future.add_done_callback(report)
