"""REST as on Gate's page: members, string and number types, column orders, labels and statuses."""

import asyncio
import time
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from adapters.simulated.faults import FaultName, FaultOrder
from adapters.simulated.options import parse_account
from tests.adapters.simulated.serving import serving, until

BTC = "currency_pair=BTC_USDT"


@pytest.fixture
async def served():
    async with serving() as served:
        yield served


def is_decimal(text):
    return isinstance(text, str) and Decimal(text).is_finite()


async def error(served, method, path, query="", body=None, **more):
    status, answer, _ = await served.send(method, path, query, body, **more)
    assert set(answer) == {"label", "message"}
    return status, answer["label"]


async def test_the_clock_is_in_milliseconds_and_answers_are_traced(served):
    _, clock, headers = await served.send("GET", "/spot/time")
    assert abs(clock["server_time"] - time.time() * 1000) < 5000
    assert int(headers["X-In-Time"]) <= int(headers["X-Out-Time"]) <= time.time() * 1_000_000
    assert len(headers["X-Gate-Trace-Id"]) == 32
    assert headers["X-Gate-RateLimit-Limit"] == "200"
    assert headers["X-Gate-RateLimit-Requests-Remain"] == "199"
    assert int(headers["X-Gate-RateLimit-Reset-Timestamp"]) > 10**12


async def test_a_pair_has_the_members_and_types_of_the_page(served):
    pairs = await served.get("/spot/currency_pairs")
    assert [row["id"] for row in pairs] == ["BTC_USDT", "ETH_USDT"]
    row = await served.get("/spot/currency_pairs/BTC_USDT")
    assert row == pairs[0]
    assert row | {"base": "BTC", "quote": "USDT", "fee": "0.2", "precision": 1} == row
    assert row | {"amount_precision": 6, "min_quote_amount": "3", "st_tag": False} == row
    assert row | {"trade_status": "tradable", "buy_start": 0, "max_base_amount": None} == row


async def test_currencies_are_those_of_the_pairs(served):
    rows = await served.get("/spot/currencies")
    assert [row["currency"] for row in rows] == ["BTC", "USDT", "ETH"]
    assert (await served.get("/spot/currencies/BTC"))["delisted"] is False
    assert await error(served, "GET", "/spot/currencies/NOPE") == (400, "INVALID_CURRENCY")


async def test_tickers_are_always_an_array_of_strings(served):
    assert len(await served.get("/spot/tickers")) == 2
    [ticker] = await served.get("/spot/tickers", BTC)
    assert ticker.pop("currency_pair") == "BTC_USDT"
    assert set(ticker) == {
        "last", "lowest_ask", "highest_bid", "change_percentage", "base_volume", "quote_volume",
        "high_24h", "low_24h", "lowest_size", "highest_size",
    }  # fmt: skip
    assert all(is_decimal(value) for value in ticker.values())


@pytest.mark.parametrize(
    ("zone", "members"),
    [
        ("utc0", {"change_utc0"}),
        ("utc8", {"change_utc8"}),
        ("all", {"change_utc0", "change_utc8"}),
    ],
)
async def test_tickers_also_count_from_a_midnight(served, zone, members):
    rows = await served.get("/spot/tickers", f"timezone={zone}")
    for row in rows:
        assert {name for name in row if name.startswith("change_utc")} == members
        assert all(abs(Decimal(row[name])) < 50 for name in members)


async def test_candles_that_are_too_old_or_too_many_are_refused_in_gates_words(served):
    for query, message in (
        (
            "&interval=1m&from=1000",
            "Candlestick too long ago. Maximum 10000 points ago are allowed",
        ),
        ("&limit=1001", "Invalid request parameter `limit` value: 1001"),
    ):
        _, body, _ = await served.send("GET", "/spot/candlesticks", BTC + query)
        assert body == {"label": "INVALID_PARAM_VALUE", "message": message}


