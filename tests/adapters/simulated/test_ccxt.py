"""A client that nobody of us wrote works unchanged: ccxt, over REST and over its sockets.

Only addresses are set: what ccxt sends and how it reads the answers is its own.
"""

import asyncio
import contextlib
import itertools
import time

import ccxt
import ccxt.pro
import pytest
import pytest_asyncio

from tests.adapters.simulated.exchange_process import running_exchange

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAIR = "BTC/USDT"


@pytest.fixture(scope="module")
def exchange():
    with running_exchange("--pairs", "BTC_USDT,ETH_USDT", "--no-rate-limits") as exchange:
        yield exchange


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(exchange):
    async with connected(exchange, exchange.key, exchange.secret) as client:
        yield client


@contextlib.asynccontextmanager
async def connected(exchange, key, secret):
    client = ccxt.pro.gate(
        {"apiKey": key, "secret": secret, "options": {"fetchMarkets": {"types": ["spot"]}}}
    )
    for access in ("public", "private"):
        for service in client.urls["api"][access]:
            client.urls["api"][access][service] = exchange.rest
    client.urls["api"]["spot"] = exchange.ws
    try:
        await client.load_markets()
        yield client
    finally:
        await client.close()


async def test_market_data_is_fetched(client):
    markets = client.markets
    assert set(markets) == {PAIR, "ETH/USDT"}
    market = markets[PAIR]
    assert (market["spot"], market["active"], market["precision"]["price"]) == (True, True, 0.1)
    assert abs(await client.fetch_time() - time.time() * 1000) < 60_000
    ticker = await client.fetch_ticker(PAIR)
    assert ticker["bid"] < ticker["ask"]
    assert set(await client.fetch_tickers()) == {PAIR, "ETH/USDT"}
    book = await client.fetch_order_book(PAIR, 20)
    assert len(book["bids"]) == len(book["asks"]) == 20
    assert book["nonce"] > 0
    bars = await client.fetch_ohlcv(PAIR, "1m", limit=10)
    assert [later[0] - bar[0] for bar, later in itertools.pairwise(bars)] == [60_000] * 9
    since = await client.fetch_ohlcv(PAIR, "1m", since=bars[2][0], limit=5)
    assert [bar[0] for bar in since] == [bar[0] for bar in bars[2:7]]


async def test_market_data_is_watched(client):
    first = await client.watch_order_book(PAIR)
    nonces = [first["nonce"]]
    for _ in range(10):
        book = await client.watch_order_book(PAIR)
        assert book["bids"][0][0] < book["asks"][0][0]
        assert len(book["bids"]) >= 20
        nonces.append(book["nonce"])
    assert nonces == sorted(nonces)
    assert nonces[-1] > nonces[0]

    best = (await client.watch_bids_asks([PAIR]))[PAIR]
    assert best["bid"] < best["ask"]
    assert (await client.watch_ticker(PAIR))["last"] > 0
    assert (await client.watch_tickers([PAIR, "ETH/USDT"])).keys() <= {PAIR, "ETH/USDT"}
    [bar] = (await client.watch_ohlcv(PAIR, "1m"))[-1:]
    assert bar[3] <= bar[1] <= bar[2]

    watching = asyncio.create_task(client.watch_trades(PAIR))
    [trade] = (await caused(client, watching, "buy"))[-1:]
    assert (trade["symbol"], trade["amount"] > 0) == (PAIR, True)


async def caused(client, watching, side):
    """Return what `watching` sees once orders are filled, however late it was subscribed."""
    while not watching.done():
        await client.create_order(PAIR, "limit", side, 0.001, 70_000 if side == "buy" else 60_000)
        await asyncio.wait([watching], timeout=0.1)
    return await watching


async def test_an_order_lives_over_rest(client):
    placed = await client.create_order(PAIR, "limit", "buy", 0.001, 60_000)
    assert (placed["status"], placed["remaining"]) == ("open", 0.001)
    assert (await client.fetch_order(placed["id"], PAIR))["id"] == placed["id"]
    assert placed["id"] in [order["id"] for order in await client.fetch_open_orders(PAIR)]
    edited = await client.edit_order(placed["id"], PAIR, "limit", "buy", 0.001, 60_100)
    assert (edited["id"], edited["price"]) == (placed["id"], 60_100)
    assert (await client.cancel_order(placed["id"], PAIR))["status"] == "canceled"
    wanted = {"symbol": PAIR, "type": "limit", "side": "buy", "amount": 0.001, "price": 60_000}
    batch = await client.create_orders([wanted, wanted])
    cancelled = await client.cancel_orders([order["id"] for order in batch], PAIR)
    assert len(cancelled) == 2
    await client.cancel_all_orders(PAIR)
    filled = await client.create_order(PAIR, "market", "sell", 0.001)
    assert filled["status"] == "closed"
    assert (await client.fetch_my_trades(PAIR))[-1]["order"] == filled["id"]
    assert placed["id"] in [order["id"] for order in await client.fetch_closed_orders(PAIR)]
    balance = await client.fetch_balance()
    assert balance["USDT"]["total"] > 0


