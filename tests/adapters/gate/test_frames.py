"""Gate's WebSocket frames decode exactly, and any other bytes raise `VenueMalformed` only."""

import gzip
import json
from math import isnan
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.market.validation import Inspector
from adapters.gate import frames
from adapters.gate.frames import Acknowledged, Notice, Pushed
from adapters.gate.signing import Credentials, channel_signature
from state.config.measures import ValidationSettings
from state.config.secret import Secret
from state.errors import VenueMalformed
from state.messages.market import BookDelta, CandleSeen, TickerSeen, Timeframe, TradePrinted
from state.values import Pair, Side, TimeNs

DATA = Path(__file__).parents[3].parent / "shared" / "data"
CAPTURE = DATA / "l2" / "gateio_spot_ws_rest_20210422.jsonl.gz"
SEEN = TimeNs(99)

ORDER = {
    "id": "30784435",
    "user": 1,
    "text": "t-gh-1",
    "create_time": "1605175506",
    "create_time_ms": "1605175506123",
    "update_time": "1605175507",
    "update_time_ms": "1605175507456",
    "event": "put",
    "currency_pair": "BTC_USDT",
    "type": "limit",
    "account": "spot",
    "side": "sell",
    "amount": "1",
    "price": "10001",
    "time_in_force": "gtc",
    "left": "1",
    "filled_total": "0",
    "filled_amount": "0",
    "finish_as": "open",
}
FILL = {
    "id": 5736713,
    "user_id": 1000001,
    "order_id": "30784428",
    "currency_pair": "BTC_USDT",
    "create_time": 1605176741,
    "create_time_ms": "1605176741123.456",
    "side": "buy",
    "amount": "1.00000000",
    "role": "taker",
    "price": "10000.00000000",
    "fee": "0.00200000000000",
    "fee_currency": "BTC",
    "point_fee": "0",
    "gt_fee": "0",
    "text": "t-gh-2",
}
BALANCE = {
    "timestamp": "1667556323",
    "timestamp_ms": "1667556323730",
    "user": "1000001",
    "currency": "USDT",
    "change": "0",
    "total": "222244.3827652",
    "available": "222244.38",
    "freeze": "5",
    "freeze_change": "5.000000",
    "change_type": "order-create",
}


def push(channel, result, **members):
    frame = {"time": 1700000000, "channel": channel, "event": "update", "result": result}
    return json.dumps(frame | members).encode()


def market(channel, result, **members):
    return frames.decode_market(pushed(push(channel, result, **members)), SEEN)


def account(channel, result):
    return frames.decode_account(pushed(push(channel, result)))


def pushed(data):
    frame = frames.decode_frame(data)
    assert isinstance(frame, Pushed)
    return frame


def test_every_frame_of_the_real_capture_decodes():
    if not CAPTURE.exists():
        pytest.skip("the shared capture is not beside this checkout")
    lines = [json.loads(line) for line in gzip.decompress(CAPTURE.read_bytes()).splitlines()]
    counts: dict[type, int] = {}
    for line in lines:
        if line["dir"] != "ws_in":
            continue
        frame = frames.decode_frame(json.dumps(line["data"]).encode())
        if isinstance(frame, Pushed):
            kind: type = type(frames.decode_market(frame, SEEN))
        else:
            assert isinstance(frame, Acknowledged)
            assert frame.error is None
            kind = Acknowledged
        counts[kind] = counts.get(kind, 0) + 1
    assert counts == {
        Acknowledged: 22,
        BookDelta: 172,
        TradePrinted: 9,
        TickerSeen: 22,
        CandleSeen: 14,
    }


def test_a_book_update_keeps_ids_and_the_exchanges_decimals():
    delta = market(
        frames.BOOK,
        {"t": 1606294781123, "e": "depthUpdate", "E": 1606294781, "s": "BTC_USDT", "U": 48776301,
         "u": 48776306, "b": [["19137.74", "0.0001"], ["19088.37", "0"]], "a": []},
    )  # fmt: skip
    assert delta == BookDelta(
        pair=Pair("BTC_USDT"),
        event_time_ns=TimeNs(1_606_294_781_123_000_000),
        seen_time_ns=SEEN,
        first_id=48776301,
        last_id=48776306,
        bids=((19137.74, 0.0001), (19088.37, 0.0)),
        asks=(),
    )


def test_a_full_push_may_leave_out_where_it_begins():
    delta = market(frames.BOOK, {"t": 1, "s": "A_B", "u": 7, "full": True, "b": None, "a": []})
    assert (delta.first_id, delta.last_id, delta.full) == (7, 7, True)


