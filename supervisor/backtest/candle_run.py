"""One pair's technical analyst and trader, live in virtual time, over recorded one-minute candles.

They are the very actors that trade. A bar is told when it has closed, together with the longer
ones that it completes; then a book around its close. What the trader proposes then is filled whole
at the **next** bar's open, the worse for half the spread and the taker's fee. A position has a stop
`stop_bps` below its entry; a later bar that reaches it sells at the stop, or at that bar's open
where it opened beyond. Nobody queues, nothing moves the market, and no risk guard is asked.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from actors import addresses
from actors.kernel import Birthright
from actors.kernel.virtual import Policy, VirtualRuntime
from actors.opinions.technical_analyst import TechnicalAnalyst
from adapters.halt_latch import Latch
from state.candle import RollUp
from state.config import Config
from state.instrument import TradingRules
from state.messages.accounts import EquityMarked, PositionChanged
from state.messages.held import OrdersHeld, RulesKnown
from state.messages.market import BookMeasured, CandleClosed, Timeframe
from state.messages.operations import SessionState
from state.messages.orders import (
    DecisionDropped,
    OrderProposed,
    OrdersWanted,
    Refusal,
)
from state.values import NS_PER_S, ZERO, Pair, Session, Side, TimeNs, base_of, quote_of
from supervisor.backtest.result import Result
from supervisor.replay.player import Mute, StoppedClock
from supervisor.tree import recorded_births

STEP_NS = 60 * NS_PER_S
LARGER = (Timeframe.M5, Timeframe.M15, Timeframe.H1, Timeframe.H4, Timeframe.D1)
BPS = Decimal(10_000)


@dataclass(frozen=True)
class Bars:
    """One-minute candles, oldest first; prices in quote units, volume in base units."""

    open_ns: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.open_ns)

    def first(self, count: int) -> "Bars":
        """Return the oldest `count` of them."""
        return Bars(
            self.open_ns[:count],
            self.open[:count],
            self.high[:count],
            self.low[:count],
            self.close[:count],
            self.volume[:count],
        )


@dataclass(frozen=True, kw_only=True)
class Model:
    """What a fill costs, and what there is to begin with."""

    fee: Decimal = Decimal("0.002")
    """The taker's, as a share."""
    spread_bps: Decimal = Decimal(1)
    capital: Decimal = Decimal(10_000)
    """Quote units for the pair."""


