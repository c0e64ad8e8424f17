"""A key may do what it was made for, and says so when it is asked."""

import pytest

from adapters.simulated.core.key_rights import KeyRights
from tests.adapters.simulated.serving import serving

AN_ORDER = {"currency_pair": "BTC_USDT", "side": "buy", "amount": "0.001", "price": "60000"}


@pytest.fixture
async def served():
    async with serving(pairs=("BTC_USDT",)) as served:
        yield served


def allow(served, text):
    served.exchange.venue.ledger.by_key[served.key].rights = KeyRights.of(text)


async def test_a_key_says_what_it_may_do(served):
    keys = await served.get("/account/main_keys", signed=True)
    assert keys["perms"] == [
        {"name": "account", "read_only": True},
        {"name": "spot", "read_only": False},
    ]
    allow(served, "spot+withdraw")
    keys = await served.get("/account/main_keys", signed=True)
    assert {"name": "withdraw", "read_only": False} in keys["perms"]


async def test_a_key_that_only_reads_cannot_trade(served):
    allow(served, "spot.read")
    assert await served.get("/spot/open_orders", signed=True) == []
    refused = await served.order(403, **AN_ORDER)
    assert refused["label"] == "READ_ONLY"


async def test_a_key_without_spot_cannot_even_look_there(served):
    allow(served, "account.read")
    status, refused, _ = await served.send("GET", "/spot/accounts", signed=True)
    assert (status, refused["label"]) == (403, "FORBIDDEN")
    await served.get("/account/detail", signed=True)
