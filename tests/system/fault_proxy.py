"""A TCP proxy between house and exchange that can spoil any answer and any WebSocket frame."""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self

_CHUNK = 65_536
_TEXT = 1

AnswerSpoiler = Callable[["Answer"], bytes | None]
FrameSpoiler = Callable[["Frame"], bytes | None]


class Answer(NamedTuple):
    """One HTTP answer on its way to the house."""

    request: str
    """Such as `GET /api/v4/spot/time`."""
    head: bytes
    """With the empty line that ends it."""
    body: bytes

    @property
    def whole(self) -> bytes:
        return self.head + self.body

    def with_body(self, body: bytes) -> bytes:
        """Return the answer with another body and the length that belongs to it."""
        lines = [
            line
            for line in self.head.split(b"\r\n")
            if line and not line.lower().startswith(b"content-length")
        ]
        return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", b""]) + body


class Frame(NamedTuple):
    """One WebSocket frame on its way to the house."""

    opcode: int
    payload: bytes

    @property
    def whole(self) -> bytes:
        return frame(self.opcode, self.payload)


def frame(opcode: int, payload: bytes, *, first: int = 0x80) -> bytes:
    """Return a frame as a server sends it; `first` has the bits beside the opcode."""
    size = len(payload)
    if size < 126:
        return bytes([first | opcode, size]) + payload
    if size < 1 << 16:
        return bytes([first | opcode, 126]) + size.to_bytes(2, "big") + payload
    return bytes([first | opcode, 127]) + size.to_bytes(8, "big") + payload


class FaultProxy:
    """Listens on a port of its own and passes everything on, spoiled where a test wants it.

    A spoiler gets what the exchange says and returns what the house is to hear; None cuts the
    connection instead.
    """

    def __init__(self, port: int) -> None:
        self.answers: AnswerSpoiler = lambda answer: answer.whole
        self.frames: FrameSpoiler = lambda frame: frame.whole
        self._open: set[socket.socket] = set()
        proxy = self

        class Connection(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with socket.create_connection(("127.0.0.1", port)) as server:
                    sockets = {self.request, server}
                    proxy._open |= sockets
                    with contextlib.suppress(OSError, EOFError):
                        proxy._serve(_Reader(self.request), _Reader(server))
                    proxy._open -= sockets
                    for one in sockets:
                        with contextlib.suppress(OSError):
                            one.shutdown(socket.SHUT_RDWR)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = True

            def handle_error(self, request: object, client_address: object) -> None:
                """Say nothing: a connection that breaks is what this is for."""

        self._server = Server(("127.0.0.1", 0), Connection)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="fault-proxy", daemon=True
        )
        self._thread.start()

    def cut(self) -> None:
        """End every connection now."""
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self.cut()
        self._server.server_close()
        self._thread.join()

    def _serve(self, client: "_Reader", server: "_Reader") -> None:
        while True:
            head = client.until(b"\r\n\r\n")
            is_upgrade = b"\r\nupgrade: websocket" in head.lower()
            lines = head.split(b"\r\n")
            # Compressed frames could not be read here.
            kept = [x for x in lines if not x.lower().startswith(b"sec-websocket-extensions")]
            server.socket.sendall(b"\r\n".join(kept) + client.exactly(_length(head)))
            answer_head = server.until(b"\r\n\r\n")
            if is_upgrade and answer_head.startswith(b"HTTP/1.1 101"):
                client.socket.sendall(answer_head)
                self._pass_frames(client, server)
                return
            body = server.exactly(_length(answer_head))
            request = b" ".join(lines[0].split(b" ")[:2]).decode()
            spoiled = self.answers(Answer(request, answer_head, body))
            if spoiled is None:
                return
            client.socket.sendall(spoiled)
            if len(spoiled) < len(answer_head) + len(body):
                return  # Cut short: nothing after it could be understood.

    def _pass_frames(self, client: "_Reader", server: "_Reader") -> None:
        upward = threading.Thread(target=_pump, args=(client, server.socket), daemon=True)
        upward.start()
        try:
            while True:
                first, second = server.exactly(2)
                size = second & 0x7F
                if size > 125:
                    size = int.from_bytes(server.exactly(2 if size == 126 else 8), "big")
                one = Frame(first & 0x0F, server.exactly(size))
                spoiled = self.frames(one) if one.opcode == _TEXT else one.whole
                if spoiled is None:
                    return
                client.socket.sendall(spoiled)
        finally:
            for end in (client.socket, server.socket):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            upward.join()


class _Reader:
    def __init__(self, source: socket.socket) -> None:
        self.socket = source
        self._unread = b""

    def until(self, mark: bytes) -> bytes:
        while mark not in self._unread:
            self._more()
        found, _, self._unread = self._unread.partition(mark)
        return found + mark

    def exactly(self, size: int) -> bytes:
        while len(self._unread) < size:
            self._more()
        found, self._unread = self._unread[:size], self._unread[size:]
        return found

    def some(self) -> bytes:
        if not self._unread:
            self._more()
        found, self._unread = self._unread, b""
        return found

    def _more(self) -> None:
        chunk = self.socket.recv(_CHUNK)
        if not chunk:
            raise EOFError
        self._unread += chunk


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _pump(source: _Reader, sink: socket.socket) -> None:
    with contextlib.suppress(OSError, EOFError):
        while True:
            sink.sendall(source.some())