@pytest.mark.parametrize("event", [{"event": "update"}, {"event": ""}, {}])
def test_a_book_of_obu_is_read_with_or_without_its_event(event):
    whole = {"t": 5, "full": True, "s": "ob.BTC_USDT.50", "u": 7, "b": [["1", "2"]], "a": []}
    change = {"t": 6, "s": "ob.BTC_USDT.50", "U": 8, "u": 9, "b": [], "a": [["3", "0"]]}
    deltas = []
    for result in (whole, change):
        frame = {"time": 1, "channel": frames.OBU, "result": result} | event
        pushed = frames.decode_frame(json.dumps(frame).encode())
        assert isinstance(pushed, Pushed)
        delta = frames.decode_market(pushed, SEEN)
        assert isinstance(delta, BookDelta)
        deltas.append(delta)
    assert [(one.pair, one.first_id, one.last_id, one.full) for one in deltas] == [
        ("BTC_USDT", 7, 7, True),
        ("BTC_USDT", 8, 9, False),
    ]
    assert (deltas[0].bids, deltas[1].asks) == (((1.0, 2.0),), ((3.0, 0.0),))


@pytest.mark.parametrize("name", ["BTC_USDT", "ob.BTC_USDT", "xx.BTC_USDT.50", "ob.BTC_USDT.x"])
def test_a_book_of_obu_without_its_streams_name_cannot_be_read(name):
    with pytest.raises(VenueMalformed):
        market(frames.OBU, {"t": 1, "s": name, "U": 1, "u": 1, "b": [], "a": []})


def test_a_trade_keeps_its_microseconds():
    trade = market(
        frames.TRADES,
        {"id": 309143071, "create_time": 1606292218, "create_time_ms": "1606292218213.4578",
         "side": "sell", "currency_pair": "GT_USDT", "amount": "16.47", "price": "0.4705"},
    )  # fmt: skip
    assert trade.event_time_ns == 1_606_292_218_213_457_800
    assert (trade.taker, trade.price, trade.quantity) == (Side.SELL, 0.4705, 16.47)


def test_a_ticker_without_a_bid_has_no_bid_price():
    ticker = market(
        frames.TICKERS,
        {"currency_pair": "A_B", "last": "2", "lowest_ask": "3", "highest_bid": ""},
        time_ms=1_700_000_000_123,
    )
    assert isnan(ticker.bid)
    assert ticker.ask == 3
    assert ticker.event_time_ns == 1_700_000_000_123_000_000


def test_a_candle_tells_base_from_quote_volume():
    candle = market(
        frames.CANDLES,
        {"t": "1606292580", "v": "2362.32035", "c": "19128.1", "h": "19128.1", "l": "19128",
         "o": "19128", "n": "1m_BTC_USDT", "a": "3.8283", "w": True},
    )  # fmt: skip
    assert (candle.pair, candle.timeframe) == ("BTC_USDT", Timeframe.M1)
    assert (candle.base_volume, candle.quote_volume) == (3.8283, 2362.32035)
    assert candle.closed
    assert candle.open_time_ns == 1_606_292_580_000_000_000


@pytest.mark.parametrize(("event", "rests"), [("put", True), ("update", True), ("finish", False)])
def test_the_event_of_an_order_push_says_whether_it_rests(event, rests):
    [report] = account(frames.ORDERS, [ORDER | {"event": event, "finish_as": "filled"}])
    assert report.open is rests
    assert report.finish_as == ("open" if rests else "filled")
    assert report.event_time_ns == 1_605_175_507_456_000_000


def test_a_fill_push_is_the_same_fill_that_rest_tells():
    [trade] = account(frames.OWN_TRADES, [FILL])
    assert trade.trade_id == "5736713"
    assert trade.client_order_id == "t-gh-2"
    assert trade.event_time_ns == 1_605_176_741_123_456_000


def test_a_balance_push_gives_absolute_amounts():
    [balance] = account(frames.BALANCES, [BALANCE])
    assert (str(balance.available), str(balance.locked)) == ("222244.38", "5")
    assert balance.event_time_ns == 1_667_556_323_730_000_000


