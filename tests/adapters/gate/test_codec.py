"""Gate's REST answers decode exactly, and any other bytes raise `VenueMalformed`, nothing else."""

import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.gate import codec
from state.errors import VenueMalformed
from state.messages.venue import KeyRights, TriggerStatus
from state.values import OrderType, Pair, Role, Side, TimeInForce, TimeNs

ROOT = Path(__file__).parents[3]
DATA = ROOT.parent / "shared" / "data"
FIXTURES = DATA / "gate-fixtures" / "responses_spot.json"
PAIRS = DATA / "l2" / "gateio_spot_currency_pairs_20210422.json.gz"
CAPTURE = DATA / "l2" / "gateio_spot_ws_rest_20210422.jsonl.gz"

RESTING = {
    "id": "700604309511",
    "text": "t-gh-17",
    "create_time_ms": 1729180336718,
    "update_time_ms": 1729180336719,
    "status": "open",
    "currency_pair": "BTC_USDT",
    "type": "limit",
    "side": "buy",
    "amount": "0.00009",
    "price": "61000.3",
    "time_in_force": "poc",
    "left": "0.00009",
    "filled_amount": "0",
    "fill_price": "0",
    "filled_total": "0",
    "finish_as": "open",
}

DECODERS = {
    "order": codec.decode_order,
    "orders": codec.decode_orders,
    "open orders": codec.decode_open_orders,
    "trades": codec.decode_trades,
    "trigger": codec.decode_trigger,
    "triggers": codec.decode_triggers,
    "armed trigger": codec.decode_armed,
    "account_book": codec.decode_account_book,
    "balances": lambda body: codec.decode_balances(body, TimeNs(0)),
    "rules": codec.decode_rules,
    "all rules": codec.decode_all_rules,
    "book": lambda body: codec.decode_book(body, Pair("BTC_USDT"), TimeNs(0)),
    "time": codec.decode_time,
    "countdown": codec.decode_countdown,
    "error": codec.decode_error,
}


def order(**changes):
    return codec.decode_order(json.dumps(RESTING | changes).encode())


def fixture(method, row=0):
    if not FIXTURES.exists():
        pytest.skip("the shared answer vectors are not beside this checkout")
    answer = json.loads(FIXTURES.read_text())["methods"][method][row]["httpResponse"]
    return json.dumps(answer).encode()


def test_a_resting_order_is_read_member_by_member():
    report = order()
    assert report.client_order_id == "t-gh-17"
    assert report.venue_order_id == "700604309511"
    assert report.quantity == Decimal("0.00009")
    assert report.price == Decimal("61000.3")
    assert report.time_in_force is TimeInForce.POC
    assert report.open
    assert report.finish_as == "open"
    assert report.event_time_ns == 1_729_180_336_719_000_000


def test_a_partly_filled_ioc_is_over_and_keeps_what_it_filled():
    report = order(
        status="cancelled",
        finish_as="ioc",
        left="0.00005",
        filled_amount="0.00004",
        filled_total="2.44",
    )
    assert not report.open
    assert report.finish_as == "ioc"
    assert report.filled_quantity == Decimal("0.00004")
    assert report.filled_notional == Decimal("2.44")


@pytest.mark.parametrize("status", ["cancelled", "canceled", "closed"])
def test_every_spelling_of_an_ended_order_is_over(status):
    assert not order(status=status, finish_as="cancelled").open


def test_without_filled_amount_the_filled_base_is_what_is_no_longer_left():
    row = {name: value for name, value in RESTING.items() if name != "filled_amount"}
    report = codec.decode_order(json.dumps(row | {"left": "0.00002"}).encode())
    assert report.filled_quantity == Decimal("0.00007")


def test_a_kind_of_order_gate_may_add_is_seen_rather_than_lost():
    report = order(type="limit_rpi", time_in_force="rpi")
    assert report.order_type is OrderType.LIMIT
    assert report.time_in_force is TimeInForce.GTC


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "melted"},
        {"side": "s" * 100_000},
        {"status": None},
        {"amount": "lots"},
        {"amount": "NaN"},
        {"amount": "1E+999999"},
        {"price": "Infinity"},
        {"side": "both"},
        {"update_time_ms": -5},
        {"update_time_ms": 1e300},
        {"id": None},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_an_order_that_makes_no_sense_is_malformed(changes):
    with pytest.raises(VenueMalformed) as caught:
        order(**changes)
    assert len(str(caught.value)) < 1000


def test_the_real_market_buy_counts_quote_as_amount_and_base_as_filled():
    [report] = codec.decode_orders(fixture("fetchClosedOrders"))
    assert report.order_type is OrderType.MARKET
    assert report.quantity == Decimal("5.0")  # quote units
    assert report.filled_notional == Decimal("4.998985")
    assert report.filled_quantity == Decimal("4.998985") / Decimal("68.02")
    assert not report.open
    assert report.finish_as == "filled"


