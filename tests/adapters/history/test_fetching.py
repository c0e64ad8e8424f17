"""A fetch asks for what is not there, no more than is allowed at once, and gives up in the open."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.history.fetching import ATTEMPTS_MAX, fetch, pages
from adapters.history.kinds import candles
from adapters.history.store import Added, HistoryStore
from state.errors import VenueRefused, VenueUnreachable
from state.messages.market import CandleSeen, Timeframe
from state.messages.venue import CANDLES_A_REQUEST, FetchCandles, Refused, Succeeded, Unknown
from tests.adapters.history.test_store import APRIL, BTC, MINUTE_NS, MINUTES, minutes, numbers_of

END = APRIL + 4_000 * MINUTE_NS


def seen(opening, *, closed=True):
    return CandleSeen(
        pair=BTC,
        event_time_ns=opening + MINUTE_NS,
        timeframe=Timeframe.M1,
        open_time_ns=opening,
        open=1.0,
        high=2.0,
        low=1.0,
        close=2.0,
        base_volume=1.0,
        quote_volume=1.0,
        closed=closed,
    )


def never(seconds):
    raise AssertionError(f"waited {seconds} s for nothing")


class Exchange:
    """Has every minute of April but those named; answers what the test wishes first."""

    def __init__(self, *first, without=()):
        self.first = list(first)
        self.without = set(without)
        self.asked: list[FetchCandles] = []

    def __call__(self, request):
        self.asked.append(request)
        if self.first:
            return self.first.pop(0)
        openings = range(request.since_ns, request.until_ns + 1, MINUTE_NS)
        assert len(openings) <= CANDLES_A_REQUEST
        known = [one for one in openings if (one - APRIL) // MINUTE_NS not in self.without]
        return Succeeded(candles=tuple(map(seen, known)))


@pytest.fixture
def store(tmp_path):
    made = HistoryStore(tmp_path / "history")
    yield made
    made.close()


@settings(max_examples=15, deadline=None)
@given(there=st.lists(st.tuples(st.integers(0, 3_990), st.integers(1, 1_500)), max_size=3))
def test_pages_cover_what_is_missing_and_never_too_much_at_once(tmp_path_factory, there):
    store = HistoryStore(tmp_path_factory.mktemp("history"))
    held = {number for first, count in there for number in range(first, min(first + count, 4_000))}
    if held:
        store.append(BTC, MINUTES, minutes(held))
    wanted = pages(store, BTC, MINUTES, APRIL, END)
    covered: set[int] = set()
    for page in wanted:
        span = range((page.since_ns - APRIL) // MINUTE_NS, (page.until_ns - APRIL) // MINUTE_NS + 1)
        assert 1 <= len(span) <= CANDLES_A_REQUEST
        assert page.missing == len(set(span) - held) > 0
        assert not covered & set(span)
        covered |= set(span)
    assert set(range(4_000)) - held <= covered <= set(range(4_000))
    exchange = Exchange()
    list(fetch(store, wanted, exchange, never))
    assert numbers_of(store.read(BTC, MINUTES)) == list(range(4_000))
    assert pages(store, BTC, MINUTES, APRIL, END) == []
    store.close()


def test_an_exchange_that_is_busy_or_silent_is_asked_again_after_a_while(store):
    busy = Refused(label="TOO_MANY_REQUESTS", message="slow down", status=429)
    waits: list[float] = []
    exchange = Exchange(busy, Unknown(reason="time-out"))
    [done] = fetch(
        store, pages(store, BTC, MINUTES, APRIL, APRIL + MINUTE_NS), exchange, waits.append
    )
    assert done.added == Added(new=1)
    assert waits == [0.5, 1.0]


def test_one_that_stays_silent_is_told_and_what_came_before_is_kept(store):
    wanted = pages(store, BTC, MINUTES, APRIL, END)
    silent = [Unknown(reason="time-out")] * ATTEMPTS_MAX
    exchange = Exchange(Succeeded(candles=(seen(APRIL),)), *silent)
    with pytest.raises(VenueUnreachable, match="6 attempts: time-out"):
        list(fetch(store, wanted, exchange, lambda _: None))
    assert numbers_of(store.read(BTC, MINUTES)) == [0]


def test_what_is_too_long_ago_is_left_out_and_what_is_refused_is_told(store):
    old = Refused(label="INVALID_PARAM_VALUE", message="Candlestick too long ago. Maximum 10000")
    wanted = pages(store, BTC, MINUTES, APRIL, END)
    done = list(fetch(store, wanted, Exchange(old), never))
    assert [one.too_old for one in done] == [True, False, False, False]
    no_pair = Refused(label="INVALID_CURRENCY_PAIR", message="no such pair")
    with pytest.raises(VenueRefused, match="no such pair"):
        list(fetch(store, wanted, Exchange(no_pair), never))


def test_the_candle_that_is_still_open_is_not_kept(store):
    wanted = pages(store, BTC, MINUTES, APRIL, APRIL + 2 * MINUTE_NS)
    answer = Succeeded(candles=(seen(APRIL), seen(APRIL + MINUTE_NS, closed=False)))
    list(fetch(store, wanted, Exchange(answer), never))
    assert numbers_of(store.read(BTC, MINUTES)) == [0]


def test_what_is_there_already_keeps_its_count_of_trades(store):
    store.append(BTC, MINUTES, minutes([1]))
    wanted = pages(store, BTC, MINUTES, APRIL, APRIL + 3 * MINUTE_NS)
    assert len(wanted) == 1
    list(fetch(store, wanted, Exchange(), never))
    assert store.read(BTC, candles(Timeframe.M1))["trades"].tolist() == [-1, 3, -1]


def test_what_another_brought_meanwhile_counts_as_given(store):
    wanted = pages(store, BTC, MINUTES, APRIL, APRIL + 100 * MINUTE_NS)
    store.append(BTC, MINUTES, minutes(range(60)))
    [done] = fetch(store, wanted, Exchange(without=[3, 70, 71]), never)
    # Of 60 of the other all but one come again.
    assert (done.added.new, done.added.known, done.not_given) == (38, 59, 3)
