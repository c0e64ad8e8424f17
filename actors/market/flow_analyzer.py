"""The flow analyzer: measures a pair's trades, and says what book and flow together expect."""

from typing import Any

from actors import addresses
from actors.kernel import Actor
from actors.market.flow_opinion import opinion
from actors.market.flow_watch import FlowState, FlowWatch
from state.config.measures import FlowSettings
from state.messages.flow import LiquidityMeasured
from state.messages.held import RulesKnown
from state.messages.market import (
    BookLost,
    BookMeasured,
    StreamLost,
    StreamOpened,
    TickerSeen,
    TradePrinted,
)
from state.messages.orders import RulesWanted
from state.order_book import Best
from state.values import NS_PER_S, Pair, TimeNs

_make = tuple.__new__
"""Half the time of calling a named tuple by its name."""
VALID_S = 5.0
"""An opinion may be used so much longer than the next one takes to come."""


class FlowAnalyzer(Actor):
    """One per pair. Owns what its trades add up to; a restart begins the day's sums anew.

    Nothing is measured before the pair's rules are known: levels of prices are whole ticks.

    Args:
        pair: Whose trades.
        settings: How often it tells, and whether it hears every update.
    """

    snapshot_type = FlowState

    def __init__(self, pair: Pair, settings: FlowSettings) -> None:
        super().__init__()
        self._pair = pair
        self._settings = settings
        self._every_ns = int(settings.flow_every_s * NS_PER_S)
        self._told_ns = -self._every_ns
        self._watch: FlowWatch | None = None
        self._kept: FlowState | None = None
        """What an earlier life knew, until the rules are known."""
        self._book: LiquidityMeasured | None = None
        self._newest_ns = TimeNs(0)
        """By the exchange's clock."""

    def snapshot(self) -> FlowState | None:
        """Return what only hours could rebuild."""
        return self._kept if self._watch is None else self._watch.state()

    def restore(self, snapshot: Any) -> None:
        """Take it over."""
        self._kept = snapshot

    def on_start(self) -> None:
        """Listen to the pair's trades and to what is measured of its book."""
        topics: list[type[Any]] = [
            TradePrinted,
            LiquidityMeasured,
            BookLost,
            StreamOpened,
            StreamLost,
            RulesKnown,
        ]
        if self._settings.detail:
            topics += [BookMeasured, TickerSeen]
        for topic in topics:
            self.subscribe(topic, self._pair)
        if self.incarnation > 1:
            # The first one is there before the risk guard, who publishes what it learns.
            wanted = RulesWanted(pair=self._pair, reply_to=self.address)
            self.tell(addresses.RISK_GUARD, wanted)

    def on_receive(self, message: Any) -> None:
        """Fold, and tell now and then."""
        match message:
            case BookMeasured():
                if self._watch is not None:
                    levels = (message.bid, message.bid_size, message.ask, message.ask_size)
                    self._watch.look(_make(Best, levels), message.event_time_ns)
            case TradePrinted():
                self._on_trade(message)
            case LiquidityMeasured():
                self._book = message
                self._heard(message.event_time_ns)
            case TickerSeen():
                if self._watch is not None and not self._watch.knows_volume:
                    self._watch.volume_told(message.base_volume_24h)
            case BookLost():
                self._book = None
                if self._watch is not None:
                    self._watch.begin_book()
            case StreamOpened() | StreamLost():
                if self._watch is not None:
                    self._watch.begin()
            case RulesKnown():
                self._on_rules(message)
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")

    def _on_rules(self, known: RulesKnown) -> None:
        if self._watch is None:
            self._watch = FlowWatch(self._pair, float(known.rules.price_step))
            if self._kept is not None:
                self._watch.restore(self._kept)

    def _on_trade(self, trade: TradePrinted) -> None:
        if self._watch is not None and self._watch.trade(trade):
            self._heard(trade.event_time_ns)

    def _heard(self, at_ns: TimeNs) -> None:
        """Tell, unless that was done a moment ago."""
        self._newest_ns = max(self._newest_ns, at_ns)
        now_ns = self.monotonic_ns()
        if self._watch is None or now_ns - self._told_ns < self._every_ns:
            return
        flow = self._watch.measured(self._newest_ns, self.now_ns())
        if flow is None:
            return
        self._told_ns = now_ns
        self.publish(flow)
        book = self._book
        # An old book is no ground: a live one is measured about as often as this is told.
        valid_s = self._settings.flow_every_s + self._settings.liquidity_every_s + VALID_S
        if book is not None and self._newest_ns - book.event_time_ns <= valid_s * NS_PER_S:
            expected = opinion(book, flow, valid_s)
            if expected is not None:
                self.publish(expected)