async def test_an_order_waits_for_a_price(client):
    waits = {"triggerPrice": 61_000}
    armed = await client.create_order(PAIR, "limit", "sell", 0.001, 60_900, waits)
    waiting = await client.fetch_open_orders(PAIR, params={"trigger": True})
    assert [(order["id"], order["triggerPrice"]) for order in waiting] == [(armed["id"], 61_000)]
    await client.cancel_order(armed["id"], PAIR, {"trigger": True})
    assert await client.fetch_open_orders(PAIR, params={"trigger": True}) == []


async def test_fees_and_the_account_book_are_fetched(client):
    fee = await client.fetch_trading_fee(PAIR)
    assert (fee["maker"], fee["taker"]) == (0.002, 0.002)
    assert set(await client.fetch_trading_fees()) == {PAIR, "ETH/USDT"}
    await client.create_order(PAIR, "market", "sell", 0.001)
    entries = await client.fetch_ledger("USDT")
    assert {entry["currency"] for entry in entries} == {"USDT"}


async def test_an_order_lives_over_the_socket(client):
    placed = await client.create_order_ws(PAIR, "limit", "buy", 0.001, 60_000)
    assert (placed["status"], placed["price"]) == ("open", 60_000)
    assert (await client.fetch_order_ws(placed["id"], PAIR))["clientOrderId"]
    edited = await client.edit_order_ws(placed["id"], PAIR, "limit", "buy", 0.001, 60_100)
    assert (edited["id"], edited["price"]) == (placed["id"], 60_100)
    assert (await client.cancel_order_ws(placed["id"], PAIR))["status"] == "canceled"
    by_cost = {"createMarketBuyOrderRequiresPrice": False}
    bought = await client.create_order_ws(PAIR, "market", "buy", 50, None, by_cost)
    assert (bought["status"], bought["cost"] <= 50) == ("closed", True)
    kept = {(await client.create_order_ws(PAIR, "limit", "buy", 0.001, 60_000))["id"] for _ in "ab"}
    assert {order["id"] for order in await client.cancel_all_orders_ws(PAIR)} == kept


async def test_the_account_is_watched(client):
    seen = {}
    for name, watch in (
        ("orders", client.watch_orders),
        ("trades", client.watch_my_trades),
        ("balance", lambda _pair: client.watch_balance()),
    ):
        seen[name] = await caused(client, asyncio.create_task(watch(PAIR)), "sell")
    assert seen["orders"][-1]["symbol"] == PAIR
    assert (seen["trades"][-1]["takerOrMaker"], seen["trades"][-1]["side"]) == ("taker", "sell")
    assert seen["balance"]["USDT"]["free"] > 0


@pytest.mark.parametrize("place", ["create_order", "create_order_ws"])
@pytest.mark.parametrize(
    ("order", "error"),
    [
        ((PAIR, "limit", "buy", 100, 60_000), ccxt.InsufficientFunds),
        ((PAIR, "limit", "buy", 0.00002, 60_000), ccxt.BadRequest),
        ((PAIR, "limit", "buy", 0.001, 70_000, {"postOnly": True}), ccxt.OrderImmediatelyFillable),
    ],
)
async def test_refusals_are_understood(client, place, order, error):
    with pytest.raises(error):
        await getattr(client, place)(*order)


async def test_an_unknown_order_is_not_found(client):
    with pytest.raises(ccxt.OrderNotFound):
        await client.fetch_order("1", PAIR)
    with pytest.raises(ccxt.OrderNotFound):
        await client.cancel_order_ws("1", PAIR)


async def test_a_wrong_key_is_an_authentication_error(exchange):
    async with connected(exchange, "nobody", "nothing") as client:
        with pytest.raises(ccxt.AuthenticationError):
            await client.fetch_balance()
        with pytest.raises(ccxt.AuthenticationError):
            await client.watch_orders(PAIR)
        with pytest.raises(ccxt.AuthenticationError):
            await client.create_order_ws(PAIR, "limit", "buy", 0.001, 60_000)


async def test_afterwards_every_invariant_holds(exchange):
    assert exchange.control("invariants")["broken"] == []
