"""What the journal says, as a stranger reads it: follows its commits and knows every order.

It shares no fold with the house: what an order came to is counted here anew, so that a mistake of
`state.order` cannot hide itself.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from state.messages.journal import Journaled
from state.messages.operations import EpochBegan, PairSessionChanged, SessionChanged
from state.messages.orders import (
    AmendIntended,
    AmendNotMade,
    AmendRefused,
    CancelIntended,
    ForeignAmendment,
    OrderAccepted,
    OrderAmended,
    OrderEvent,
    OrderFilled,
    OrderFinished,
    OrderIntended,
    OrderNotPlaced,
    OrderRejected,
    OrderUnknown,
    ParentFinished,
    ParentIntended,
)
from state.store import Store
from state.values import ZERO, ClientOrderId, DecisionId, Pair, Session, Side


class Known:
    """One order, as far as the journal tells."""

    __slots__ = (
        "accepted",
        "amends",
        "asked",
        "cancel",
        "filled",
        "finished",
        "foreign",
        "intent",
        "never",
        "pending",
        "price",
        "quantity",
        "shaped_ns",
        "unknown",
    )

    def __init__(self, intent: OrderIntended) -> None:
        self.intent = intent
        self.accepted = False
        self.unknown = False
        self.cancel = False
        self.never = False
        """Refused, or proven absent."""
        self.finished: Decimal | None = None
        """How much was filled when it ended; None while it may live."""
        self.filled = ZERO
        self.quantity: Decimal = intent.quantity
        self.price: Decimal = intent.price
        self.pending: AmendIntended | None = None
        """The amendment of which nobody knows whether it was made."""
        self.amends = 0
        self.asked: Decimal = intent.quantity
        """The largest quantity that we, and nobody else, made it ask for."""
        self.foreign: list[tuple[Decimal, Decimal]] = []
        """Quantity and price: what it was before somebody else amended it, and what it then was."""
        self.shaped_ns = 0
        """When it became what it is, by the exchange's clock."""

    @property
    def most(self) -> Decimal:
        """Base units it may ask for."""
        return max(quantity for quantity, _ in self._possible())

    @property
    def worst(self) -> Decimal:
        """The worst price it may ask for."""
        worst = max if self.intent.side is Side.BUY else min
        return worst(price for _, price in self._possible())

    def _possible(self) -> list[tuple[Decimal, Decimal]]:
        shapes = [(self.quantity, self.price), *self.foreign]
        if self.pending is not None:
            shapes.append((self.pending.quantity, self.pending.price))
        return shapes

    @property
    def over(self) -> bool:
        """Whether nothing more can come of it but fills that are missing."""
        return self.never or self.finished is not None or self.filled >= self.most

    @property
    def lost(self) -> bool:
        """Whether nobody knows its fate."""
        return self.unknown and not self.accepted and not self.filled and not self.over

    def apply(self, event: OrderEvent) -> None:
        """Take one more fact."""
        match event:
            case OrderAccepted():
                self.accepted = True
            case OrderUnknown():
                self.unknown = True
            case CancelIntended():
                self.cancel = True
            case OrderRejected() | OrderNotPlaced():
                self.never = True
            case OrderFinished():
                self.finished = max(self.finished or ZERO, event.filled_quantity)
            case OrderFilled():
                self.filled += event.quantity
            case AmendIntended():
                self.pending = event
                self.amends += 1
            case OrderAmended():
                self.pending = None
                self.asked = max(self.asked, event.quantity)
                self._become(event)
            case ForeignAmendment():
                self.foreign += [(self.quantity, self.price), (event.quantity, event.price)]
                self._become(event)
            case AmendRefused() | AmendNotMade():
                self.pending = None
            case _:
                pass

    def _become(self, event: OrderAmended | ForeignAmendment) -> None:
        if event.at_ns >= self.shaped_ns:
            self.quantity, self.price = event.quantity, event.price
            self.shaped_ns = event.at_ns


