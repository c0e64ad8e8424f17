"""A connection notices its own death, whatever kind it is, and tries another host."""

import asyncio
import json
from contextlib import asynccontextmanager, suppress

import pytest

from adapters.gate.connection import Connection, StreamSettings
from adapters.gate.wire import WireLost, dial
from tests.adapters.gate.fake_streams import WITHIN_S, fake_streams

QUICK = StreamSettings(deaf_s=30.0, backoff_min_s=0.01, backoff_max_s=0.05)


class Told:
    """A listener that remembers; every frame that is no pong counts as data."""

    def __init__(self):
        self.frames = []
        self.reasons = asyncio.Queue()
        self.openings = asyncio.Queue()
        self.spoil = None

    def opened(self):
        self.openings.put_nowait(None)

    def frame(self, data):
        if self.spoil is not None:
            raise self.spoil
        self.frames.append(data)
        return b"pong" not in data

    def looked(self):
        pass

    def lost(self, reason):
        self.reasons.put_nowait(reason)

    async def opening(self):
        await asyncio.wait_for(self.openings.get(), WITHIN_S)

    async def loss(self):
        return await asyncio.wait_for(self.reasons.get(), WITHIN_S)


@pytest.fixture
async def gate():
    async with fake_streams() as fake:
        yield fake


@pytest.fixture
async def connect():
    """Return what runs a connection until the test ends."""
    tasks = []

    def connect(*urls, settings=QUICK, **options):
        told = Told()
        connection = Connection(urls, told, settings, name="test", random=lambda: 0.5, **options)
        tasks.append(asyncio.create_task(connection.run()))
        return connection, told

    yield connect
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_host_that_is_not_there_is_left_for_the_next_in_line(gate, connect):
    connection, told = connect("ws://127.0.0.1:1/ws/v4/", gate.url)
    await told.opening()
    assert connection.url == gate.url
    gate.connections[-1].transport.abort()
    await told.loss()
    await told.opening()
    assert connection.connects == 2


async def test_what_answers_pings_but_sends_nothing_any_more_is_lost_by_its_own_rhythm(
    gate, connect
):
    settings = StreamSettings(silence_floor_s=0.2, silence_s=30.0, probe_s=0.1)
    _, told = connect(gate.url, settings=settings)
    await told.opening()
    for number in range(20):
        await gate.push("spot.trades", {"number": number})
    assert (await told.loss()).startswith("no data for")


async def test_answers_alone_are_not_waited_for(gate, connect):
    settings = StreamSettings(silence_s=0.1, probe_s=0.05, deaf_s=10.0)
    connection, told = connect(gate.url, settings=settings, carries_data=False)
    await told.opening()
    await gate.wait_asked(lambda request: request["channel"] == "spot.ping", 5)
    assert connection.connects == 1


async def test_what_sends_not_even_a_pong_is_lost(gate, connect):
    gate.mute = True
    _, told = connect(gate.url, settings=StreamSettings(probe_s=0.1, deaf_s=0.3))
    await told.opening()
    assert "no sign of life" in await told.loss()


async def test_a_frame_its_owner_fails_at_costs_the_connection_and_not_the_loop(gate, connect):
    _, told = connect(gate.url)
    await told.opening()
    told.spoil = KeyError("unforeseen")
    await gate.push("spot.trades", {})
    assert "unforeseen" in await told.loss()
    told.spoil = None
    await told.opening()


async def test_frames_in_pieces_are_put_together(gate, connect):
    _, told = connect(gate.url)
    await told.opening()
    await gate.connections[-1].send(['{"a":', "1", "}"])
    await gate.send("whole")
    await gate.connections[-1].ping()
    await (await gate.connections[-1].ping())
    assert told.frames == [b'{"a":1}', b"whole"]


async def test_a_frame_that_is_too_long_costs_the_connection(gate, connect):
    _, told = connect(gate.url, settings=StreamSettings(frame_bytes_max=1000))
    await told.opening()
    await gate.send("x" * 1001)
    assert "1001" in await told.loss()
    assert told.frames == []


async def test_a_farewell_of_the_exchange_is_the_reason(gate, connect):
    _, told = connect(gate.url)
    await told.opening()
    await gate.connections[-1].close(1001, "maintenance")
    assert "maintenance" in await told.loss()


async def test_nothing_is_sent_where_there_is_no_connection(connect):
    connection, _ = connect("ws://127.0.0.1:1/ws/v4/")
    assert not connection.send(b"{}")


async def test_what_send_took_arrives_in_its_order(gate, connect):
    connection, told = connect(gate.url)
    await told.opening()
    for number in range(100):
        frame = {"time": number, "id": number, "channel": "spot.x", "event": "subscribe"}
        assert connection.send(json.dumps(frame).encode())
    await gate.wait_asked(lambda request: True, 100)
    assert [request["id"] for request in gate.asked] == list(range(100))


@asynccontextmanager
async def serving(said):
    """Serve one connection: `said` once a request has come, or nothing until it ends."""
    over = asyncio.Event()

    async def serve(reader, writer):
        if said is None:
            await reader.read()
        else:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(said)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        over.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    await asyncio.wait_for(over.wait(), WITHIN_S)
    server.close()


async def dialled(url, within_s):
    return await dial(url, within_s=within_s, frame_bytes_max=1000, receive=lambda _: None)


@pytest.mark.parametrize(
    "said", [b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", b"", b"SSH\r\n"]
)
async def test_what_is_no_websocket_is_told_and_not_waited_for(said):
    async with serving(said) as url:
        with pytest.raises(WireLost):
            await dialled(url, WITHIN_S)


async def test_a_server_that_says_nothing_is_given_up_in_time():
    async with serving(None) as url:
        with pytest.raises(WireLost, match=r"no answer in 0\.2 s"):
            await dialled(url, 0.2)
