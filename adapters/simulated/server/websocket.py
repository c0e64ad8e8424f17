"""Serving one WebSocket: reading in the handler, writing in a task beside it."""

import asyncio
from contextlib import suppress

from aiohttp import WSMsgType, web

from adapters.simulated.server.answering import Cut, answered
from adapters.simulated.server.calls import Call
from adapters.simulated.server.connection import Connection
from adapters.simulated.server.exchange import Exchange
from adapters.simulated.server.socket_api import Asked, SocketApi
from adapters.simulated.server.socket_protocol import SocketProtocol

_MESSAGE_BYTES = 1 << 20


async def serve_socket(exchange: Exchange, request: web.Request) -> web.StreamResponse:
    """Serve one client until it leaves, or is cut off by a fault or for being slow."""
    client = request.remote or ""
    exchange.check_room(client)
    # The real venue does not support compression fully, so none is offered.
    socket = web.WebSocketResponse(
        compress=False,
        heartbeat=exchange.venue.switches.ping_every_s,
        max_msg_size=_MESSAGE_BYTES,
    )
    try:
        await socket.prepare(request)
    except ConnectionError:
        return web.Response()  # It hung up in the middle of the handshake, and hears nothing.
    connection = exchange.admit(socket, client)
    transport = request.transport
    tasks = [
        asyncio.create_task(connection.write()),
        asyncio.create_task(_read(exchange, connection)),
        # Writing may hang on a reader that reads nothing: only this notices that it is cut off.
        asyncio.create_task(connection.is_cut.wait()),
    ]
    deaf = asyncio.create_task(_fall_deaf(connection, transport))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        exchange.dismiss(connection)
        for task in (*tasks, deaf):
            task.cancel()
        if connection.is_cut.is_set() and transport is not None:
            transport.abort()
        await asyncio.gather(*tasks, deaf, return_exceptions=True)
    with suppress(ConnectionError):
        await socket.close()
    return socket


async def _fall_deaf(connection: Connection, transport: asyncio.Transport | None) -> None:
    """Read nothing more once the connection is half open: not even a ping is answered."""
    await connection.half_open.wait()
    if transport is not None:
        transport.pause_reading()


async def _read(exchange: Exchange, connection: Connection) -> None:
    protocol = SocketProtocol(exchange.venue, connection.number, connection.client)
    early = exchange.venue.switches.book_stream_before_answer
    async for message in connection.socket:
        if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            continue
        now_ns = exchange.now_ns()
        decision = protocol.decide(message.data, now_ns)
        if decision.asked is not None:
            # A call is handled even if whoever made it leaves: it is the exchange's to finish.
            exchange.finish(_call(exchange, connection, protocol.api, decision.asked))
        # Nothing else is told between the answer and the subscription: what comes after the
        # answer is complete.
        if decision.reply is not None and not early:
            connection.reply(decision.reply)
        exchange.hub.add(connection, decision.subscribe, now_ns)
        exchange.hub.remove(connection, decision.unsubscribe)
        if decision.reply is not None and early:
            connection.reply(decision.reply)


async def _call(exchange: Exchange, connection: Connection, api: SocketApi, asked: Asked) -> None:
    """Make one call of the WebSocket API and answer it, unless a fault has it otherwise."""

    def arrive(now_ns: int) -> Call:
        call = api.arrive(asked, now_ns)
        acknowledgement = api.acknowledgement(asked, now_ns)
        if acknowledgement is not None:
            connection.reply(acknowledgement)
        return call

    try:
        outcome = await answered(exchange, asked.route, asked.subject, arrive)
    except Cut:
        connection.cut()
        return
    connection.reply(api.answer(asked, outcome, exchange.now_ns()))
