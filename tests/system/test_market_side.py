"""The market side of a whole house: either channel, and snapshots while the stream stays away."""

import statistics
import time

import pytest

from adapters.admin_client import AdminClient
from scripts.proofs.processes import ACTIVE, SHORT_WINDOWS
from state.values import NS_PER_S
from tests.system.fault_proxy import FaultProxy

pytestmark = pytest.mark.slow

SETTINGS = (*ACTIVE, *SHORT_WINDOWS, "feed.compare_every_s=1")
STANDS_IN_S = 5.0
RESYNC_S = 2.0


def pairs(house):
    status = house.status()
    return status["pairs"] if status is not None else []


def all_books(house, **wanted):
    """Return whether every pair's line says all of this."""
    shown = pairs(house)
    return bool(shown) and all(pair[name] == wanted[name] for pair in shown for name in wanted)


@pytest.mark.parametrize("channel", ["order_book_update", "obu"])
def test_books_of_either_channel_are_live_deep_and_equal_to_what_rest_shows(houses, channel):
    house = houses(settings=(*SETTINGS, f"feed.book_channel={channel}"))
    house.until_ready()
    house.until_fills(1)
    house.until(
        lambda: all(pair["comparisons"] >= 3 for pair in pairs(house)) or None, 60, "compared"
    )
    for pair in pairs(house):
        assert (pair["book"], pair["mismatches"], pair["gaps"]) == ("live", 0, 0)
        assert pair["levels"] >= 20
    books = house.call("metrics")["books"]
    assert (books["mismatches"], books["polls"]) == (0, 0)
    assert house.terminate() == 0


@pytest.mark.parametrize("channel", ["order_book_update", "obu"])
def test_a_gap_makes_a_book_stale_at_once_and_is_typically_mended_in_two_seconds(
    houses, exchanges, channel
):
    exchange = exchanges(options=["--no-rate-limits"])
    house = houses(exchange=exchange, settings=(*SETTINGS, f"feed.book_channel={channel}"))
    house.until_ready()
    exchange.control("faults", [{"fault": "book_gap", "probability": 0.05}])
    stale_ns, mended_s = {}, []
    with AdminClient(house.socket) as client:
        news = client.subscribe(["feeds"], timeout_s=60)
        while len(mended_s) < 9:
            _, changed = next(news)
            if changed["state"] == "stale":
                stale_ns.setdefault(changed["pair"], changed["at_ns"])
            elif changed["state"] == "live" and changed["pair"] in stale_ns:
                mended_s.append((changed["at_ns"] - stale_ns.pop(changed["pair"])) / NS_PER_S)
    assert statistics.median(mended_s) < RESYNC_S, mended_s
    assert sum(pair["gaps"] for pair in pairs(house)) >= len(mended_s)
    assert {pair["mismatches"] for pair in pairs(house)} == {0}
    exchange.control("faults", [])
    house.until(lambda: all_books(house, book="live") or None, 60, "live again")
    assert house.terminate() == 0


def test_a_stream_that_stays_away_is_stood_in_for_in_time_and_left_again(houses, exchanges):
    exchange = exchanges(options=["--no-rate-limits"])
    with FaultProxy(exchange.port) as proxy:
        house = houses(exchange=proxy.url, settings=SETTINGS)
        house.until_ready()
        house.until(lambda: all_books(house, book="live") or None, 60, "live")
        with AdminClient(house.socket) as client:
            news = client.subscribe(["feeds"], timeout_s=60)
            spoil, proxy.frames = proxy.frames, lambda frame: None
            cut_ns, polled_ns = time.time_ns(), {}
            proxy.cut()
            while len(polled_ns) < 2:
                _, changed = next(news)
                if changed["polled"]:
                    polled_ns.setdefault(changed["pair"], changed["at_ns"])
        assert max(polled_ns.values()) - cut_ns < STANDS_IN_S * NS_PER_S
        assert all_books(house, book="live", degraded=True)
        proxy.frames = spoil
        proxy.cut()
        house.until(
            lambda: all_books(house, book="live", degraded=False) or None, 90, "streamed again"
        )
        assert all(pair["resyncs"] >= 1 for pair in pairs(house))
        house.until_ready()
        assert house.terminate() == 0
