"""The exchange as a process of its own: build it, say that it is ready, serve until stopped."""

import asyncio
import errno
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from random import Random
from typing import TextIO

from aiohttp import web

from adapters.simulated.building import build_venue, open_to_public
from adapters.simulated.faults import FaultPlan, read_faults
from adapters.simulated.options import ExchangeOptions
from adapters.simulated.rate_limits import RateLimits
from adapters.simulated.server.application import PREFIX, application
from adapters.simulated.server.exchange import Exchange
from adapters.simulated.server.journal import SqliteJournal
from state.errors import ConfigurationInvalid

HOST = "127.0.0.1"
"""Loopback only: keys here are for show and the control endpoints ask for none."""


def build(options: ExchangeOptions) -> Exchange:
    """Return the exchange that `options` describe, not yet served.

    Raises:
        ConfigurationInvalid: With one sentence that names the thing and the mend.
        StoreRefused: If the database cannot be used.
    """
    orders = read_faults(options.faults) if options.faults is not None else []
    journal = SqliteJournal(options.db) if options.db is not None else None
    venue = build_venue(options, time.time_ns(), keeper=journal)
    open_to_public(venue, time.time_ns())
    chance = Random(f"{options.seed}/faults")  # noqa: S311 - faults for a simulation
    limits = RateLimits(enforced=options.rate_limits, reset_ms=options.switches.reset_header_ms)
    exchange = Exchange(
        venue, FaultPlan(orders, chance), limits, journal, most_queued=options.most_queued
    )
    exchange.stage.replace(options.scenarios, exchange.now_ns())
    return exchange


def run(options: ExchangeOptions, out: TextIO) -> None:
    """Serve an exchange until SIGINT or SIGTERM; its one line of readiness goes to `out`."""
    exchange = build(options)
    try:
        loop_run()(_serve(exchange, options, out))
    finally:
        exchange.close()


def loop_run() -> Callable[..., None]:
    """Return what runs a coroutine to its end: on uvloop, where there is one."""
    try:
        import uvloop  # noqa: PLC0415 - where there is none, the standard loop serves as well
    except ImportError:
        return asyncio.run
    return uvloop.run


async def _serve(exchange: Exchange, options: ExchangeOptions, out: TextIO) -> None:
    stop = stopped_by_signals(exit_with_parent=options.exit_with_parent)
    runner = web.AppRunner(application(exchange), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    ticking = asyncio.create_task(exchange.run())
    stopping = asyncio.create_task(stop.wait())
    try:
        await listen(runner, options.port)
        _tell_ready(exchange, runner, out)
        await asyncio.wait((ticking, stopping), return_when=asyncio.FIRST_COMPLETED)
        if ticking.done():
            ticking.result()
    finally:
        exchange.disconnect_all()
        for task in (ticking, stopping):
            task.cancel()
        await asyncio.gather(ticking, stopping, return_exceptions=True)
        await runner.cleanup()


def stopped_by_signals(*, exit_with_parent: bool) -> asyncio.Event:
    """Return what is set on SIGINT and SIGTERM, and when standard input ends if that is wanted."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if exit_with_parent:
        _stop_at_end_of(sys.stdin, stop)
    return stop


async def listen(runner: web.AppRunner, port: int) -> None:
    """Listen on loopback, at any free port where `port` is 0.

    Raises:
        ConfigurationInvalid: The port cannot be had.
    """
    site = web.TCPSite(runner, HOST, port, reuse_address=True)
    try:
        await site.start()
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            message = f"port {port} is in use: choose another --port, or 0 for any free one"
            raise ConfigurationInvalid(message) from None
        if problem.errno == errno.EACCES:
            message = f"port {port} may not be opened by this user: choose a --port above 1023"
            raise ConfigurationInvalid(message) from None
        raise


def _tell_ready(exchange: Exchange, runner: web.AppRunner, out: TextIO) -> None:
    port = runner.addresses[0][1]
    first = next(iter(exchange.venue.ledger.by_key.values()))
    ready = {
        "ready": True,
        "rest": f"http://{HOST}:{port}{PREFIX}",
        "ws": f"ws://{HOST}:{port}/ws/v4/",
        "key": first.key,
        "secret": first.secret,
    }
    out.write(json.dumps(ready) + "\n")
    out.flush()


def _stop_at_end_of(stdin: TextIO, stop: asyncio.Event) -> None:
    """Set `stop` when `stdin` ends: whoever held its other end is gone."""
    loop = asyncio.get_running_loop()
    descriptor = stdin.fileno()

    def readable() -> None:
        if not os.read(descriptor, 65536):
            loop.remove_reader(descriptor)
            stop.set()

    loop.add_reader(descriptor, readable)