async def test_the_book_is_ascending_asks_and_descending_bids_with_an_id_when_asked(served):
    plain = await served.get("/spot/order_book", BTC)
    assert set(plain) == {"current", "update", "asks", "bids"}
    assert len(plain["asks"]) == len(plain["bids"]) == 10
    book = await served.get("/spot/order_book", BTC + "&limit=100&with_id=true")
    assert isinstance(book["id"], int)
    asks = [Decimal(price) for price, _ in book["asks"]]
    bids = [Decimal(price) for price, _ in book["bids"]]
    assert asks == sorted(asks)
    assert bids == sorted(bids, reverse=True)
    assert bids[0] < asks[0]
    assert all(is_decimal(amount) for _, amount in book["asks"])


async def test_the_book_can_be_merged_to_wider_prices(served):
    book = await served.get("/spot/order_book", BTC + "&interval=10&limit=5")
    prices = [Decimal(price) for side in ("asks", "bids") for price, _ in book[side]]
    assert all(price % 10 == 0 for price in prices)
    assert Decimal(book["bids"][0][0]) < Decimal(book["asks"][0][0])
    for wrong in ("0.03", "-1", "x"):
        assert await error(served, "GET", "/spot/order_book", f"{BTC}&interval={wrong}") == (
            400,
            "INVALID_PARAM_VALUE",
        )


async def test_public_trades_are_newest_first_with_both_ids(served):
    await served.order(currency_pair="BTC_USDT", side="buy", amount="0.01", price="70000")
    await served.order(currency_pair="BTC_USDT", side="sell", amount="0.01", price="60000")
    rows = await served.get("/spot/trades", BTC)
    assert len(rows) >= 2
    assert [int(row["id"]) for row in rows] == sorted(
        (int(row["id"]) for row in rows), reverse=True
    )
    whole, _, part = rows[0]["create_time_ms"].partition(".")
    assert whole.startswith(rows[0]["create_time"])
    assert len(part) == 6
    assert await served.get("/spot/trades", BTC + "&limit=1&page=2") == rows[1:2]
    newer = await served.get("/spot/trades", f"{BTC}&last_id={rows[1]['id']}")
    assert newer[-1] == rows[0]
    older = await served.get("/spot/trades", f"{BTC}&last_id={rows[0]['id']}&reverse=true")
    assert older[0] == rows[1]


async def test_candles_are_oldest_first_in_gates_column_order(served):
    rows = await served.get("/spot/candlesticks", BTC + "&interval=1m&limit=50")
    assert len(rows) == 50
    times = [int(row[0]) for row in rows]
    assert times == list(range(times[0], times[0] + 50 * 60, 60))
    assert times[0] % 60 == 0
    for _, quote_volume, close, high, low, opened, base_volume, closed in rows[:-1]:
        assert closed == "true"
        assert Decimal(low) <= min(Decimal(opened), Decimal(close))
        assert max(Decimal(opened), Decimal(close)) <= Decimal(high)
        if Decimal(base_volume):
            average = Decimal(quote_volume) / Decimal(base_volume)
            assert Decimal(low) <= average <= Decimal(high)
    assert rows[-1][7] == "false"


