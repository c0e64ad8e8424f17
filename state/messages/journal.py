"""Between everyone who has something to remember and the recorder, the only writer.

`Record` is at least once: whoever gets no `Recorded` sends it again, and an entry whose key is
already in the journal is not written twice. Who keeps accounts begins with `Books` and then
follows `Journaled`, dropping every `seq` it has seen.
"""

from msgspec import Struct

from state.ledger import Ledger
from state.messages.accounts import BalancesCompared, EquityMarked, FundsMoved, TradeClosed
from state.messages.advice import (
    AdviceAsked,
    AdviceGiven,
    AdviceResolved,
    AuthorityChanged,
    ContractUsed,
)
from state.messages.judgement import SkillScored
from state.messages.market import CandleRevised
from state.messages.operations import (
    AlertRaised,
    EpochBegan,
    OperatorCommanded,
    PairSessionChanged,
    SessionChanged,
)
from state.messages.orders import (
    AmendIntended,
    AmendmentJudged,
    AmendNotMade,
    AmendRefused,
    AmendUnknown,
    CancelIntended,
    DecisionMade,
    ForeignAmendment,
    OrderAccepted,
    OrderAmended,
    OrderFilled,
    OrderFinished,
    OrderIntended,
    OrderNotPlaced,
    OrderRejected,
    OrderUnknown,
    ParentCancelIntended,
    ParentFinished,
    ParentIntended,
)
from state.messages.protection import (
    FlattenBegan,
    LastFired,
    ProtectionChosen,
    StopMoved,
    TriggerArmed,
    TriggerCancelIntended,
    TriggerEnded,
    TriggerIntended,
    TriggerUnknown,
)
from state.messages.risk import Recent, RiskMarked
from state.order import Order
from state.parent_order import ParentOrder
from state.protection import Protection
from state.trigger import Trigger
from state.values import ClientOrderId, Currency, Pair, Session, TimeNs, VenueOrderId

Event = (
    EpochBegan
    | SessionChanged
    | OperatorCommanded
    | AlertRaised
    | DecisionMade
    | OrderIntended
    | OrderAccepted
    | OrderRejected
    | OrderUnknown
    | OrderNotPlaced
    | CancelIntended
    | OrderFilled
    | OrderFinished
    | AmendmentJudged
    | AmendIntended
    | OrderAmended
    | AmendRefused
    | AmendUnknown
    | AmendNotMade
    | ForeignAmendment
    | ParentIntended
    | ParentCancelIntended
    | ParentFinished
    | FundsMoved
    | EquityMarked
    | BalancesCompared
    | RiskMarked
    | ProtectionChosen
    | StopMoved
    | FlattenBegan
    | TriggerIntended
    | TriggerArmed
    | TriggerUnknown
    | TriggerCancelIntended
    | TriggerEnded
    | ContractUsed
    | AdviceAsked
    | AdviceGiven
    | AdviceResolved
    | AuthorityChanged
    | SkillScored
    | PairSessionChanged
    | CandleRevised
)
"""Everything the journal may hold."""


class Entry(Struct, frozen=True, kw_only=True):
    """One event to remember."""

    event: Event
    key: str | None = None
    """Unique over the journal's life; a second entry with the same key is the same entry."""
    trace_id: str = ""


class Record(Struct, frozen=True, kw_only=True, tag=True):
    """Write these, all or none."""

    entries: tuple[Entry, ...]
    sender: str
    """Address of who asks: stored with each event, and where `Recorded` goes."""
    request: int = 0
    """The sender's own number, echoed; 0 asks for no answer."""
    durable: bool = False
    """True: on the platter before `Recorded`. Order intents and outcomes need it."""


class Recorded(Struct, frozen=True, kw_only=True, tag=True):
    """These are written."""

    request: int
    seqs: tuple[int, ...]
    """One for each entry, in order; an entry known by its key gives the seq it already had."""


class Journaled(Struct, frozen=True, kw_only=True, tag=True):
    """Published after the write: the event at position `seq`, in order, without holes."""

    seq: int
    event: Event


class RecordDenied(Struct, frozen=True, kw_only=True, tag=True):
    """These contradict what is known; nothing of them was written."""

    request: int
    reason: str


