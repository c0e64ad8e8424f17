"""What happens between us and the exchange: an answer claims no more than it knows.

The faults are the simulated exchange's catalogue; each strikes the next placement.
"""

import pytest

from adapters.simulated.faults import FaultName, FaultOrder
from state.messages.market import StreamOpened
from state.messages.venue import FetchOrder, FetchTime, OrderReport, Refused, Succeeded, Unknown
from state.values import NS_PER_MS
from tests.contracts.orders import BTC, only, placement
from tests.contracts.worlds import TIMEOUT_S, ask, inbox, let_pass

TOO_LATE_MS = int(TIMEOUT_S * 1000) + 2000


def strike(fault, delay_ms=None):
    return FaultOrder(fault=fault, match="POST /spot/orders", occurrences=(1,), delay_ms=delay_ms)


def is_there(world, request):
    """Return whether the exchange knows the order of `request`."""
    question = FetchOrder(pair=BTC, client_order_id=request.client_order_id, venue_order_id=None)
    found = ask(world, question)
    if isinstance(found, Refused):
        assert found.label == "ORDER_NOT_FOUND"
        return False
    return only(Succeeded, found).orders[0].open


@pytest.mark.parametrize(
    ("fault", "delay_ms", "lives"),
    [
        (FaultName.REQUEST_LOST, None, False),
        (FaultName.ANSWER_LOST, None, True),
        (FaultName.ANSWER_LATE, TOO_LATE_MS, True),
        (FaultName.SERVER_ERROR, None, False),
        (FaultName.SERVER_ERROR_ACCEPTED, None, True),
    ],
)
def test_without_an_answer_the_outcome_is_unknown_and_a_question_settles_it(
    world, fault, delay_ms, lives
):
    request = placement(world)
    world.set_faults(strike(fault, delay_ms))
    assert isinstance(ask(world, request), Unknown)
    assert is_there(world, request) is lives


def test_a_request_that_comes_late_may_still_happen_before_its_expiry(world):
    told = inbox(world)
    world.account.open(told)
    told.wait_for(StreamOpened)
    request = placement(world, expires_in_s=60)
    world.set_faults(strike(FaultName.REQUEST_LATE, TOO_LATE_MS))
    assert isinstance(ask(world, request), Unknown)
    assert not is_there(world, request)
    assert told.wait_for(OrderReport).client_order_id == request.client_order_id
    assert is_there(world, request)


def test_a_request_that_comes_after_its_expiry_never_happens(world):
    request = placement(world, expires_in_s=TIMEOUT_S / 2)
    world.set_faults(strike(FaultName.REQUEST_LATE, TOO_LATE_MS))
    assert isinstance(ask(world, request), Unknown)
    let_pass(world, world.now_ns() + (TOO_LATE_MS + 500) * NS_PER_MS)
    assert not is_there(world, request)


def test_too_many_requests_is_a_refusal(world):
    request = placement(world)
    world.set_faults(strike(FaultName.RATE_LIMITED))
    refused = only(Refused, ask(world, request))
    assert (refused.label, refused.status) == ("TOO_MANY_REQUESTS", 429)
    assert not is_there(world, request)


def test_an_answer_that_comes_too_late_is_not_a_second_answer(world):
    request = placement(world)
    world.set_faults(strike(FaultName.ANSWER_LATE, TOO_LATE_MS))
    answers = inbox(world)
    world.exchange.request(request, answers)
    let_pass(world, world.now_ns() + (TOO_LATE_MS + 500) * NS_PER_MS)
    [answer] = answers.messages
    assert isinstance(answer.outcome, Unknown)


def test_a_question_without_an_answer_is_unknown_too(world):
    world.set_faults(FaultOrder(fault=FaultName.ANSWER_LOST, match="/spot/time", occurrences=(1,)))
    request = FetchTime(asked_at_ns=world.now_ns())
    assert isinstance(ask(world, request), Unknown)
    assert isinstance(ask(world, request), Succeeded)
