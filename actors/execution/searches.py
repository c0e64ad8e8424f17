"""The searches for orders of unknown fate that are under way. Pure but for its own memory."""

from actors.execution import resolution
from actors.execution.resolution import Search
from state.messages.venue import Outcome, VenueRequest
from state.order import Order
from state.values import ClientOrderId


class Searches:
    """One `Search` for each order that is looked for. Each has a number: a stale timer is known."""

    def __init__(self) -> None:
        self._searches: dict[ClientOrderId, Search] = {}
        self._numbers: dict[ClientOrderId, int] = {}
        self._last = 0

    def begin(self, name: ClientOrderId) -> int | None:
        """Begin to look for `name`; return the search's number, None when one is under way."""
        if name in self._searches:
            return None
        self._last += 1
        self._searches[name] = Search()
        self._numbers[name] = self._last
        return self._last

    def get(self, name: ClientOrderId, number: int) -> Search | None:
        """Return the search of this number, None when it has ended."""
        return self._searches.get(name) if self._numbers.get(name) == number else None

    def put(self, name: ClientOrderId, search: Search) -> None:
        """Keep how far a search has come."""
        self._searches[name] = search

    def end(self, name: ClientOrderId) -> None:
        """Look no longer."""
        self._searches.pop(name, None)
        self._numbers.pop(name, None)

    def heard(
        self, order: Order, request: VenueRequest, outcome: Outcome, *, asked_ns: int
    ) -> None:
        """Take an answer for what it says of `order`; `asked_ns`: when it was asked, monotonic."""
        name = order.client_order_id
        search = self._searches.get(name)
        if search is not None and resolution.concerns(request, order):
            nothing = resolution.found_nothing(order, outcome)
            self._searches[name] = search.heard(
                type(request), asked_ns=asked_ns, found_nothing=nothing
            )

    def names(self) -> list[ClientOrderId]:
        """Return whom we are looking for."""
        return list(self._searches)
