"""One switch for each thing no source settles, so that a wrong guess costs one line.

The questions are those of gate-protocol.md section 13; a switch stands here once its question is
served. Defaults are the page's recommendation, else the harshest reading.
"""

from enum import StrEnum

from msgspec import Struct

WRONG_SIGNATURE = "Signature mismatch"
"""What `INVALID_SIGNATURE` says: no source shows the sentence."""


class TextLookup(StrEnum):
    """How long an order can be asked for by its client id."""

    OPEN = "open"
    """Only while it rests: the newest official text."""
    HOUR = "hour"
    """Also for an hour after it ended: the older text."""


class RepeatedText(StrEnum):
    """What a second order with the client id of a known order gets."""

    REFUSED = "refused"
    """`REPEATED_CREATION` while the venue still knows the id."""
    ALLOWED = "allowed"


class PriceBand(StrEnum):
    """Which limit prices `up_rate` and `down_rate` bound."""

    BOTH = "both"
    AGGRESSIVE = "aggressive"
    """Only buys above and sells below the market."""
    OFF = "off"


class ChangeOf(StrEnum):
    """What `change` of a balance push counts."""

    AVAILABLE = "available"
    TOTAL = "total"


class PushOrder(StrEnum):
    """In which order a turn's private pushes are sent; no order is promised."""

    AS_HAPPENED = "as_happened"
    ORDERS_FIRST = "orders_first"
    """An order has ended before its fills are told."""
    TRADES_FIRST = "trades_first"
    """A fill is told before its order is."""


class SelfTrade(StrEnum):
    """What two orders of one user do that meet, where the user is in no STP group."""

    ALLOWED = "allowed"
    PREVENTED = "prevented"
    """The newer one ends."""


class Switches(Struct, frozen=True, kw_only=True):
    """How this venue answers what the sources leave open."""

    text_lookup: TextLookup = TextLookup.OPEN
    repeated_text: RepeatedText = RepeatedText.REFUSED
    price_band: PriceBand = PriceBand.BOTH
    self_trade: SelfTrade = SelfTrade.ALLOWED
    price_orders_lock_funds: bool = False
    """Whether a price order that waits holds back what it may cost, rather than only its order."""
    price_order_cancelled: str = "canceled"
    """How a price order that was taken back is spelled: a real row has one l, the document two."""
    countdown_cancels_price_orders: bool = False
    change_of: ChangeOf = ChangeOf.AVAILABLE
    thin_book_finish_as: str = "depth_not_enough"
    """Of a market order that the book could not fill."""
    removed_levels_reported: bool = False
    """Whether a book level that leaves a channel's window is reported with size 0."""
    book_update_begins_full: bool = False
    """Whether a subscriber of `spot.order_book_update`, too, is first told the whole window."""
    book_stream_before_answer: bool = True
    """Whether `spot.obu` tells the whole window before it answers the subscription, as the testnet
    does."""
    book_stream_shares_ids: bool = True
    """Whether the ids of `spot.obu` are those of REST and of `spot.order_book_update`."""
    push_order: PushOrder = PushOrder.AS_HAPPENED
    subscriptions_max: int | None = None
    """Of one connection; None is no limit."""
    ping_every_s: float = 20.0
    """How often a socket is pinged; whoever does not answer in half that time is cut off."""
    zero_balances_listed: bool = False
    """Whether an account's list shows currencies it holds nothing of."""
    my_trades_newest_first: bool = True
    book_limit_max: int = 100
    call_signatures_checked: bool = True
    """Whether a call over the socket that brings a signature must bring a right one; only the login
    needs one."""
    reset_header_ms: bool = True
    """Unit of the REST rate-limit reset header: milliseconds, else seconds."""
