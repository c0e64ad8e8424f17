"""The WebSocket API: login, order calls, refusals and limits as on Gate's page."""

import asyncio
import json
import time

import pytest

from adapters.simulated.core.switches import Switches
from adapters.simulated.faults import FaultName, FaultOrder
from tests.adapters.simulated.serving import DEADLINE_S, connected, serving, until

ORDER = {
    "text": "t-1",
    "currency_pair": "BTC_USDT",
    "type": "limit",
    "account": "spot",
    "side": "buy",
    "amount": "0.001",
    "price": "60000",
}
HEADER = {
    "response_time", "status", "channel", "event", "client_id", "x_in_time", "x_out_time",
    "conn_id", "conn_trace_id", "trace_id",
}  # fmt: skip
LIMITS = {
    "x_gate_ratelimit_requests_remain", "x_gate_ratelimit_limit",
    "x_gat_ratelimit_reset_timestamp",
}  # fmt: skip
BY_TEXT = {"order_id": "t-1", "currency_pair": "BTC_USDT"}


@pytest.fixture
async def served():
    async with serving() as served:
        yield served


@pytest.fixture
async def socket(served):
    async with connected(served) as socket:
        await socket.login()
        yield socket


def refused(answer):
    return answer["header"]["status"], answer["data"]["errs"]["label"]


@pytest.mark.parametrize("param", [None, "{}", "null", '{ "any" : 1 }'])
async def test_a_login_signs_the_text_of_its_parameters(served, param):
    async with connected(served) as socket:
        answer = await socket.login(param)
    assert answer["request_id"] == "r-1"
    assert answer["data"] == {"result": {"api_key": served.key, "uid": "10000002"}}
    header = answer["header"]
    assert set(header) == HEADER
    assert (header["status"], header["channel"], header["event"]) == ("200", "spot.login", "api")
    assert abs(int(header["response_time"]) / 1000 - time.time()) < DEADLINE_S
    assert header["x_in_time"] <= header["x_out_time"]


@pytest.mark.parametrize(
    ("change", "status", "label"),
    [
        ({"api_key": "nobody"}, "401", "INVALID_KEY"),
        ({"signature": "00"}, "401", "INVALID_SIGNATURE"),
        ({"timestamp": str(int(time.time()) - 90)}, "403", "REQUEST_EXPIRED"),
        ({"timestamp": "soon"}, "400", "INVALID_PARAM_VALUE"),
        ({"signature": 7}, "400", "INVALID_REQUEST_BODY"),
    ],
)
async def test_a_wrong_login_is_refused(served, change, status, label):
    async with connected(served) as socket:
        members = served.signed_call("spot.login", "") | change
        await socket.ask("spot.login", None, **members)
        assert refused(await socket.answered()) == (status, label)


async def test_nothing_can_be_asked_before_a_login(served):
    async with connected(served) as socket:
        await socket.ask("spot.order_place", ORDER)
        answer = await socket.hear()
    assert answer["data"] == {"errs": {"label": "AUTHENTICATION_FAILED", "message": "Not login"}}
    assert answer["header"]["status"] == "401"


async def test_an_order_is_acknowledged_and_then_told(served, socket):
    await socket.ask("spot.order_place", ORDER, req_header={"X-Gate-Channel-Id": "x"})
    ack, answer = await socket.hear(), await socket.hear()

    assert (ack["ack"], ack["request_id"]) == (True, "r-1")
    assert ack["data"]["result"] == {
        "req_id": "r-1",
        "req_header": {"X-Gate-Channel-Id": "x"},
        "api_key": "",
        "timestamp": "",
        "signature": "",
        "req_param": ORDER,
    }
    assert "ack" not in answer
    assert set(answer["header"]) == HEADER | LIMITS
    assert all(isinstance(answer["header"][name], int) for name in LIMITS)
    row = answer["data"]["result"]
    assert row == await served.get(
        f"/spot/orders/{row['id']}", "currency_pair=BTC_USDT", signed=True
    )


async def test_an_order_without_text_says_by_which_door_it_came(socket):
    row = await socket.asked("spot.order_place", ORDER | {"text": None})
    assert row["text"] == "apiv4-ws"


