"""The `AdminServer` port: JSON-RPC 2.0 on a Unix socket, one object a line.

Only the user who runs Gatehouse (and root) may connect; the kernel says who calls. What is no
request is answered here; what is one is delivered, and answered by whoever took it. The client
is `adapters.admin_client`.
"""

import asyncio
import contextlib
import os
import socket
import stat
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from loguru import logger

from adapters.loop import LoopThread
from state.errors import ConfigurationInvalid, StoreBusy
from state.messages.operations import AdminHungUp, AdminRequest

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
UNAVAILABLE = -32000
"""The house cannot take the request now."""

LINE_BYTES_MAX = 1024 * 1024
_UNSENT_BYTES_MAX = 4 * 1024 * 1024
_CONNECTIONS_MAX = 64
_UNANSWERED_MAX = 128
_PATH_BYTES_MAX = 100
"""The kernel takes about 108."""
_PROBE_S = 1.0
_LAST_ANSWER_S = 10.0
_LOST = (
    "whoever had the request in hand has died; it may have been done or not (an emergency stop"
    " has been): look at status before you ask again"
)
_CREDENTIALS = struct.Struct("3i")


class AdminSocket:
    """See `adapters.ports.AdminServer`."""

    def __init__(
        self, loop: LoopThread, path: Path, *, methods: frozenset[str] | None = None
    ) -> None:
        """Prepare; `bind` or `open` makes the socket.

        Args:
            loop: Owns the connections.
            path: Of the socket; its folder exists.
            methods: What may be called; anything else is refused here. None lets all through.
        """
        self._loop = loop
        self._path = path
        self._methods = methods
        self._inode = 0
        self._server: asyncio.Server | None = None
        self._deliver: Callable[[AdminRequest], None] | None = None
        self._hung_up: Callable[[AdminHungUp], None] = _nobody_cares
        self._connections: dict[int, _Connection] = {}
        self._next_connection = 1
        self._closed = False

    def bind(self) -> None:
        """Make the socket; until `open` every request is answered that nobody is there yet.

        Raises:
            StoreBusy: Another process answers there.
            ConfigurationInvalid: Something else stands in the way.
        """
        if self._inode:
            return
        listener = _listener(self._path)
        self._inode = self._path.stat().st_ino
        self._loop.submit(self._listen(listener)).result()

    def open(
        self,
        deliver: Callable[[AdminRequest], None],
        hung_up: Callable[[AdminHungUp], None] | None = None,
    ) -> None:
        """See `adapters.ports.AdminServer.open`."""
        self.bind()
        self._deliver = deliver
        self._hung_up = hung_up or _nobody_cares
        self._loop.call(self._give_up)

    def take(self, request: AdminRequest) -> None:
        """See `adapters.ports.AdminServer.take`."""
        if request.request_id is not None:
            self._loop.call(self._taken, request.connection, request.request_id)

    def answer(self, request: AdminRequest, result: Any) -> None:
        """See `adapters.ports.AdminServer.answer`."""
        self._reply(request, {"result": result})

    def refuse(self, request: AdminRequest, code: int, message: str) -> None:
        """See `adapters.ports.AdminServer.refuse`."""
        self._reply(request, {"error": {"code": code, "message": message}})

    def notify(self, connection: int, topic: str, payload: Any) -> None:
        """See `adapters.ports.AdminServer.notify`."""
        told = {"method": "notify", "params": {"topic": topic, "payload": payload}}
        self._loop.call(self._write, connection, _line(told))

    def close(self) -> None:
        """End all connections and remove the socket, unless somebody else's stands there now."""
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()
        self._inode = 0
        self._loop.call(self._end)

    def _reply(self, request: AdminRequest, body: dict[str, Any]) -> None:
        if request.request_id is None:
            return
        line = _line(body | {"id": request.request_id})
        self._loop.call(self._answered, request.connection, request.request_id, line)

    async def _listen(self, listener: socket.socket) -> None:
        self._server = await asyncio.start_unix_server(
            self._serve, sock=listener, limit=LINE_BYTES_MAX
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caller = _caller(writer)
        if caller is None or self._closed or len(self._connections) >= _CONNECTIONS_MAX:
            logger.warning("an admin connection was turned away")
            writer.close()
            return
        number, self._next_connection = self._next_connection, self._next_connection + 1
        connection = self._connections[number] = _Connection(number, caller, writer)
        try:
            async for line in _lines(reader):
                self._take(connection, line)
            # Whoever ends his half may still read: `echo ... | socat - UNIX:admin.sock`.
            await connection.all_answered()
        except OSError as error:
            logger.debug("admin connection {} ended: {}", number, error)
        finally:
            self._connections.pop(number, None)
            writer.close()
            self._hung_up(AdminHungUp(connection=number))

    def _take(self, connection: "_Connection", line: bytes | None) -> None:
        try:
            request = _parsed(connection, line)
            self._check(connection, request)
        except _Wrong as wrong:
            self._write(connection.number, _error(wrong))
        else:
            self._hand_on(connection, request)

    def _check(self, connection: "_Connection", request: AdminRequest) -> None:
        if self._methods is not None and request.method not in self._methods:
            message = f"no method {request.method[:80]!r}"
            raise _Wrong(METHOD_NOT_FOUND, message, request.request_id)
        if self._deliver is None:
            message = "starting: nobody takes requests yet"
            raise _Wrong(UNAVAILABLE, message, request.request_id)
        if connection.waiting.total() >= _UNANSWERED_MAX:
            message = f"{_UNANSWERED_MAX} requests of yours wait for their answers"
            raise _Wrong(UNAVAILABLE, message, request.request_id)

    def _hand_on(self, connection: "_Connection", request: AdminRequest) -> None:
        assert self._deliver is not None, "_check lets nothing through before"
        if request.request_id is not None:
            connection.begin(request.request_id)
        try:
            self._deliver(request)
        except Exception:  # noqa: BLE001 - other connections go on
            logger.exception("the request {} could not be delivered", request.method)
            self.refuse(request, UNAVAILABLE, "the request could not be delivered")

    def _taken(self, number: int, request_id: int | str) -> None:
        connection = self._connections.get(number)
        if connection is not None:
            connection.in_hand[request_id] += 1

    def _give_up(self) -> None:
        """Refuse what somebody had in hand who is no more."""
        for number, connection in list(self._connections.items()):
            for request_id in list(connection.in_hand.elements()):
                self._answered(number, request_id, _error(_Wrong(UNAVAILABLE, _LOST, request_id)))

    def _answered(self, number: int, request_id: int | str, line: bytes) -> None:
        connection = self._connections.get(number)
        # What has been given up may be answered after all, by a thread that hung.
        if connection is not None and connection.end(request_id):
            self._write(number, line)
            connection.rest()

    def _write(self, number: int, line: bytes) -> None:
        connection = self._connections.get(number)
        if connection is None:
            return
        transport = connection.writer.transport
        if transport.get_write_buffer_size() + len(line) > _UNSENT_BYTES_MAX:
            logger.warning("admin connection {} reads too slowly and is dropped", number)
            del self._connections[number]
            transport.abort()
            return
        connection.writer.write(line)

    def _end(self) -> None:
        self._closed = True
        if self._server is not None:
            self._server.close()
        for connection in self._connections.values():
            connection.writer.close()


def _nobody_cares(gone: AdminHungUp) -> None:
    del gone


class _Wrong(Exception):
    """What came is no request we take."""

    def __init__(self, code: int, message: str, request_id: int | str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.request_id = request_id


class _Connection:
    def __init__(self, number: int, caller: str, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self.caller = caller
        self.writer = writer
        self.waiting: Counter[int | str] = Counter()
        """Requests without an answer, by their ids, which nobody makes a client keep apart."""
        self.in_hand: Counter[int | str] = Counter()
        """Those of them that somebody is at."""
        self._idle = asyncio.Event()
        self._idle.set()

    def begin(self, request_id: int | str) -> None:
        self.waiting[request_id] += 1
        self._idle.clear()

    def end(self, request_id: int | str) -> bool:
        """Count one answer; False when none is due."""
        if not self.waiting[request_id]:
            return False
        self.waiting -= Counter([request_id])
        self.in_hand -= Counter([request_id])
        return True

    def rest(self) -> None:
        """Let whoever waits for the last answer go on once that is written."""
        if not self.waiting:
            self._idle.set()

    async def all_answered(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), _LAST_ANSWER_S)


@contextlib.contextmanager
def reachable(path: Path) -> Iterator[str]:
    """Give a name for `path` that the kernel takes as a socket's, however long the path is.

    Raises:
        ConfigurationInvalid: The path is too long and this system knows no other name for it.
    """
    if len(os.fsencode(path)) <= _PATH_BYTES_MAX:
        yield os.fspath(path)
        return
    if not Path("/proc/self/fd").is_dir():
        raise ConfigurationInvalid(f"{path} is too long for a socket; choose a shorter data_dir")
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _listener(path: Path) -> socket.socket:
    _make_way(path)
    # Made under another name and moved into place when it listens: whoever finds it is answered.
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    try:
        # Before bind, so that the file has this mode from its first instant.
        os.fchmod(listener.fileno(), 0o600)
        with reachable(fresh) as name:
            listener.bind(name)
        fresh.chmod(0o600)
        listener.listen()
        fresh.replace(path)
    except OSError as error:
        listener.close()
        fresh.unlink(missing_ok=True)
        raise ConfigurationInvalid(f"cannot make the admin socket {path}: {error}") from None
    return listener


def _make_way(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigurationInvalid(f"{path} is there and is no socket; move it away")
    with socket.socket(socket.AF_UNIX) as probe, reachable(path) as name:
        probe.settimeout(_PROBE_S)
        try:
            probe.connect(name)
        except TimeoutError:
            pass  # Somebody is there, only busy.
        except (ConnectionRefusedError, FileNotFoundError):
            return  # Left behind by a process that died; it is replaced.
    raise StoreBusy(f"another Gatehouse answers at {path}; stop it, or choose another data_dir")


def _caller(writer: asyncio.StreamWriter) -> str | None:
    """Say who is at the other end; None where it is neither we nor root."""
    peer = writer.get_extra_info("socket")
    if not hasattr(socket, "SO_PEERCRED"):
        return "local"
    raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _ = _CREDENTIALS.unpack(raw)
    return f"uid={uid} pid={pid}" if uid in (os.getuid(), 0) else None


async def _lines(reader: asyncio.StreamReader) -> AsyncIterator[bytes | None]:
    """Give each line, or None for one that is too long."""
    while True:
        try:
            yield await reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as end:
            if end.partial.strip():
                yield end.partial
            return
        except asyncio.LimitOverrunError as over:
            await _skip(reader, over.consumed)
            yield None


async def _skip(reader: asyncio.StreamReader, size: int) -> None:
    while True:
        await reader.readexactly(size)
        try:
            await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError as over:
            size = over.consumed
        except asyncio.IncompleteReadError:
            return
        else:
            return


def _parsed(connection: _Connection, line: bytes | None) -> AdminRequest:
    if line is None:
        raise _Wrong(INVALID_REQUEST, f"a line has at most {LINE_BYTES_MAX} bytes")
    try:
        call = msgspec.json.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise _Wrong(PARSE_ERROR, f"not JSON: {error}") from None
    if not isinstance(call, dict):
        raise _Wrong(INVALID_REQUEST, "a request is one object a line")
    request_id, method, params = call.get("id"), call.get("method"), call.get("params", {})
    if isinstance(request_id, bool) or not isinstance(request_id, int | str | None):
        raise _Wrong(INVALID_REQUEST, "id is a number, a text or missing")
    if call.get("jsonrpc") != "2.0" or not isinstance(method, str):
        raise _Wrong(INVALID_REQUEST, 'jsonrpc is "2.0" and method is a text', request_id)
    if not isinstance(params, dict):
        raise _Wrong(INVALID_PARAMS, "params is an object", request_id)
    return AdminRequest(
        connection=connection.number,
        request_id=request_id,
        method=method,
        params=params,
        caller=connection.caller,
    )


def _error(wrong: _Wrong) -> bytes:
    return _line({"id": wrong.request_id, "error": {"code": wrong.code, "message": wrong.message}})


def _line(body: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0"} | body) + b"\n"