def test_the_real_open_orders_come_with_their_number():
    page = codec.decode_open_orders(fixture("fetchOpenOrders"))
    [report] = page.orders
    assert page.total == page.rows_max == 1
    assert report.open
    assert report.side is Side.SELL
    assert report.client_order_id == "web"


def test_the_real_fill_of_a_buy_paid_its_fee_in_base():
    [trade] = codec.decode_trades(fixture("fetchMyTrades"))
    assert trade.trade_id == "7342180137"
    assert trade.role is Role.TAKER
    assert (trade.fee, trade.fee_currency) == (Decimal("0.00005"), "LTC")
    assert trade.gt_fee == trade.point_fee == 0
    assert trade.event_time_ns == 1_706_382_263_841_325_000


def test_a_fee_paid_in_gt_takes_nothing_off_the_base():
    row = {
        "id": "1",
        "order_id": "2",
        "currency_pair": "BTC_USDT",
        "side": "buy",
        "role": "maker",
        "amount": "1",
        "price": "2",
        "fee": "0",
        "fee_currency": "",
        "gt_fee": "0.003",
        "create_time_ms": "1706382263841.325000",
    }
    [trade] = codec.decode_trades(json.dumps([row]).encode())
    assert trade.fee == 0
    assert trade.gt_fee == Decimal("0.003")


WAITING = {
    "id": 1283293,
    "user": 1234,
    "market": "BTC_USDT",
    "trigger": {"price": "60000", "rule": "<=", "expiration": 2600123},
    "put": {
        "type": "limit",
        "side": "sell",
        "price": "59400",
        "amount": "0.00010000000000000000",
        "account": "normal",
        "time_in_force": "ioc",
    },
    "ctime": 1616397800,
    "status": "open",
}


def a_trigger(**changes):
    [report] = codec.decode_triggers(json.dumps([WAITING | changes]).encode())
    return report


def test_a_price_order_that_waits_is_read_member_by_member():
    report = a_trigger()
    assert report.venue_trigger_id == "1283293"
    assert (report.pair, report.side, report.rule.value) == ("BTC_USDT", Side.SELL, "<=")
    assert (report.trigger_price, report.price) == (60000, 59400)
    assert (report.quantity, report.expiration_s) == (Decimal("0.0001"), 2600123)
    assert (report.status, report.fired_order_id) == (TriggerStatus.OPEN, None)
    assert (report.created_at_ns, report.ended_at_ns) == (1616397800 * 10**9, 0)


@pytest.mark.parametrize("fired", [7, "7"], ids=repr)
def test_a_price_order_that_fired_names_its_order(fired):
    report = a_trigger(status="finish", ftime=1616397900, fired_order_id=fired)
    assert (report.status, report.fired_order_id) == (TriggerStatus.FIRED, "7")
    assert report.ended_at_ns == 1616397900 * 10**9


@pytest.mark.parametrize("status", ["cancelled", "canceled"])
def test_both_spellings_of_a_cancelled_price_order_are_read(status):
    report = a_trigger(status=status, ftime=1616397900, fired_order_id=0)
    assert (report.status, report.fired_order_id) == (TriggerStatus.CANCELLED, None)


def test_a_status_nobody_knows_is_malformed_rather_than_guessed():
    with pytest.raises(VenueMalformed):
        a_trigger(status="paused")


def test_the_real_clock_is_read():
    assert codec.decode_time(fixture("fetchTime")) == 1_731_448_079_476_000_000


def test_balances_carry_the_time_they_were_asked_for():
    body = b'[{"currency":"USDT","available":"10.5","locked":"1","update_id":7}]'
    [balance] = codec.decode_balances(body, TimeNs(42))
    assert (balance.available, balance.locked, balance.event_time_ns) == (
        Decimal("10.5"),
        Decimal(1),
        42,
    )


def test_all_pairs_of_the_real_list_give_rules():
    if not PAIRS.exists():
        pytest.skip("the shared list of pairs is not beside this checkout")
    rows = json.loads(gzip.decompress(PAIRS.read_bytes()))["data"]
    rules = codec.decode_all_rules(json.dumps(rows).encode())
    assert len(rules) == len(rows) == 1458
    by_pair = {rule.pair: rule for rule in rules}
    aleph = by_pair[Pair("ALEPH_USDT")]
    assert (aleph.price_decimals, aleph.quantity_decimals) == (4, 3)
    assert aleph.notional_min == 1
    assert aleph.fee_rate == Decimal("0.002")
    assert aleph.tradable == frozenset(Side)


@pytest.mark.parametrize(
    ("status", "sides"),
    [
        ("tradable", {Side.BUY, Side.SELL}),
        ("buyable", {Side.BUY}),
        ("sellable", {Side.SELL}),
        ("untradable", set()),
        ("something new", set()),
    ],
)
def test_the_trade_status_says_which_sides_are_taken(status, sides):
    row = {
        "id": "A_B",
        "base": "A",
        "quote": "B",
        "precision": 2,
        "amount_precision": 3,
        "trade_status": status,
        "max_base_amount": None,
        "max_quote_amount": "0",
    }
    rules = codec.decode_rules(json.dumps(row).encode())
    assert rules.tradable == sides
    assert rules.quantity_max is None
    assert rules.notional_max is None


