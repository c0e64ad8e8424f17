"""What the simulated exchange can take: placements in process and over REST, and books told.

What counts is the processor: of the exchange's own process where it has one, so that the load we
make beside it is not its fault.
"""

import asyncio
import hashlib
import hmac
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from random import Random

import aiohttp
import psutil

from adapters.simulated.building import build_venue
from adapters.simulated.catalogue import CATALOGUE
from adapters.simulated.core.orders import OrderRequest
from adapters.simulated.options import DEMO_KEY, DEMO_SECRET, ExchangeOptions
from scripts.benchmarks.figures import Figure, median_of
from scripts.proofs.processes import Exchange, Watched, python
from state.values import NS_PER_S, Pair, Side

PEER = "bare aiohttp"
_PAIR = Pair("BTC_USDT")
_PATH = "/api/v4/spot/orders"
_PLACED = 20_000
_PLACED_OVER_REST = 1_500
_AT_ONCE = 4
_SUBSCRIBERS = 5
_PAIRS = 50
_WATCHED_S = 6.0


def measure() -> list[Figure]:
    """Measure all three."""
    in_process = median_of(3, _placements_in_process)
    figures = [
        Figure(
            "placements through the engine",
            in_process,
            "/s",
            target=">= 2,000 /s",
            met=in_process >= 2000,
            note="at random prices about the market, so that some fill; it moves beside them",
        )
    ]
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as folder:
        with _Bare(Path(folder)) as bare:
            peer = asyncio.run(_placements(bare, bare.url))
        figures += [_over_rest(Path(folder), peer, keeps=keeps) for keeps in (False, True)]
        figures += _books(Path(folder))
    return figures


def _placements_in_process() -> float:
    """Return placements a second of processor time, the market's own moves included."""
    now_ns = time.time_ns()
    venue = build_venue(ExchangeOptions(pairs=(_PAIR,)), now_ns)
    demo, market, chance = venue.ledger.accounts["demo"], venue.pairs[_PAIR], Random(1)  # noqa: S311
    began = time.process_time()
    for number in range(_PLACED):
        reference = market.reference_ticks()
        assert reference is not None, "a synthetic market has traded before it opens"
        request = OrderRequest(
            pair=_PAIR,
            side=Side.BUY if chance.random() < 0.5 else Side.SELL,
            amount=Decimal(chance.randint(100, 1000)) / 1_000_000,
            price=Decimal(reference + chance.randint(-2000, 2000)) / 10,
            text=f"t-{number}",
        )
        venue.place(demo, request, now_ns)
        if number % 20 == 0:
            venue.cancel_all(demo, now_ns)
            now_ns += NS_PER_S // 10
            venue.advance(now_ns)
            venue.drain()
    return _PLACED / (time.process_time() - began)