class Chronicle:
    """The journal up to its newest commit.

    Args:
        tell: Called with each event, once, as soon as it is committed.
        blame: Called with what must not be.
    """

    def __init__(
        self, tell: Callable[[Journaled], None], blame: Callable[[str, str], None]
    ) -> None:
        self._tell = tell
        self._blame = blame
        self.orders: dict[ClientOrderId, Known] = {}
        self.fills: set[tuple[Pair, str]] = set()
        self.parents: dict[DecisionId, ParentIntended] = {}
        self.parents_over: dict[DecisionId, ParentFinished] = {}
        self.session: Session | None = None
        """What was last wanted; None when nobody ever wanted anything."""
        self.pair_sessions: dict[Pair, Session] = {}
        """What single pairs were last told."""
        self.epoch = 0
        self.last_seq = 0
        self._promised: tuple[int, bytes] = (0, b"")
        """Seq and hash of the newest record that is said to be on the platter."""
        self._must_stay = self._promised
        """Of the newest that has to be there whatever happened: its hash stands for all before."""
        self.lost = 0
        """Events that a power cut took."""
        self.store: Store | None = None
        """Which opening of the journal was read last."""
        self._events: list[Journaled] = []

    @property
    def open_parents(self) -> list[DecisionId]:
        """Parent orders that have no end yet."""
        return [name for name in self.parents if name not in self.parents_over]

    def knows(self, store: Store) -> bool:
        """Return whether there is nothing new in `store`."""
        return store is self.store and store.last_seq == self.last_seq

    def follow(self, store: Store) -> None:
        """Read what was committed since the last time."""
        if store is not self.store:
            self.store = store
            self._reopened(store)
        if store.last_seq != self.last_seq:
            self._read(store)

    def committed(self, seq: int, hash_: bytes, *, synced: bool) -> None:
        """A commit ended with this record; `synced` when it is on the platter."""
        self._must_stay = seq, hash_
        if synced:
            self._promised = seq, hash_

    def power_cut(self) -> None:
        """From here on only what was promised has to be there."""
        self._must_stay = self._promised

    def _read(self, store: Store) -> None:
        for journaled in store.read(self.last_seq, 1_000_000):
            if journaled.seq != self.last_seq + 1:
                self._blame("journal hole", f"{self.last_seq} is followed by {journaled.seq}")
            self.last_seq = journaled.seq
            self._events.append(journaled)
            self._fold(journaled.event)
            self._tell(journaled)

    def _reopened(self, store: Store) -> None:
        """Compare what is there now with what was there before."""
        seq, hash_ = self._must_stay
        found = store.connection.execute("SELECT hash FROM events WHERE seq = ?", (seq,)).fetchone()
        if seq and found != (hash_,):
            self._blame("events lost", f"record {seq} had to stay, and is gone or another")
        stored = store.read(0, 1_000_000)
        kept = 0
        for before, after in zip(self._events, stored, strict=False):
            if before != after:
                break
            kept += 1
        if kept == len(self._events):
            return
        self.lost += len(self._events) - kept
        events, self._events = self._events[:kept], []
        self.orders, self.fills, self.session, self.epoch = {}, set(), None, 0
        self.parents, self.parents_over, self.pair_sessions = {}, {}, {}
        self.last_seq = 0
        for journaled in events:
            self.last_seq = journaled.seq
            self._events.append(journaled)
            self._fold(journaled.event)

    def _fold(self, event: Any) -> None:
        match event:
            case OrderIntended():
                if event.client_order_id in self.orders:
                    self._blame("intent doubled", event.client_order_id)
                self.orders[event.client_order_id] = Known(event)
            case OrderFilled():
                key = event.pair, event.trade_id
                if key in self.fills:
                    self._blame("fill counted twice", str(key))
                self.fills.add(key)
                self.orders[event.client_order_id].apply(event)
            case OrderEvent():
                self.orders[event.client_order_id].apply(event)
            case ParentIntended():
                if event.decision_id in self.parents:
                    self._blame("parent doubled", event.decision_id)
                self.parents[event.decision_id] = event
            case ParentFinished():
                self.parents_over[event.decision_id] = event
            case SessionChanged():
                self.session = event.session
            case PairSessionChanged():
                self.pair_sessions[event.pair] = event.session
            case EpochBegan():
                if event.epoch != self.epoch + 1:
                    self._blame("epoch", f"{self.epoch} is followed by {event.epoch}")
                self.epoch = event.epoch
            case _:
                pass
