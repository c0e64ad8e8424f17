"""One inquiry into why balances differ: what to ask the exchange, and what it answered. Pure."""

from collections.abc import Iterable

from msgspec import Struct

from actors.accounts.explanation import Cause, causes_of, explained
from state.messages.accounts import BalanceDifference, BalancesCompared
from state.messages.journal import FiredTrigger, KnownFound, KnownSought
from state.messages.venue import (
    AccountEntry,
    FetchAccountBook,
    FetchTrades,
    FetchTriggers,
    Outcome,
    Refused,
    Succeeded,
    TradeReport,
    TriggerReport,
    VenueRequest,
)
from state.values import NS_PER_S, Pair, TimeNs

MARGIN_NS = 5 * NS_PER_S
"""By so much the exchange's times and ours may differ, and a balance lag behind its cause."""
UNSETTLED_NS = 24 * 3600 * NS_PER_S
"""Looked back, where the journal has no comparison without a difference."""


class Settled(Struct, frozen=True, kw_only=True):
    """Which causes count: none before, all after, and between them some."""

    since_ns: TimeNs
    """What is older was counted in when all agreed."""
    until_ns: TimeNs
    """What is older may have been."""

    @classmethod
    def at(cls, agreed: BalancesCompared | None, now_ns: TimeNs) -> "Settled":
        """Return what the newest agreement settles."""
        if agreed is None:
            return cls(since_ns=TimeNs(now_ns - UNSETTLED_NS), until_ns=TimeNs(now_ns + MARGIN_NS))
        began_ns = agreed.began_at_ns or agreed.at_ns
        return cls(
            since_ns=TimeNs(began_ns - 2 * MARGIN_NS), until_ns=TimeNs(agreed.at_ns + MARGIN_NS)
        )


_NO_SUCH_PAIR = frozenset({"INVALID_CURRENCY", "INVALID_CURRENCY_PAIR"})


class Inquiry:
    """What became of one round of questions.

    Args:
        number: Which one it is: answers to an earlier one are not taken for its own.
        differences: What is to be explained.
        pairs: Whose fills to ask for.
        settled: Which causes count.
    """

    def __init__(
        self,
        number: int,
        differences: tuple[BalanceDifference, ...],
        pairs: Iterable[Pair],
        settled: Settled,
    ) -> None:
        since_ns = settled.since_ns
        self._settled = settled
        self.number = number
        self.differences = differences
        self.questions: tuple[VenueRequest, ...] = (
            FetchAccountBook(since_ns=since_ns),
            *(FetchTrades(pair=pair, since_ns=since_ns) for pair in pairs),
            # What a trigger order of ours became carries nothing that tells it from others.
            *(FetchTriggers(pair=pair, since_ns=since_ns) for pair in pairs),
        )
        self._waiting = set(self.questions)
        self._entries: tuple[AccountEntry, ...] = ()
        self._trades: list[TradeReport] = []
        self._triggers: list[TriggerReport] = []
        self.failed = ""
        """Why it came to nothing, empty while it may."""

    @property
    def done(self) -> bool:
        """Whether every question has been answered."""
        return not self._waiting

    def heard(self, request: VenueRequest, outcome: Outcome) -> None:
        """Take one answer."""
        self._waiting.discard(request)
        match outcome:
            case Succeeded():
                self._entries += outcome.account_book
                self._trades += outcome.trades
                self._triggers += outcome.triggers
            case Refused(label=label) if label in _NO_SUCH_PAIR:
                pass  # So nobody traded it. Any other refusal says nothing of what happened.
            case _:
                self.failed = f"{type(request).__name__}: {outcome}"

    def sought(self, reply_to: str) -> KnownSought:
        """Return what the journal may know of it."""
        fills = [f"fill:{trade.pair}:{trade.trade_id}" for trade in self._trades]
        keys = [cause.key for cause in causes_of(self._entries, self._trades, ())]
        return KnownSought(
            keys=tuple(sorted({*fills, *keys})),
            orders=tuple(sorted({trade.venue_order_id for trade in self._trades})),
            fired=tuple(
                FiredTrigger(
                    venue_order_id=trigger.fired_order_id,
                    pair=trigger.pair,
                    expiration_s=trigger.expiration_s,
                )
                for trigger in self._triggers
                if trigger.fired_order_id is not None
            ),
            reply_to=reply_to,
            request=self.number,
        )

    def explained(self, known: KnownFound) -> tuple[Cause, ...] | None:
        """Return what the differences come of, or None while nobody knows."""
        return explained(self.differences, self.news(known), self._settled.until_ns)

    def news(self, known: KnownFound) -> list[Cause]:
        """Return what moved balances and is not in the journal, oldest first."""
        keys = set(known.keys)
        trades = [
            trade for trade in self._trades if f"fill:{trade.pair}:{trade.trade_id}" not in keys
        ]
        causes = causes_of(self._entries, trades, set(known.orders))
        return [cause for cause in causes if cause.key not in keys]
