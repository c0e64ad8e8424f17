"""Which of the 42 points the house stands at. Pure but for its own memory.

It hears of every message, transaction and request, and keeps of each order how far it has come.
"""

from collections.abc import Iterable
from typing import Any

from actors import addresses
from adapters.simulated.core.orders import Order
from state.messages.accounts import PositionChanged
from state.messages.journal import Journaled, Record
from state.messages.orders import ApprovedOrder, OrderEvent, OrderFilled, OrderProposed
from state.messages.venue import (
    AmendOrder,
    CancelPlaced,
    FetchOrder,
    PlaceOrder,
    Refused,
    TradeReport,
    Unknown,
)
from supervisor.crash_points.instants import Flight, Site
from supervisor.crash_points.platter import Batch, Fact

Key = tuple[str, str]
"""Type of an event, and the order or trade it is about."""
LOTS_PER_BASE = 1_000_000
"""Of the one pair that is traded."""
CONCLUSIVE_AFTER_NS = 600_000_000
"""After an expiry, when `not found` proves something; as the house is configured here."""


class Progress:
    """How far everything has come, in this life and on the disk.

    Args:
        driver: Address of whoever proposes.
        named: Which wish an order is of.
    """

    def __init__(self, driver: str, named: dict[str, str]) -> None:
        self._driver = driver
        self._named = named
        self.committed: set[Key] = set()
        self.durable: set[Key] = set()
        self._expires_ns: dict[str, int] = {}
        self._snapshot_unsynced = False
        self._snapshot_unmoved = False
        self.reborn(())

    def reborn(self, on_disk: Iterable[Fact]) -> None:
        """Begin a life with what is on the disk."""
        self.committed = set()
        for fact in on_disk:
            self._commit(fact)
        self.durable = set(self.committed)
        self._proposing: set[str] = set()
        self._approving: set[str] = set()
        self._recording: set[Key] = set()
        self._inserted: list[Fact] = []
        self._intended: set[str] = set()
        """Meant in this life."""
        self._told: set[str] = set()
        """Acknowledged orders that the driver knows of, its cursor not saved since."""
        self._untold: set[str] = set()
        self._pushed: set[str] = set()
        self._unapplied: set[str] = set()
        self._not_found: set[str] = set()

    def reread(self, on_disk: Iterable[Fact]) -> None:
        """Take what a new opening of the journal finds: more than was told, if a sync failed."""
        for fact in on_disk:
            self._commit(fact)

    # What is heard.

    def before(self, address: str, message: Any) -> None:
        """A handler is about to begin."""
        match message:
            case OrderProposed():
                self._proposing.discard(message.decision_id)
            case ApprovedOrder():
                self._approving.discard(message.decision_id)
            case Journaled(event=OrderFilled() as fill) if address == addresses.LEDGER_KEEPER:
                self._unapplied.discard(fill.trade_id)
            case Journaled(event=OrderEvent() as event) if address == self._driver:
                if event.client_order_id in self._untold:
                    self._untold.discard(event.client_order_id)
                    self._told.add(event.client_order_id)
            case _:
                pass

    def sending(self, address: str, message: Any) -> None:
        """A handler sends."""
        match message:
            case OrderProposed():
                self._proposing.add(message.decision_id)
            case ApprovedOrder():
                self._approving.add(message.decision_id)
            case Record():
                for entry in message.entries:
                    if isinstance(entry.event, OrderEvent):
                        self._recording |= {_key(entry.event)}
            case _:
                pass
        del address

    def inserted(self, batch: Batch) -> None:
        """A transaction holds all that it is to hold."""
        self._inserted = batch.facts
        self._recording -= {_key(fact) for fact in batch.facts}

    def wrote(self, batch: Batch) -> None:
        """A transaction is committed."""
        self._inserted = []
        for fact in batch.facts:
            self._commit(fact)
            name = fact.client_order_id
            match fact.type:
                case "OrderIntended":
                    self._intended.add(name)
                case "OrderAccepted":
                    self._untold.add(name)
                    self._not_found.discard(name)
                case "OrderFilled":
                    self._pushed.discard(fact.trade_id)
                    self._unapplied.add(fact.trade_id)
                case "OrderNotPlaced":
                    self._not_found.discard(name)
                case _:
                    pass
        if batch.snapshots:
            self._snapshot_unsynced = self._snapshot_unmoved = True
            if self._driver in batch.of:
                self._told.clear()

    def synced(self) -> None:
        """All that is committed is on the platter."""
        self.durable = set(self.committed)
        self._snapshot_unsynced = False

    def checkpointed(self) -> None:
        """The log has been moved into the file."""
        self._snapshot_unmoved = False

    def pushed(self, message: Any) -> None:
        """The private stream has told something."""
        if isinstance(message, TradeReport) and not self._has("OrderFilled", message.trade_id):
            self._pushed.add(message.trade_id)

    def answered(self, flight: Flight) -> None:
        """A request has its answer."""
        if isinstance(flight.request, FetchOrder) and isinstance(flight.outcome, Refused):
            self._not_found.add(flight.name)

    # What is seen.

    def points(
        self,
        site: Site,
        what: Any,
        *,
        flights: list[Flight],
        ours: dict[str, list[Order]],
        now_ns: int,
        venue_ns: int,
    ) -> set[int]:
        """Return the points at which the house stands; 37 is for who knows of earlier crashes."""
        found = self._of_disk(site, what)
        if site is Site.SEND and isinstance(what, OrderProposed):
            found.add(1)
        if self._proposing or self._approving:
            found.add(2)
        if site is Site.SEND and isinstance(what, PositionChanged):
            found.add(25)
        if self._pushed or self._pending("OrderFilled"):
            found.add(23)
        if self._unapplied:
            found.add(24)
        found |= self._of_wire(site, what, flights, ours, now_ns)
        for name in self._named:
            found |= self._of_order(name, flights, venue_ns)
        return found

    def _of_disk(self, site: Site, what: Any) -> set[int]:
        found = set()
        if self._pending("OrderIntended"):
            found.add(3)
        inserted = {fact.type for fact in self._inserted}
        if "OrderIntended" in inserted:
            found.add(4)
        if site is Site.COMMITTING and isinstance(what, Batch):
            types = {fact.type for fact in what.facts}
            found |= {number for kind, number in _COMMITTING.items() if kind in types}
        if site is Site.SNAPSHOT:
            found.add(30)
        if site is Site.WRITTEN and isinstance(what, Batch) and what.snapshots:
            found.add(31)
        if self._snapshot_unsynced:
            found.add(32)
        if self._snapshot_unmoved:
            found.add(33)
        if site is Site.CHECKPOINT:
            found.add(34)
        return found

    def _of_wire(
        self,
        site: Site,
        what: Any,
        flights: list[Flight],
        ours: dict[str, list[Order]],
        now_ns: int,
    ) -> set[int]:
        found = set()
        placing = isinstance(what, Flight) and isinstance(what.request, PlaceOrder)
        if placing and site is Site.HANDED:
            found.add(7)
        if placing and site is Site.RECEIVED:
            found.add(11)
        for flight in flights:
            if flight.travels_until_ns > now_ns and self._next_is_live(flight.name, ours):
                found.add(22)
            if not flight.sent or flight.received:
                continue
            orders = ours.get(flight.name, [])
            match flight.request:
                case PlaceOrder() if orders:
                    found.add(10)
                case PlaceOrder():
                    found.add(9)
                case CancelPlaced() if _left(orders) < (flight.left_lots or 0):
                    if any(order.filled_quote for order in orders):
                        found.add(28)
                case AmendOrder() if any(_is_amended(order, flight.request) for order in orders):
                    found.add(29)
        return found

    def _of_order(self, name: str, flights: list[Flight], venue_ns: int) -> set[int]:
        if not self._has("OrderIntended", name):
            return set()
        found = set()
        asked = {type(one.request) for one in flights if one.name == name}
        accepted = self._has("OrderAccepted", name)
        ended = accepted or any(self._has(kind, name) for kind in _ENDED)
        if name in self._intended and PlaceOrder not in asked and not ended:
            found.add(6)
        answered = [one for one in flights if one.name == name and one.received]
        parsed = any(
            isinstance(one.request, PlaceOrder) and not isinstance(one.outcome, Unknown)
            for one in answered
        )
        if parsed and not ended:
            found.add(12)
        if accepted and ("OrderAccepted", name) not in self.durable:
            found.add(13)
        if name in self._untold:
            found.add(14)
        if name in self._told:
            found.add(15)
        lost = self._has("OrderUnknown", name) or name not in self._intended
        if lost and not ended:
            travels = (
                one.name == name and isinstance(one.request, FetchOrder) and not one.received
                for one in flights
            )
            found.add(17 if any(travels) else 16)
        if name in self._not_found and not ended:
            late = venue_ns > self._expires_ns.get(name, 0) + CONCLUSIVE_AFTER_NS
            found.add(19 if late else 18)
        if self._has("OrderNotPlaced", name) and not self._next_is_meant(name):
            found.add(21)
        if not accepted and self._fills_known(name):
            found.add(26)
        cancelling = self._has("CancelIntended", name) and not self._has("OrderFinished", name)
        if cancelling and CancelPlaced not in asked:
            found.add(27)
        return found

    # How it is kept.

    def _has(self, kind: str, name: str) -> bool:
        return (kind, name) in self.committed

    def _pending(self, kind: str) -> bool:
        return any(key[0] == kind for key in self._recording)

    def _fills_known(self, name: str) -> bool:
        return ("fills of", name) in self.committed

    def _next_is_meant(self, name: str) -> bool:
        return any(self._has("OrderIntended", one) for one in self._later(name))

    def _next_is_live(self, name: str, ours: dict[str, list[Order]]) -> bool:
        return any(order.is_open for one in self._later(name) for order in ours.get(one, []))

    def _later(self, name: str) -> list[str]:
        """Return the names of the later attempts of the same wish."""
        names = list(self._named)
        wish = self._named.get(name)
        after = names[names.index(name) + 1 :] if name in names else []
        return [one for one in after if self._named[one] == wish]

    def _commit(self, fact: Fact) -> None:
        self.committed.add(_key(fact))
        if fact.type == "OrderFilled":
            self.committed.add(("fills of", fact.client_order_id))
        if fact.type == "OrderIntended":
            self._expires_ns[fact.client_order_id] = fact.expires_at_ns


def _key(event: Any) -> Key:
    """Return what an event or a fact of one is about."""
    kind = event.type if isinstance(event, Fact) else type(event).__name__
    name = event.trade_id if kind == "OrderFilled" else event.client_order_id
    return kind, name


def _left(orders: list[Order]) -> int:
    return sum(order.left for order in orders)


def _is_amended(order: Order, request: AmendOrder) -> bool:
    wanted = None if request.quantity is None else int(request.quantity * LOTS_PER_BASE)
    return wanted is None or order.amount == wanted


_ENDED = ("OrderNotPlaced", "OrderRejected", "OrderFinished")
_COMMITTING = {"OrderIntended": 5, "OrderAccepted": 13, "OrderNotPlaced": 20}
