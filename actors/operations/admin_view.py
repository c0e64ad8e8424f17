"""What the operator is shown: the shapes of answers. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from actors.kernel import ChildReport
from actors.kernel.runtime import Count
from actors.operations.advisor_view import advisor_line
from actors.operations.cover_view import cover_view
from actors.operations.money_view import drift_view, equity_view
from actors.operations.signals_view import SignalFacts
from state.messages.accounts import BalancesCompared, EquityMarked, PositionChanged
from state.messages.advice import AdvisorMarked
from state.messages.flow import FlowMeasured, LiquidityMeasured, NumberRejected
from state.messages.judgement import Considered
from state.messages.market import (
    BookMeasured,
    BookState,
    CandleCounts,
    FeedChanged,
    FeedCounts,
    HistoryKept,
)
from state.messages.operations import HealthSampled, SessionState
from state.messages.protection import PositionCovered
from state.values import NS_PER_MS, NS_PER_S, Pair, Session, plain


class MailboxView(Struct, frozen=True, kw_only=True):
    """What waits for an actor."""

    control: int
    data: int
    oldest_ms: float
    dropped: int


class ActorView(Struct, frozen=True, kw_only=True):
    """One actor."""

    address: str
    kind: str
    state: str
    incarnation: int
    restarts: int
    last_error: str
    mailbox: MailboxView
    busy_ms: float
    handled: int
    snapshot_age_s: float | None


class LetterView(Struct, frozen=True, kw_only=True):
    """One piece of mail that was not handled."""

    to: str
    kind: str
    why: str


class Machine(Struct, frozen=True, kw_only=True):
    """The actor machine at one moment."""

    now_ns: int
    counts: tuple[Count, ...]
    board: Mapping[str, ChildReport]
    oldest_ms: Mapping[str, float]
    busy_ms: Mapping[str, float]
    snapshots_ns: Mapping[str, int | None]
    dead_letters: Mapping[str, int]
    """All there were, by reason."""
    newest_letters: tuple[LetterView, ...] = ()


class PairFacts(Struct, kw_only=True):
    """The newest of everything about a pair."""

    feed: FeedChanged | None = None
    book: BookMeasured | None = None
    book_at_ns: int = 0
    liquidity: LiquidityMeasured | None = None
    flow: FlowMeasured | None = None
    position: PositionChanged | None = None
    covered: PositionCovered | None = None
    considered: Considered | None = None
    signals: SignalFacts = msgspec.field(default_factory=SignalFacts)
    rejected: dict[str, int] = {}
    """Numbers of the exchange that were not believed, by source and reason."""
    candles: CandleCounts = CandleCounts()

    def hear_rejected(self, rejected: NumberRejected) -> None:
        """Count what a feed refused."""
        self.rejected[f"{rejected.source.value}.{rejected.reason.value}"] = rejected.count


def flow_view(facts: PairFacts) -> dict[str, Any]:
    """Return what was measured of one pair's book and trades; None of a book that is not live."""
    live = facts.feed is None or facts.feed.state is BookState.LIVE
    return {
        "book": facts.book if live else None,
        "liquidity": facts.liquidity if live else None,
        "flow": facts.flow,
    }


def actors_of(machine: Machine) -> list[ActorView]:
    """Return every supervised actor, by address."""
    views = []
    for count in machine.counts:
        report = machine.board.get(count.address)
        if report is None:
            continue
        taken_ns = machine.snapshots_ns.get(count.address)
        views.append(
            ActorView(
                address=count.address,
                kind=count.kind,
                state=report.state,
                incarnation=count.incarnation,
                restarts=report.restarts,
                last_error=report.last_error,
                mailbox=MailboxView(
                    control=count.control,
                    data=count.data,
                    oldest_ms=round(machine.oldest_ms.get(count.address, 0.0), 1),
                    dropped=count.dropped,
                ),
                busy_ms=round(machine.busy_ms.get(count.address, 0.0), 1),
                handled=count.handled,
                snapshot_age_s=None
                if taken_ns is None
                else round((machine.now_ns - taken_ns) / NS_PER_S, 1),
            )
        )
    return views


