"""Price orders over REST and their channel, as on Gate's page."""

import pytest

from adapters.simulated.core.switches import Switches
from tests.adapters.simulated.serving import connected, serving

PATH = "/spot/price_orders"


@pytest.fixture
async def served():
    async with serving() as served:
        yield served


def a_body(**put):
    return {
        "trigger": {"price": "99000", "rule": ">=", "expiration": 3600},
        "put": {"type": "limit", "side": "sell", "price": "70000", "amount": "0.0001",
                "account": "normal", "time_in_force": "gtc", "text": "api", **put},
        "market": "BTC_USDT",
    }  # fmt: skip


async def armed(served, body=None):
    status, row, _ = await served.send("POST", PATH, body=body or a_body(), signed=True)
    assert status == 201, row
    return row


async def deleted(served, path, query=""):
    status, row, _ = await served.send("DELETE", path, query, signed=True)
    assert status == 200, row
    return row


async def test_a_waiting_one_looks_like_the_real_row(served):
    created = await armed(served)
    assert created["id_string"] == str(created["id"])
    row = await served.get(f"{PATH}/{created['id']}", signed=True)
    assert isinstance(row.pop("ctime"), int)
    assert isinstance(row.pop("user"), int)
    assert row == {
        "id": created["id"], "market": "BTC_USDT", "status": "open", "reason": "",
        "trigger": {"price": "99000", "rule": ">=", "expiration": 3600},
        "put": {"type": "limit", "side": "sell", "price": "70000",
                "amount": "0.00010000000000000000", "account": "normal", "time_in_force": "gtc",
                "auto_borrow": False, "auto_repay": False, "text": "api"},
    }  # fmt: skip


async def test_they_are_listed_by_status_market_and_offset(served):
    ids = [(await armed(served))["id"] for _ in range(3)]

    async def listed(query):
        return [row["id"] for row in await served.get(PATH, query, signed=True)]

    assert await listed("status=open") == ids[::-1]
    assert await listed("status=open&market=BTC_USDT&limit=1&offset=1") == [ids[1]]
    assert await listed("status=open&market=ETH_USDT") == []
    assert await listed("status=open&account=unified") == []
    gone = await deleted(served, f"{PATH}/{ids[0]}")
    assert (gone["id"], gone["status"], gone["fired_order_id"]) == (ids[0], "canceled", 0)
    assert await listed("status=finished&account=normal") == [ids[0]]
    rows = await deleted(served, PATH, "market=BTC_USDT&account=normal")
    assert [row["id"] for row in rows] == ids[1:]
    url = f"{served.host}/control/accounts/demo"
    async with served.session.get(url) as answer:
        kept = (await answer.json())["price_orders"]
    assert [(row["id"], row["status"]) for row in kept] == [(each, "canceled") for each in ids]
    assert await served.get("/spot/open_orders", signed=True) == []


async def test_the_spelling_of_a_cancelled_one_is_a_switch():
    async with serving(switches=Switches(price_order_cancelled="cancelled")) as served:
        created = await armed(served)
        row = await deleted(served, f"{PATH}/{created['id']}")
    assert row["status"] == "cancelled"


@pytest.mark.parametrize(
    ("change", "status", "label"),
    [
        ({"market": "NO_PE"}, 400, "INVALID_CURRENCY_PAIR"),
        ({"trigger": {"price": "1", "rule": ">=", "expiration": 60}}, 400,
         "AUTO_TRIGGER_PRICE_LESS_LAST"),
        ({"trigger": {"price": "99000", "rule": ">", "expiration": 60}}, 400,
         "INVALID_PARAM_VALUE"),
        ({"trigger": {"price": "99000", "rule": ">="}}, 400, "MISSING_REQUIRED_PARAM"),
        ({"put": {"side": "hold", "amount": "1"}}, 400, "INVALID_PARAM_VALUE"),
        ({"put": {"side": "buy", "amount": "1", "price": "1", "time_in_force": "poc"}}, 400,
         "INVALID_PARAM_VALUE"),
        ({"put": {"side": "buy", "amount": "1"}}, 400, "MISSING_REQUIRED_PARAM"),
        ({"put": {"side": "buy", "amount": "1", "price": "70000", "text": "t-1"}}, 400,
         "INVALID_PARAM_VALUE"),
    ],
)  # fmt: skip
async def test_a_bad_one_is_refused(served, change, status, label):
    told, error, _ = await served.send("POST", PATH, body=a_body() | change, signed=True)
    assert (told, error["label"]) == (status, label)
    assert await served.get(PATH, "status=open", signed=True) == []


async def test_its_channel_tells_of_it_with_an_object(served):
    async with connected(served) as socket:
        await socket.subscribe("spot.priceorders", ["BTC_USDT"], private=True)
        created = await armed(served)
        first = (await socket.heard("spot.priceorders"))["result"]
        await deleted(served, PATH)
        last = (await socket.heard("spot.priceorders"))["result"]
    assert (first["id"], first["fired_order_id"], first["ftime"]) == (created["id_string"], 0, "0")
    assert (first["trigger_price"], first["trigger_expiration"]) == ("99000", 3600)
    assert int(last["ftime"]) >= int(first["ctime"])
