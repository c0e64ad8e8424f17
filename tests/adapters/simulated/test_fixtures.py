"""Every shared request of another client is taken here, every shared answer looks like ours.

The vectors are ccxt's, real orders among the answers. What they ask for is put into the venue
first: the orders they name exist, the prices they bid are within the band.
"""

import json
import time
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio

from adapters.simulated.core.orders import OrderRequest
from adapters.simulated.core.switches import PriceBand, Switches
from adapters.simulated.options import parse_account
from state.values import Side
from tests.adapters.simulated.serving import serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIXTURES = Path(__file__).parents[3].parent / "shared" / "data" / "gate-fixtures"
RICH = "LTC=1000,BTC=10,USDT=1000000"
UNKNOWN = "d82cc6af-b131-4398-b269-ddbafa760a19"
"""The other client's idea of an id; Gate's are numbers."""


def vectors(name):
    path = FIXTURES / name
    return json.loads(path.read_text())["methods"] if path.exists() else {}


def rows(methods):
    return [
        pytest.param(row, id=f"{method}-{number}")
        for method, found in methods.items()
        for number, row in enumerate(found)
    ] or [pytest.param(None, marks=pytest.mark.skip("the shared vectors are not beside this"))]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served():
    """Serve amy, whose account is classic, and uma, whose account is unified."""
    accounts = (parse_account(f"amy:k1:s1:{RICH}"), parse_account(f"uma:k2:s2:{RICH}:unified"))
    async with serving(
        pairs=("BTC_USDT", "ETH_USDT", "LTC_USDT"),
        accounts=accounts,
        switches=Switches(price_band=PriceBand.OFF),
    ) as served:
        yield served


def sign_in(served, name):
    """Let `served` call as that account from now on."""
    account = served.exchange.venue.ledger.accounts[name]
    served.key, served.secret = account.key, account.secret
    return account


def named_orders(row):
    """Return (pair, id) of the orders that a request names: as a path, in a batch or as texts."""
    url = urlsplit(row["url"])
    last = url.path.rsplit("/", 1)[1]
    if last.isdecimal():
        return [(parse_qs(url.query)["currency_pair"][0], last)]
    if last == "cancel_batch_orders":
        return [(item["currency_pair"], item["id"]) for item in json.loads(row["output"])]
    return []


def seed(served, account, pair, name):
    """Let an order of that id, or that client id, rest."""
    venue, now_ns = served.exchange.venue, time.time_ns()
    known = venue.index.find(account.name, name, now_ns)
    if known is not None and known.is_open:
        return
    if name.isdecimal():
        venue.next_order_id = int(name)
    request = OrderRequest(
        pair=pair,
        side=Side.BUY,
        amount=Decimal("0.1"),
        price=Decimal(40 if pair == "LTC_USDT" else 40_000),
        text=None if name.isdecimal() else name,
    )
    venue.place(account, request, now_ns)


@pytest.mark.parametrize("row", rows(vectors("requests_spot.json")))
async def test_every_request_is_taken(served, row):
    url, body = urlsplit(row["url"]), row.get("output")
    account = sign_in(served, "uma" if "unified" in json.dumps(row) else "amy")
    for pair, name in named_orders(row):
        seed(served, account, pair, name)
    # The other client sends the members of PATCH twice, as its `output` says.
    status, told, _ = await served.send(
        row["http"],
        url.path.removeprefix("/api/v4"),
        url.query,
        body.encode() if body else None,
        signed=True,
    )
    if url.path.endswith(UNKNOWN):
        assert (status, told["label"]) == (404, "ORDER_NOT_FOUND")
    else:
        assert status in (200, 201), told
        if isinstance(told, list) and "batch" in url.path:
            assert all(item["succeeded"] for item in told), told


OURS = {
    "fetchTime": "/spot/time",
    "fetchTicker": "/spot/tickers?currency_pair=BTC_USDT",
    "fetchOHLCV": "/spot/candlesticks?currency_pair=BTC_USDT&interval=1m&limit=1",
    "fetchTrades": "/spot/trades?currency_pair=LTC_USDT&limit=1",
    "fetchMyTrades": "/spot/my_trades?currency_pair=LTC_USDT&limit=1",
    "fetchOpenOrders": "/spot/open_orders",
    "fetchClosedOrders": "/spot/orders?currency_pair=LTC_USDT&status=finished&limit=1",
}
TRIGGERS = "/spot/price_orders?status="


@pytest.mark.parametrize(
    ("method", "number"),
    [
        pytest.param(method, number, id=f"{method}-{number}")
        for method, found in vectors("responses_spot.json").items()
        for number, _ in enumerate(found)
    ]
    or [pytest.param("", 0, marks=pytest.mark.skip("the shared vectors are not beside this"))],
)
async def test_every_answer_has_the_members_of_ours(served, method, number):
    theirs = vectors("responses_spot.json")[method][number]
    sign_in(served, "amy")
    await a_life(served)
    path = OURS[method]
    if "trigger" in json.dumps(theirs["input"]):
        path = TRIGGERS + ("open" if method == "fetchOpenOrders" else "finished")
    path, _, query = path.partition("?")
    ours = await served.get(path, query, signed=True)
    compare(theirs["httpResponse"], ours)


async def a_life(served):
    """Fill an order and let one rest, finish a price order and let one wait."""
    buy = {"currency_pair": "LTC_USDT", "side": "buy", "time_in_force": "ioc"}
    await served.order(**buy, type="market", amount="50")
    await served.order(currency_pair="BTC_USDT", side="sell", amount="0.001", price="90000")
    ids = []
    for _ in range(2):
        body = {
            "trigger": {"price": "30000", "rule": "<=", "expiration": 86400},
            "put": {"side": "sell", "price": "67736.3", "amount": "0.0001"},
            "market": "BTC_USDT",
        }
        _, row, _ = await served.send("POST", "/spot/price_orders", body=body, signed=True)
        ids.append(row["id"])
    await served.send("DELETE", f"/spot/price_orders/{ids[0]}", signed=True)


def compare(theirs, ours):
    """Hold that whatever theirs has ours has too, of the same kind.

    Their source quotes JSON numbers, so a text of theirs may be a number of ours.
    """
    if isinstance(theirs, dict):
        for name, value in theirs.items():
            assert name in ours, name
            compare(value, ours[name])
    elif isinstance(theirs, list):
        assert ours, "there is one to compare with"
        if isinstance(theirs[0], str):
            assert len(theirs) == len(ours)
        compare(theirs[0], ours[0])
    elif isinstance(theirs, bool):
        assert isinstance(ours, bool)
    else:
        assert isinstance(ours, str | int)
        assert not isinstance(ours, bool)
        try:
            Decimal(str(theirs))
        except ArithmeticError:
            return
        assert Decimal(str(ours)).is_finite()
