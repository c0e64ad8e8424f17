"""When "not found" becomes proof: late enough, everywhere, twice in a row, and by fresh answers."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.execution import resolution
from actors.execution.resolution import LOOK_BACK_NS, PASSES_NEEDED, Search
from state.config.settings import OrderSettings
from state.messages.venue import (
    CancelPlaced,
    FetchFinishedOrders,
    FetchOpenOrders,
    FetchOrder,
    FetchTrades,
    Refused,
    Succeeded,
    Unknown,
)
from state.order import Order
from state.values import NS_PER_S, ClientOrderId, TimeNs, VenueOrderId
from tests.actors.examples import BTC, ETH, NOW, a_trade_report, an_order_report
from tests.state.examples import (
    ID,
    a_cancel,
    a_fill,
    a_finish,
    a_rejection,
    an_acceptance,
    an_intent,
    an_unknown,
)

PLACES = (FetchOrder, FetchOpenOrders, FetchFinishedOrders, FetchTrades)
SETTINGS = OrderSettings(expiry_s=5.0, visibility_lag_s=3.0, clock_skew_max_s=1.0)
EXPIRES = TimeNs(NOW + 5 * NS_PER_S)


def an_order(*events, **changes) -> Order:
    order = Order(intent=an_intent(**{"at_ns": NOW, "expires_at_ns": EXPIRES} | changes))
    for event in events:
        order = order.apply(event)
    return order


def a_pass(search: Search, *, conclusive=True, nothing=True, began_ns=100, asked_ns=100) -> Search:
    search = search.began(began_ns, conclusive=conclusive)
    for place in PLACES:
        search = search.heard(place, asked_ns=asked_ns, found_nothing=nothing)
    return search


# Passes.


def test_an_order_is_proven_absent_by_two_conclusive_passes_in_a_row():
    once = a_pass(Search())
    assert not once.proven_absent
    assert a_pass(once).proven_absent


def test_a_pass_that_began_too_early_proves_nothing_however_often():
    search = Search()
    for _ in range(10):
        search = a_pass(search, conclusive=False)
    assert not search.proven_absent


def test_one_inconclusive_pass_begins_the_count_again():
    search = a_pass(a_pass(Search()), conclusive=False)
    assert not a_pass(search).proven_absent
    assert a_pass(a_pass(search)).proven_absent


@pytest.mark.parametrize("place", PLACES)
def test_one_answer_that_says_nothing_spoils_its_pass(place):
    search = a_pass(Search()).began(200, conclusive=True)
    for one in PLACES:
        search = search.heard(one, asked_ns=200, found_nothing=one is not place)
    assert search.empty_passes == 0


@pytest.mark.parametrize("place", PLACES)
def test_a_pass_is_over_only_when_every_place_has_answered(place):
    search = Search().began(100, conclusive=True)
    for one in PLACES:
        if one is not place:
            search = search.heard(one, asked_ns=100, found_nothing=True)
    assert search.under_way
    assert search.empty_passes == 0
    search = search.heard(place, asked_ns=100, found_nothing=True)
    assert not search.under_way
    assert search.empty_passes == 1


def test_an_answer_to_an_earlier_question_proves_nothing():
    """It may say how things stood before the order could no longer arrive."""
    search = a_pass(Search(), began_ns=200, asked_ns=199)
    assert search.under_way
    assert search.empty_passes == 0


def test_a_second_answer_from_the_same_place_does_not_count_for_another():
    search = Search().began(100, conclusive=True)
    for _ in PLACES:
        search = search.heard(FetchOrder, asked_ns=100, found_nothing=True)
    assert search.under_way


@given(
    passes=st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12),
)
def test_proof_is_exactly_two_good_passes_at_the_end(passes):
    search = Search()
    for conclusive, nothing in passes:
        search = a_pass(search, conclusive=conclusive, nothing=nothing)
    good = [conclusive and nothing for conclusive, nothing in passes]
    ends_well = len(good) >= PASSES_NEEDED and all(good[-PASSES_NEEDED:])
    assert search.proven_absent == ends_well


# When a pass can prove anything.


def test_a_pass_is_conclusive_after_expiry_and_lag_and_skew():
    intent = an_order().intent
    edge = EXPIRES + 4 * NS_PER_S
    assert not resolution.is_conclusive(intent.expires_at_ns, edge, SETTINGS)
    assert resolution.is_conclusive(intent.expires_at_ns, edge + 1, SETTINGS)


# What is asked.


def test_a_pass_asks_by_name_and_in_every_list_from_before_the_order_could_exist():
    order = an_order(an_acceptance(venue_order_id=VenueOrderId("v-9")))
    since = TimeNs(EXPIRES - LOOK_BACK_NS)
    assert resolution.questions(order) == [
        FetchOrder(pair=BTC, client_order_id=ID, venue_order_id=VenueOrderId("v-9")),
        FetchOpenOrders(),
        FetchFinishedOrders(pair=BTC, since_ns=since),
        FetchTrades(pair=BTC, since_ns=since),
    ]


@given(
    our_error_s=st.integers(-86_400, 86_400),
    expiry_s=st.floats(0.5, 60.0),  # What `orders.expiry_s` may be.
)
def test_lists_reach_back_to_the_placement_however_wrong_our_clock_is(our_error_s, expiry_s):
    placed_ns = NOW  # By the exchange's clock.
    intent = an_intent(
        at_ns=TimeNs(placed_ns + our_error_s * NS_PER_S),
        expires_at_ns=TimeNs(placed_ns + int(expiry_s * NS_PER_S)),
    )
    assert resolution.look_from(intent) < placed_ns


# Whether there is anything to find out.


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ((), False),
        ((an_unknown(),), False),
        ((an_acceptance(),), True),
        ((an_acceptance(), a_cancel()), False),
        ((a_rejection(),), True),
        ((an_acceptance(), a_finish(filled_quantity=Decimal(0))), True),
        ((an_acceptance(), a_finish()), False),  # Its fills are missing.
        ((an_acceptance(), a_finish(), a_fill(quantity=Decimal(2))), True),
    ],
)
def test_an_order_is_found_when_it_rests_or_ended_with_all_its_fills(events, found):
    assert resolution.is_found(an_order(*events)) is found


# What answers say.


def test_an_answer_concerns_the_orders_it_could_have_shown():
    order = an_order()
    since = resolution.look_from(order.intent)
    late = TimeNs(since + 1)
    by_name = FetchOrder(pair=BTC, client_order_id=ID, venue_order_id=None)
    other = msgspec.structs.replace(by_name, client_order_id=ClientOrderId("t-2"))
    cancel = CancelPlaced(pair=BTC, client_order_id=ID, venue_order_id=None)
    told = {
        by_name: True,
        other: False,
        FetchOpenOrders(): True,
        FetchFinishedOrders(pair=BTC, since_ns=since): True,
        FetchFinishedOrders(pair=BTC, since_ns=late): False,
        FetchFinishedOrders(pair=ETH, since_ns=since): False,
        FetchTrades(pair=BTC, since_ns=since): True,
        FetchTrades(pair=BTC, since_ns=late): False,
        FetchTrades(pair=ETH, since_ns=since): False,
        cancel: False,
    }
    assert {one: resolution.concerns(one, order) for one in told} == told


@pytest.mark.parametrize(
    ("outcome", "nothing"),
    [
        (Succeeded(), True),
        (Succeeded(orders=(an_order_report("t-2"),)), True),
        (Succeeded(orders=(an_order_report(ID),)), False),
        (Succeeded(trades=(a_trade_report(ID),)), False),
        (Refused(label="ORDER_NOT_FOUND", message=""), True),
        (Refused(label="CLIENT_ID_NOT_FOUND", message=""), True),
        (Refused(label="TOO_MANY_REQUESTS", message=""), False),
        (Unknown(reason="time-out"), False),
    ],
)
def test_only_an_answer_without_it_says_that_there_is_nothing(outcome, nothing):
    assert resolution.found_nothing(an_order(), outcome) is nothing
