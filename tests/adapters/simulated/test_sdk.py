"""The official SDK works unchanged against the exchange as a process, on every endpoint served."""

import contextlib
import time
from decimal import Decimal

import gate_api
import pytest
from gate_api.exceptions import ApiException, GateApiException

from tests.adapters.simulated.exchange_process import running_exchange

PAIR = "BTC_USDT"


@pytest.fixture(scope="module")
def exchange():
    with running_exchange("--pairs", "BTC_USDT,ETH_USDT", "--no-rate-limits") as exchange:
        yield exchange


@pytest.fixture(scope="module")
def client(exchange):
    configuration = gate_api.Configuration(
        host=exchange.rest, key=exchange.key, secret=exchange.secret
    )
    client = gate_api.ApiClient(configuration)
    yield client
    client.close()
    client.rest_client.pool_manager.clear()


@pytest.fixture
def spot(client):
    return gate_api.SpotApi(client)


def an_order(**more):
    return gate_api.Order(
        **({"currency_pair": PAIR, "side": "buy", "amount": "0.001", "price": "60000"} | more)
    )


def test_public_market_data(spot):
    assert abs(spot.get_system_time().server_time - time.time() * 1000) < 10_000
    assert {currency.currency for currency in spot.list_currencies()} == {"BTC", "ETH", "USDT"}
    assert spot.get_currency("BTC").name == "BTC"
    assert [pair.id for pair in spot.list_currency_pairs()] == ["BTC_USDT", "ETH_USDT"]
    assert spot.get_currency_pair(PAIR).precision == 1
    [ticker] = spot.list_tickers(currency_pair=PAIR)
    assert Decimal(ticker.highest_bid) < Decimal(ticker.lowest_ask)
    book = spot.list_order_book(PAIR, limit=20, with_id=True)
    assert len(book.bids) == 20
    assert book.id > 0
    rows = spot.list_candlesticks(PAIR, interval="1h", limit=100)
    assert len(rows) == 100


def test_trades_appear_in_public_and_private(spot):
    spot.create_order(an_order(price="70000", amount="0.01"))
    assert spot.list_trades(PAIR, limit=10)[0].currency_pair == PAIR
    mine = spot.list_my_trades(currency_pair=PAIR)
    assert Decimal(mine[0].amount) > 0
    assert mine[0].role == "taker"


def test_an_order_lives_and_is_cancelled(spot):
    placed = spot.create_order(an_order(text="t-sdk-1", time_in_force="poc"))
    assert (placed.status, placed.left) == ("open", "0.001")
    assert spot.get_order("t-sdk-1", PAIR).id == placed.id
    assert spot.get_order(placed.id, PAIR).text == "t-sdk-1"
    assert [order.id for order in spot.list_orders(PAIR, "open")] == [placed.id]
    [opened] = spot.list_all_open_orders()
    assert (opened.currency_pair, opened.total) == (PAIR, 1)

    cancelled = spot.cancel_order(placed.id, PAIR)
    assert (cancelled.status, cancelled.finish_as) == ("cancelled", "cancelled")
    assert spot.list_orders(PAIR, "finished", limit=1)[0].id == placed.id

    spot.create_order(an_order(text="t-sdk-2"))
    assert [order.text for order in spot.cancel_orders(currency_pair=PAIR, side="buy")] == [
        "t-sdk-2"
    ]
    assert spot.list_all_open_orders() == []


def test_a_market_buy_spends_quote(spot):
    order = spot.create_order(
        gate_api.Order(
            currency_pair=PAIR, type="market", side="buy", amount="50", time_in_force="ioc"
        )
    )
    assert order.finish_as == "filled"
    assert Decimal(order.filled_total) <= 50


