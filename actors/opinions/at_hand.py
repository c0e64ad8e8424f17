"""What the advisor has at hand of one pair, and the question it makes of it. Pure but for memory.

Only what is live, warm and fresh becomes a fact; what is not known is left out, never guessed.
"""

from collections import deque
from itertools import pairwise
from typing import Any

from msgspec import Struct

from state.advice.outside_text import cleaned
from state.advice.prompt import PRICE
from state.config.advisor import AdvisorSettings
from state.instrument import TradingRules
from state.messages.accounts import PositionChanged
from state.messages.advice import Fact, Question, Terms, TextSeen
from state.messages.flow import FlowMeasured
from state.messages.market import BookLost, BookMeasured, CandleClosed, HistoryGiven, Timeframe
from state.messages.signals import (
    Direction,
    IndicatorsUpdated,
    LevelRole,
    LevelState,
    LevelsUpdated,
    PatternFound,
    TrendMeasured,
)
from state.values import NS_PER_S, Pair, TimeNs

BPS = 10_000.0
ATR_BARS = 14
TEXTS = 8
TEXT_FRESH_NS = 6 * 3600 * NS_PER_S
FLOW_FRESH_NS = 60 * NS_PER_S
BOOK_FRESH_NS = 30 * NS_PER_S
"""A book that says nothing for so long is no reference, whatever its feed calls it."""
SHOWN = (Timeframe.M1, Timeframe.M5, Timeframe.M15, Timeframe.H1, Timeframe.H4, Timeframe.D1)
_PRICES = ("ema20", "ema50", "bollinger_upper", "bollinger_lower", "vwap", "supertrend")
_MEASURES = (("rsi14", ""), ("adx14", ""), ("macd_histogram", "quote units"), ("mfi14", ""))