async def test_an_order_can_be_asked_for_listed_and_cancelled(socket):
    placed = await socket.asked("spot.order_place", ORDER)
    assert await socket.asked("spot.order_status", BY_TEXT) == placed
    listed = await socket.asked(
        "spot.order_list", {"currency_pair": "BTC_USDT", "status": "open", "limit": 10}
    )
    assert listed == [placed]

    await socket.ask("spot.order_cancel", BY_TEXT)
    answer = await socket.hear()
    assert "ack" not in answer, "only placing acknowledges"
    assert answer["data"]["result"]["finish_as"] == "cancelled"
    assert refused(await tell(socket, "spot.order_status", BY_TEXT))[1] == "ORDER_NOT_FOUND"


async def test_the_orders_of_a_pair_can_be_cancelled_together(socket):
    for text in ("t-1", "t-2"):
        await socket.asked("spot.order_place", ORDER | {"text": text})
    rows = await socket.asked("spot.order_cancel_cp", {"currency_pair": "BTC_USDT", "side": "buy"})
    assert {row["text"] for row in rows} == {"t-1", "t-2"}
    assert all(row["succeeded"] for row in rows)


async def test_an_order_can_be_amended(socket):
    placed = await socket.asked("spot.order_place", ORDER)
    changed = await socket.asked(
        "spot.order_amend", BY_TEXT | {"price": "60100", "amend_text": "t-a"}
    )
    assert (changed["id"], changed["price"], changed["amend_text"]) == (
        placed["id"],
        "60100",
        "t-a",
    )
    answer = await tell(socket, "spot.order_amend", BY_TEXT | {"price": "60100"})
    assert refused(answer) == ("400", "NO_CHANGE")
    assert set(answer["header"]) == HEADER | LIMITS, "amending is limited as placing is"


async def test_a_batch_is_placed_and_cancelled_by_ids(socket):
    orders = [ORDER, ORDER | {"text": "t-2", "amount": "100"}]
    await socket.ask("spot.order_place", orders)
    ack, answer = await socket.hear(), await socket.hear()
    assert ack["ack"]
    assert ack["data"]["result"]["req_param"] == orders
    rows = answer["data"]["result"]
    assert [(row["text"], row["succeeded"], row["label"]) for row in rows] == [
        ("t-1", True, ""),
        ("t-2", False, "BALANCE_NOT_ENOUGH"),
    ]
    ids = [{"currency_pair": "BTC_USDT", "id": each} for each in (rows[0]["id"], "t-2")]
    rows = await socket.asked("spot.order_cancel_ids", ids)
    assert [row["succeeded"] for row in rows] == [True, False]


async def tell(socket, channel, param, **payload):
    await socket.ask(channel, param, **payload)
    return await socket.answered()


@pytest.mark.parametrize(
    ("channel", "param", "status", "label"),
    [
        ("spot.order_place", ORDER | {"amount": "100"}, "400", "BALANCE_NOT_ENOUGH"),
        ("spot.order_place", ORDER | {"side": "hold"}, "400", "INVALID_PARAM_VALUE"),
        ("spot.order_place", {"side": "buy"}, "400", "MISSING_REQUIRED_PARAM"),
        ("spot.order_place", 7, "400", "INVALID_REQUEST_BODY"),
        ("spot.order_place", None, "400", "INVALID_REQUEST_BODY"),
        ("spot.order_cancel", {"currency_pair": "BTC_USDT"}, "400", "MISSING_REQUIRED_PARAM"),
        ("spot.order_cancel", {"order_id": 7}, "400", "MISSING_REQUIRED_PARAM"),
        ("spot.order_cancel", BY_TEXT, "404", "ORDER_NOT_FOUND"),
        ("spot.order_status", [], "400", "MISSING_REQUIRED_PARAM"),
        ("spot.nope", {}, "400", "INVALID_ARGUMENT"),
    ],
)
async def test_refusals_carry_gates_labels(socket, channel, param, status, label):
    assert refused(await tell(socket, channel, param)) == (status, label)