def test_account_and_fees(client, spot):
    balances = {row.currency: row for row in spot.list_spot_accounts()}
    assert set(balances) == {"USDT", "BTC", "ETH"}
    detail = gate_api.AccountApi(client).get_account_detail()
    assert detail.key.mode == 1
    fee = gate_api.WalletApi(client).get_trade_fee()
    assert (fee.taker_fee, fee.user_id) == ("0.002", detail.user_id)


def test_the_countdown_and_an_expired_request(spot):
    task = gate_api.CountdownCancelAllSpotTask(timeout=30, currency_pair=PAIR)
    assert spot.countdown_cancel_all_spot(task).trigger_time > time.time() * 1000
    off = gate_api.CountdownCancelAllSpotTask(timeout=0, currency_pair=PAIR)
    spot.countdown_cancel_all_spot(off)
    with pytest.raises(GateApiException) as caught:
        spot.create_order(an_order(), x_gate_exptime=str(int(time.time() * 1000) - 5))
    assert caught.value.label == "REQUEST_EXPIRED"


def test_an_order_is_amended_and_answers_in_the_mode_asked_for(spot):
    # Not ACK: the SDK cannot read an order without its pair, here as little as at Gate.
    placed = spot.create_order(an_order(text="t-sdk-3", action_mode="RESULT"))
    assert (placed.status, placed.fee) == ("open", None)
    patch = gate_api.OrderPatch(currency_pair=PAIR, amount="0.002", amend_text="t-more")
    amended = spot.amend_order(placed.id, patch)
    assert (amended.id, amended.amount, amended.amend_text) == (placed.id, "0.002", "t-more")
    moved = spot.amend_order("t-sdk-3", gate_api.OrderPatch(price="60100"), currency_pair=PAIR)
    assert (moved.id, moved.price) == (placed.id, "60100")
    assert spot.cancel_order("t-sdk-3", PAIR, action_mode="RESULT").fee is None


def test_batches_place_amend_and_cancel(spot):
    placed = spot.create_batch_orders([an_order(text="t-b-1"), an_order(text="t-b-2", amount="9")])
    assert [(row.text, row.succeeded, row.label) for row in placed] == [
        ("t-b-1", True, ""),
        ("t-b-2", False, "BALANCE_NOT_ENOUGH"),
    ]
    number = placed[0].id
    item = gate_api.BatchAmendItem(order_id=number, currency_pair=PAIR, price="60100")
    [amended] = spot.amend_batch_orders([item])
    assert (amended.id, amended.succeeded, amended.price) == (number, True, "60100")
    wanted = [gate_api.CancelBatchOrder(currency_pair=PAIR, id=each) for each in (number, "1")]
    cancelled = spot.cancel_batch_orders(wanted)
    assert [(row.id, row.succeeded) for row in cancelled] == [(number, True), ("1", False)]


def test_an_iceberg_and_a_slippage_are_told_back(spot):
    iceberg = spot.create_order(an_order(amount="0.01", iceberg="0.001"))
    assert (iceberg.iceberg, iceberg.left) == ("0.001", "0.01")
    spot.cancel_order(iceberg.id, PAIR)
    sold = spot.create_order(
        gate_api.Order(currency_pair=PAIR, type="market", side="sell", amount="0.001",
                       time_in_force="ioc", slippage="0.01")
    )  # fmt: skip
    assert (sold.slippage, sold.finish_as) == ("0.01", "filled")


def test_a_price_order_lives_and_is_cancelled(spot):
    put = gate_api.SpotPricePutOrder(
        type="limit", side="sell", price="70000", amount="0.001", account="normal",
        time_in_force="gtc",
    )  # fmt: skip
    trigger = gate_api.SpotPriceTrigger(price="99000", rule=">=", expiration=3600)
    wanted = gate_api.SpotPriceTriggeredOrder(trigger=trigger, put=put, market=PAIR)
    ids = [spot.create_spot_price_triggered_order(wanted).id for _ in range(2)]
    shown = spot.get_spot_price_triggered_order(str(ids[0]))
    assert (shown.status, shown.trigger.rule, shown.put.side) == ("open", ">=", "sell")
    listed = spot.list_spot_price_triggered_orders("open", market=PAIR)
    assert [each.id for each in listed] == ids[::-1]
    assert spot.cancel_spot_price_triggered_order(str(ids[0])).status == "canceled"
    rest = spot.cancel_spot_price_triggered_order_list(market=PAIR, account="normal")
    assert [each.id for each in rest] == ids[1:]
    assert len(spot.list_spot_price_triggered_orders("finished")) == 2


