"""What one trader thinks of its pair: everything it has heard, and what follows from it. Pure.

A mutable fold: the same messages in the same order give the same thoughts, live and in a replay.
Its clock is the exchange's, as the newest book told it.
"""

from collections import Counter
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from actors.trading.judgement.sizing import Facts, Odds, Volatility, worksheet
from actors.trading.judgement.skill import Skill
from actors.trading.judgement.weighing import Action, Hearing, Opinions, judge
from actors.trading.strategies import trend
from actors.trading.strategies.trend import Averages
from state.config.decision import Confirmation, DecisionSettings
from state.config.settings import TrendSettings
from state.instrument import TradingRules
from state.messages.advice import Authority
from state.messages.judgement import Considered, Judgement, SkillScored, SourceRecord
from state.messages.market import BookMeasured, CandleClosed, Timeframe
from state.messages.orders import Bound
from state.messages.signals import Direction, Opinion, TrendMeasured
from state.technical_opinion import LIVES_NS
from state.values import NS_PER_S, Pair, TimeNs

BPS = 10_000.0
VOLATILITY_OF = Timeframe.M1
ADVISOR = "advisor"


class Waits(StrEnum):
    """Why nothing is done at a look: docs/decisions.md explains each."""

    NO_OPINION = "NO_OPINION"
    CONVICTION = "CONVICTION"
    SCORE = "SCORE"
    VETO = "VETO"
    UNCONFIRMED = "UNCONFIRMED"
    """The timeframes do not say what an entry needs."""
    COOL_DOWN = "COOL_DOWN"
    SESSION = "SESSION"
    UNDER_WAY = "UNDER_WAY"
    """A proposal or an order is out."""
    NOT_KNOWN = "NOT_KNOWN"
    """What is held, what is out, or the pair's rules."""
    TOO_SMALL = "TOO_SMALL"
    """The bounds leave less than the exchange takes."""


_ENOUGH: dict[Confirmation, frozenset[Direction | None]] = {
    Confirmation.OFF: frozenset({*Direction, None}),
    Confirmation.NOT_AGAINST: frozenset({Direction.UP, Direction.FLAT, None}),
    Confirmation.REQUIRED: frozenset({Direction.UP}),
}


class MindState(Struct, frozen=True):
    """What a restart must not lose: what only time could rebuild."""

    averages: Averages
    candle_ns: TimeNs = TimeNs(0)
    """Opening of the newest candle in the averages."""
    skill: Skill = Skill()
    volatility: Volatility = Volatility(period_s=VOLATILITY_OF.seconds)
    left_ns: TimeNs | None = None
    """When a sale was last decided, by the exchange's clock."""


