"""Sales that wait until nothing at the exchange could sell the same units. Pure.

A stop that waits there and a sale of ours would both sell what is held once; so a sale leaves only
after the trigger keeper has released the pair, and only for a moment.
"""

from state.messages.orders import ApprovedOrder, OrderIntended
from state.messages.protection import ReleaseTriggers, TriggersReleased
from state.values import ClientOrderId, DecisionId

Sale = ApprovedOrder | OrderIntended
"""An order that was approved, or the child of a parent that was."""

_LIFE = 1_000_000_000
"""Requests of one incarnation: a release that an earlier life asked for is none of ours."""


class Releases:
    """What one incarnation of the order router waits for.

    Args:
        address: Where releases go.
        incarnation: Which life it is.
    """

    def __init__(self, address: str, incarnation: int) -> None:
        self._address = address
        self._last = incarnation * _LIFE
        self._waiting: dict[int, tuple[ClientOrderId, Sale]] = {}
        self._until_ns: dict[ClientOrderId, int] = {}

    def question(self, name: ClientOrderId, sale: Sale) -> ReleaseTriggers:
        """Return the question that has to be answered before `sale` may leave."""
        self._last += 1
        self._waiting[self._last] = (name, sale)
        of_parent = sale.parent if isinstance(sale, OrderIntended) else None
        return ReleaseTriggers(
            pair=sale.pair,
            reply_to=self._address,
            request=self._last,
            as_of_seq=sale.as_of_seq if isinstance(sale, ApprovedOrder) else None,
            parent=of_parent,
        )

    def waits(self, name: ClientOrderId) -> bool:
        """Return whether the sale of our name waits."""
        return any(name == waiting for waiting, _ in self._waiting.values())

    def decisions(self) -> list[DecisionId]:
        """Return the decisions whose sales wait."""
        return [sale.decision_id for _, sale in self._waiting.values()]

    def granted(self, told: TriggersReleased) -> Sale | None:
        """Return the sale that may leave now; None when nobody waits for this answer."""
        name, sale = self._waiting.pop(told.request, (None, None))
        if name is not None:
            self._until_ns[name] = told.until_ns
        return sale

    def overdue(self, request: int) -> Sale | None:
        """Return the sale that still waits for this answer, and wait no longer."""
        return self._waiting.pop(request, (None, None))[1]

    def is_over(self, name: ClientOrderId, now_ns: int) -> bool:
        """Return whether what was released for a sale may be armed again; it is asked once.

        Args:
            name: Of the order.
            now_ns: Monotonic.
        """
        return now_ns >= self._until_ns.pop(name, now_ns + 1)
