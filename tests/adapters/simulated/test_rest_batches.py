"""Amendments and batches over REST: members wherever clients put them, each row for itself."""

import time

import pytest

from tests.adapters.simulated.serving import serving

BTC = "currency_pair=BTC_USDT"
GOOD = {"currency_pair": "BTC_USDT", "side": "buy", "amount": "0.001", "price": "60000"}


@pytest.fixture
async def served():
    async with serving() as served:
        yield served


async def asked(served, method, path, body=None, query="", **more):
    """Return (status, body) of a signed call."""
    status, told, _ = await served.send(method, path, query, body, signed=True, **more)
    return status, told


async def patch(served, order_id, query="", body=None, **more):
    return await asked(served, "PATCH", f"/spot/orders/{order_id}", body, query, **more)


@pytest.mark.parametrize(
    ("query", "body"),
    [
        (f"{BTC}&amount=0.002&price=61000", None),
        ("", {"currency_pair": "BTC_USDT", "amount": "0.002", "price": 61000}),
        (f"{BTC}&account=spot&amount=0.002&price=61000",
         {"currency_pair": "BTC_USDT", "account": "spot", "amount": "0.002", "price": "61000"}),
        (f"{BTC}&amount=0.009&price=1", {"amount": "0.002", "price": "61000"}),
    ],
)  # fmt: skip
async def test_an_amendment_is_read_from_query_and_body_and_the_body_wins(served, query, body):
    placed = await served.order(**GOOD, text="t-1")
    status, row = await patch(served, placed["id"], query, body)
    assert status == 200
    assert (row["id"], row["amount"], row["price"], row["left"]) == (
        placed["id"], "0.002", "61000", "0.002",
    )  # fmt: skip
    assert await served.get("/spot/orders/t-1", BTC, signed=True) == row


async def test_an_amendment_leaves_a_remark_and_answers_in_the_mode_asked_for(served):
    placed = await served.order(**GOOD)
    body = {"amount": "0.002", "amend_text": "t-more", "action_mode": "ACK"}
    _, row = await patch(served, placed["id"], BTC, body)
    assert row == {"id": placed["id"], "text": "apiv4", "amend_text": "t-more"}


@pytest.mark.parametrize(
    ("query", "body", "status", "label"),
    [
        (BTC, None, 400, "NO_CHANGE"),
        ("", {"amount": "0.002"}, 400, "MISSING_REQUIRED_PARAM"),
        (f"{BTC}&amount=much", None, 400, "INVALID_PARAM_VALUE"),
        (BTC, {"amount": "0.002", "action_mode": "LOUD"}, 400, "INVALID_PARAM_VALUE"),
        (BTC, {"price": "10000"}, 400, "PRICE_THRESHOLD_EXCEEDED"),
        (BTC, b"[]", 400, "INVALID_REQUEST_BODY"),
    ],
)
async def test_a_bad_amendment_changes_nothing(served, query, body, status, label):
    placed = await served.order(**GOOD)
    told, error = await patch(served, placed["id"], query, body)
    assert (told, error["label"]) == (status, label)
    assert await served.get(f"/spot/orders/{placed['id']}", BTC, signed=True) == placed


async def test_an_amendment_of_nothing_is_not_found_and_a_late_one_expired(served):
    assert (await patch(served, 1, f"{BTC}&amount=0.002"))[1]["label"] == "ORDER_NOT_FOUND"
    placed = await served.order(**GOOD)
    late = {"x-gate-exptime": str(int(time.time() * 1000) - 5)}
    told, error = await patch(served, placed["id"], f"{BTC}&amount=0.002", headers=late)
    assert (told, error["label"]) == (403, "REQUEST_EXPIRED")


async def test_a_batch_places_what_it_can_in_the_order_of_the_request(served):
    batch = [
        GOOD | {"text": "t-1", "textIsRequired": True},
        GOOD | {"text": "t-2", "amount": "1000"},
        GOOD | {"text": "t-1"},
        GOOD | {"text": "t-3", "currency_pair": "ETH_USDT", "amount": "0.1", "price": "3000"},
    ]
    status, rows = await asked(served, "POST", "/spot/batch_orders", batch)
    assert status == 200
    assert [(row["text"], row["succeeded"], row["label"]) for row in rows] == [
        ("t-1", True, ""),
        ("t-2", False, "BALANCE_NOT_ENOUGH"),
        ("t-1", False, "REPEATED_CREATION"),
        ("t-3", True, ""),
    ]
    assert rows[0]["order_id"] == rows[0]["id"]
    opened = await served.get("/spot/open_orders", signed=True)
    assert {row["currency_pair"] for row in opened} == {"BTC_USDT", "ETH_USDT"}


