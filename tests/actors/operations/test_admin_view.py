"""What the operator is shown: shapes as design.md promises them, money to the last digit."""

from typing import Any

import msgspec

from actors.kernel import ChildReport
from actors.kernel.runtime import Count
from actors.operations.admin_view import (
    LetterView,
    Machine,
    PairFacts,
    actors_of,
    flow_view,
    metrics_of,
    pair_view,
    status_of,
    tree_of,
)
from state.messages.flow import MarketSource, NumberRejected, Rejection
from state.messages.market import BookState, CandleCounts, FeedChanged, FeedCounts, HistoryKept
from state.messages.operations import SessionState
from state.values import NS_PER_MS, NS_PER_S, Session, TimeNs
from tests.actors.examples import BTC, ETH, NOW, a_health, a_measure, a_position
from tests.state.examples import a_mark


def a_count(address: str, **changes: Any) -> Count:
    members: dict[str, Any] = {
        "address": address,
        "kind": "Feed",
        "incarnation": 2,
        "alive": True,
        "closed": False,
        "control": 1,
        "data": 4,
        "handled": 100,
        "dropped": 3,
        "conflated": 7,
        "busy_with": "",
    }
    return Count(**members | changes)


def a_report(address: str, supervisor: str = "", **changes: Any) -> ChildReport:
    members: dict[str, Any] = {
        "address": address,
        "supervisor": supervisor,
        "state": "running",
        "incarnation": 2,
        "restarts": 1,
        "last_error": "ValueError: bad",
        "since_ns": 0,
    }
    return ChildReport(**members | changes)


def a_machine(*counts: Count, board=(), **changes: Any) -> Machine:
    members: dict[str, Any] = {
        "now_ns": NOW,
        "counts": counts,
        "board": {report.address: report for report in board},
        "oldest_ms": {},
        "busy_ms": {},
        "snapshots_ns": {},
        "dead_letters": {},
    }
    return Machine(**members | changes)


def a_feed(state: BookState, reason: str = "", **members: Any) -> FeedChanged:
    return FeedChanged(pair=BTC, state=state, reason=reason, at_ns=NOW, **members)


# Actors.


def test_an_actor_is_shown_as_the_page_promises():
    machine = a_machine(
        a_count("market/feed"),
        board=[a_report("market/feed")],
        oldest_ms={"market/feed": 12.345},
        busy_ms={"market/feed": 0.049},
        snapshots_ns={"market/feed": NOW - 2 * NS_PER_S},
    )
    assert msgspec.to_builtins(actors_of(machine)) == [
        {
            "address": "market/feed",
            "kind": "Feed",
            "state": "running",
            "incarnation": 2,
            "restarts": 1,
            "last_error": "ValueError: bad",
            "mailbox": {"control": 1, "data": 4, "oldest_ms": 12.3, "dropped": 3},
            "busy_ms": 0.0,
            "handled": 100,
            "snapshot_age_s": 2.0,
        }
    ]


def test_an_actor_that_never_took_a_snapshot_has_none_of_any_age():
    machine = a_machine(a_count("a"), board=[a_report("a")], snapshots_ns={"a": None})
    assert actors_of(machine)[0].snapshot_age_s is None


def test_an_address_that_nobody_supervises_is_not_shown():
    machine = a_machine(a_count("door"), a_count("a"), board=[a_report("a")])
    assert [one.address for one in actors_of(machine)] == ["a"]


def test_the_tree_shows_children_below_their_supervisor_in_start_order():
    board = [
        a_report("operations", "root"),
        a_report("operations/recorder", "operations"),
        a_report("market", "root"),
        a_report("market/BTC_USDT", "market"),
        a_report("market/BTC_USDT/feed", "market/BTC_USDT", state="backoff"),
        a_report("operations/admin", "operations"),
    ]
    operations, market = tree_of(board)
    assert [child["address"] for child in operations["children"]] == [
        "operations/recorder",
        "operations/admin",
    ]
    [feed] = market["children"][0]["children"]
    assert feed == {
        "address": "market/BTC_USDT/feed",
        "state": "backoff",
        "incarnation": 2,
        "restarts": 1,
        "children": [],
    }


# Pairs.


def test_a_live_pair_is_shown_with_its_book():
    facts = PairFacts(
        feed=a_feed(BookState.LIVE),
        book=a_measure(spread_bps=1.23456, mid=100.1, levels=87),
        book_at_ns=NOW - 5 * NS_PER_MS,
        position=a_position("0.50"),
    )
    assert pair_view(BTC, facts, Session.READY, NOW) == {
        "pair": "BTC_USDT",
        "book": "live",
        "why": "",
        "spread_bps": 1.235,
        "mid": 100.1,
        "levels": 87,
        "degraded": False,
        "resyncs": 0,
        "gaps": 0,
        "comparisons": 0,
        "mismatches": 0,
        "rejected": 0,
        "polls": 0,
        "last_event_age_ms": 5.0,
        "position": "0.5",
        "cover": "unknown",
        "uncovered_s": 0.0,
        "protection": {"state": "unknown", "uncovered_s": 0.0},
        "opinions": None,
        "session": "ready",
    }


