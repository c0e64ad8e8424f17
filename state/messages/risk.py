"""How the account stands against its limits of loss, and what the risk guard is asked.

A share is a part of one: 0.05 is 5 %.
"""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from state.messages.orders import Refusal
from state.values import DecisionId, Pair, TimeNs


class Tier(StrEnum):
    """How far equity has fallen from its highest: each allows less than the one before."""

    NORMAL = "normal"
    WARN = "warn"
    HALF = "half"
    """Entries are made half as large."""
    REDUCE = "reduce"
    """Nothing is entered."""
    HALT = "halt"
    """Positions are closed; only an operator ends it."""


class Lock(Struct, frozen=True, kw_only=True):
    """Entries are forbidden for a while."""

    code: str
    """Of docs/risk-codes.md: who forbids them."""
    pair: Pair | None
    """None: in all pairs."""
    since_ns: TimeNs
    until_ns: TimeNs
    reason: str


class RiskMarked(Struct, frozen=True, kw_only=True, tag=True):
    """Journalled: how the account stands against its best, its day's beginning and its locks.

    Money in quote units. Money moved in or out scales `peak` and `day_opening` as it scales
    equity, so that neither a deposit nor a withdrawal is a gain or a loss.
    """

    at_ns: TimeNs
    equity: Decimal
    flows: Decimal
    """Moved in, less out, since the opening: what `peak` and `day_opening` already allow for."""
    peak: Decimal
    """The high-water mark of equity."""
    peak_at_ns: TimeNs
    day: int
    """UTC days since 1970-01-01; it never goes back, whatever a clock says."""
    day_opening: Decimal
    """The last equity known before 00:00 UTC of `day`."""
    tier: Tier
    tier_since_ns: TimeNs
    halt_told: bool = True
    """Whether session keeper and protection have been told of the newest halt."""
    locks: tuple[Lock, ...] = ()
    reason: str = ""
    """What changed, in words; empty when only numbers did."""


class Happened(StrEnum):
    """What is counted over a minute."""

    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class Recent(Struct, frozen=True, kw_only=True):
    """Something that happened a moment ago and counts against a rate."""

    kind: Happened
    pair: Pair
    at_ns: TimeNs
    decision: DecisionId | None = None
    """That was approved."""


class LimitUse(Struct, frozen=True, kw_only=True):
    """How much of one limit is used now."""

    code: str
    pair: Pair | None
    """None: of all pairs."""
    limit: str
    used: str
    left: str
    unit: str
    denies: bool
    """Whether an entry would be denied by it now."""


class LimitsWanted(Struct, frozen=True, kw_only=True, tag=True):
    """To the risk guard: what would you say to an entry in `pair`, and how are the limits used?"""

    pair: Pair
    reply_to: str
    request: str = ""


class LimitsTold(Struct, frozen=True, kw_only=True, tag=True):
    """The risk guard's answer, by the very rules that judge proposals."""

    pair: Pair
    request: str
    entry: Refusal | None
    """Why nothing could be bought now; None: something could."""
    exit: Refusal | None
    """Why nothing could be sold now."""
    uses: tuple[LimitUse, ...]
    standing: RiskMarked | None
