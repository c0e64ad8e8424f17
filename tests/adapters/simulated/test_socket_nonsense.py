"""Whatever a client says over its socket, it is answered or refused, and nothing breaks."""

import contextlib
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.simulated.core.invariants import broken_invariants
from adapters.simulated.server.channels import CHANNELS
from adapters.simulated.server.signing import call_signature
from adapters.simulated.server.socket_protocol import SocketProtocol
from state.errors import VenueRefused
from state.values import NS_PER_S, Side
from tests.adapters.simulated.venues import NOON, PAIR, a_venue, street

CALLS = (
    "spot.login",
    "spot.order_place",
    "spot.order_cancel",
    "spot.order_cancel_ids",
    "spot.order_cancel_cp",
    "spot.order_amend",
    "spot.order_status",
    "spot.order_list",
)
SPOKEN = [PAIR, "!all", "ob.ABC_USDT.50", "100ms", "1m", "en", "buy", "1e999999", "t-1"]
FLAT = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(SPOKEN),
)
VALUES = st.one_of(
    FLAT,
    st.lists(st.sampled_from(SPOKEN) | FLAT, max_size=3),
    st.dictionaries(st.text(max_size=8), FLAT | st.lists(FLAT, max_size=2), max_size=3),
)
WORDS: dict[str, list[Any]] = {
    "account": ["spot", "margin", ""],
    "type": ["limit", "market"],
    "time_in_force": ["gtc", "ioc", "poc", "fok"],
    "text": ["t-1", "t-", "x"],
    "iceberg": ["0.5", "-1"],
    "id": ["t-1", "700000000001"],
    "status": ["open", "finished"],
    "page": [0, 1, "x"],
    "limit": [0, 5, 10**30],
    "from": [0, 10**15],
}
ORDERS = st.fixed_dictionaries(
    {
        "currency_pair": st.just(PAIR),
        "side": st.sampled_from(["buy", "sell"]),
        "amount": st.sampled_from(["1", "0.5", 2, "-1", "1e30", "NaN"]),
        "price": st.sampled_from(["100", 99.5, "102", "0", "1e-30"]),
        "order_id": st.sampled_from(["t-1", "700000000001", 700000000002]),
    },
    optional={name: st.sampled_from(words) for name, words in WORDS.items()},
)
NONSENSE = st.lists(ORDERS, max_size=3) | VALUES
PARAMETERS = st.booleans().flatmap(lambda order: ORDERS if order else NONSENSE)


def a_protocol():
    venue = a_venue()
    street(venue, Side.BUY, "99", "50")
    street(venue, Side.SELL, "101", "50")
    return venue, SocketProtocol(venue, 1, "somewhere")


@given(st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_answered(said):
    _, protocol = a_protocol()
    decision = protocol.decide(said, NOON)
    assert decision.reply is None or isinstance(json.loads(decision.reply), dict)


@given(
    st.sampled_from([*CHANNELS, *CALLS, "spot.nope"]),
    st.sampled_from(["subscribe", "unsubscribe", "api", "", "update"]),
    VALUES,
    VALUES,
)
def test_any_payload_is_answered_with_its_id(channel, event, payload, number):
    _, protocol = a_protocol()
    message = {"time": 1, "id": number, "channel": channel, "event": event, "payload": payload}
    decision = protocol.decide(json.dumps(message), NOON)
    if decision.asked is not None:
        return
    assert decision.reply is not None
    answer = json.loads(decision.reply)
    assert "header" in answer if event == "api" else answer["id"] == number
    for topic in decision.subscribe:
        assert all(isinstance(part, str) for part in topic)


@settings(max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(CALLS[1:]), PARAMETERS), max_size=4))
def test_any_call_is_answered_or_refused_and_no_unit_is_lost(calls):
    venue, protocol = a_protocol()
    stamp = str(NOON // NS_PER_S)
    signed = {
        "api_key": "alice-key",
        "timestamp": stamp,
        "signature": call_signature("alice-secret", "spot.login", b"", stamp),
    }
    said = {"channel": "spot.login", "event": "api", "payload": signed}
    assert json.loads(protocol.decide(json.dumps(said), NOON).reply)["header"]["status"] == "200"
    for channel, parameters in calls:
        payload = {"req_id": "r", "req_param": parameters}
        said = {"channel": channel, "event": "api", "payload": payload}
        asked = protocol.decide(json.dumps(said), NOON).asked
        assert asked is not None
        with contextlib.suppress(VenueRefused):
            json.dumps(asked.route.handler(protocol.api.arrive(asked, NOON)))
    assert broken_invariants(venue) == []