def test_the_numbers_of_a_book_that_is_not_live_are_not_shown():
    facts = PairFacts(
        feed=a_feed(BookState.STALE, "silent for 5.0 s"), book=a_measure(), book_at_ns=NOW
    )
    view = pair_view(BTC, facts, Session.READY, NOW)
    assert (view["book"], view["why"]) == ("stale", "silent for 5.0 s")
    assert (view["spread_bps"], view["mid"]) == (None, None)


def test_a_polled_book_is_live_and_marked_as_degraded_with_what_happened_to_it():
    counts = FeedCounts(resyncs=2, gaps=1, comparisons=9, mismatches=1, polls=4)
    feed = a_feed(BookState.LIVE, "polled: the stream is away", polled=True, counts=counts)
    view = pair_view(BTC, PairFacts(feed=feed, book=a_measure()), Session.READY, NOW)
    assert (view["book"], view["degraded"]) == ("live", True)
    assert (view["resyncs"], view["mismatches"], view["polls"]) == (2, 1, 4)


def test_a_pair_nobody_has_heard_of_is_syncing():
    view = pair_view(BTC, PairFacts(), Session.STARTING, NOW)
    assert (view["book"], view["position"]) == ("syncing", "0")
    assert (view["mid"], view["last_event_age_ms"]) == (None, None)


def test_a_book_that_is_measured_is_live_although_the_feed_was_not_heard():
    view = pair_view(BTC, PairFacts(book=a_measure(), book_at_ns=NOW), Session.READY, NOW)
    assert view["book"] == "live"
    assert view["mid"] == 100.1


# The whole.


def test_metrics_add_up_all_addresses():
    letters = (LetterView(to="a", kind="Say", why="absent"),)
    machine = a_machine(
        a_count("a"),
        a_count("b", alive=False, handled=50, dropped=0, conflated=0, control=0, data=2),
        board=[a_report("a"), a_report("b", restarts=4)],
        dead_letters={"absent": 2},
        newest_letters=letters,
    )
    pairs = [
        PairFacts(feed=a_feed(BookState.LIVE, counts=FeedCounts(gaps=1, polls=3))),
        PairFacts(feed=a_feed(BookState.STALE, counts=FeedCounts(gaps=2))),
        PairFacts(),
    ]
    for facts, count in zip(pairs, (2, 3, 1), strict=True):
        facts.hear_rejected(a_rejection(count))
        facts.candles = CandleCounts(checked=count, revised=1)
    assert metrics_of(machine, None, pairs, kept=HistoryKept(written=5)) == {
        "actors": 1,
        "messages_handled": 150,
        "mail_waiting": 7,
        "mail_dropped": 3,
        "mail_conflated": 7,
        "dead_letters": {"absent": 2},
        "newest_dead_letters": letters,
        "restarts": 5,
        "books": {"resyncs": 0, "gaps": 3, "comparisons": 0, "mismatches": 0, "polls": 3},
        "candles": {"checked": 6, "revised": 3, "filled": 0, "missing": 0},
        "history": HistoryKept(written=5),
        "rejected": {"trades.quarantined": 6},
        "ledger_drift": {"total": None, "currency": None, "by_currency": {}},
        "health": None,
    }


def test_of_one_feed_s_refusals_the_newest_count_stands():
    facts = PairFacts()
    for count in (1, 2, 7):
        facts.hear_rejected(a_rejection(count))
    assert pair_view(BTC, facts, Session.READY, NOW)["rejected"] == 7


def a_rejection(count):
    return NumberRejected(
        pair=BTC,
        source=MarketSource.TRADES,
        reason=Rejection.QUARANTINED,
        says="1.0 after 100.0",
        count=count,
        at_ns=NOW,
    )


def test_status_has_every_member_that_the_page_promises():
    health = a_health()
    status = status_of(
        a_machine(a_count("a"), board=[a_report("a")]),
        venue="simulated",
        session=SessionState(session=Session.PAUSED, reason="lunch", since_ns=TimeNs(7)),
        started_ns=NOW - 90 * NS_PER_S,
        equity=a_mark(),
        health=health,
        pairs={BTC: PairFacts(), ETH: PairFacts()},
    )
    assert set(status) == {
        "mode",
        "venue",
        "session",
        "reason",
        "since_ns",
        "uptime_s",
        "equity",
        "health",
        "advisor",
        "actors",
        "pairs",
    }
    assert (status["mode"], status["venue"]) == ("paper", "simulated")
    assert (status["session"], status["reason"], status["since_ns"]) == ("paused", "lunch", 7)
    assert status["uptime_s"] == 90.0
    assert status["health"] == health
    assert [one["pair"] for one in status["pairs"]] == [BTC, ETH]
    assert {one["session"] for one in status["pairs"]} == {"paused"}


def test_only_the_live_venue_is_live():
    session = SessionState(session=Session.READY, reason="", since_ns=TimeNs(0))
    modes = {
        venue: status_of(
            a_machine(),
            venue=venue,
            session=session,
            started_ns=NOW,
            equity=None,
            health=None,
            pairs={},
        )["mode"]
        for venue in ("simulated", "testnet", "live")
    }
    assert modes == {"simulated": "paper", "testnet": "paper", "live": "live"}


def test_what_was_measured_of_a_book_that_is_lost_is_not_shown():
    facts = PairFacts(feed=a_feed(BookState.LIVE), book=a_measure())
    assert flow_view(facts) == {"book": facts.book, "liquidity": None, "flow": None}
    facts.feed = a_feed(BookState.STALE)
    assert flow_view(facts)["book"] is None