def test_a_price_order_that_is_met_leaves_an_order_of_its_own(spot):
    deadline, fired = time.monotonic() + 30, []
    while not fired and time.monotonic() < deadline:
        arm_around(spot, Decimal(spot.list_tickers(currency_pair=PAIR)[0].last))
        ended = spot.list_spot_price_triggered_orders("finished", market=PAIR)
        fired = [each for each in ended if each.status == "finish"]
    assert spot.get_order(str(fired[0].fired_order_id), PAIR).price == "60000"
    spot.cancel_spot_price_triggered_order_list()
    spot.cancel_orders()


def arm_around(spot, last):
    """Arm one order above and one below the last price, which the street will soon meet."""
    put = gate_api.SpotPricePutOrder(side="buy", price="60000", amount="0.001")
    for rule, price in ((">=", last + 1), ("<=", last - 1)):
        trigger = gate_api.SpotPriceTrigger(price=str(price), rule=rule, expiration=3600)
        wanted = gate_api.SpotPriceTriggeredOrder(trigger=trigger, put=put, market=PAIR)
        with contextlib.suppress(GateApiException):  # the price may have moved there meanwhile
            spot.create_spot_price_triggered_order(wanted)


def test_the_account_book_the_fees_and_the_total(client, spot):
    order = spot.create_order(an_order(price="70000"))
    [fee] = spot.list_spot_account_book(currency="BTC", code="151", limit=1)
    assert Decimal(fee.change) == -Decimal(order.fee)
    told = spot.get_batch_spot_fee(f"{PAIR},ETH_USDT")
    assert told["ETH_USDT"].taker_fee == spot.get_fee(currency_pair=PAIR).taker_fee == "0.002"
    wallet = gate_api.WalletApi(client)
    assert Decimal(wallet.get_total_balance(currency="USDT").total.amount) > 100_000


@pytest.mark.parametrize(
    ("order", "label"),
    [
        (an_order(amount="100"), "BALANCE_NOT_ENOUGH"),
        (an_order(amount="0.00002"), "INVALID_PARAM_VALUE"),
        (an_order(price="70000", time_in_force="poc"), "POC_FILL_IMMEDIATELY"),
        (an_order(amount="1", price="60000", time_in_force="fok"), "FOK_NOT_FILL"),
        (an_order(currency_pair="NOPE_USDT"), "INVALID_CURRENCY_PAIR"),
    ],
)
def test_refusals_carry_gates_labels(spot, order, label):
    with pytest.raises(GateApiException) as caught:
        spot.create_order(order)
    assert caught.value.label == label


def test_an_unknown_order_is_not_found(spot):
    with pytest.raises(GateApiException) as caught:
        spot.get_order("1", PAIR)
    assert (caught.value.label, caught.value.status) == ("ORDER_NOT_FOUND", 404)


def test_a_wrong_secret_is_refused(exchange):
    wrong = gate_api.Configuration(host=exchange.rest, key=exchange.key, secret="wrong")
    client = gate_api.ApiClient(wrong)
    try:
        with pytest.raises(ApiException) as caught:
            gate_api.SpotApi(client).list_spot_accounts()
    finally:
        client.close()
        client.rest_client.pool_manager.clear()
    assert caught.value.status == 401


def test_afterwards_every_invariant_holds(exchange):
    assert exchange.control("invariants")["broken"] == []