class _Bare(Watched):
    """The server that does nothing, ready when constructed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(python("-m", "scripts.benchmarks.bare_server"), folder / "bare.stderr")
        assert self.process.stdout is not None
        self.url: str = json.loads(self.process.stdout.readline())["url"]


def _over_rest(folder: Path, peer: float, *, keeps: bool) -> Figure:
    what = ", orders kept on disk" if keeps else ""
    options = ["--no-rate-limits"]
    with Exchange(folder, pairs=_PAIR, options=options, keeps=keeps) as exchange:
        rate = asyncio.run(_placements(exchange, exchange.url))
    return Figure(
        f"placements over REST{what}",
        rate,
        "/s of one core",
        peer=peer,
        target=">= 300 /s",
        met=rate >= 300,
    )


async def _placements(server: Watched, url: str) -> float:
    """Return signed placements, each with a cancel of all now and then, a second of its core."""
    process = psutil.Process(server.pid)
    async with aiohttp.ClientSession() as session:
        await _place(session, url, 0)
        before = _used(process)
        numbers = iter(range(1, _PLACED_OVER_REST + 1))

        async def one_after_another() -> None:
            for number in numbers:
                await _place(session, url, number)

        await asyncio.gather(*(one_after_another() for _ in range(_AT_ONCE)))
    return _PLACED_OVER_REST / (_used(process) - before)


async def _place(session: aiohttp.ClientSession, url: str, number: int) -> None:
    if number % 50 == 0:
        await _send(session, url, "DELETE", "currency_pair=" + _PAIR, b"")
    body = {
        "currency_pair": _PAIR,
        "side": "buy",
        "amount": "0.0001",
        "price": str(60_000 + number % 1_000),
        "text": f"t-{number}",
    }
    await _send(session, url, "POST", "", json.dumps(body).encode())


async def _send(
    session: aiohttp.ClientSession, url: str, method: str, query: str, body: bytes
) -> None:
    timestamp, digest = f"{time.time():.3f}", hashlib.sha512(body).hexdigest()
    text = f"{method}\n{_PATH}\n{query}\n{digest}\n{timestamp}"
    sign = hmac.new(DEMO_SECRET.encode(), text.encode(), hashlib.sha512).hexdigest()
    headers = {"KEY": DEMO_KEY, "Timestamp": timestamp, "SIGN": sign}
    address = f"{url}{_PATH}" + (f"?{query}" if query else "")
    async with session.request(method, address, data=body or None, headers=headers) as answer:
        text = await answer.text()
        assert answer.status in (200, 201), text


def _books(folder: Path) -> list[Figure]:
    """Watch 50 pairs at rest, then with five subscribers to every book."""
    listed = [pair for pair in CATALOGUE if pair.endswith("_USDT")][:_PAIRS]
    options = ["--no-rate-limits"]
    with Exchange(folder, pairs=",".join(listed), options=options, keeps=False) as exchange:
        alone = asyncio.run(_share(exchange, asyncio.sleep))
        told = [0]
        told_share = asyncio.run(_subscribed(exchange, listed, told))
    rate = told[0] / _WATCHED_S
    return [
        Figure(f"{_PAIRS} pairs, nobody listens", 100 * alone, "% of one core"),
        Figure(
            f"{_PAIRS} pairs to {_SUBSCRIBERS} subscribers of every book",
            100 * told_share,
            "% of one core",
            target="< 100 %",
            met=told_share < 1,
        ),
        Figure(
            "book updates told",
            rate,
            "/s",
            target=f">= {_PAIRS * 10 * _SUBSCRIBERS * 0.9:,.0f} /s",
            met=rate >= _PAIRS * 10 * _SUBSCRIBERS * 0.9,
            note=f"{_PAIRS} pairs x 10 /s x {_SUBSCRIBERS} subscribers, less what did not change",
        ),
    ]


async def _share(exchange: Exchange, meanwhile: Callable[[float], Awaitable[None]]) -> float:
    """Return the share of a core that the exchange uses while something goes on."""
    process = psutil.Process(exchange.pid)
    began_s, before = time.monotonic(), _used(process)
    await meanwhile(_WATCHED_S)
    return (_used(process) - before) / (time.monotonic() - began_s)


async def _subscribed(exchange: Exchange, pairs: list[Pair], told: list[int]) -> float:
    url = exchange.url.replace("http:", "ws:") + "/ws/v4/"
    async with aiohttp.ClientSession() as session:
        sockets = [await session.ws_connect(url) for _ in range(_SUBSCRIBERS)]
        for socket in sockets:
            for pair in pairs:
                await socket.send_json(
                    {
                        "time": int(time.time()),
                        "channel": "spot.order_book_update",
                        "event": "subscribe",
                        "payload": [pair, "100ms"],
                    }
                )

        async def listen(duration_s: float) -> None:
            readers = [asyncio.create_task(_count(socket, told)) for socket in sockets]
            await asyncio.wait(readers, timeout=duration_s)
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)

        share = await _share(exchange, listen)
        for socket in sockets:
            await socket.close()
    return share


async def _count(socket: aiohttp.ClientWebSocketResponse, told: list[int]) -> None:
    async for message in socket:
        told[0] += '"update"' in message.data[:200]


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
