"""Only what is proven not to have happened is refused; the rest is unknown."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.gate.outcomes import failure
from state.messages.venue import Refused, Unknown


def body(label, message="m"):
    return json.dumps({"label": label, "message": message}).encode()


@pytest.mark.parametrize(
    ("status", "label"),
    [
        (400, "BALANCE_NOT_ENOUGH"),
        (400, "INVALID_PARAM_VALUE"),
        (400, "POC_FILL_IMMEDIATELY"),
        (401, "INVALID_KEY"),
        (403, "REQUEST_EXPIRED"),
        (404, "ORDER_NOT_FOUND"),
        (429, "TOO_MANY_REQUESTS"),
        (200, "FORBIDDEN"),
    ],
)
def test_a_label_that_proves_it_did_not_happen_is_a_refusal(status, label):
    assert failure(status, body(label)) == Refused(label=label, message="m", status=status)


def test_a_429_of_a_proxy_is_a_refusal_though_it_has_no_label():
    outcome = failure(429, b"<html>slow down</html>")
    assert isinstance(outcome, Refused)
    assert outcome.label == "TOO_MANY_REQUESTS"


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (500, body("INTERNAL")),
        (502, b"<html>bad gateway</html>"),
        (503, body("TOO_BUSY")),
        (504, body("SERVER_TIMEOUT")),
        (500, body("BALANCE_NOT_ENOUGH")),
        (400, body("SERVER_ERROR")),
        (200, body("INTERNAL")),
        (400, body("REPEATED_CREATION")),
        (404, b"<html>not here</html>"),
        (400, b""),
        (408, body("INVALID_PROTOCOL")),
        (302, b""),
        (101, b""),
    ],
)
def test_what_proves_nothing_is_unknown(status, content):
    assert isinstance(failure(status, content), Unknown)


@pytest.mark.parametrize(
    "content", [b"{}", b"[]", b'{"id":"1"}', b'{"label":""}', b'[{"label":""}]']
)
def test_a_success_is_no_failure(content):
    assert failure(200, content) is None


def test_a_sentence_without_end_is_cut():
    outcome = failure(400, body("L" * 1000, "m" * 1_000_000))
    assert isinstance(outcome, Refused)
    assert len(outcome.label) + len(outcome.message) < 1000


@given(status=st.integers(500, 599), content=st.binary(max_size=100))
def test_no_body_turns_a_server_error_into_a_refusal(status, content):
    assert isinstance(failure(status, content), Unknown)
