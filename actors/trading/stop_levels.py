"""Where a stop is drawn closer to: trailing, or by the average true range. Pure."""

from decimal import Decimal

from msgspec import Struct

from state.config.cover import CoverSettings, StopMode
from state.exact import exactly
from state.messages.market import CandleClosed
from state.protection import BPS, Protection
from state.values import Price


class AverageRange(Struct, frozen=True):
    """Wilder's average true range over closed candles, quote units.

    The first value is the mean of the first `window` true ranges, of which the first needs the
    close before it; from then on each new range counts one `window`-th.

    Source: Wilder (1978), "New Concepts in Technical Trading Systems", as in TA-Lib's ATR.
    """

    window: int
    value: float | None = None
    """None until `window` true ranges are known."""
    close: float | None = None
    """Of the newest candle."""
    ranges: tuple[float, ...] = ()
    """The true ranges so far, while they are fewer than `window`."""

    def apply(self, candle: CandleClosed) -> "AverageRange":
        """Return the average after one more candle."""
        if self.close is None:
            return AverageRange(self.window, close=candle.close)
        high, low = max(candle.high, self.close), min(candle.low, self.close)
        true_range = high - low
        if self.value is not None:
            value = (self.value * (self.window - 1) + true_range) / self.window
            return AverageRange(self.window, value=value, close=candle.close)
        ranges = (*self.ranges, true_range)
        if len(ranges) < self.window:
            return AverageRange(self.window, close=candle.close, ranges=ranges)
        return AverageRange(self.window, value=sum(ranges) / self.window, close=candle.close)


def closer_stop(
    protection: Protection, settings: CoverSettings, peak: float, average_range: float | None
) -> Price | None:
    """Return where the stop is to be drawn to; None while that would not be worth a record.

    Args:
        protection: Of a position that has a stop.
        settings: How the stop follows the price.
        peak: The best bid since the position began, quote per base.
        average_range: Average true range, quote units; None while unknown.
    """
    assert protection.stop is not None, "what has no stop has none to be moved"
    distance = _distance(settings, Decimal(repr(peak)), average_range)
    if distance is None:
        return None
    with exactly():
        stop = Decimal(repr(peak)) - distance
        worth_it = protection.stop + protection.stop * settings.ratchet_step_bps / BPS
        return Price(stop) if stop >= worth_it else None


def _distance(
    settings: CoverSettings, peak: Decimal, average_range: float | None
) -> Decimal | None:
    match settings.stop:
        case StopMode.FIXED:
            return None
        case StopMode.TRAILING:
            with exactly():
                return peak * settings.stop_bps / BPS
        case StopMode.ATR:
            if average_range is None:
                return None
            return Decimal(repr(average_range * settings.atr_multiple))