@pytest.mark.parametrize("interval", ["1s", "10s", "5m", "15m", "30m", "1h", "4h", "8h", "1d"])
async def test_candles_of_every_length_open_at_its_multiples(served, interval):
    rows = await served.get("/spot/candlesticks", f"{BTC}&interval={interval}&limit=3")
    seconds = int(interval[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[interval[-1]]
    assert rows or interval in ("1s", "10s"), "only seconds have no history"
    assert all(int(row[0]) % seconds == 0 for row in rows)


async def test_candles_can_be_asked_for_by_time(served):
    now_s = int(time.time())
    rows = await served.get(
        "/spot/candlesticks", f"{BTC}&interval=1m&from={now_s - 600}&to={now_s - 300}"
    )
    assert len(rows) in (5, 6)
    assert all(now_s - 600 <= int(row[0]) <= now_s - 300 for row in rows)


@pytest.mark.parametrize(
    ("path", "query", "label"),
    [
        ("/spot/order_book", "", "MISSING_REQUIRED_PARAM"),
        ("/spot/order_book", "currency_pair=NOPE", "INVALID_CURRENCY_PAIR"),
        ("/spot/order_book", BTC + "&limit=101", "INVALID_PARAM_VALUE"),
        ("/spot/order_book", BTC + "&limit=0", "INVALID_PARAM_VALUE"),
        ("/spot/order_book", BTC + "&limit=x", "INVALID_PARAM_VALUE"),
        ("/spot/order_book", BTC + "&limit=%D9%A3", "INVALID_PARAM_VALUE"),
        ("/spot/trades", BTC + "&limit=1001", "INVALID_PARAM_VALUE"),
        ("/spot/trades", BTC + "&limit=1000&page=102", "INVALID_PARAM_VALUE"),
        ("/spot/candlesticks", BTC + "&interval=7m", "INVALID_PARAM_VALUE"),
        ("/spot/candlesticks", BTC + "&limit=1001", "INVALID_PARAM_VALUE"),
        ("/spot/candlesticks", BTC + "&interval=1m&from=1000", "INVALID_PARAM_VALUE"),
        ("/spot/candlesticks", BTC + "&limit=5&from=1700000000", "INVALID_PARAM_VALUE"),
        ("/spot/candlesticks", BTC + "&limit=5&to=1700000000", "INVALID_PARAM_VALUE"),
        ("/spot/candlesticks", BTC + "&interval=3m", "INVALID_PARAM_VALUE"),
        ("/spot/tickers", "timezone=utc1", "INVALID_PARAM_VALUE"),
        ("/spot/currency_pairs/NOPE", "", "INVALID_CURRENCY_PAIR"),
    ],
)
async def test_what_nobody_can_answer_is_refused_with_gates_label(served, path, query, label):
    assert await error(served, "GET", path, query) == (400, label)


async def test_unknown_paths_and_methods_are_refused_in_gates_form(served):
    assert await error(served, "GET", "/spot/nope") == (404, "NOT_FOUND")
    assert await error(served, "PUT", "/spot/time") == (405, "METHOD_NOT_ALLOWED")


async def test_private_paths_ask_for_a_signature(served):
    assert await error(served, "GET", "/spot/accounts") == (400, "MISSING_REQUIRED_HEADER")
    told = {"KEY": "nobody"}
    answer = await error(served, "GET", "/spot/accounts", signed=True, headers=told)
    assert answer == (401, "INVALID_KEY")
    stale = {"Timestamp": str(int(time.time()) - 90)}
    answer = await error(served, "GET", "/spot/accounts", signed=True, headers=stale)
    assert answer == (403, "REQUEST_EXPIRED")


async def test_a_query_is_verified_as_it_was_written(served):
    rows = await served.get("/spot/my_trades", "currency_pair=BTC%5FUSDT&page=1", signed=True)
    assert rows == []


async def test_accounts_show_what_is_held(served):
    rows = await served.get("/spot/accounts", signed=True)
    assert {row["currency"] for row in rows} == {"USDT", "BTC", "ETH"}
    [row] = await served.get("/spot/accounts", "currency=USDT", signed=True)
    assert row == {"currency": "USDT", "available": "100000", "locked": "0", "update_id": 0}


async def test_who_one_is_and_what_one_pays(served):
    detail = await served.get("/account/detail", signed=True)
    fees = await served.get("/wallet/fee", BTC, signed=True)
    assert detail["key"] == {"mode": 1}
    assert (fees["maker_fee"], fees["taker_fee"], fees["debit_fee"]) == ("0.002", "0.002", 3)
    assert fees["user_id"] == detail["user_id"]


async def test_fees_are_told_by_three_endpoints(served):
    wallet = await served.get("/wallet/fee", signed=True)
    spot = await served.get("/spot/fee", BTC, signed=True)
    batch = await served.get("/spot/batch_fee", "currency_pairs=BTC_USDT,ETH_USDT", signed=True)
    assert spot == batch["BTC_USDT"]
    assert spot["currency_pair"] == "BTC_USDT"
    assert {**wallet, "currency_pair": "BTC_USDT"} == {**wallet, **spot}
    assert "futures_taker_fee" in wallet
    many = "currency_pairs=" + ",".join(["BTC_USDT"] * 51)
    answer = await error(served, "GET", "/spot/batch_fee", many, signed=True)
    assert answer == (400, "TOO_MANY_CURRENCY_PAIRS")
    answer = await error(served, "GET", "/spot/batch_fee", "currency_pairs=NO_PE", signed=True)
    assert answer == (400, "INVALID_CURRENCY_PAIR")


async def test_the_account_book_tells_each_change_and_what_was_left(served):
    order = await served.order(
        currency_pair="BTC_USDT", side="buy", type="market", amount="10", time_in_force="ioc"
    )
    fee, base, quote = (await served.get("/spot/account_book", "limit=3", signed=True))[:3]
    assert [(row["type"], row["code"], row["currency"]) for row in (fee, base, quote)] == [
        ("order_fee", "151", "BTC"), ("order_fill", "102", "BTC"), ("order_fill", "102", "USDT"),
    ]  # fmt: skip
    balances = {row["currency"]: row for row in await served.get("/spot/accounts", signed=True)}
    assert fee["balance"] == balances["BTC"]["available"]
    assert Decimal(base["balance"]) + Decimal(fee["change"]) == Decimal(fee["balance"])
    assert isinstance(fee["time"], int)
    assert fee["time"] > 10**12
    rows = await served.get("/spot/account_book", "code=151&currency=BTC", signed=True)
    assert sum(Decimal(row["change"]) for row in rows) == -Decimal(order["fee"])
    assert await served.get("/spot/account_book", "type=order_fee", signed=True) == rows
    assert await served.get("/spot/account_book", "to=1000", signed=True) == []
    answer = await error(served, "GET", "/spot/account_book", "from=1&to=9999999", signed=True)
    assert answer == (400, "INVALID_PARAM_VALUE")


async def test_the_total_is_worth_the_sum_of_all_by_last_prices(served):
    told = await served.get("/wallet/total_balance", signed=True)
    worth = Decimal(told["total"]["amount"])
    assert told["details"]["spot"]["amount"] == told["total"]["amount"]
    assert Decimal(150_000) < worth < Decimal(250_000), "100,000 USDT and two coins, 50,000 each"
    in_btc = await served.get("/wallet/total_balance", "currency=BTC", signed=True)
    [ticker] = await served.get("/spot/tickers", BTC)
    ratio = Decimal(in_btc["total"]["amount"]) * Decimal(ticker["last"]) / worth
    assert abs(ratio - 1) < Decimal("0.1")
    answer = await error(served, "GET", "/wallet/total_balance", "currency=XYZ", signed=True)
    assert answer == (400, "INVALID_PARAM_VALUE")


async def test_an_account_in_unified_mode_says_so_and_trades_there():
    unified = (parse_account("amy:k:s:USDT=1000:unified"),)
    async with serving(accounts=unified) as served:
        good = {"currency_pair": "BTC_USDT", "side": "buy", "amount": "0.001", "price": "60000"}
        assert (await served.order(**good))["account"] == "unified"
        assert (await served.order(**good, account="spot"))["account"] == "spot"
        assert (await served.get("/account/detail", signed=True))["key"] == {"mode": 2}
        held = await served.get("/unified/accounts", signed=True)
        assert held["balances"]["USDT"]["freeze"] == "120"


async def test_an_account_in_classic_mode_has_no_unified_balances(served):
    answer = await error(served, "GET", "/unified/accounts", signed=True)
    assert answer == (403, "FORBIDDEN")


async def test_a_resting_order_looks_like_the_one_on_the_page(served):
    row = await served.order(
        currency_pair="BTC_USDT", side="buy", amount="0.001", price="60000.3", text="t-gh-17"
    )
    times = {name: row.pop(name) for name in ("create_time", "update_time")}
    milliseconds = {name: row.pop(name) for name in ("create_time_ms", "update_time_ms")}
    assert all(isinstance(value, str) for value in times.values())
    assert all(isinstance(value, int) for value in milliseconds.values())
    assert row.pop("id").isdecimal()
    assert row == {
        "text": "t-gh-17", "amend_text": "-", "status": "open", "currency_pair": "BTC_USDT",
        "type": "limit", "account": "spot", "side": "buy", "amount": "0.001", "price": "60000.3",
        "time_in_force": "gtc", "iceberg": "0", "left": "0.001", "filled_amount": "0",
        "fill_price": "0", "filled_total": "0", "fee": "0", "fee_currency": "BTC",
        "point_fee": "0", "gt_fee": "0", "gt_maker_fee": "0", "gt_taker_fee": "0",
        "gt_discount": False, "rebated_fee": "0", "rebated_fee_currency": "USDT", "stp_id": 0,
        "stp_act": "-", "finish_as": "open", "auto_repay": False,
    }  # fmt: skip


async def test_a_filled_order_says_what_it_cost(served):
    row = await served.order(
        currency_pair="BTC_USDT", side="buy", type="market", amount="100", time_in_force="ioc"
    )
    assert (row["status"], row["finish_as"]) == ("closed", "filled")
    assert Decimal(row["filled_total"]) + Decimal(row["left"]) == Decimal(100)
    assert row["fill_price"] == row["filled_total"]
    assert Decimal(row["fee"]) == Decimal(row["filled_amount"]) * Decimal("0.002")
    product = Decimal(row["avg_deal_price"]) * Decimal(row["filled_amount"])
    assert abs(product - Decimal(row["filled_total"])) < Decimal("0.0000001")
    [*fills] = await served.get("/spot/my_trades", f"{BTC}&order_id={row['id']}", signed=True)
    assert sum(Decimal(fill["deal"]) for fill in fills) == Decimal(row["filled_total"])
    assert sum(Decimal(fill["fee"]) for fill in fills) == Decimal(row["fee"])
    assert {(fill["role"], fill["fee_currency"]) for fill in fills} == {("taker", "BTC")}


@pytest.mark.parametrize(("mode", "absent"), [("ACK", "status"), ("RESULT", "fee"), ("FULL", None)])
async def test_action_modes_leave_out_what_they_say(served, mode, absent):
    row = await served.order(
        currency_pair="BTC_USDT", side="buy", amount="0.001", price="60000", action_mode=mode
    )
    assert {"id", "text", "amend_text"} <= set(row)
    assert absent not in row


async def test_numbers_and_unknown_members_in_an_order_are_taken(served):
    row = await served.order(
        currency_pair="BTC_USDT", side="buy", amount=0.001, price=60000, textIsRequired=True
    )
    assert (row["amount"], row["price"], row["text"]) == ("0.001", "60000", "apiv4")


@pytest.mark.parametrize(
    ("members", "label"),
    [
        ({"side": None}, "INVALID_PARAM_VALUE"),
        ({"side": "hold"}, "INVALID_PARAM_VALUE"),
        ({"amount": "a lot"}, "INVALID_PARAM_VALUE"),
        ({"type": "stop"}, "INVALID_PARAM_VALUE"),
        ({"time_in_force": "day"}, "INVALID_PARAM_VALUE"),
        ({"account": "margin"}, "INVALID_PARAM_VALUE"),
        ({"iceberg": "0.01"}, "INVALID_PARAM_VALUE"),
        ({"stp_act": "cn"}, "INVALID_PARAM_VALUE"),
        ({"slippage": "-1"}, "INVALID_PARAM_VALUE"),
        ({"action_mode": "LOUD"}, "INVALID_PARAM_VALUE"),
        ({"currency_pair": "NOPE"}, "INVALID_CURRENCY_PAIR"),
        ({"text": "mine"}, "INVALID_CLIENT_ORDER_ID"),
        ({"price": "10000"}, "PRICE_THRESHOLD_EXCEEDED"),
        ({"amount": "0.00001"}, "INVALID_PARAM_VALUE"),
        ({"amount": "1E+500"}, "INVALID_PRECISION"),
    ],
)
async def test_a_bad_order_is_refused_and_changes_nothing(served, members, label):
    good = {"currency_pair": "BTC_USDT", "side": "buy", "amount": "0.001", "price": "60000"}
    assert (await served.order(400, **(good | members)))["label"] == label
    assert await served.get("/spot/open_orders", signed=True) == []


@pytest.mark.parametrize(
    ("body", "label"),
    [
        (b"", "INVALID_REQUEST_BODY"),
        (b"{", "INVALID_REQUEST_BODY"),
        (b"\xff", "INVALID_REQUEST_BODY"),
        (b"[]", "INVALID_REQUEST_BODY"),
        (b"[" * 100_000, "INVALID_REQUEST_BODY"),
        (b"{}", "MISSING_REQUIRED_PARAM"),
    ],
)
async def test_a_bad_body_is_refused(served, body, label):
    answer = await error(served, "POST", "/spot/orders", body=body, signed=True)
    assert answer == (400, label)


async def test_an_order_is_asked_for_and_cancelled_by_either_id(served):
    good = {"currency_pair": "BTC_USDT", "side": "buy", "amount": "0.001", "price": "60000"}
    row = await served.order(**good, text="t-1")
    assert await served.get("/spot/orders/t-1", BTC, signed=True) == row
    assert await served.get(f"/spot/orders/{row['id']}", BTC, signed=True) == row
    answer = await error(served, "GET", "/spot/orders/t-1", signed=True)
    assert answer == (400, "MISSING_REQUIRED_PARAM")

    status, cancelled, _ = await served.send("DELETE", "/spot/orders/t-1", BTC, signed=True)
    assert (status, cancelled["status"], cancelled["finish_as"]) == (200, "cancelled", "cancelled")
    assert await error(served, "DELETE", "/spot/orders/t-1", BTC, signed=True) == (
        404,
        "ORDER_NOT_FOUND",
    )
    assert await error(served, "DELETE", f"/spot/orders/{row['id']}", BTC, signed=True) == (
        400,
        "ORDER_CANCELLED",
    )
    [finished] = await served.get("/spot/orders", BTC + "&status=finished", signed=True)
    assert finished["id"] == row["id"]


async def test_orders_are_listed_by_pair_status_and_page(served):
    for number, price in enumerate(("60000", "60001", "60002")):
        await served.order(
            currency_pair="BTC_USDT", side="buy", amount="0.001", price=price, text=f"t-{number}"
        )
    await served.order(currency_pair="ETH_USDT", side="sell", amount="0.01", price="3300")
    opened = await served.get("/spot/open_orders", "page=1&limit=2&status=open", signed=True)
    assert {row["currency_pair"]: row["total"] for row in opened} == {"BTC_USDT": 3, "ETH_USDT": 1}
    assert all(len(row["orders"]) <= 2 for row in opened)
    resting = await served.get("/spot/orders", BTC + "&status=open", signed=True)
    assert [row["text"] for row in resting] == ["t-2", "t-1", "t-0"]

    status, rows, _ = await served.send("DELETE", "/spot/orders", BTC + "&side=buy", signed=True)
    assert status == 200
    assert {row["text"] for row in rows} == {"t-0", "t-1", "t-2"}
    assert all(row["succeeded"] is True and row["label"] == "" for row in rows)
    [left] = await served.get("/spot/open_orders", signed=True)
    assert left["currency_pair"] == "ETH_USDT"
    finished = await served.get("/spot/orders", "status=finished&limit=2&page=2", signed=True)
    assert len(finished) == 1
    future = f"{BTC}&status=finished&from={int(time.time()) + 60}"
    assert await served.get("/spot/orders", future, signed=True) == []


async def test_a_request_after_its_own_expiry_is_refused(served):
    good = {"currency_pair": "BTC_USDT", "side": "buy", "amount": "0.001", "price": "60000"}
    late = {"x-gate-exptime": str(int(time.time() * 1000) - 1)}
    answer = await error(served, "POST", "/spot/orders", body=good, signed=True, headers=late)
    assert answer == (403, "REQUEST_EXPIRED")
    soon = {"x-gate-exptime": str(int(time.time() * 1000) + 60_000)}
    status, _, _ = await served.send("POST", "/spot/orders", body=good, signed=True, headers=soon)
    assert status == 201


async def test_the_countdown_answers_with_its_moment(served):
    status, answer, _ = await served.send(
        "POST", "/spot/countdown_cancel_all", body={"timeout": 30}, signed=True
    )
    assert status == 200
    assert abs(answer["triggerTime"] - (time.time() + 30) * 1000) < 5000
    answer = await error(
        served, "POST", "/spot/countdown_cancel_all", body={"timeout": 3}, signed=True
    )
    assert answer == (400, "INVALID_PARAM_VALUE")


async def test_reading_too_often_is_refused_by_address_and_endpoint():
    async with serving(rate_limits=True) as served:
        answer = 200, {}, {}
        while answer[0] == 200:
            answer = await served.send("GET", "/spot/time")
        status, body, headers = answer
        assert (status, body["label"]) == (429, "TOO_MANY_REQUESTS")
        assert headers["X-Gate-RateLimit-Requests-Remain"] == "0"
        assert await served.get("/spot/currencies")


async def test_a_low_fill_ratio_can_be_commanded():
    async with serving(rate_limits=True) as served:

        async def command(account):
            body = {"account": account, "low_fill_ratio": True}
            async with served.session.post(served.host + "/control/limits", json=body) as answer:
                return answer.status, await answer.json()

        assert (await command("nobody"))[0] == 404
        assert await command("demo") == (200, {"low_fill_ratio": ["demo"]})
        order = {"currency_pair": "BTC_USDT", "side": "buy", "amount": "0.001", "price": "60000"}
        status = 201
        while status == 201:
            status, body, _ = await served.send("POST", "/spot/orders", body=order, signed=True)
        assert (status, body["message"]) == (429, "Request Rate limit Exceeded (212)")


async def test_too_many_placements_are_refused_with_headers():
    async with serving(rate_limits=True) as served:
        good = {"currency_pair": "BTC_USDT", "side": "buy", "amount": "0.001", "price": "60000"}
        answers = [
            await served.send("POST", "/spot/orders", body=good, signed=True) for _ in range(12)
        ]
        statuses = [status for status, _, _ in answers]
        assert statuses[:10] == [201] * 10
        assert 429 in statuses[10:], "twelve requests took longer than a second"
        _, body, headers = next(each for each in answers if each[0] == 429)
        assert body == {
            "label": "TOO_MANY_REQUESTS",
            "message": "Request Rate limit Exceeded (211)",
        }
        assert headers["X-Gate-RateLimit-Requests-Remain"] == "0"
        assert int(headers["X-Gate-RateLimit-Reset-Timestamp"]) > time.time() * 1000 - 1000
        good["currency_pair"], good["price"] = "ETH_USDT", "3000"
        good["amount"] = "0.01"
        assert (await served.send("POST", "/spot/orders", body=good, signed=True))[0] == 201


def place_fault(name, **more):
    return FaultOrder(fault=name, match="POST /spot/orders", occurrences=(1,), **more)


ORDER: dict[str, Any] = {
    "currency_pair": "BTC_USDT",
    "side": "buy",
    "amount": "0.001",
    "price": "60000",
}


@pytest.mark.parametrize(
    ("name", "handled"), [(FaultName.REQUEST_LOST, False), (FaultName.ANSWER_LOST, True)]
)
async def test_a_lost_request_or_answer_cuts_the_connection(name, handled):
    async with serving(place_fault(name)) as served:
        with pytest.raises(aiohttp.ClientError):
            await served.order(**ORDER, text="t-1")
        account = served.exchange.venue.ledger.accounts["demo"]
        opened = served.exchange.venue.index.open_orders(account.name)
        assert [order.text for order in opened] == (["t-1"] if handled else [])


@pytest.mark.parametrize(
    ("name", "status", "label", "handled"),
    [
        (FaultName.SERVER_ERROR, 500, "SERVER_ERROR", False),
        (FaultName.SERVER_ERROR_ACCEPTED, 500, "SERVER_ERROR", True),
        (FaultName.RATE_LIMITED, 429, "TOO_MANY_REQUESTS", False),
    ],
)
async def test_an_error_says_nothing_about_what_happened(name, status, label, handled):
    async with serving(place_fault(name)) as served:
        assert (await served.order(status, **ORDER))["label"] == label
        opened = await served.get("/spot/open_orders", signed=True)
        assert bool(opened) is handled


async def test_a_late_answer_comes_after_the_order_lives():
    async with serving(place_fault(FaultName.ANSWER_LATE, delay_ms=300)) as served:
        placing = asyncio.create_task(served.order(**ORDER))
        await until(lambda: list(served.exchange.venue.index.every_open()))
        assert not placing.done()
        assert (await placing)["status"] == "open"


async def test_a_late_request_arrives_after_its_sender_gave_up():
    async with serving(place_fault(FaultName.REQUEST_LATE, delay_ms=300)) as served:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(served.order(**ORDER), 0.05)
        assert list(served.exchange.venue.index.every_open()) == []
        await until(lambda: list(served.exchange.venue.index.every_open()))


async def test_a_storm_answers_everything_with_429_until_it_is_over():
    storm = FaultOrder(
        fault=FaultName.RATE_LIMIT_STORM, match="GET /spot", occurrences=(1,), delay_ms=300
    )
    async with serving(storm) as served:
        statuses = [(await served.send("GET", "/spot/time"))[0]]
        statuses.append((await served.send("GET", "/spot/currencies"))[0])
        statuses.append((await served.send("POST", "/spot/orders", body=ORDER, signed=True))[0])
        assert statuses == [429, 429, 201]
        while (await served.send("GET", "/spot/time"))[0] == 429:
            pass


async def test_a_skewed_clock_refuses_what_is_signed_by_the_true_one():
    def skew(match):
        return FaultOrder(fault=FaultName.CLOCK_SKEW, match=match, occurrences=(1,))

    async with serving(skew("GET /spot/accounts"), skew("GET /spot/time")) as served:
        status, answer, _ = await served.send("GET", "/spot/accounts", signed=True)
        assert (status, answer["label"]) == (403, "REQUEST_EXPIRED")
        assert await served.get("/spot/accounts", signed=True)
        skewed, true = await served.get("/spot/time"), await served.get("/spot/time")
        assert 80_000 < skewed["server_time"] - true["server_time"] <= 90_000


async def test_a_stale_snapshot_is_older_than_the_book():
    stale = FaultOrder(fault=FaultName.BOOK_STALE, occurrences=(1,), delay_ms=300)
    query = "currency_pair=BTC_USDT&with_id=true&limit=100"
    async with serving(stale) as served:
        book = served.exchange.venue.pair("BTC_USDT").book
        began = book.update_id
        await until(lambda: book.update_id > began + 100)
        now_id = book.update_id
        shown = await served.get("/spot/order_book", query)
        assert shown["id"] < now_id
        assert len(shown["bids"]) > 20
        assert (await served.get("/spot/order_book", query))["id"] >= now_id


async def test_a_currency_and_a_young_order_can_be_missing():
    missing = FaultOrder(fault=FaultName.BALANCE_MISSING, probability=1, most=1)
    hidden = FaultOrder(fault=FaultName.ORDER_HIDDEN, probability=1, delay_ms=60_000)
    async with serving(missing, hidden) as served:
        names = [row["currency"] for row in await served.get("/spot/accounts", signed=True)]
        assert names == ["USDT", "BTC"]
        placed = await served.order(**ORDER)
        path, pair = f"/spot/orders/{placed['id']}", "currency_pair=BTC_USDT"
        status, answer, _ = await served.send("GET", path, pair, signed=True)
        assert (status, answer["label"]) == (404, "ORDER_NOT_FOUND")
        assert await served.get("/spot/open_orders", signed=True) == []
        assert await served.get("/spot/orders", f"{pair}&status=open", signed=True) == []
        served.exchange.faults.replace([])
        assert (await served.get(path, pair, signed=True))["status"] == "open"
