"""The official SDK works unchanged against the exchange as a process, on every endpoint served."""

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