def pair_view(pair: Pair, facts: PairFacts, session: Session, now_ns: int) -> dict[str, Any]:
    """Return one pair's line of the status."""
    feed, book, position = facts.feed, facts.book, facts.position
    # A desk that was restarted has not heard how the feed stands, but only a live book is measured.
    unheard = BookState.SYNCING if book is None else BookState.LIVE
    state = unheard if feed is None else feed.state
    live = state is BookState.LIVE
    cover = cover_view(facts.covered, book.bid if book is not None and live else None, now_ns)
    return {
        "pair": pair,
        "book": state.value,
        "why": "" if feed is None else feed.reason,
        "spread_bps": round(book.spread_bps, 3) if book is not None and live else None,
        "mid": book.mid if book is not None and live else None,
        "levels": book.levels if book is not None and live else None,
        "degraded": feed is not None and feed.polled,
        **feed_counts(feed),
        "rejected": sum(facts.rejected.values()),
        "last_event_age_ms": None
        if book is None
        else round((now_ns - facts.book_at_ns) / NS_PER_MS, 1),
        "position": plain(position.quantity) if position is not None else "0",
        "cover": cover["state"],
        "uncovered_s": cover["uncovered_s"],
        "protection": cover,
        "opinions": opinions_view(facts.considered),
        "session": session.value,
    }


def opinions_view(considered: Considered | None) -> dict[str, Any] | None:
    """Return what a trader thinks, in short; None where it has not thought yet."""
    if considered is None:
        return None
    judgement = considered.judgement
    return {
        "score": None if judgement.score is None else round(judgement.score, 3),
        "waits_for": considered.waits_for,
        "by_source": {
            one.source: {
                "direction": round(one.direction, 3),
                "confidence": round(one.confidence, 3),
                "weight": round(one.weight, 3),
            }
            for one in judgement.used
        },
        "left_out": {one.source: one.code for one in judgement.left_out},
    }


def feed_counts(feed: FeedChanged | None) -> dict[str, int]:
    """Return what happened to one pair's book since its feed began to live."""
    counts = FeedCounts() if feed is None else feed.counts
    return msgspec.structs.asdict(counts)


def tree_of(board: Iterable[ChildReport]) -> list[dict[str, Any]]:
    """Return the supervision tree: supervisors with their children, in start order."""
    nodes: dict[str, dict[str, Any]] = {}
    top: list[dict[str, Any]] = []
    reports = list(board)
    for report in reports:
        nodes[report.address] = {
            "address": report.address,
            "state": report.state,
            "incarnation": report.incarnation,
            "restarts": report.restarts,
            "children": [],
        }
    for report in reports:
        parent = nodes.get(report.supervisor)
        (top if parent is None else parent["children"]).append(nodes[report.address])
    return top


def metrics_of(
    machine: Machine,
    health: HealthSampled | None,
    pairs: Iterable[PairFacts] = (),
    compared: BalancesCompared | None = None,
    kept: HistoryKept | None = None,
) -> dict[str, Any]:
    """Return counters and gauges by name; those of books and candles over all pairs."""
    books, candles, rejected = Counter[str](), Counter[str](), Counter[str]()
    for facts in pairs:
        books.update(feed_counts(facts.feed))
        candles.update(msgspec.structs.asdict(facts.candles))
        rejected.update(facts.rejected)
    alive = [count for count in machine.counts if count.alive]
    return {
        "actors": len(alive),
        "messages_handled": sum(count.handled for count in machine.counts),
        "mail_waiting": sum(count.control + count.data for count in machine.counts),
        "mail_dropped": sum(count.dropped for count in machine.counts),
        "mail_conflated": sum(count.conflated for count in machine.counts),
        "dead_letters": dict(machine.dead_letters),
        "newest_dead_letters": machine.newest_letters,
        "restarts": sum(report.restarts for report in machine.board.values()),
        "books": {name: books[name] for name in FeedCounts.__struct_fields__},
        "candles": {name: candles[name] for name in CandleCounts.__struct_fields__},
        "history": kept,
        "rejected": dict(sorted(rejected.items())),
        "ledger_drift": drift_view(compared),
        "health": health,
    }


def status_of(
    machine: Machine,
    *,
    venue: str,
    session: SessionState,
    started_ns: int,
    equity: EquityMarked | None,
    health: HealthSampled | None,
    pairs: Mapping[Pair, PairFacts],
    advisor: AdvisorMarked | None = None,
) -> dict[str, Any]:
    """Return what `status` answers."""
    now_ns = machine.now_ns
    return {
        "mode": "live" if venue == "live" else "paper",
        "venue": venue,
        "session": session.session.value,
        "reason": session.reason,
        "since_ns": session.since_ns,
        "uptime_s": round((now_ns - started_ns) / NS_PER_S, 1),
        "equity": equity_view(equity),
        "health": health,
        "advisor": None if advisor is None else advisor_line(advisor),
        "actors": actors_of(machine),
        "pairs": [
            pair_view(pair, facts, session.of(pair), now_ns) for pair, facts in pairs.items()
        ],
    }
