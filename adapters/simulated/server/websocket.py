"""Serving one WebSocket: reading in the handler, writing in a task beside it."""

import asyncio
from contextlib import suppress

from aiohttp import WSMsgType, web

from adapters.simulated.server.connection import Connection
from adapters.simulated.server.exchange import Exchange
from adapters.simulated.server.socket_protocol import SocketProtocol

_MESSAGE_BYTES = 1 << 20
_HEARTBEAT_S = 20.0


async def serve_socket(exchange: Exchange, request: web.Request) -> web.StreamResponse:
    """Serve one client until it leaves, or is cut off by a fault or for being slow."""
    # The real venue does not support compression fully, so none is offered.
    socket = web.WebSocketResponse(
        compress=False, heartbeat=_HEARTBEAT_S, max_msg_size=_MESSAGE_BYTES
    )
    await socket.prepare(request)
    connection = exchange.admit(socket)
    transport = request.transport
    tasks = [
        asyncio.create_task(connection.write()),
        asyncio.create_task(_read(exchange, connection)),
        # Writing may hang on a reader that reads nothing: only this notices that it is cut off.
        asyncio.create_task(connection.is_cut.wait()),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        exchange.dismiss(connection)
        for task in tasks:
            task.cancel()
        if connection.is_cut.is_set() and transport is not None:
            transport.abort()
        await asyncio.gather(*tasks, return_exceptions=True)
    with suppress(ConnectionError):
        await socket.close()
    return socket


async def _read(exchange: Exchange, connection: Connection) -> None:
    protocol = SocketProtocol(exchange.venue, connection.number)
    async for message in connection.socket:
        if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            continue
        decision = protocol.decide(message.data, exchange.now_ns())
        # Nothing is told between the answer and the subscription: what comes after the answer
        # is complete.
        connection.reply(decision.reply)
        exchange.hub.add(connection, decision.subscribe)
        exchange.hub.remove(connection, decision.unsubscribe)
