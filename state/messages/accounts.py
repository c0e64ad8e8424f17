"""What we own: balances, positions, equity."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from state.values import Currency, Pair, Purpose, TimeNs


class FundsKind(StrEnum):
    """Why money came or went, where no fill of ours explains it."""

    OPENING = "opening"
    """What was there when the journal began."""
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    FOREIGN = "foreign"
    """An order that is not ours, placed by somebody else at the same account."""
    FEE = "fee"
    """Taken by the exchange for something else than a fill of ours, in GT or points too."""
    DUST = "dust"
    """Turned into something else because it was too small to trade, or rounded away."""
    CORRECTION = "correction"
    """Accepted by a person, for a reason of theirs."""


_KINDS = {kind.value: kind for kind in FundsKind}


class FundsMoved(Struct, frozen=True, kw_only=True, tag=True):
    """Journalled: money came or went by something other than a fill."""

    currency: Currency
    change: Decimal
    """Signed, in units of `currency`."""
    reason: str
    """Begins with its kind where it is not a correction; then words for people."""
    at_ns: TimeNs

    @property
    def kind(self) -> FundsKind:
        """What it counts as: the reason's first word, a correction where that is no kind."""
        word = self.reason.partition(" ")[0].rstrip(":,.").lower()
        return _KINDS.get(word, FundsKind.CORRECTION)


class DifferenceKind(StrEnum):
    """What a difference between the ledger and the exchange comes of."""

    MISSED_FILL = "missed_fill"
    """A fill of ours that nobody told us: the order router fetches it."""
    FOREIGN = "foreign"
    FEE = "fee"
    DUST = "dust"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    UNKNOWN = "unknown"
    """Nothing that the exchange tells explains it: no trading until it does, or a person does."""


class BalanceDifference(Struct, frozen=True, kw_only=True):
    """One currency where the ledger and the exchange disagree."""

    currency: Currency
    ledger: Decimal
    exchange: Decimal
    kind: DifferenceKind = DifferenceKind.UNKNOWN
    """Of what moved most of it, where that is known."""


class BalancesCompared(Struct, frozen=True, kw_only=True, tag=True):
    """Journalled: the ledger was held against the exchange's balances at a quiet moment."""

    at_ns: TimeNs
    fills: int
    """How many fills the ledger had folded."""
    differences: tuple[BalanceDifference, ...]
    """Empty when all currencies agree to the last unit."""
    began_at_ns: TimeNs = TimeNs(0)
    """When the first balance of it was asked for; 0 in journals from before this was kept."""
    drift: Decimal | None = None
    """What the differences are worth together, each counted positive, in `drift_currency`.

    None where the price of one is not known.
    """
    drift_currency: Currency = Currency("")


class EquityMarked(Struct, frozen=True, kw_only=True, tag=True):
    """Journalled: what everything was worth, and how it came to be. All in `currency`.

    `start + flows + realised + unrealised - fees == equity`, to the last unit, by either method:
    at average cost, and first in, first out.
    """

    at_ns: TimeNs
    currency: Currency
    equity: Decimal
    start: Decimal
    """What was there at the opening."""
    flows: Decimal
    """Moved in, less out, since."""
    realised: Decimal
    """At average cost."""
    unrealised: Decimal
    fees: Decimal
    realised_fifo: Decimal | None = None
    """First in, first out; None in marks from before lots were kept."""
    unrealised_fifo: Decimal | None = None


class PositionWanted(Struct, frozen=True, kw_only=True, tag=True):
    """To the ledger keeper: tell me the position of a pair."""

    pair: Pair
    reply_to: str


class PositionChanged(Struct, frozen=True, kw_only=True, tag=True):
    """Published by the ledger keeper after a fill."""

    pair: Pair
    quantity: Decimal
    """Base units held by our trading of this pair; never negative on spot."""
    average_entry: Decimal
    """Quote per base, 0 when flat."""
    realised: Decimal
    """Quote units, before fees."""
    fees: Decimal
    """Quote units."""
    at_ns: TimeNs


class TradeClosed(Struct, frozen=True, kw_only=True, tag=True):
    """A round trip of one pair, from flat (or dust) to flat (or dust) again.

    Money in quote units. Published by the recorder when the fill that closed it is written, and
    in `Books` after that: `seq` tells the two apart. Dust: `state.trade`.
    """

    pair: Pair
    opened_at_ns: TimeNs
    closed_at_ns: TimeNs
    quantity: Decimal
    """Base units that went over the whole trip: sold, or taken as the fee of a sale."""
    cost: Decimal
    """What those had cost, at average, before fees."""
    proceeds: Decimal
    """Brought by their sale, before fees."""
    fees: Decimal
    """Of all its fills; a fee taken in base counts at the price of its fill."""
    purpose: Purpose
    """Of the order whose fill closed it."""
    seq: int = 0
    """Position in the journal of the event that closed it."""

    @property
    def profit(self) -> Decimal:
        """Quote units earned after fees."""
        return self.proceeds - self.cost - self.fees

    @property
    def profit_ratio(self) -> Decimal:
        """Profit by what was paid; 0 when nothing was."""
        return self.profit / self.cost if self.cost else Decimal(0)
