"""What was approved and what became of it, counted without a line of the house's own arithmetic."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from state.config.limits import RiskSettings
from state.instrument import TradingRules
from state.messages.market import BookMeasured
from state.messages.orders import ApprovedAmendment, ApprovedOrder, OrderProposed
from state.values import ZERO, ClientOrderId, DecisionId, Pair, Session, Side


class Stage(StrEnum):
    """Where an approved order stands at the exchange."""

    APPROVED = "approved"
    MEANT = "meant"
    """Its intent is on the way to the disk."""
    FLYING = "flying"
    """On disk, so it may have been sent: it may live."""
    RESTING = "resting"
    OVER = "over"


class Asked(Struct, frozen=True):
    """What an order asks for."""

    quantity: Decimal
    """All of it, what is filled included."""
    price: Decimal


@dataclass
class Amendment:
    """One that was approved, until everybody knows what became of it."""

    approved: ApprovedAmendment
    number: int
    stage: Stage = Stage.APPROVED
    is_made: bool = False
    """Whether the exchange has made it, though nobody may know yet."""
    is_unknown: bool = False

    @property
    def asked(self) -> Asked:
        """What the order becomes by it."""
        return Asked(self.approved.quantity, self.approved.price)


@dataclass
class Deal:
    """One approved order."""

    order: ApprovedOrder
    name: ClientOrderId
    number: int
    stage: Stage = Stage.APPROVED
    filled: Decimal = ZERO
    trades: int = 0
    is_unknown: bool = False
    amended: Asked | None = None
    """What everybody knows that it asks for; None: as it was approved."""
    amends: int = 0
    """Amendments that were meant."""
    pending: Amendment | None = None
    parent: "Deal | None" = None
    """Of a child: what it is a part of. A parent counts its children in itself."""
    child: "Deal | None" = None
    """Of a parent: the child that lives."""
    children: int = 0
    is_closed: bool = False
    """Of a parent: whether no child follows."""
    is_doubtful: bool = False
    """Whether an approved amendment of it was dropped and nobody said so."""

    @property
    def known(self) -> Asked:
        """What everybody knows that it asks for."""
        return self.amended or Asked(self.order.quantity, self.order.price)

    @property
    def real(self) -> Asked:
        """What it asks for at the exchange."""
        pending = self.pending
        return self.known if pending is None or not pending.is_made else pending.asked

    @property
    def possible(self) -> list[Asked]:
        """What it may ask for."""
        return [self.known] if self.pending is None else [self.known, self.pending.asked]

    @property
    def left(self) -> Decimal:
        """Base units that may still be filled, at most."""
        if self.stage is Stage.OVER:
            return ZERO
        if self.is_closed:
            return ZERO if self.child is None else self.child.left
        return max(one.quantity for one in self.possible) - self.filled

    def worth(self, mark: Decimal = ZERO) -> Decimal:
        """Return quote units that may still be filled, at most, at its price or at `mark`."""
        if self.stage is Stage.OVER or self.is_closed:
            return self.left * max(self.order.price, mark)
        return max((one.quantity - self.filled) * max(one.price, mark) for one in self.possible)

    def worth_as_known(self, mark: Decimal) -> Decimal:
        """Return the same without what it may be amended to."""
        return (self.known.quantity - self.filled) * max(self.known.price, mark)

    @property
    def pair(self) -> Pair:
        """Of the order."""
        return self.order.pair


class Scenery(Struct, frozen=True, kw_only=True):
    """What the guard could see when an order was proposed."""

    books: dict[Pair, BookMeasured]
    """The newest of each pair since the guard was born."""
    lost: frozenset[Pair]
    """Those whose book is live no longer, as was told after the newest of them."""
    book_age_ns: dict[Pair, int]
    last_trades: dict[Pair, Decimal]
    session: Session
    halted: bool
    clock_believed: bool
    rules: dict[Pair, TradingRules]
    limits: RiskSettings
    now_ns: int
    monotonic_ns: int
    is_quiet: bool
    """Whether all that had happened was known to everybody."""
    forbidden: dict[str, str]
    """By code: why no entry may be approved now, as far as the truth can tell."""
    is_half: bool
    """Whether entries have to be made half as large."""
    equity: Decimal | None


class Approval(Struct, frozen=True, kw_only=True):
    """That an order was approved."""

    at_ns: int
    """By the exchange's clock."""
    pair: Pair
    decision_id: DecisionId
    place: int
    """Of its proposal among all: what is judged in one moment need not be told in that order."""
    is_protective: bool


@dataclass
class Truth:
    """The account as the exchange has it."""

    fee_rate: Decimal
    cash: Decimal = ZERO
    positions: dict[Pair, Decimal] = field(default_factory=dict)
    deals: dict[DecisionId, Deal] = field(default_factory=dict)
    proposals: dict[DecisionId, tuple[OrderProposed, Scenery]] = field(default_factory=dict)
    approvals: list[Approval] = field(default_factory=list)

    def open(self, pair: Pair | None = None) -> Iterator[Deal]:
        """Give the deals that may still be filled."""
        for deal in self.deals.values():
            is_working = deal.left or (deal.order.plan is not None and deal.stage is Stage.FLYING)
            if is_working and pair in (None, deal.pair):
                yield deal

    def held(self, pair: Pair) -> Decimal:
        """Return base units held."""
        return self.positions.get(pair, ZERO)

    def exposure(self, pairs: frozenset[Pair], mids: dict[Pair, Decimal]) -> Decimal:
        """Return what these pairs hold if every buy is filled, at `mids`; 0 where there is none."""
        held = sum((self.held(pair) * mids.get(pair, ZERO) for pair in pairs), ZERO)
        for deal in self.open():
            if deal.pair in pairs and deal.order.side is Side.BUY:
                held += deal.worth(mids.get(deal.pair, ZERO))
        return held

    def needed_cash(self) -> Decimal:
        """Return quote units that open buys may cost, fees on top."""
        buys = (deal for deal in self.open() if deal.order.side is Side.BUY)
        return sum((deal.worth() * (1 + self.fee_rate) for deal in buys), ZERO)

    def being_sold(self, pair: Pair) -> Decimal:
        """Return base units that open sells may take."""
        sells = (deal for deal in self.open(pair) if deal.order.side is Side.SELL)
        return sum((deal.left for deal in sells), ZERO)

    def equity(self, bids: dict[Pair, Decimal]) -> Decimal | None:
        """Return what everything is worth at `bids`, None where one is missing."""
        held = {pair: quantity for pair, quantity in self.positions.items() if quantity}
        if not set(held) <= set(bids):
            return None
        return self.cash + sum((q * bids[pair] for pair, q in held.items()), ZERO)

    def fill(self, deal: Deal, quantity: Decimal, price: Decimal) -> Decimal:
        """Fill a part of a deal; return the fee: base of a buy, quote of a sell."""
        deal.filled += quantity
        deal.trades += 1
        if deal.order.side is Side.BUY:
            fee = quantity * self.fee_rate
            self.cash -= quantity * price
            self.positions[deal.pair] = self.held(deal.pair) + quantity - fee
        else:
            fee = quantity * price * self.fee_rate
            self.cash += quantity * price - fee
            self.positions[deal.pair] = self.held(deal.pair) - quantity
        if deal.parent is not None:
            deal.parent.filled += quantity
        if not deal.real.quantity - deal.filled:
            deal.stage = Stage.OVER
        return fee
