"""A pair is overdue when its book, or all else of it, stops against the pace it was learned at."""

import pytest

from adapters.gate.connection import StreamSettings
from adapters.gate.pair_watch import PairWatch
from tests.actors.examples import a_delta, a_ticker, a_trade

SETTINGS = StreamSettings(
    book_floor_s=3.0, book_ceiling_s=60.0, tape_floor_s=60.0, tape_ceiling_s=600.0
)


@pytest.fixture
def watch():
    watch = PairWatch(SETTINGS)
    watch.begin(0.0)
    return watch


def talk(watch, until_s, *messages):
    """Let each message come once a second, and return the last time."""
    now_s = 0.0
    while now_s < until_s:
        now_s += 1.0
        for message in messages:
            watch.heard(message, now_s)
    return now_s


def test_what_has_never_come_is_borne_up_to_the_ceiling(watch):
    watch.heard(a_ticker(), 30.0)
    assert watch.overdue(60.0) == ""
    assert watch.overdue(60.1).startswith("no book for 60.1 s")


def test_a_book_that_stops_is_overdue_while_trades_go_on(watch):
    now_s = talk(watch, 20, a_delta(), a_trade(1))
    watch.heard(a_trade(2), now_s + 3.0)
    assert watch.overdue(now_s + 3.0) == ""
    assert watch.overdue(now_s + 3.2) == "no book for 3.2 s, borne for 3.0 s"


def test_trades_and_ticker_that_stop_are_overdue_while_the_book_goes_on(watch):
    now_s = talk(watch, 20, a_delta(), a_trade(1))
    for _ in range(61):
        now_s += 1.0
        watch.heard(a_delta(), now_s)
        silent = watch.overdue(now_s)
    assert silent == "no trades and ticker for 61.0 s, borne for 60.0 s"


def test_each_time_in_vain_doubles_the_patience(watch):
    now_s = talk(watch, 20, a_delta(), a_trade(1))
    assert watch.overdue(now_s + 3.1)
    watch.begin(now_s + 3.2)
    assert watch.overdue(now_s + 3.2 + 5.9) == ""
    assert watch.overdue(now_s + 3.2 + 6.1)
