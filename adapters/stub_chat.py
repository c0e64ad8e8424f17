"""The `ChatModel` port by a stub's process that is started when somebody first asks.

A house that never asks never pays for it. One that died is started again at the next question.
"""

import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
from loguru import logger
from msgspec import Struct

from adapters.nebius.client import NebiusChatModel
from adapters.server_process import ServerProcess
from state.advice.codes import Code
from state.errors import ConfigurationInvalid, VenueUnreachable
from state.messages.advice import ChatAnswer, ChatFailed, ChatRequest, ModelsListed, Provider


class StubListening(Struct, frozen=True, kw_only=True):
    """The line a ready stub prints."""

    ready: bool
    stub: bool
    base_url: str
    exchange_url: str
    control: str
    key: str


class StubChatModel:
    """One stub for one house.

    Args:
        seed: Of what it writes.
        script: What it does, by turns.
        folder: Where its log goes.
        connect: Makes a client of the stub that listens there.
    """

    def __init__(
        self,
        *,
        seed: int,
        script: str,
        folder: Path,
        connect: Callable[[StubListening], NebiusChatModel],
    ) -> None:
        command = ["advisor-stub", "--seed", str(seed), "--script", script, "--exit-with-parent"]
        name = "the advisor's stub"
        self._server = ServerProcess(command, name=name, log="advisor-stub.log", folder=folder)
        self._connect = connect
        self._lock = threading.Lock()
        self._chat: NebiusChatModel | None = None
        self._starting = False
        self._closed = False
        self._waiting: list[Callable[[NebiusChatModel | None, str], None]] = []

    @property
    def provider(self) -> Provider:
        """A stub."""
        return Provider.STUB

    @property
    def host(self) -> str:
        """Where it listens, or that it is not started yet."""
        chat = self._chat
        return "not started" if chat is None else chat.host

    def complete(self, request: ChatRequest, deliver: Callable[[ChatAnswer], None]) -> None:
        """Start `request` as soon as the stub listens."""

        def go_on(chat: NebiusChatModel | None, why: str) -> None:
            if chat is not None:
                chat.complete(request, deliver)
                return
            failed = ChatFailed(code=Code.UNREACHABLE, detail=why)
            deliver(ChatAnswer(request_id=request.request_id, outcome=failed))

        self._when_ready(go_on)

    def list_models(self, deliver: Callable[[ModelsListed], None]) -> None:
        """Ask for the list as soon as the stub listens."""

        def go_on(chat: NebiusChatModel | None, why: str) -> None:
            if chat is not None:
                chat.list_models(deliver)
            else:
                deliver(ModelsListed(code=Code.UNREACHABLE, detail=why))

        self._when_ready(go_on)

    def close(self) -> None:
        """Stop it; whoever still waits hears that there is none."""
        with self._lock:
            self._closed, chat = True, self._chat
        if chat is not None:
            chat.close()
        self._server.stop()

    def _when_ready(self, go_on: Callable[[NebiusChatModel | None, str], None]) -> None:
        with self._lock:
            chat = self._chat if self._server.alive else None
            if chat is None and not self._closed:
                self._waiting.append(go_on)
                if not self._starting:
                    self._starting = True
                    # Starting takes as long as a process takes: nobody here may wait for it.
                    threading.Thread(target=self._start, name="advisor-stub", daemon=True).start()
                return
        go_on(chat, "the house is going down")

    def _start(self) -> None:
        why = ""
        chat: NebiusChatModel | None = None
        try:
            listening = msgspec.json.decode(self._server.start(), type=StubListening)
            logger.info(
                "the advisor has a STUB at {} (process {}): it knows nothing of markets",
                listening.base_url,
                self._server.pid,
            )
            chat = self._connect(listening)
        except (ConfigurationInvalid, VenueUnreachable, OSError) as error:
            why = str(error)
            logger.error("{}", why)
        with self._lock:
            before, self._chat, self._starting = self._chat, chat, False
            waiting, self._waiting = self._waiting, []
            closed = self._closed
        if before is not None:
            before.close()
        if closed:
            self._server.stop()
        for go_on in waiting:
            go_on(chat, why)