def test_when_a_pair_opens_and_ends_and_how_far_it_goes_is_read():
    row = {
        "id": "A_B",
        "base": "A",
        "quote": "B",
        "precision": 2,
        "amount_precision": 3,
        "trade_status": "tradable",
        "buy_start": 1_700_000_000,
        "sell_start": 0,
        "delisting_time": 1_800_000_000,
        "up_rate": "0.1",
        "down_rate": "",
        "market_order_max_stock": None,
        "max_market_order_stock": "7",
        "market_order_max_money": "0",
    }
    rules = codec.decode_rules(json.dumps(row).encode())
    assert rules.opens_at_ns == {Side.BUY: 1_700_000_000_000_000_000}
    assert rules.delisted_at_ns == 1_800_000_000_000_000_000
    assert (rules.up_rate, rules.down_rate) == (Decimal("0.1"), None)
    assert rules.market_quantity_max == 7
    assert rules.market_notional_max is None
    del row["delisting_time"]
    assert codec.decode_rules(json.dumps(row).encode()).delisted_at_ns is None


A_KEY = {
    "state": 1,
    "currency_pairs": ["BTC_USDT"],
    "ip_whitelist": None,
    "perms": [{"name": "spot", "read_only": False}, {"name": "wallet", "read_only": True}],
}


@pytest.mark.parametrize("told", [A_KEY, [A_KEY]], ids=["object", "array"])
def test_what_a_key_may_do_is_read(told):
    rights = codec.decode_key_rights(json.dumps(told).encode())
    assert rights == KeyRights(
        acts_in=frozenset({"spot"}),
        looks_at=frozenset({"wallet"}),
        is_active=True,
        pairs=(Pair("BTC_USDT"),),
    )


def test_a_locked_key_and_one_of_several_are_told_apart():
    locked = codec.decode_key_rights(json.dumps(A_KEY | {"state": 2}).encode())
    assert locked is not None
    assert not locked.is_active
    assert codec.decode_key_rights(json.dumps([A_KEY, A_KEY]).encode()) is None


def test_every_real_snapshot_decodes_best_level_first():
    if not CAPTURE.exists():
        pytest.skip("the shared capture is not beside this checkout")
    lines = [json.loads(line) for line in gzip.decompress(CAPTURE.read_bytes()).splitlines()]
    snapshots = [line for line in lines if line["dir"] == "rest"]
    assert len(snapshots) == 10
    for line in snapshots:
        book = codec.decode_book(json.dumps(line["data"]).encode(), Pair("A_B"), TimeNs(1))
        assert book.last_id == line["data"]["id"]
        assert list(book.bids) == sorted(book.bids, reverse=True)
        assert list(book.asks) == sorted(book.asks)
        assert book.bids[0][0] < book.asks[0][0]
        assert repr(book.bids[0][0]) == repr(float(line["data"]["bids"][0][0]))


@pytest.mark.parametrize("price", ["nan", "inf", "-1", "", None, "1e999"])
def test_a_level_that_is_no_price_makes_the_book_malformed(price):
    body = {"id": 1, "current": 1, "update": 1, "asks": [[price, "1"]], "bids": []}
    with pytest.raises(VenueMalformed):
        codec.decode_book(json.dumps(body).encode(), Pair("A_B"), TimeNs(0))


def test_an_error_gives_its_label_and_older_ones_their_detail():
    assert codec.decode_error(b'{"label":"A","message":"b"}') == ("A", "b")
    assert codec.decode_error(b'{"label":"A","detail":"c"}') == ("A", "c")
    assert codec.decode_error(b'{"id":"7"}')[0] == ""


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*RESTING, "asks", "bids", "server_time", "label", "trigger", "put"]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("what", DECODERS)
@given(body=st.binary(max_size=200) | json_values.map(lambda v: json.dumps(v).encode()))
def test_any_bytes_decode_or_are_malformed(what, body):
    try:
        DECODERS[what](body)
    except VenueMalformed as error:
        assert len(str(error)) < 2000  # noqa: PT017 - decoding is allowed too


@given(changes=st.dictionaries(st.sampled_from([*RESTING, "event", "avg_deal_price"]), json_values))
def test_any_order_with_members_changed_decodes_or_is_malformed(changes):
    try:
        order(**changes)
    except VenueMalformed as error:
        assert len(str(error)) < 2000  # noqa: PT017 - decoding is allowed too


def test_deep_nesting_is_malformed_not_a_crash():
    with pytest.raises(VenueMalformed):
        codec.decode_order(b"[" * 200_000)