class CandleRun:
    """One pair over its bars.

    Args:
        pair: Whose.
        config: Of the house. The trend reads minutes and no book confirms it; an entry may take all
            of the pair's capital, and whatever is offered.
        model: Of fills.
    """

    def __init__(self, pair: Pair, config: Config, model: Model) -> None:
        self._pair, self._model = pair, model
        trend = replace(
            config.strategy.trend,
            timeframe=Timeframe.M1,
            imbalance_min=0.0,
            order_notional=model.capital,
        )
        decision = replace(config.decision, pair_share_max=Decimal(1), depth_share=Decimal(1))
        config = replace(
            config, pairs=(pair,), strategy=replace(config.strategy, trend=trend), decision=decision
        )
        self._stop = config.protection.stop_bps / BPS
        self._clock = StoppedClock()
        self._runtime = VirtualRuntime(seed=0, policy=Policy.FIFO, clock=self._clock, traced=False)
        self._runtime.probe = self
        self._trader = addresses.trader(pair)
        self._analyst = addresses.technical_analyst(pair)
        births = recorded_births(config, Mute(), Latch(), "backtest")
        births[self._analyst] = Birthright(make=TechnicalAnalyst, args=(pair, 0, config.technical))
        self._births = births
        self._rolls = [RollUp(timeframe=one) for one in LARGER]
        self._proposed: OrderProposed | None = None
        self._cash, self._held, self._entry = model.capital, ZERO, ZERO
        self.result = Result(pair=pair, capital=model.capital)

    def run(self, bars: Bars, advance: Callable[[int], object] = id) -> Result:
        """Live over all bars and return what came of it.

        Args:
            bars: Oldest first, without repetition.
            advance: Called with the number of bars done, now and then.
        """
        self._begin(int(bars.open_ns[0]))
        for number, candle in enumerate(self._candles(bars)):
            self._open(candle)
            self._meet_stop(candle)
            self._close(candle)
            self.result.mark(candle, self._worth(candle.close), holds=self._held > 0)
            if number % 500 == 0:
                advance(number)
        return self.result

    def _begin(self, at_ns: int) -> None:
        self._clock.show(at_ns, at_ns)
        for address in (self._analyst, self._trader):
            self._runtime.spawn(address, self._births[address], parent=None)
        self._settle()
        self._tell(SessionState(session=Session.READY, reason="", since_ns=TimeNs(at_ns)))
        self._tell(RulesKnown(pair=self._pair, rules=_rules(self._pair, self._model.fee)))
        self._tell_position(at_ns)
        self._settle()

    def _candles(self, bars: Bars) -> Iterator[CandleClosed]:
        for row in range(len(bars)):
            open_ns = int(bars.open_ns[row])
            yield CandleClosed(
                pair=self._pair,
                event_time_ns=TimeNs(open_ns + STEP_NS),
                timeframe=Timeframe.M1,
                open_time_ns=TimeNs(open_ns),
                open=float(bars.open[row]),
                high=float(bars.high[row]),
                low=float(bars.low[row]),
                close=float(bars.close[row]),
                base_volume=float(bars.volume[row]),
                quote_volume=float(bars.volume[row] * bars.close[row]),
                trades=1,
            )

    # One bar.

    def _open(self, candle: CandleClosed) -> None:
        """Fill what was proposed at the last close."""
        order, self._proposed = self._proposed, None
        if order is None:
            return
        price = self._price(candle.open, order.side)
        if order.side is Side.BUY:
            affordable = self._cash / (price * (1 + self._model.fee))
            quantity = min(order.quantity, affordable)
        else:
            quantity = min(order.quantity, self._held)
        self._fill(order.side, quantity, price)
        dropped = DecisionDropped(
            decision_id=order.decision_id,
            pair=self._pair,
            refusal=Refusal(code="FILLED", limit="", value=""),
        )
        self._tell_position(candle.open_time_ns)
        self._tell(dropped)
        self._settle()

    def _meet_stop(self, candle: CandleClosed) -> None:
        stop = self._entry * (1 - self._stop)
        if not self._held or Decimal(repr(candle.low)) > stop:
            return
        reached = min(float(stop), candle.open)
        self._fill(Side.SELL, self._held, self._price(reached, Side.SELL))
        self.result.stops += 1
        self._tell_position(candle.open_time_ns)
        self._settle()

    def _close(self, candle: CandleClosed) -> None:
        self._clock.show(candle.event_time_ns, candle.event_time_ns)
        self._tell_candle(candle)
        part = candle
        for place, roll in enumerate(self._rolls):
            self._rolls[place], larger = roll.apply(part)
            if larger is None:
                break
            self._tell_candle(larger)
            part = larger
        self._settle()
        self._tell_equity(candle)
        self._tell(self._book(candle))
        self._settle()

    def _fill(self, side: Side, quantity: Decimal, price: Decimal) -> None:
        value = quantity * price
        fee = value * self._model.fee
        self._cash -= side.sign * value + fee
        if side is Side.BUY:
            self._entry = price
            self._held += quantity
        else:
            self._held -= quantity
        self.result.fill(self._clock.now_ns(), side, value, fee)

    def _price(self, price: float, side: Side) -> Decimal:
        half = self._model.spread_bps / 2 / BPS
        return Decimal(repr(price)) * (1 + side.sign * half)

    def _worth(self, price: float) -> float:
        return float(self._cash + self._held * Decimal(repr(price)))

    # What the actors hear and say.

    def _tell(self, message: object) -> None:
        self._runtime.tell(self._trader, message)

    def _tell_candle(self, candle: CandleClosed) -> None:
        for listener in (self._analyst, self._trader):
            self._runtime.tell(listener, candle)

    def _tell_position(self, at_ns: int) -> None:
        told = PositionChanged(
            pair=self._pair,
            quantity=self._held,
            average_entry=self._entry,
            realised=ZERO,
            fees=ZERO,
            at_ns=TimeNs(at_ns),
        )
        self._tell(told)

    def _tell_equity(self, candle: CandleClosed) -> None:
        worth = self._cash + self._held * Decimal(repr(candle.close))
        told = EquityMarked(
            at_ns=candle.event_time_ns,
            currency=quote_of(self._pair),
            equity=worth,
            start=worth,
            flows=ZERO,
            realised=ZERO,
            unrealised=ZERO,
            fees=ZERO,
        )
        self._tell(told)

    def _book(self, candle: CandleClosed) -> BookMeasured:
        half = candle.close * float(self._model.spread_bps) / 20_000
        bid, ask = round(candle.close - half, 8), round(candle.close + half, 8)
        return BookMeasured(
            pair=self._pair,
            event_time_ns=candle.event_time_ns,
            sequence=candle.event_time_ns,
            bid=bid,
            bid_size=1.0,
            ask=ask,
            ask_size=1.0,
            mid=candle.close,
            weighted_mid=candle.close,
            spread_bps=float(self._model.spread_bps),
            imbalance=0.0,
            bid_depth=1e12,
            ask_depth=1e12,
            depth_bps=10.0,
        )

    def _settle(self) -> None:
        self._runtime.settle()

    # The probe.

    def before(self, address: str, message: object) -> None:
        """See `actors.kernel.runtime.Probe.before`."""

    def sending(self, address: str, message: Any) -> None:
        """See `actors.kernel.runtime.Probe.sending`."""
        del address
        if isinstance(message, OrderProposed):
            self._proposed = message
            self.result.decide(message)
        elif isinstance(message, OrdersWanted):
            self._tell(OrdersHeld(pair=self._pair, orders=(), request=message.request))

    def after(self, address: str, message: object) -> None:
        """See `actors.kernel.runtime.Probe.after`."""


def _rules(pair: Pair, fee: Decimal) -> TradingRules:
    return TradingRules(
        pair=pair,
        base=base_of(pair),
        quote=quote_of(pair),
        price_decimals=8,
        quantity_decimals=8,
        fee_rate=fee,
    )
