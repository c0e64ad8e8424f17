"""The other end of `adapters.admin_socket`, for scripts: blocking, one thread, no dependency."""

import socket
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from adapters.admin_socket import reachable
from state.errors import GatehouseError, NotRunning

NO_ANSWER = -32001
"""Our own code: the house is there but said nothing in time."""

_KEPT_MAX = 10_000
_CHUNK_BYTES = 65_536


class AdminError(GatehouseError):
    """The house answered no.

    Args:
        code: JSON-RPC's or the house's.
        message: Its sentence.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class AdminClient:
    """Calls methods of a running house."""

    def __init__(self, path: Path) -> None:
        """Connect.

        Args:
            path: Of the socket: `<data-dir>/<venue>/admin.sock`.

        Raises:
            NotRunning: Nothing listens there.
            AdminError: It may not be used by this user.
        """
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX)
        self._unread = b""
        self._notifications: deque[tuple[str, Any]] = deque(maxlen=_KEPT_MAX)
        self._next_id = 1
        try:
            with reachable(path) as name:
                self._socket.connect(name)
        except PermissionError:
            self._socket.close()
            raise AdminError(NO_ANSWER, f"{path} belongs to another user") from None
        except OSError:
            self._socket.close()
            raise NotRunning(f"nothing runs here: no answer at {path}") from None

    def call(
        self, method: str, params: dict[str, Any] | None = None, timeout_s: float = 5.0
    ) -> Any:
        """Return the result of `method`.

        Raises:
            AdminError: The house refused, or said nothing within `timeout_s`.
            NotRunning: It went away meanwhile.
        """
        request_id, self._next_id = self._next_id, self._next_id + 1
        request = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params or {}}
        deadline = time.monotonic() + timeout_s
        self._send(msgspec.json.encode(request) + b"\n", deadline)
        while True:
            answer = self._read(deadline)
            if "method" in answer:
                self._keep(answer)
            elif answer.get("id") in (request_id, None):
                error = answer.get("error")
                if error is not None:
                    raise AdminError(error["code"], error["message"])
                return answer.get("result")

    def subscribe(
        self, topics: list[str], timeout_s: float | None = None
    ) -> Iterator[tuple[str, Any]]:
        """Give (topic, payload) of all that is pushed.

        Args:
            topics: What to hear of.
            timeout_s: Longest silence; None waits for ever.

        Raises:
            AdminError: The house refused, or was silent for too long.
            NotRunning: It went away.
        """
        self.call("subscribe", {"topics": topics})
        while True:
            while self._notifications:
                yield self._notifications.popleft()
            deadline = None if timeout_s is None else time.monotonic() + timeout_s
            self._keep(self._read(deadline))

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _keep(self, answer: dict[str, Any]) -> None:
        if answer.get("method") == "notify":
            told = answer["params"]
            self._notifications.append((told["topic"], told["payload"]))

    def _read(self, deadline: float | None) -> dict[str, Any]:
        while b"\n" not in self._unread:
            self._limit(deadline)
            try:
                chunk = self._socket.recv(_CHUNK_BYTES)
            except TimeoutError:
                raise AdminError(NO_ANSWER, f"no answer in time at {self._path}") from None
            except OSError:
                chunk = b""
            if not chunk:
                raise NotRunning(f"the house at {self._path} ended the connection")
            self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        answer: dict[str, Any] = msgspec.json.decode(line)
        return answer

    def _send(self, line: bytes, deadline: float) -> None:
        self._limit(deadline)
        try:
            self._socket.sendall(line)
        except TimeoutError:
            raise AdminError(NO_ANSWER, f"nothing is taken at {self._path}") from None
        except OSError:
            raise NotRunning(f"the house at {self._path} ended the connection") from None

    def _limit(self, deadline: float | None) -> None:
        # A time-out of 0 would mean "do not wait", which reports the wrong error.
        self._socket.settimeout(
            None if deadline is None else max(0.001, deadline - time.monotonic())
        )
