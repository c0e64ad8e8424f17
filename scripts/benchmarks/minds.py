"""What judgement costs: asking for advice, judging it, and coming to a decision."""

import msgspec

from actors.opinions.at_hand import AtHand
from adapters.simulated.advisor.answers import Asked, dumped, good
from scripts.benchmarks.deciding import measure_deciding
from scripts.benchmarks.figures import Figure, microseconds, share_of
from state.advice.codes import Code
from state.advice.outside_text import cleaned
from state.advice.prompt import prompt, state_hash
from state.advice.validation import judge
from state.config import AdvisorSettings
from state.instrument import TradingRules
from state.messages.advice import ChatReplied, Question, TextSeen
from state.messages.market import BookMeasured, CandleClosed, HistoryGiven, Timeframe
from state.messages.signals import (
    Direction,
    IndicatorsUpdated,
    TimeframeTrend,
    TrendMeasured,
)
from state.values import NS_PER_S, Currency, Pair, TimeNs

TIMES = 1_000
JUDGE_US, PROMPT_US = 1_000.0, 5_000.0
_NOW = TimeNs(1_790_000_000 * NS_PER_S)
_PAIR = Pair("BTC_USDT")
_HEADLINE = "Regulator <b>approves</b> a spot fund https://example.org/story after a long review"


def measure() -> list[Figure]:
    """Measure everything; a few seconds."""
    hand = _at_hand()
    question = _question(hand)
    user = prompt(question)
    content = dumped(good(Asked(user, 1)))
    reply = ChatReplied(
        model="m", content=content, finish="stop", refusal=None, usage=None, form="json_schema"
    )

    def judged() -> Code:
        return judge(question, reply, now_ns=_NOW, reference=question.reference).code

    assert judged() is Code.OK, "measured is the whole way, no early no"
    broken = msgspec.structs.replace(reply, content=content.replace("rests on", "needs 4711 and"))
    assert judge(question, broken, now_ns=_NOW, reference=question.reference).code is not Code.OK
    judging = microseconds(TIMES, judged)
    refusing = microseconds(
        TIMES, lambda: judge(question, broken, now_ns=_NOW, reference=question.reference)
    )
    building = microseconds(TIMES, lambda: (state_hash(_question(hand)), prompt(_question(hand))))
    scene = f"{len(question.facts)} facts, {len(user.encode())} bytes"
    return [
        *measure_deciding(),
        share_of("judging a good answer, p50", judging, 0.50, JUDGE_US),
        share_of("judging a good answer, p99", judging, 0.99, JUDGE_US),
        share_of("refusing an invented number, p99", refusing, 0.99, JUDGE_US),
        share_of(f"building a question, p50 ({scene})", building, 0.50, PROMPT_US),
        share_of(f"building a question, p99 ({scene})", building, 0.99, PROMPT_US),
        share_of(
            "cleaning a headline, p50", microseconds(TIMES, lambda: cleaned(_HEADLINE)), 0.50, None
        ),
    ]


def _question(hand: AtHand) -> Question:
    question = hand.question("BTC_USDT/advisor/1/1.1", _NOW)
    assert question is not None
    return question


def _at_hand() -> AtHand:
    """Return a pair of which everything is known."""
    hand = AtHand(_PAIR, AdvisorSettings())
    hand.rules = TradingRules(
        pair=_PAIR,
        base=Currency("BTC"),
        quote=Currency("USDT"),
        price_decimals=1,
        quantity_decimals=6,
    )
    hand.take(_book(), _NOW)
    for timeframe in (Timeframe.M1, Timeframe.M5, Timeframe.M15, Timeframe.H1, Timeframe.H4):
        candles = _candles(timeframe)
        hand.take(HistoryGiven(pair=_PAIR, timeframe=timeframe, candles=candles), _NOW)
        hand.take(_indicators(timeframe), _NOW)
    hand.take(_trend(), _NOW)
    for number in range(8):
        text = TextSeen(pair=_PAIR, source="wire", text=f"{_HEADLINE} {number}", seen_time_ns=_NOW)
        hand.take(text, _NOW)
    return hand


def _book() -> BookMeasured:
    return BookMeasured(
        pair=_PAIR,
        event_time_ns=_NOW,
        sequence=1,
        bid=49_999.9,
        bid_size=1.0,
        ask=50_000.1,
        ask_size=2.0,
        mid=50_000.0,
        weighted_mid=50_000.0,
        spread_bps=0.04,
        imbalance=0.333333,
        bid_depth=250_000.0,
        ask_depth=310_000.0,
        depth_bps=10.0,
        imbalance_5=0.21,
        order_flow_depths=-1.5,
    )


def _candles(timeframe: Timeframe) -> tuple[CandleClosed, ...]:
    step_ns = timeframe.seconds * NS_PER_S
    first_ns = _NOW // step_ns * step_ns - 20 * step_ns
    return tuple(
        CandleClosed(
            pair=_PAIR,
            event_time_ns=TimeNs(first_ns + (n + 1) * step_ns),
            timeframe=timeframe,
            open_time_ns=TimeNs(first_ns + n * step_ns),
            open=50_000.0 - n,
            high=50_060.0,
            low=49_940.0,
            close=50_000.0,
            base_volume=12.5 + n,
            quote_volume=625_000.0,
            trades=40,
        )
        for n in range(20)
    )


def _indicators(timeframe: Timeframe) -> IndicatorsUpdated:
    return IndicatorsUpdated(
        pair=_PAIR,
        event_time_ns=_NOW,
        timeframe=timeframe,
        open_time_ns=TimeNs(_NOW - timeframe.seconds * NS_PER_S),
        close=50_000.0,
        bars=400,
        ema20=49_980.0,
        ema50=49_950.0,
        rsi14=58.2,
        macd_histogram=1.75,
        bollinger_upper=50_200.0,
        bollinger_lower=49_800.0,
        atr14=110.0,
        adx14=23.0,
        vwap=49_990.0,
        supertrend=49_700.0,
        mfi14=51.0,
    )


def _trend() -> TrendMeasured:
    timeframes = (Timeframe.M5, Timeframe.M15, Timeframe.H1, Timeframe.H4)
    return TrendMeasured(
        pair=_PAIR,
        event_time_ns=_NOW,
        timeframes=tuple(
            TimeframeTrend(
                timeframe=one,
                closed_time_ns=_NOW,
                regime=Direction.UP,
                adx=25.0,
                slope_t=2.5,
                weight=0.25,
            )
            for one in timeframes
        ),
        missing=(),
        agreement=0.75,
        bias=0.6,
        confirmed=Direction.UP,
    )
