"""The candle builder: from trades to closed candles of every timeframe."""

from typing import Any

from msgspec import Struct

from actors import addresses
from actors.kernel import Actor
from state.candle import CandleFold, RollUp
from state.messages.market import CandleClosed, StreamLost, StreamOpened, Timeframe, TradePrinted
from state.messages.operations import ClockMeasured, ClockWanted
from state.values import NS_PER_S, Pair, TimeNs

GRACE_NS = NS_PER_S // 4
"""After a candle's end, how long its trades may still be on their way."""

SMALLEST, *LARGER = Timeframe


class _Boundary(Struct, frozen=True):
    """A smallest candle may be over."""


class CandleBuilder(Actor):
    """One per pair. Owns the candles that form; a restart begins with the next whole ones.

    Only the smallest are built from trades. Each larger one is rolled up from the next smaller,
    so all agree. The exchange's clock decides where a candle ends.
    """

    def __init__(self, pair: Pair) -> None:
        super().__init__()
        self._pair = pair
        self._offset_ns: int | None = None
        """The exchange's clock minus ours; None before it was measured: then nothing is built."""
        self._fold: CandleFold | None = None
        self._rolls: list[RollUp] = []

    def on_start(self) -> None:
        """Listen to the pair's trades."""
        for topic in (TradePrinted, StreamOpened, StreamLost):
            self.subscribe(topic, self._pair)
        self.subscribe(ClockMeasured)
        self.tell(addresses.HEALTH_MONITOR, ClockWanted(reply_to=self.address))
        self._wait()

    def on_receive(self, message: Any) -> None:
        """Fold trades and the passing of time."""
        match message:
            case TradePrinted():
                if self._fold is not None:
                    self._fold, closed = self._fold.apply(message)
                    self._tell(closed)
            case _Boundary():
                if self._fold is not None:
                    self._fold, closed = self._fold.advance(self._venue_ns() - GRACE_NS)
                    self._tell(closed)
                self._wait()
            case StreamOpened():
                self._begin()
            case StreamLost():
                self._fold = None  # Trades may be missing: no candle over the gap is told.
            case ClockMeasured():
                is_first = self._offset_ns is None
                self._offset_ns = message.offset_ns
                if is_first:
                    self._begin()
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")

    def _begin(self) -> None:
        if self._offset_ns is not None:
            self._fold = CandleFold.watching(self._pair, SMALLEST, TimeNs(self._venue_ns()))
            self._rolls = [RollUp(timeframe=timeframe) for timeframe in LARGER]

    def _venue_ns(self) -> int:
        return self.now_ns() + (self._offset_ns or 0)

    def _wait(self) -> None:
        left_ns = NS_PER_S - (self._venue_ns() - GRACE_NS) % NS_PER_S
        self.after(left_ns / NS_PER_S, _Boundary())

    def _tell(self, closed: tuple[CandleClosed, ...]) -> None:
        for candle in closed:
            self.publish(candle)
            part = candle
            for place, roll in enumerate(self._rolls):
                self._rolls[place], larger = roll.apply(part)
                if larger is None:
                    break
                self.publish(larger)
                part = larger