class AtHand:
    """One pair's newest facts.

    Args:
        pair: Which.
        settings: Of the advisor: whose timeframe matters most, what an answer is held to.
    """

    def __init__(self, pair: Pair, settings: AdvisorSettings) -> None:
        self._pair = pair
        self._settings = settings
        self.rules: TradingRules | None = None
        self.held = False
        self.quarantined = 0
        """Texts left out since this life began."""
        self._position: PositionChanged | None = None
        self._book: BookMeasured | None = None
        self._book_at_ns = TimeNs(0)
        self._candles: dict[Timeframe, CandleClosed] = {}
        self._ranged: deque[CandleClosed] = deque(maxlen=ATR_BARS + 1)
        self._indicators: dict[Timeframe, IndicatorsUpdated] = {}
        self._trend: TrendMeasured | None = None
        self._levels: dict[Timeframe, LevelsUpdated] = {}
        self._flow: FlowMeasured | None = None
        self._patterns: deque[PatternFound] = deque(maxlen=4)
        self._texts: deque[tuple[str, str, TimeNs]] = deque(maxlen=TEXTS)

    def take(self, message: Any, now_ns: TimeNs) -> bool:
        """Remember a message; False when it is of no kind that is known here."""
        match message:
            case BookMeasured():
                self._book, self._book_at_ns = message, now_ns
            case BookLost():
                self._book = None
            case CandleClosed():
                self._take_candle(message)
            case HistoryGiven():
                if message.timeframe is self._settings.timeframe:
                    self._ranged.clear()
                for candle in message.candles[-ATR_BARS - 1 :]:
                    self._take_candle(candle)
            case IndicatorsUpdated():
                self._indicators[message.timeframe] = message
            case FlowMeasured():
                self._flow = message
            case TrendMeasured():
                self._trend = message
            case LevelsUpdated():
                self._levels[message.timeframe] = message
            case PatternFound():
                self._patterns.append(message)
            case PositionChanged():
                self.held = message.quantity > 0
                self._position = message if self.held else None
            case TextSeen():
                self._take_text(message)
            case _:
                return False
        return True

    def reference(self, now_ns: TimeNs) -> float | None:
        """Return the mid of a live book, quote units; None where there is none."""
        if self._book is None or now_ns - self._book_at_ns > BOOK_FRESH_NS:
            return None
        return self._book.mid

    def question(self, request_id: str, now_ns: TimeNs) -> Question | None:
        """Return the question of this moment; None while a fact is missing that each needs."""
        book, rules, settings = self._book, self.rules, self._settings
        reference = self.reference(now_ns)
        if book is None or rules is None or reference is None or not self._candles:
            return None
        facts = self._facts(book, now_ns)
        return Question(
            request_id=request_id,
            pair=self._pair,
            as_of_ns=max(fact.as_of_ns for fact in facts),
            deadline_ns=TimeNs(now_ns + int(settings.within_s * NS_PER_S)),
            reference=reference,
            spread=book.ask - book.bid,
            atr=self._atr(now_ns),
            held=self.held,
            facts=facts,
            terms=Terms(
                tick=10.0**-rules.price_decimals,
                cost_bps=settings.cost_bps,
                reward_risk_min=settings.reward_risk_min,
                stop_bps_min=settings.stop_bps_min,
                stop_bps_max=settings.stop_bps_max,
                stop_atr_min=settings.stop_atr_min,
                stop_atr_max=settings.stop_atr_max,
                entry_atr_max=settings.entry_atr_max,
                reach_bps=settings.reach_bps,
            ),
        )

    def _facts(self, book: BookMeasured, now_ns: TimeNs) -> tuple[Fact, ...]:
        found = _Found()
        self._of_book(found, book)
        self._of_position(found, book)
        self._of_flow(found, now_ns)
        for timeframe in SHOWN:
            candle = self._candles.get(timeframe)
            if candle is not None and _is_fresh(timeframe, _end_ns(candle), now_ns):
                _of_candle(found, candle, in_full=timeframe is self._settings.timeframe)
        for timeframe in dict.fromkeys((self._settings.timeframe, Timeframe.H1)):
            indicators = self._indicators.get(timeframe)
            if indicators is not None and _is_fresh(timeframe, indicators.event_time_ns, now_ns):
                _of_indicators(found, indicators, in_full=timeframe is self._settings.timeframe)
        self._of_trend(found)
        self._of_levels(found, book.mid)
        self._of_patterns(found, now_ns)
        if self._settings.texts:
            for source, text, seen_ns in self._texts:
                if now_ns - seen_ns <= TEXT_FRESH_NS:
                    found.add(f"text_of_{source}", text, "", seen_ns, untrusted=True)
        return tuple(found.facts)

    def _of_book(self, found: "_Found", book: BookMeasured) -> None:
        at_ns = book.event_time_ns
        found.add("mid", book.mid, PRICE, at_ns)
        found.add("spread", book.spread_bps, "bps", at_ns)
        found.add("book_imbalance", book.imbalance, "share", at_ns)
        found.add("book_imbalance_best_five", book.imbalance_5, "share", at_ns)
        found.add("order_flow", book.order_flow_depths, "best sizes", at_ns)
        found.add("bid_depth", book.bid_depth, "quote units", at_ns)
        found.add("ask_depth", book.ask_depth, "quote units", at_ns)

    def _of_position(self, found: "_Found", book: BookMeasured) -> None:
        """Say where a position was entered and how it stands, never how large it is."""
        position = self._position
        if position is not None and position.average_entry > 0:
            entry = float(position.average_entry)
            found.add("position_entry", entry, PRICE, position.at_ns)
            result = (book.mid / entry - 1) * BPS
            found.add("position_result", result, "bps", book.event_time_ns)

    def _of_flow(self, found: "_Found", now_ns: TimeNs) -> None:
        flow = self._flow
        if flow is None or now_ns - flow.event_time_ns > FLOW_FRESH_NS:
            return
        at_ns = flow.event_time_ns
        found.add("trade_imbalance_1m", flow.imbalance_60s, "share", at_ns)
        found.add("volume_delta_1m", flow.delta_60s, "base units", at_ns)
        found.add("vpin", flow.vpin, "share", at_ns)
        found.add("largest_trade_z", flow.large_z, "deviations", at_ns)
        found.add("point_of_control", flow.point_of_control, PRICE, at_ns)
        found.add("value_area_low", flow.value_low, PRICE, at_ns)
        found.add("value_area_high", flow.value_high, PRICE, at_ns)

    def _of_trend(self, found: "_Found") -> None:
        trend = self._trend
        if trend is None:
            return
        at_ns = trend.event_time_ns
        found.add("trend_agreement", trend.agreement, "share", at_ns)
        for one in trend.timeframes:
            if one.regime is not None:
                name = f"trend_{one.timeframe}"
                found.add(name, one.regime.value, "", one.closed_time_ns)

    def _of_levels(self, found: "_Found", mid: float) -> None:
        levels = self._levels.get(self._settings.timeframe)
        if levels is None:
            return
        holding = [one for one in levels.levels if one.state is not LevelState.BROKEN]
        below = [one.price for one in holding if one.role is LevelRole.SUPPORT and one.price < mid]
        above = [
            one.price for one in holding if one.role is LevelRole.RESISTANCE and one.price > mid
        ]
        found.add("support", max(below, default=None), PRICE, levels.event_time_ns)
        found.add("resistance", min(above, default=None), PRICE, levels.event_time_ns)

    def _of_patterns(self, found: "_Found", now_ns: TimeNs) -> None:
        for one in self._patterns:
            expects = one.direction is not Direction.FLAT
            if expects and _is_fresh(one.timeframe, one.event_time_ns, now_ns):
                name = f"pattern_{one.pattern.lower()}_{one.timeframe}"
                found.add(name, one.direction.value, "", one.event_time_ns)

    def _atr(self, now_ns: TimeNs) -> float | None:
        """Return the average true range of the decision's timeframe, quote units.

        Of the indicators where they are warm, else Wilder's first value: a mean of 14.
        """
        timeframe = self._settings.timeframe
        indicators = self._indicators.get(timeframe)
        if (
            indicators is not None
            and indicators.atr14 is not None
            and _is_fresh(timeframe, indicators.event_time_ns, now_ns)
        ):
            return indicators.atr14 or None
        bars = list(self._ranged)
        if len(bars) <= ATR_BARS:
            return None
        ranges = [
            max(now.high, before.close) - min(now.low, before.close)
            for before, now in pairwise(bars)
        ]
        return sum(ranges) / len(ranges) or None

    def _take_candle(self, candle: CandleClosed) -> None:
        if candle.missing:
            if candle.timeframe is self._settings.timeframe:
                self._ranged.clear()
            return
        newest = self._candles.get(candle.timeframe)
        if newest is None or candle.open_time_ns >= newest.open_time_ns:
            self._candles[candle.timeframe] = candle
        if candle.timeframe is self._settings.timeframe:
            last = self._ranged[-1] if self._ranged else None
            if last is not None and candle.open_time_ns <= last.open_time_ns:
                if candle.open_time_ns == last.open_time_ns:
                    self._ranged[-1] = candle
                return
            if last is not None and candle.open_time_ns != _end_ns(last):
                self._ranged.clear()
            self._ranged.append(candle)

    def _take_text(self, seen: TextSeen) -> None:
        clean = cleaned(seen.text)
        source = "".join(each for each in seen.source.lower() if each.isalnum())[:20] or "unknown"
        if clean.suspicion:
            self.quarantined += 1
        elif (source, clean.text) not in [(one, text) for one, text, _ in self._texts]:
            self._texts.append((source, clean.text, seen.seen_time_ns))