def test_an_acknowledgement_is_judged_by_its_error_not_by_its_result():
    good = {"time": 1, "id": 7, "channel": "spot.trades", "event": "subscribe", "error": None}
    bad = good | {"error": {"code": 2, "message": "unknown currency pair: NOPE_NOPE"}}
    assert frames.decode_frame(json.dumps(good | {"result": {"status": "fail"}}).encode()) == (
        Acknowledged(channel="spot.trades", event="subscribe", request_id=7, error=None)
    )
    refused = frames.decode_frame(json.dumps(bad | {"result": {"status": "success"}}).encode())
    assert isinstance(refused, Acknowledged)
    assert refused.error == "code 2: unknown currency pair: NOPE_NOPE"


@pytest.mark.parametrize(
    "frame",
    [{"type": "upgrade", "msg": "soon"}, {"event": "upgrade", "channel": ""}],
    ids=str,
)
def test_both_spellings_of_the_upgrade_notice_are_understood(frame):
    assert frames.decode_frame(json.dumps(frame).encode()) is Notice.UPGRADE


def test_a_pong_is_no_data():
    pong = b'{"time":1,"channel":"spot.pong","event":"","error":null,"result":null}'
    assert frames.decode_frame(pong) is Notice.OTHER


def test_a_private_subscription_is_signed_over_its_own_time():
    frame = json.loads(
        frames.encode_request(
            channel="spot.orders",
            event="subscribe",
            time_s=1_700_000_000,
            request_id=3,
            payload=("!all",),
            credentials=Credentials(key=Secret("k"), secret=Secret("s")),
        )
    )
    sign = channel_signature("s", channel="spot.orders", event="subscribe", time_s=1_700_000_000)
    assert frame == {
        "time": 1_700_000_000,
        "id": 3,
        "channel": "spot.orders",
        "event": "subscribe",
        "payload": ["!all"],
        "auth": {"method": "api_key", "KEY": "k", "SIGN": sign},
    }


@pytest.mark.parametrize(
    ("channel", "result"),
    [
        (frames.BOOK, {"t": 1, "s": "A_B", "U": 1, "u": 1, "b": [["x", "1"]], "a": []}),
        (frames.BOOK, {"t": 1, "s": "A_B", "U": 1, "u": 1, "b": [["1"]], "a": []}),
        (frames.BOOK, {"t": 2**62, "s": "A_B", "U": 1, "u": 1, "b": [], "a": []}),
        (frames.TRADES, {"id": 1, "currency_pair": "A_B"}),
        (frames.CANDLES, {"t": "1", "n": "7m_A_B", "o": 1, "h": 1, "l": 1, "c": 1, "v": 1}),
        (frames.TICKERS, []),
        ("spot.something", {}),
    ],
    ids=str,
)
def test_a_push_that_makes_no_sense_is_malformed(channel, result):
    with pytest.raises(VenueMalformed):
        market(channel, result)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*ORDER, *FILL, *"stuUbaonvchlw"]), inner, max_size=6)
    ),
    max_leaves=10,
)
CHANNELS = [frames.BOOK, frames.TRADES, frames.TICKERS, frames.CANDLES]
PRIVATE = [frames.ORDERS, frames.OWN_TRADES, frames.BALANCES]


@given(st.binary(max_size=200) | anything.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_frame_or_malformed(data):
    try:
        frame = frames.decode_frame(data)
    except VenueMalformed:
        return
    assert isinstance(frame, Acknowledged | Pushed | Notice)


@given(channel=st.sampled_from(CHANNELS + PRIVATE), result=anything, time_ns=st.integers())
def test_any_push_decodes_or_is_malformed(channel, result, time_ns):
    raw = msgspec.Raw(json.dumps(result).encode())
    push = Pushed(channel=channel, time_ns=TimeNs(time_ns), result=raw)
    try:
        if channel in PRIVATE:
            frames.decode_account(push)
        else:
            frames.decode_market(push, SEEN)
    except VenueMalformed as error:
        assert len(str(error)) < 2000  # noqa: PT017 - decoding is allowed too


@pytest.mark.parametrize("level", [["nan", "1"], ["-1", "1"], ["1", "inf"], ["1", "-0.1"]])
def test_levels_that_cannot_be_are_read_and_objected_to_by_whoever_follows_the_book(level):
    """Bounds would cost the decoder as much as all the rest; the feed looks at each level."""
    row = {"t": 1, "s": "A_B", "U": 1, "u": 1, "b": [level], "a": []}
    delta = market(frames.BOOK, row)
    inspector = Inspector(Pair("A_B"), ValidationSettings(), lambda: 0, lambda: TimeNs(1))
    assert inspector.objection(delta)
