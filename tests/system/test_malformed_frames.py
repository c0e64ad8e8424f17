"""An exchange that talks nonsense: it costs a connection, never an actor, an order or a unit."""

import json
import threading

import pytest

from scripts.proofs.agreement import agreement
from scripts.proofs.processes import ACTIVE, SHORT_WINDOWS, Exchange
from tests.system.fault_proxy import FaultProxy, frame

pytestmark = pytest.mark.slow

SETTINGS = (*ACTIVE, *SHORT_WINDOWS, "feed.book_stale_after_s=2")


def changed(payload, **members):
    """Return a push with members of its result replaced; None removes one."""
    message = json.loads(payload)
    result = message["result"] | members
    message["result"] = {name: value for name, value in result.items() if value is not None}
    return json.dumps(message).encode()


NONSENSE = {
    "no JSON": lambda payload: frame(1, payload[: len(payload) // 2]),
    "no object": lambda payload: frame(1, b"[1, 2, 3]"),
    "no channel": lambda payload: frame(1, b'{"time": 1, "event": "update", "result": {}}'),
    "a channel that is a number": lambda payload: frame(1, b'{"channel": 5, "event": "update"}'),
    "no result": lambda payload: frame(
        1, b'{"time":1,"channel":"spot.order_book_update","event":"update","result":null}'
    ),
    "not UTF-8": lambda payload: frame(1, b"\xff\xfe" + payload),
    "binary": lambda payload: frame(2, payload),
    "an unknown opcode": lambda payload: frame(5, payload),
    "reserved bits": lambda payload: frame(1, payload, first=0xF0),
    "masked": lambda payload: bytes([0x81, 0x80 | 5]) + b"mask" + b"hello",
    "far too long": lambda payload: bytes([0x81, 127]) + (1 << 40).to_bytes(8, "big") + payload,
    "cut in the middle": lambda payload: None,
}
LIES = {
    "an id that is text": lambda payload: frame(1, changed(payload, u="many")),
    "no id": lambda payload: frame(1, changed(payload, u=None)),
    "a price that is no number": lambda payload: frame(1, changed(payload, b=[["cheap", "1"]])),
    "a price that is NaN": lambda payload: frame(1, changed(payload, b=[["NaN", "1"]])),
    "a price that is infinite": lambda payload: frame(1, changed(payload, a=[["Infinity", "1"]])),
    "a negative size": lambda payload: frame(1, changed(payload, b=[["1", "-1"]])),
    "a level without a size": lambda payload: frame(1, changed(payload, a=[["1"]])),
    "a crossed book": lambda payload: frame(1, changed(payload, b=[["99999999", "1"]])),
    "ids that go backwards": lambda payload: frame(1, changed(payload, U=9, u=3)),
    "another pair": lambda payload: frame(1, changed(payload, s="NOPE_USDT")),
}


class Strikes:
    """Spoils the next so many pushes of a channel."""

    def __init__(self, proxy, channel, pair):
        self._channel = f'"{channel}"'.encode()
        self._pair = pair.encode()
        self._spoil = bytes
        self._left = 0
        self._lock = threading.Lock()
        self.struck = threading.Event()
        proxy.frames = self._on_frame

    def next(self, spoil, times=1):
        with self._lock:
            self.struck.clear()
            self._spoil, self._left = spoil, times

    def _on_frame(self, one):
        payload = one.payload
        if self._channel not in payload or b'"update"' not in payload:
            return one.whole
        with self._lock:
            if not self._left or self._pair not in payload:
                return one.whole
            self._left -= 1
            if not self._left:
                self.struck.set()
            return self._spoil(payload)


@pytest.fixture
def spoiled(houses, exchanges):
    """Give a house that trades through a proxy, the proxy and the exchange."""
    exchange: Exchange = exchanges(options=["--no-rate-limits"])
    with FaultProxy(exchange.port) as proxy:
        house = houses(exchange=proxy.url, settings=SETTINGS)
        house.until_ready()
        house.until_fills(1)
        yield house, proxy, exchange
        house.close()


def spread_bps(house):
    [pair] = [pair for pair in house.status()["pairs"] if pair["pair"] == "BTC_USDT"]
    return pair["spread_bps"] or 0.0


def until_whole(house, why):
    def whole():
        status = house.status()
        return (
            status is not None
            and status["session"] == "ready"
            and {pair["book"] for pair in status["pairs"]} == {"live"}
        )

    house.until(whole, 60, f"whole again after {why}")


def end_well(house, exchange):
    """Nobody was restarted, no message was lost, and every order and unit is accounted for."""
    restarts = {a["address"]: a["last_error"] for a in house.status()["actors"] if a["restarts"]}
    assert restarts == {}
    assert house.call("metrics")["newest_dead_letters"] == []
    house.call("stop")
    house.until(lambda: house.call("orders", open=True) == [], 60, "no order is open")
    assert house.terminate() == 0
    assert agreement(exchange.url, house.database).findings == ()


@pytest.mark.parametrize("kinds", [NONSENSE, LIES], ids=["nonsense", "lies"])
def test_a_spoiled_book_update_costs_a_new_book_and_nothing_else(spoiled, kinds):
    house, proxy, exchange = spoiled
    strikes = Strikes(proxy, "spot.order_book_update", "BTC_USDT")
    for kind, spoil in kinds.items():
        strikes.next(spoil)
        assert strikes.struck.wait(60), kind
        until_whole(house, kind)
        house.until(lambda: 0 < spread_bps(house) < 100, 30, f"a sane book after {kind}")
    house.until_fills(1)
    end_well(house, exchange)


@pytest.mark.parametrize("channel", ["spot.orders", "spot.usertrades"])
def test_spoiled_news_of_our_orders_lose_no_fill(spoiled, channel):
    house, proxy, exchange = spoiled
    strikes = Strikes(proxy, channel, "")
    for kind, spoil in NONSENSE.items():
        strikes.next(spoil)
        assert strikes.struck.wait(60), kind
    until_whole(house, channel)
    house.until_fills(1)
    end_well(house, exchange)


def test_a_spoiled_answer_over_the_socket_is_searched_for_and_nothing_is_placed_twice(spoiled):
    house, proxy, exchange = spoiled
    kinds = iter(NONSENSE.items())
    over = threading.Event()

    def spoil(one):
        if b'"spot.order_place"' not in one.payload or b'"ack":true' in one.payload:
            return one.whole
        _, change = next(kinds, (None, None))
        if change is None:
            over.set()
            return one.whole
        return change(one.payload)

    proxy.frames = spoil
    house.until(over.is_set, 200, "every kind of nonsense was told")
    until_whole(house, "nonsense over the socket")
    house.until_fills(1)
    end_well(house, exchange)


ANSWERS = {
    "a page": lambda answer: answer.with_body(b"<html>We are upgrading</html>"),
    "half an object": lambda answer: answer.with_body(answer.body[: len(answer.body) // 2]),
    "nothing": lambda answer: answer.with_body(b""),
    "another shape": lambda answer: answer.with_body(b'{"surprise": [1, 2, {"x": null}]}'),
    "not UTF-8": lambda answer: answer.with_body(b"\xff\xfe\xfd"),
    "cut short": lambda answer: answer.whole[: len(answer.head) + len(answer.body) // 2],
    "no HTTP": lambda answer: b"SSH-2.0-OpenSSH_9.2\r\n",
    "a redirect": lambda answer: (
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    ),
    "numbers that are none": lambda answer: answer.with_body(
        answer.body.replace(b'"amount":"', b'"amount":"x').replace(
            b'"available":"', b'"available":"x'
        )
    ),
}


@pytest.mark.parametrize(
    "request_line",
    ["POST /api/v4/spot/orders", "GET /api/v4/spot/accounts", "GET /api/v4/spot/my_trades"],
)
def test_a_spoiled_answer_is_asked_for_again_and_never_believed(spoiled, request_line):
    house, proxy, exchange = spoiled
    kinds = iter(ANSWERS.items())
    over = threading.Event()
    lock = threading.Lock()

    def spoil(answer):
        if not answer.request.startswith(request_line):
            return answer.whole
        with lock:
            _, change = next(kinds, (None, None))
        if change is None:
            over.set()
            return answer.whole
        return change(answer)

    def keep_back(channel):
        proxy.frames = lambda one: b"" if channel in one.payload else one.whole

    if "my_trades" in request_line:
        # Nobody asks for fills that were pushed.
        keep_back(b'"spot.usertrades"')
    elif "POST" in request_line:
        # Orders go over REST where nobody can log in.
        keep_back(b'"spot.login"')
        proxy.cut()
    proxy.answers = spoil
    house.call("reconcile")
    house.until(over.is_set, 100, "every kind of nonsense was told")
    until_whole(house, request_line)
    house.until_fills(1)
    end_well(house, exchange)