class _Found(Struct):
    facts: list[Fact] = []

    def add(
        self,
        name: str,
        value: float | str | None,
        unit: str,
        at_ns: TimeNs,
        *,
        untrusted: bool = False,
    ) -> None:
        if value is None:
            return
        fact = Fact(
            number=len(self.facts) + 1,
            name=name,
            value=value,
            unit=unit,
            as_of_ns=at_ns,
            untrusted=untrusted,
        )
        self.facts.append(fact)


def _of_candle(found: _Found, candle: CandleClosed, *, in_full: bool) -> None:
    name, at_ns = candle.timeframe.value, _end_ns(candle)
    found.add(f"close_{name}", candle.close, PRICE, at_ns)
    found.add(f"return_{name}", (candle.close / candle.open - 1) * BPS, "bps", at_ns)
    if in_full:
        found.add(f"range_{name}", (candle.high - candle.low) / candle.close * BPS, "bps", at_ns)
        found.add(f"volume_{name}", candle.base_volume, "base units", at_ns)


def _of_indicators(found: _Found, indicators: IndicatorsUpdated, *, in_full: bool) -> None:
    """Say a few of them: a model that is shown everything cites anything."""
    name, at_ns = indicators.timeframe.value, indicators.event_time_ns
    for measure, unit in _MEASURES if in_full else _MEASURES[:2]:
        found.add(f"{measure}_{name}", getattr(indicators, measure), unit, at_ns)
    for price in _PRICES if in_full else _PRICES[:1]:
        found.add(f"{price}_{name}", getattr(indicators, price), PRICE, at_ns)


def _end_ns(candle: CandleClosed) -> TimeNs:
    return TimeNs(candle.open_time_ns + candle.timeframe.seconds * NS_PER_S)


def _is_fresh(timeframe: Timeframe, at_ns: TimeNs, now_ns: TimeNs) -> bool:
    """Whether the next bar of `timeframe` is not overdue by more than a bar and a minute."""
    return now_ns - at_ns <= (2 * timeframe.seconds + 60) * NS_PER_S
