"""Our requests say what another client of Gate says for the same purpose (shared vectors)."""

import json
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from state.messages.venue import CancelPlaced, FetchBalances, FetchBook, FetchOrder, FetchTime
from state.messages.venue import PlaceOrder as Place
from state.values import (
    ClientOrderId,
    OrderType,
    Pair,
    Price,
    Quantity,
    Side,
    TimeInForce,
    TimeNs,
    VenueOrderId,
)
from tests.adapters.gate.fake_rest import ask, closed, exchange, fake_rest

FIXTURES = Path(__file__).parents[3].parent / "shared" / "data" / "gate-fixtures"
FOREVER = TimeNs(2**62)
OURS_ONLY = {"text", "time_in_force"}
"""The other client leaves Gate's defaults out of a body; we do not."""
THEIRS_ONLY = {("account", "spot")}
"""A default that the other client writes into every query."""


def vector(method, row):
    if not FIXTURES.exists():
        pytest.skip("the shared request vectors are not beside this checkout")
    methods = json.loads((FIXTURES / "requests_spot.json").read_text())["methods"]
    return methods[method][row]


def place(pair, side, quantity, price):
    return Place(
        client_order_id=ClientOrderId("t-gh-1"),
        pair=Pair(pair),
        side=side,
        order_type=OrderType.LIMIT if price else OrderType.MARKET,
        quantity=Quantity(Decimal(quantity)),
        price=Price(Decimal(price)) if price else None,
        time_in_force=TimeInForce.GTC if price else TimeInForce.IOC,
        expires_at_ns=FOREVER,
    )


def named(kind, pair, name):
    return kind(
        pair=Pair(pair), client_order_id=ClientOrderId("t-1"), venue_order_id=VenueOrderId(name)
    )


UUID = "d82cc6af-b131-4398-b269-ddbafa760a19"
CASES = [
    ("createOrder", 0, "spot", place("LTC_USDT", Side.BUY, "0.1", "50")),
    ("createOrder", 2, "spot", place("BTC_USDT", Side.BUY, "5", None)),
    ("createOrder", 3, "spot", place("BTC_USDT", Side.SELL, "0.0001", None)),
    ("createOrder", 4, "spot", place("BTC_USDT", Side.SELL, "0.0001", "55000")),
    ("createOrder", 5, "unified", place("BTC_USDT", Side.BUY, "0.0001", "52000")),
    ("fetchOrder", 0, "spot", named(FetchOrder, "BTC_USDT", UUID)),
    ("fetchOrder", 2, "unified", named(FetchOrder, "BTC_USDT", "707345943869")),
    ("cancelOrder", 0, "spot", named(CancelPlaced, "BTC_USDT", UUID)),
    ("cancelOrder", 2, "unified", named(CancelPlaced, "BTC_USDT", "707345943869")),
    ("fetchBalance", 0, "spot", FetchBalances()),
    ("fetchOrderBook", 0, "spot", FetchBook(pair=Pair("BTC_USDT"))),
    ("fetchTime", 0, "spot", FetchTime(asked_at_ns=TimeNs(0))),
]


@pytest.mark.parametrize(
    ("method", "row", "account", "request_"),
    CASES,
    ids=[f"{method}-{row}" for method, row, _, _ in CASES],
)
async def test_our_request_says_what_theirs_says(method, row, account, request_):
    theirs = vector(method, row)
    url = urlsplit(theirs["url"])
    async with fake_rest() as gate:
        adapter = exchange(gate.url, account=account)
        await ask(adapter, request_)
        await closed(adapter)
        [(ours, body)] = gate.asked
    assert (ours.method, ours.path) == (theirs["http"], url.path)
    assert set(parse_qsl(url.query)) - THEIRS_ONLY <= set(ours.query.items())
    if theirs.get("output"):
        sent, expected = json.loads(body), json.loads(theirs["output"])
        assert {name: sent[name] for name in expected} == expected
        assert set(sent) - set(expected) <= OURS_ONLY
    else:
        assert body == b""
