"""The last step before the network, and the first after it: watched, and a place of faults."""

from collections.abc import Callable
from typing import Protocol

from actors.kernel.backend import here
from adapters.ports import Exchange
from adapters.simulated.outcomes import ENDPOINTS
from state.messages.venue import Outcome, VenueAnswer, VenueRequest


class Watcher(Protocol):
    """Who watches."""

    def leaving(self, subject: str, request: VenueRequest) -> None:
        """A request is about to leave; may raise in its place."""
        ...

    def gone(self, subject: str, request: VenueRequest) -> None:
        """It has left; may raise as if that had been the sender's next line."""
        ...

    def answered(self, request: VenueRequest, outcome: Outcome, *, late: bool) -> None:
        """Its answer is here; `late` when who asked has died since."""
        ...


class WatchedExchange:
    """An `Exchange` that tells what passes.

    Args:
        exchange: The real one.
        watcher: Whom it tells.
    """

    def __init__(self, exchange: Exchange, watcher: Watcher) -> None:
        self._exchange = exchange
        self._watcher = watcher

    def request(self, request: VenueRequest, deliver: Callable[[VenueAnswer], None]) -> None:
        """See `adapters.ports.Exchange.request`."""
        subject, _ = ENDPOINTS[type(request)]
        sender = getattr(here, "inbox", None)

        def delivered(answer: VenueAnswer) -> None:
            late = sender is not None and sender.epoch != sender.mailbox.epoch
            self._watcher.answered(answer.request, answer.outcome, late=late)
            deliver(answer)

        self._watcher.leaving(subject, request)
        self._exchange.request(request, delivered)
        self._watcher.gone(subject, request)
