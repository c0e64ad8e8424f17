"""The parent orders that are not over. Pure but for its own memory."""

from collections.abc import Iterable, Mapping

from state.messages.orders import ParentEvent, ParentIntended
from state.order import Order
from state.parent_order import ParentOrder
from state.values import DecisionId, Pair


class ParentTable:
    """Every parent order that is not over, each the fold of what is journalled."""

    def __init__(self) -> None:
        self._parents: dict[DecisionId, ParentOrder] = {}

    def begin(self, parents: Iterable[ParentOrder]) -> None:
        """Take these in the place of all."""
        self._parents = {parent.decision_id: parent for parent in parents}

    def apply(self, event: ParentEvent) -> ParentOrder | None:
        """Fold a journalled fact; return the parent after it, None when it is not known."""
        parent = self._parents.get(event.decision_id)
        if parent is not None:
            parent = parent.apply(event)
        elif isinstance(event, ParentIntended):
            parent = ParentOrder(intent=event)
        else:
            return None
        return self._put(parent)

    def take(self, child: Order | None) -> ParentOrder | None:
        """Take an order as it stands; return its parent if that is changed by it."""
        if child is None or child.intent.parent is None:
            return None
        parent = self._parents.get(child.intent.parent)
        if parent is None:
            return None
        changed = parent.with_child(child)
        return None if changed is parent else self._put(changed)

    def get(self, decision: DecisionId) -> ParentOrder | None:
        """Return a parent that is not over."""
        return self._parents.get(decision)

    def all(self) -> Mapping[DecisionId, ParentOrder]:
        """Return the parents that are not over, oldest first."""
        return self._parents

    def of(self, pair: Pair | None = None) -> list[ParentOrder]:
        """Return those of a pair, or all, oldest first."""
        parents = self._parents.values()
        return [parent for parent in parents if pair is None or parent.intent.pair == pair]

    def _put(self, parent: ParentOrder) -> ParentOrder:
        if parent.is_over:
            self._parents.pop(parent.decision_id, None)
        else:
            self._parents[parent.decision_id] = parent
        return parent