class Mind:
    """See the module.

    Args:
        pair: Of what.
        strategy: Settings of the trend, one of the sources.
        settings: Of judgement and size.
        stop_bps: How far below its entry a position is sold at a loss.
    """

    def __init__(
        self, pair: Pair, strategy: TrendSettings, settings: DecisionSettings, stop_bps: Decimal
    ) -> None:
        self._pair = pair
        self._strategy = strategy
        self._settings = settings
        self._stop_bps = stop_bps
        self.state = MindState(averages=self._no_averages())
        self.equity: Decimal | None = None
        self._opinions = Opinions()
        self._trend: TrendMeasured | None = None
        # Until somebody says that it has earned more.
        self._authorities = {ADVISOR: Authority.SHADOW}
        self._waited: Counter[str] = Counter()
        self._heard: Counter[str] = Counter()
        self._next_due_ns = 0

    def restore(self, state: MindState) -> None:
        """Take what an earlier life knew; averages only if they are of the same windows."""
        windows = (self._strategy.fast_window, self._strategy.slow_window)
        if (state.averages.fast_window, state.averages.slow_window) != windows:
            state = MindState(
                averages=self._no_averages(),
                skill=state.skill,
                volatility=state.volatility,
                left_ns=state.left_ns,
            )
        self.state = state

    # What is heard.

    def candle(self, candle: CandleClosed) -> None:
        """Fold a closed candle; one that nobody measured says nothing."""
        if candle.missing:
            return
        if candle.timeframe is VOLATILITY_OF:
            volatility = self.state.volatility.apply(candle.close, candle.open_time_ns)
            self._change(volatility=volatility)
        if candle.timeframe is not self._strategy.timeframe:
            return
        state = self.state
        length_ns = candle.timeframe.seconds * NS_PER_S
        gap = (candle.open_time_ns - state.candle_ns) // length_ns - 1
        averages = state.averages
        if state.candle_ns and gap > self._strategy.slow_window:
            # What the averages remember is older than all they are made of.
            averages = self._no_averages()
        if candle.open_time_ns > state.candle_ns:
            self._change(candle_ns=candle.open_time_ns, averages=averages.apply(candle.close))

    def hear(self, opinion: Opinion, book: BookMeasured | None) -> Hearing:
        """Take an opinion of another source; its record begins where the book is now."""
        now_ns = opinion.as_of_ns if book is None else book.event_time_ns
        self._opinions, hearing = self._opinions.heard(opinion, now_ns)
        self._heard[f"{opinion.source} {hearing}"] += 1
        if hearing is Hearing.TAKEN and book is not None:
            self._begin_record(opinion, book)
        return hearing

    def timeframes(self, measured: TrendMeasured) -> None:
        """Hear what the timeframes say together."""
        self._trend = measured

    def authority(self, source: str, authority: Authority) -> None:
        """Hear what a source may do from now on."""
        self._authorities[source] = authority

    def scored(self, book: BookMeasured) -> tuple[SkillScored, ...]:
        """Return what was learned of the sources by now, to be journalled."""
        if book.event_time_ns < self._next_due_ns or book.polled:
            return ()
        skill, told = self.state.skill.scored(
            self._pair, book.mid, book.event_time_ns, self._settings
        )
        if skill is not self.state.skill:
            self._change(skill=skill)
        self._next_due_ns = self.state.skill.next_due_ns
        return told

    def sold(self, at_ns: TimeNs) -> None:
        """Hear that a sale was decided: nothing is entered for a while."""
        self._change(left_ns=at_ns)

    # What follows.

    def consider(
        self, book: BookMeasured, *, holds: bool, may_enter: bool, in_full: bool = False
    ) -> tuple[Judgement, Action | None, Waits | None]:
        """Return what all opinions say of this book, what to do, and else what is waited for.

        Args:
            book: The live book now.
            holds: Whether something is held that could be sold.
            may_enter: Whether the session lets anything be entered.
            in_full: Say what each opinion changed even when nothing is to be done.
        """
        own = trend.opinion(
            self._pair, self.state.averages, book, holds=holds, settings=self._strategy
        )
        opinions = dict(self._opinions.of)
        if own is not None:
            opinions[own.source] = own
            if own.confidence:
                self._begin_record(own, book)
        weights = {source: record.weight for source, record in self.state.skill.records.items()}
        confirmed = self._confirmed(book.event_time_ns)
        judgement, action = judge(
            opinions.values(),
            weights,
            self._authorities,
            book.event_time_ns,
            self._settings,
            holds=holds,
            in_full=in_full,
            confirmed=confirmed,
        )
        waits = None if action is not None else self._why_not(judgement)
        if action is Action.ENTER:
            if not may_enter:
                action, waits = None, Waits.SESSION
            elif self._cools_down(book.event_time_ns):
                action, waits = None, Waits.COOL_DOWN
            elif confirmed not in _ENOUGH[self._settings.confirmation]:
                action, waits = None, Waits.UNCONFIRMED
        return judgement, action, waits

    def wait(self, for_: Waits) -> None:
        """Count a look that led to nothing."""
        self._waited[for_] += 1

    def size(
        self,
        book: BookMeasured,
        price: Decimal,
        held: Decimal,
        judgement: Judgement,
        rules: TradingRules,
    ) -> tuple[Bound, ...]:
        """Return the worksheet of an entry at `price`, by the exchange's `rules` of the pair."""
        known = self.state.skill.records
        odds = Odds.of(known[one.source] for one in judgement.used if one.source in known)
        facts = Facts(
            price=price,
            order_notional=self._strategy.order_notional,
            stop_bps=self._stop_bps,
            equity=self.equity,
            volatility=self.state.volatility.yearly,
            offered=book.ask_depth,
            held=held,
            cost_bps=2 * BPS * float(rules.fee_rate) + book.spread_bps,
            odds=odds if odds.resolved >= self._settings.kelly_resolved_min else None,
        )
        return worksheet(facts, self._settings, rules.quantity_down)

    def considered(
        self,
        book: BookMeasured,
        judgement: Judgement,
        action: Action | None,
        waits: Waits | None,
    ) -> Considered:
        """Return how it thinks at the moment, for whoever looks."""
        records = tuple(
            SourceRecord(
                source=source,
                weight=record.weight,
                resolved=record.resolved,
                hit_rate=record.hits / record.resolved if record.resolved else None,
            )
            for source, record in sorted(self.state.skill.records.items())
        )
        return Considered(
            pair=self._pair,
            event_time_ns=book.event_time_ns,
            judgement=judgement,
            action=action or "",
            waits_for=waits or "",
            waited=dict(self._waited),
            heard=dict(self._heard),
            records=records,
        )

    def _begin_record(self, opinion: Opinion, book: BookMeasured) -> None:
        if book.polled:
            return
        skill = self.state.skill.heard(opinion, book.mid, book.event_time_ns)
        if skill is not self.state.skill:
            self._change(skill=skill)
            self._next_due_ns = skill.next_due_ns

    def _cools_down(self, now_ns: int) -> bool:
        left_ns = self.state.left_ns
        return left_ns is not None and now_ns < left_ns + int(self._settings.cool_down_s * NS_PER_S)

    def _confirmed(self, now_ns: int) -> Direction | None:
        """Return where the timeframes confirm a trend to, as long as that may be believed."""
        told = self._trend
        if told is None or now_ns - told.event_time_ns >= LIVES_NS:
            return None
        return told.confirmed

    def _why_not(self, judgement: Judgement) -> Waits:
        if judgement.vetoed_by:
            return Waits.VETO
        if judgement.score is None:
            return Waits.NO_OPINION
        if judgement.conviction < self._settings.conviction_min:
            return Waits.CONVICTION
        return Waits.SCORE

    def _no_averages(self) -> Averages:
        return Averages(
            fast_window=self._strategy.fast_window, slow_window=self._strategy.slow_window
        )

    def _change(self, **changes: object) -> None:
        self.state = replace(self.state, **changes)
