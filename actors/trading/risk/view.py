"""Everything the rules look at, as of one moment."""

from decimal import Decimal

from msgspec import Struct

from state.config.limits import Group, RiskSettings
from state.instrument import TradingRules
from state.messages.market import BookMeasured
from state.messages.risk import Lock, RiskMarked
from state.values import Notional, Quantity, Session, TimeNs


class GroupExposure(Struct, frozen=True, kw_only=True):
    """What a group of pairs holds, counted like one pair's exposure."""

    group: Group
    exposure: Notional


class View(Struct, frozen=True, kw_only=True):
    """Everything the rules look at. Money in quote units unless said."""

    now_ns: TimeNs
    session: Session
    halted: str | None
    """Why nothing may leave; None: it may."""
    informed: bool
    """Whether the journal has told what is held and what is out."""
    clock_doubt: str | None
    """Why the wall clock is not believed; None: it is."""
    repeated: bool
    """Whether this decision has been judged before."""

    rules: TradingRules | None
    book: BookMeasured | None
    """None: no book is live."""
    book_age_ns: int
    """Since `book` reached the guard, whatever the wall clock did."""
    stale_after_ns: int
    last_book: BookMeasured | None
    """The newest there ever was, however old: what a protective sale is held against."""
    last_trade: Decimal | None
    """Price of the newest trade seen, quote per base."""

    uncovered: str
    """Why what the pair holds is not protected; empty: it is, or nothing is held."""
    standing: RiskMarked | None
    """None: equity is not known now."""
    lock: Lock | None
    """What forbids entries in this pair."""

    orders_last_minute: int
    pair_orders_last_minute: int
    rejections_last_minute: int
    cancels_last_minute: int
    open_orders: int
    """That rest or are on their way; a parent counts once."""
    pair_open_orders: int
    unknown_orders: int

    pair_exposure: Notional
    """Position, resting and in flight buys, those of unknown fate in full."""
    total_exposure: Notional
    groups: tuple[GroupExposure, ...]
    """Those that the pair belongs to."""
    free_quote: Notional
    """Balance less what working and approved buys will take, fees included."""
    free_base: Quantity
    """Held by our trading less what working and approved sells will take."""
    held: Quantity
    """Base units held by our trading of the pair."""
    limits: RiskSettings
