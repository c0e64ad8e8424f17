"""Between everyone who has something to remember and the recorder, the only writer.

`Record` is at least once: whoever gets no `Recorded` sends it again, and an entry whose key is
already in the journal is not written twice. Readers catch up with `ReplayRequested` and then
follow `Journaled`, dropping every `seq` they have seen.
"""

from msgspec import Struct

from state.messages.accounts import BalancesCompared, EquityMarked, FundsMoved
from state.messages.operations import (
    AlertRaised,
    EpochBegan,
    OperatorCommanded,
    SessionChanged,
)
from state.messages.orders import (
    CancelIntended,
    DecisionMade,
    OrderAccepted,
    OrderFilled,
    OrderFinished,
    OrderIntended,
    OrderNotPlaced,
    OrderRejected,
    OrderUnknown,
)

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
    | FundsMoved
    | EquityMarked
    | BalancesCompared
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


class ReplayRequested(Struct, frozen=True, kw_only=True, tag=True):
    """Send me what the journal holds after `after_seq`."""

    reply_to: str
    after_seq: int


class Replayed(Struct, frozen=True, kw_only=True, tag=True):
    """A stretch of the journal, oldest first."""

    events: tuple[Journaled, ...]
    last_seq: int
    """Everything up to here has been sent to this reader."""
    done: bool
    """False: more follows."""


class JournalOpened(Struct, frozen=True, kw_only=True, tag=True):
    """Published when a recorder starts; who has seen less than `last_seq` asks for a replay."""

    last_seq: int
    epoch: int
