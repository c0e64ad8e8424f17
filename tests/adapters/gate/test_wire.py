"""A connection is read up to the newest byte, or it is given up."""

import asyncio
from typing import cast

import pytest
from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from adapters.gate.wire import _READ_FULL, Wire
from tests.adapters.gate.test_deframing import framed

LIMIT_S = 1.0
FULL = framed(Opcode.TEXT, b"x" * _READ_FULL)
LITTLE = framed(Opcode.TEXT, b"y")


class Loop:
    """A loop whose clock and turns are moved by hand."""

    def __init__(self):
        self.now_s = 0.0
        self.called = []

    def time(self):
        return self.now_s

    def call_soon(self, function, *arguments):
        self.called.append((function, arguments))

    def turn(self):
        called, self.called = self.called, []
        for function, arguments in called:
            function(*arguments)


class Transport(asyncio.Transport):
    """Keeps what is written, and whether it was ended."""

    def __init__(self):
        super().__init__()
        self.written = b""
        self.ended = False

    def write(self, data):
        self.written += data

    def abort(self):
        self.ended = True

    def is_closing(self):
        return self.ended


class Scene:
    """A wire whose handshake is over, but for what `behind` brings with its last bytes."""

    def __init__(self, cut=None, behind=b""):
        self.told, self.transport, self.loop = [], Transport(), Loop()
        self.wire = Wire("ws://here/", 10 * _READ_FULL, self.told.append, LIMIT_S)
        self.wire._loop = cast("asyncio.AbstractEventLoop", self.loop)
        self.wire.connection_made(self.transport)
        server = ServerProtocol()
        server.receive_data(self.transport.written)
        [request] = server.events_received()
        assert isinstance(request, Request)
        server.send_response(server.accept(request))
        said = b"".join(server.data_to_send()) + behind
        for piece in (said,) if cut is None else (said[:cut], said[cut:]):
            self.wire.data_received(piece)

    def read(self, data, *, after_s):
        """A turn of the loop: what it was told to call, then what has come."""
        self.loop.now_s += after_s
        self.loop.turn()
        self.wire.data_received(data)


@pytest.mark.parametrize("cut", [None, 1, 40, -9, -8, -7, -6, -5, -4, -2])
async def test_what_comes_with_the_end_of_the_handshake_is_read(cut):
    scene = Scene(cut, LITTLE + LITTLE)
    assert scene.wire.opened.done()
    assert scene.told == [b"y", b"y"]


async def test_a_connection_that_brings_more_than_is_read_for_long_is_given_up():
    scene = Scene()
    for _ in range(4):
        scene.read(FULL, after_s=LIMIT_S / 3)
    assert not scene.transport.ended
    scene.read(FULL, after_s=LIMIT_S / 3)
    assert scene.transport.ended
    assert len(scene.told) == 4  # What was read too late has been read by nobody.


async def test_one_that_is_read_to_its_end_now_and_then_is_kept():
    scene = Scene()
    for _ in range(20):
        scene.read(FULL, after_s=LIMIT_S / 2)
        scene.read(LITTLE, after_s=LIMIT_S)
    assert not scene.transport.ended
    assert len(scene.told) == 40


async def test_one_whose_full_reads_left_nothing_is_kept():
    scene = Scene()
    for _ in range(20):
        scene.read(FULL, after_s=LIMIT_S / 2)
        for _ in range(3):
            scene.loop.turn()
    assert not scene.transport.ended
    assert len(scene.told) == 20