class BooksWanted(Struct, frozen=True, kw_only=True, tag=True):
    """Tell me what the journal comes to; I follow `Journaled` from there."""

    reply_to: str
    quote: Currency
    """What equity is counted in."""


class Books(Struct, frozen=True, kw_only=True, tag=True):
    """What the journal comes to at `last_seq`: where everyone begins who keeps accounts.

    The same answer serves an actor that was restarted and a process that was: there is one way
    to recover.
    """

    last_seq: int
    epoch: int
    ledger: Ledger
    orders: tuple[Order, ...]
    """Those that may still change or lack fills, oldest first."""
    decisions: tuple[DecisionMade, ...]
    """Approved ones of which no order has come, oldest first."""
    amendments: tuple[AmendmentJudged, ...] = ()
    """Approved ones that were not meant yet, oldest first."""
    parents: tuple[ParentOrder, ...] = ()
    """Those that are not over, oldest first."""
    cursors: dict[Pair, TimeNs] = {}
    """When the newest fill of each pair happened that is known, by the exchange's clock."""
    session: SessionChanged | None
    """The newest change an operator or the house made."""
    pair_sessions: dict[Pair, Session] = {}
    """What single pairs were told to do."""
    protections: tuple[Protection, ...] = ()
    """Of every pair that was ever protected."""
    triggers: tuple[Trigger, ...] = ()
    """Trigger orders that may still sell something, and the newest that were given up."""
    trigger_numbers: dict[Pair, int] = {}
    """The highest number of a trigger order, by pair."""
    fired: tuple[LastFired, ...] = ()
    """The newest orders that trigger orders became, one a pair."""
    agreed: BalancesCompared | None = None
    """The newest comparison without a difference."""
    trades: tuple[TradeClosed, ...] = ()
    """Those closed within the last days (`state.store.recovery.TRADES_DAYS`), oldest first."""
    risk: RiskMarked | None = None
    """How the account stood against its limits of loss; None before it was ever marked."""
    recent: tuple[Recent, ...] = ()
    """Approvals, refusals and cancels of the last minute, oldest first."""


class OrderSought(Struct, frozen=True, kw_only=True, tag=True):
    """Do you know an order of this name?"""

    client_order_id: ClientOrderId
    reply_to: str


class OrderFound(Struct, frozen=True, kw_only=True, tag=True):
    """What the journal knows of an order."""

    client_order_id: ClientOrderId
    order: Order | None
    """None: there never was one."""


class FiredTrigger(Struct, frozen=True, kw_only=True):
    """An order that some trigger order of the account became."""

    venue_order_id: VenueOrderId
    pair: Pair
    expiration_s: int
    """Of the trigger order: its mark, where it is ours."""


class EchoWanted(Struct, frozen=True, kw_only=True, tag=True):
    """To the recorder: say it back behind all that came before it, written and told."""

    number: int
    reply_to: str


class Echo(Struct, frozen=True, kw_only=True, tag=True):
    """From the recorder: what it had before it was asked has been told."""

    number: int


class KnownSought(Struct, frozen=True, kw_only=True, tag=True):
    """Which of these does the journal know?"""

    keys: tuple[str, ...]
    """Of entries, whether their events were retired or not."""
    orders: tuple[VenueOrderId, ...]
    fired: tuple[FiredTrigger, ...]
    reply_to: str
    request: int
    """The sender's own number, echoed."""


class KnownFound(Struct, frozen=True, kw_only=True, tag=True):
    """What the journal knows of what was sought."""

    request: int
    keys: tuple[str, ...]
    orders: tuple[VenueOrderId, ...]
    """Those that are ours, by our name or by the trigger order they came of."""


class SaveSnapshot(Struct, frozen=True, kw_only=True, tag=True):
    """Keep an actor's state."""

    address: str
    schema: int
    payload: bytes
    taken_ns: TimeNs


class JournalOpened(Struct, frozen=True, kw_only=True, tag=True):
    """Published when a recorder starts: begin again from `Books`, say again what is unanswered."""

    last_seq: int
    epoch: int