@pytest.mark.parametrize(
    ("path", "batch", "label"),
    [
        ("batch_orders", [], "INVALID_REQUEST_BODY"),
        ("batch_orders", GOOD, "INVALID_REQUEST_BODY"),
        ("batch_orders", [GOOD], "MISSING_REQUIRED_PARAM"),
        ("batch_orders", [GOOD | {"text": f"t-{n}"} for n in range(11)], "TOO_MANY_ORDERS"),
        ("batch_orders", [GOOD | {"text": "t-1", "currency_pair": f"{n}_USDT"} for n in range(5)],
         "TOO_MANY_CURRENCY_PAIRS"),
        ("batch_orders", [GOOD | {"text": "t-1"}, GOOD | {"text": "t-2", "account": "margin"}],
         "MIXED_ACCOUNT_TYPE"),
        ("cancel_batch_orders", [{"currency_pair": "BTC_USDT", "id": "1"}] * 21,
         "TOO_MANY_ORDERS"),
        ("cancel_batch_orders", [{"currency_pair": "BTC_USDT"}], "MISSING_REQUIRED_PARAM"),
        ("amend_batch_orders", [{"currency_pair": "BTC_USDT", "order_id": "1"}] * 6,
         "TOO_MANY_ORDERS"),
        ("amend_batch_orders", [{"order_id": "1"}], "MISSING_REQUIRED_PARAM"),
    ],
)  # fmt: skip
async def test_a_batch_of_the_wrong_form_does_nothing(served, path, batch, label):
    status, error = await asked(served, "POST", f"/spot/{path}", batch)
    assert (status, error["label"]) == (400, label)
    assert await served.get("/spot/open_orders", signed=True) == []


async def test_a_batch_cancels_by_either_id_and_tells_what_it_could_not(served):
    first = await served.order(**GOOD, text="t-1")
    second = await served.order(**GOOD, text="t-2")
    batch = [
        {"currency_pair": "BTC_USDT", "id": first["id"], "account": "spot"},
        {"currency_pair": "BTC_USDT", "id": "t-2"},
        {"currency_pair": "BTC_USDT", "id": "1"},
    ]
    status, rows = await asked(served, "POST", "/spot/cancel_batch_orders", batch)
    assert status == 200
    assert [(row["id"], row["text"], row["succeeded"], row["label"]) for row in rows] == [
        (first["id"], "t-1", True, ""),
        (second["id"], "t-2", True, ""),
        ("1", "", False, "ORDER_NOT_FOUND"),
    ]
    assert all({"currency_pair", "message", "account"} <= set(row) for row in rows)


async def test_a_batch_amends_one_after_the_other(served):
    placed = await served.order(**GOOD, text="t-1")
    batch = [
        {"currency_pair": "BTC_USDT", "order_id": placed["id"], "amount": "0.002"},
        {"currency_pair": "BTC_USDT", "order_id": "t-1", "price": "61000", "amend_text": "up"},
        {"currency_pair": "BTC_USDT", "order_id": placed["id"], "amount": "0.002"},
    ]
    status, rows = await asked(served, "POST", "/spot/amend_batch_orders", batch)
    assert status == 200
    assert [(row["succeeded"], row["label"]) for row in rows] == [
        (True, ""), (True, ""), (False, "NO_CHANGE"),
    ]  # fmt: skip
    assert (rows[1]["amount"], rows[1]["price"], rows[1]["amend_text"]) == ("0.002", "61000", "up")


async def test_a_batch_counts_once_for_each_of_its_markets():
    async with serving(rate_limits=True) as served:
        batch = [
            GOOD | {"text": "t-1"},
            GOOD | {"text": "t-2"},
            GOOD | {"text": "t-3", "currency_pair": "ETH_USDT", "amount": "0.1", "price": "3000"},
        ]
        _, rows, headers = await served.send("POST", "/spot/batch_orders", body=batch, signed=True)
        assert headers["X-Gate-RateLimit-Requests-Remain"] == "9"
        path, query = f"/spot/orders/{rows[0]['id']}", f"{BTC}&amount=0.002"
        _, _, headers = await served.send("PATCH", path, query, signed=True)
        assert headers["X-Gate-RateLimit-Requests-Remain"] == "8"
