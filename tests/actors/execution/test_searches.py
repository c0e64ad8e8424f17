"""Searches are numbered, so that a timer of one that ended does nothing to the next."""

from actors.execution.resolution import Search
from actors.execution.searches import Searches
from state.messages.venue import FetchOpenOrders, FetchTrades, Succeeded
from state.order import Order
from state.values import TimeNs
from tests.actors.examples import ETH
from tests.state.examples import ID, an_intent

ORDER = Order(intent=an_intent())


def test_an_order_is_looked_for_once_at_a_time():
    searches = Searches()
    assert searches.begin(ID) == 1
    assert searches.begin(ID) is None
    assert searches.names() == [ID]


def test_a_search_that_ended_can_begin_again_under_another_number():
    searches = Searches()
    first = searches.begin(ID)
    searches.end(ID)
    second = searches.begin(ID)
    assert first is not None
    assert second is not None
    assert searches.get(ID, first) is None
    assert searches.get(ID, second) == Search()


def test_ending_what_is_not_looked_for_is_harmless():
    searches = Searches()
    searches.end(ID)
    assert searches.names() == []
    assert searches.get(ID, 1) is None


def test_an_answer_counts_for_the_search_it_concerns():
    searches = Searches()
    number = searches.begin(ID)
    assert number is not None
    searches.put(ID, Search().began(10, conclusive=True))
    elsewhere = FetchTrades(pair=ETH, since_ns=TimeNs(0))
    searches.heard(ORDER, elsewhere, Succeeded(), asked_ns=10)
    assert len(_search(searches, number).waiting) == 4
    searches.heard(ORDER, FetchOpenOrders(), Succeeded(), asked_ns=9)
    assert len(_search(searches, number).waiting) == 4
    searches.heard(ORDER, FetchOpenOrders(), Succeeded(), asked_ns=10)
    assert len(_search(searches, number).waiting) == 3


def test_an_answer_about_an_order_nobody_looks_for_is_dropped():
    searches = Searches()
    searches.heard(ORDER, FetchOpenOrders(), Succeeded(), asked_ns=10)
    assert searches.names() == []


def _search(searches: Searches, number: int) -> Search:
    found = searches.get(ID, number)
    assert found is not None
    return found
