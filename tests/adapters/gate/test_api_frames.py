"""What is signed is what is sent, and every answer is read or named unreadable."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.gate.api_frames import (
    LOGIN,
    PLACE,
    ApiCall,
    decode_answer,
    encode_call,
    encode_parameters,
    request_named,
)
from adapters.gate.rate_limit import HeadRoom
from adapters.gate.signing import api_signature
from state.errors import VenueMalformed
from state.values import NS_PER_MS
from tests.adapters.gate.fake_rest import CREDENTIALS, KEY, SECRET
from tests.adapters.gate.test_signing import P5

NOW_S = 1_700_000_000
W3 = (
    "43705427dc86cf5011bece8628d0ab0fe6d9b591868bfc1148cd73b68566848b"
    "338031ddf7a333ec5a1f054cfa28900a20d6ebc7bf95bce286573fce3c7591d1"
)
W5 = (
    "41d859e37b5300c4b7e789d60e8d05cf07bd050ceff4a8f6f59f356fb5a14187"
    "6cd7183d7ce8a180c7e82e8278fbd4ffe90f5fcf825926e4a62b04d27b59726b"
)


def sent(call):
    """Return the frame of a call as text and decoded."""
    data = encode_call(call, request_id="gh-1", time_s=NOW_S, credentials=CREDENTIALS)
    return data.decode(), json.loads(data)


def test_a_login_is_signed_over_the_empty_text_and_sends_no_parameters():
    _, frame = sent(ApiCall(channel=LOGIN, parameters=b""))
    assert frame == {
        "time": NOW_S,
        "channel": "spot.login",
        "event": "api",
        "payload": {
            "req_id": "gh-1",
            "api_key": KEY,
            "timestamp": str(NOW_S),
            "signature": W3,
        },
    }


def test_the_parameters_are_sent_as_the_very_text_that_is_signed():
    parameters = encode_parameters(json.loads(P5))
    text, frame = sent(ApiCall(channel=PLACE, parameters=parameters, expires_ms=1234))
    assert f'"req_param":{P5}' in text
    assert frame["payload"]["signature"] == W5
    assert frame["payload"]["req_header"] == {"x-gate-exptime": "1234"}


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=4))
def test_whatever_is_asked_the_signature_fits_what_left(members):
    text, frame = sent(ApiCall(channel=PLACE, parameters=encode_parameters(members)))
    raw = msgspec.json.decode(text, type=dict[str, msgspec.Raw])["payload"]
    param = bytes(msgspec.json.decode(raw, type=dict[str, msgspec.Raw])["req_param"]).decode()
    assert json.loads(param) == members
    assert frame["payload"]["signature"] == api_signature(
        SECRET, channel=PLACE, parameters=param, timestamp=str(NOW_S)
    )


def test_an_answer_tells_its_status_its_limits_and_when_it_was_handled():
    header = {
        "status": "200",
        "x_in_time": 1681985856667508,
        "x_out_time": 1681985856667598,
        "x_gate_ratelimit_requests_remain": 9,
        "x_gate_ratelimit_limit": 10,
        "x_gat_ratelimit_reset_timestamp": 1681985856000,
    }
    data = {"request_id": "gh-1", "header": header, "data": {"result": {"id": "7"}}}
    answer = decode_answer(json.dumps(data).encode())
    assert answer is not None
    assert (answer.request_id, answer.is_ack, answer.status) == ("gh-1", False, 200)
    assert json.loads(answer.result) == {"id": "7"}
    assert answer.stamps == {"x_in_time": "1681985856667508", "x_out_time": "1681985856667598"}
    assert answer.head_room(1681985855.5) == HeadRoom(
        limit=10, remaining=9, reset_in_ns=500 * NS_PER_MS
    )


def test_an_error_and_an_acknowledgement_are_told_apart():
    refused = decode_answer(
        b'{"request_id":"gh-1","header":{"status":"400"},'
        b'"data":{"errs":{"label":"BALANCE_NOT_ENOUGH","message":"no"}}}'
    )
    assert refused is not None
    assert (refused.status, refused.label, refused.message) == (400, "BALANCE_NOT_ENOUGH", "no")
    ack = decode_answer(
        b'{"request_id":"gh-1","ack":true,"header":{"status":"200"},"data":{"result":{}}}'
    )
    assert ack is not None
    assert ack.is_ack


def test_a_push_is_no_answer():
    assert decode_answer(b'{"time":1,"channel":"spot.pong","event":"","result":null}') is None


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b'{"request_id":7}', b"[" * 10_000])
def test_what_nobody_can_read_is_malformed(data):
    with pytest.raises(VenueMalformed):
        decode_answer(data)


def test_an_unreadable_answer_still_names_its_call():
    assert request_named(b'{"request_id":"gh-5","header":{"status":"many"}}') == "gh-5"
    assert request_named(b"\xff") == ""
