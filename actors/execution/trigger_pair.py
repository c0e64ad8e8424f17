"""What the trigger keeper knows and wants of one pair. Pure but for its own memory."""

from msgspec import Struct

from state.messages.protection import ReleaseTriggers, TriggerWanted
from state.order import Order
from state.values import ClientOrderId, DecisionId


class Release(Struct):
    """A sale that waits for the release of its units."""

    asked: ReleaseTriggers
    fired: bool = False


class PairTriggers:
    """What is known and wanted of one pair."""

    def __init__(self) -> None:
        self.wanted: TriggerWanted | None = None
        """What is to wait; None: nobody said yet, so what waits may wait on."""
        self.number = 0
        self.releases: list[Release] = []
        self.leases: dict[int, int] = {}
        """Releases that were granted: until when, monotonic, nothing is armed."""
        self.sales: dict[ClientOrderId, Order] = {}
        """Sales of the pair that may still be filled, or whose fills we lack."""
        self.filled_seq = 0
        """Where the journal has the newest fill of the pair that we know of."""
        self.fired_seq = 0
        """Where the journal has the newest fact of an order that one of ours became."""
        self.parents: dict[DecisionId, bool] = {}
        """Parent sales that are not over, and whether a trigger order fired meanwhile."""
        self.looking_ns: int | None = None
        """When the list was asked for that is on its way."""
        self.look_again = False
        self.looked = False
        """Whether a list has come in this life."""
        self.refusals = 0
        """In a row."""
        self.not_before_ns = 0
        """Monotonic: nothing is armed earlier."""

    def end_lease(self) -> None:
        """Hear of the sale that was waited for: from here on it says itself when it is over."""
        if self.leases:
            del self.leases[next(iter(self.leases))]

    def has_fired(self, asked: ReleaseTriggers) -> bool:
        """Return whether what the sale is to sell may have been sold by a trigger order."""
        if any(order.intent.trigger_id for order in self.sales.values()):
            return True
        if asked.parent is not None:
            return self.parents.get(asked.parent, False)
        return asked.as_of_seq is not None and asked.as_of_seq < self.fired_seq
