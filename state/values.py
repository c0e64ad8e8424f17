"""The words every other module speaks: pairs, money, sides, times, identities. Pure.

Money is `Decimal` end to end; `float` never enters an order. Times are integer nanoseconds since
the Unix epoch, UTC.
"""

from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, NewType, Self

Currency = NewType("Currency", str)
"""A currency code in capitals, such as `BTC`."""

Pair = NewType("Pair", str)
"""A market in Gate's spelling, base and quote in capitals: `BTC_USDT`."""

if TYPE_CHECKING:

    class _Amount(Decimal):
        """Adds to, subtracts from and compares with its like alone: mypy refuses anything else.

        A plain `Decimal` may stand beside it; the result is one too, and has to be named anew.
        """

        def __add__(self, other: Self | int) -> Self: ...  # type: ignore[override]
        def __radd__(self, other: Self | int) -> Self: ...  # type: ignore[override]
        def __sub__(self, other: Self | int) -> Self: ...  # type: ignore[override]
        def __rsub__(self, other: Self | int) -> Self: ...  # type: ignore[override]
        def __lt__(self, other: Self | int) -> bool: ...  # type: ignore[override]
        def __le__(self, other: Self | int) -> bool: ...  # type: ignore[override]
        def __gt__(self, other: Self | int) -> bool: ...  # type: ignore[override]
        def __ge__(self, other: Self | int) -> bool: ...  # type: ignore[override]

    class Price(_Amount):
        """Quote units for one base unit."""

    class Quantity(_Amount):
        """An amount of the base currency."""

    class Notional(_Amount):
        """An amount of the quote currency: price times quantity."""

else:
    # While it runs each is a bare Decimal: names that cost nothing.
    Price = NewType("Price", Decimal)
    Quantity = NewType("Quantity", Decimal)
    Notional = NewType("Notional", Decimal)

TimeNs = NewType("TimeNs", int)
"""Nanoseconds since 1970-01-01T00:00:00Z."""

DecisionId = NewType("DecisionId", str)
"""Names one decision of one trader for ever; at most one live order may come of it."""

ClientOrderId = NewType("ClientOrderId", str)
"""Our name for an order, Gate's `text`: a function of account, decision and attempt."""

VenueOrderId = NewType("VenueOrderId", str)
"""The exchange's name for an order."""

TradeId = NewType("TradeId", str)
"""The exchange's name for one fill: the only safe key against counting it twice."""

TraceId = NewType("TraceId", str)
"""Joins everything that followed from one cause, from quote to alert."""

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
ZERO = Decimal(0)


class Side(StrEnum):
    """Which way an order or a taker went."""

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> "Side":
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell: how a fill moves the base holding."""
        return 1 if self is Side.BUY else -1


class OrderType(StrEnum):
    """How an order is priced."""

    LIMIT = "limit"
    MARKET = "market"


class TimeInForce(StrEnum):
    """How long an order may rest, in Gate's spelling."""

    GTC = "gtc"
    IOC = "ioc"
    POC = "poc"
    """Post-only: refused rather than taken."""
    FOK = "fok"


class Role(StrEnum):
    """Whether a fill took liquidity or made it."""

    TAKER = "taker"
    MAKER = "maker"


class Purpose(StrEnum):
    """What an order is for: rules, statistics and `explain` tell them apart by it."""

    ENTRY = "entry"
    EXIT = "exit"
    """The strategy's own way out."""
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    FLATTEN = "flatten"
    """An operator or a limit wants the position gone."""

    @property
    def is_protective(self) -> bool:
        """Whether it ends a risk that somebody decided not to carry any longer."""
        return self in (Purpose.STOP_LOSS, Purpose.TAKE_PROFIT, Purpose.FLATTEN)


class Venue(StrEnum):
    """Where orders go; each has a database of its own that refuses the others."""

    SIMULATED = "simulated"
    TESTNET = "testnet"
    LIVE = "live"


class Session(StrEnum):
    """What the whole house is allowed to do."""

    STARTING = "starting"
    READY = "ready"
    PAUSED = "paused"
    """No entries; what is open may be reduced."""
    DRAINING = "draining"
    """No entries; positions are being closed."""
    STOPPED = "stopped"
    """Orders cancelled, no trading."""
    EMERGENCY = "emergency"
    """The halt latch is set: nothing leaves until an operator resets it with a reason."""


def base_of(pair: Pair) -> Currency:
    """Return the currency that is bought and sold: `BTC` of `BTC_USDT`."""
    return Currency(pair.rpartition("_")[0])


def quote_of(pair: Pair) -> Currency:
    """Return the currency that pays: `USDT` of `BTC_USDT`."""
    return Currency(pair.rpartition("_")[2])


def plain(value: Decimal) -> str:
    """Return `value` without exponent or trailing zeros: how Gate and our database write money.

    `Decimal("1E+3")` gives `1000`, `Decimal("0.500")` gives `0.5`, zero of any scale gives `0`.
    """
    if not value:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