async def test_a_call_after_its_own_expiry_is_refused(socket):
    late = {"x-gate-exptime": int(time.time() * 1000) - 5}
    answer = await tell(socket, "spot.order_place", ORDER, req_header=late)
    assert refused(answer) == ("403", "REQUEST_EXPIRED")


async def test_a_signature_that_is_sent_must_be_right(served, socket):
    text = json.dumps(ORDER)
    right = served.signed_call("spot.order_place", text)
    assert (await socket.asked("spot.order_place", text, **right))["text"] == "t-1"
    other = text.replace("t-1", "t-2")
    answer = await tell(socket, "spot.order_place", other, **right)
    assert refused(answer) == ("401", "INVALID_SIGNATURE")


async def test_by_switch_only_the_login_is_checked():
    switches = Switches(call_signatures_checked=False)
    async with serving(switches=switches) as served, connected(served) as socket:
        await socket.login()
        row = await socket.asked("spot.order_place", ORDER, signature="00")
    assert row["text"] == "t-1"


async def test_placing_shares_its_limit_with_rest():
    async with serving(rate_limits=True) as served, connected(served) as socket:
        await socket.login()
        answer = {"header": {}}
        while answer["header"].get("status") != "429":
            await served.send("POST", "/spot/orders", body=ORDER, signed=True)
            answer = await tell(socket, "spot.order_place", ORDER | {"text": "t-2"})
        assert answer["data"]["errs"]["label"] == "TOO_MANY_REQUESTS"
        assert answer["header"]["x_gate_ratelimit_requests_remain"] == 0
        assert answer["header"]["x_gate_ratelimit_limit"] == 10
        assert answer["header"]["x_gat_ratelimit_reset_timestamp"] > 10**12, "in ms"
        # Cancelling is another matter.
        await socket.ask("spot.order_cancel_cp", {"currency_pair": "BTC_USDT"})
        assert (await socket.answered())["header"]["status"] == "200"


async def test_a_lost_answer_cuts_the_connection_and_the_order_stands():
    fault = FaultOrder(fault=FaultName.ANSWER_LOST, match="spot.order_place", occurrences=(1,))
    async with serving(fault) as served:
        async with connected(served) as socket:
            await socket.login()
            await socket.ask("spot.order_place", ORDER)
            with pytest.raises(AssertionError, match=r"CLOSED|ERROR"):
                await socket.answered()
        row = await served.get("/spot/orders/t-1", "currency_pair=BTC_USDT", signed=True)
    assert row["status"] == "open"


async def test_a_fault_of_an_endpoint_strikes_it_by_both_doors():
    fault = FaultOrder(fault=FaultName.SERVER_ERROR_ACCEPTED, match="POST /spot/orders", most=2,
                       probability=1)  # fmt: skip
    async with serving(fault) as served, connected(served) as socket:
        await socket.login()
        answer = await tell(socket, "spot.order_place", ORDER)
        assert refused(answer) == ("500", "SERVER_ERROR")
        status, _, _ = await served.send(
            "POST", "/spot/orders", body=ORDER | {"text": "t-2"}, signed=True
        )
        assert status == 500
        listed = await socket.asked(
            "spot.order_list", {"currency_pair": "BTC_USDT", "status": "open"}
        )
    assert {row["text"] for row in listed} == {"t-1", "t-2"}


async def test_a_call_that_arrives_late_is_handled_though_its_sender_left():
    late = FaultOrder(
        fault=FaultName.REQUEST_LATE, match="spot.order_place", occurrences=(1,), delay_ms=300
    )
    async with serving(late) as served:
        async with connected(served) as socket:
            await socket.login()
            await socket.ask("spot.order_place", ORDER)
            await socket.say("spot.ping")
            assert (await socket.hear())["channel"] == "spot.pong"
        await until(lambda: not served.exchange.connections)
        assert not list(served.exchange.venue.index.open_orders("demo"))
        async with asyncio.timeout(DEADLINE_S):
            while not list(served.exchange.venue.index.open_orders("demo")):
                await served.get("/spot/time")
