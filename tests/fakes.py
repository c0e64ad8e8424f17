"""Fakes of the ports, written by us: they write down what they are asked, and wait to be told.

None of them decides anything. A test holds the actor's ports in its hands: it sees what leaves,
and it says what comes back and when.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from adapters.ports import AccountMessage, MarketMessage
from state.messages.operations import AdminHungUp, AdminRequest
from state.messages.venue import Outcome, VenueAnswer, VenueRequest
from state.values import Pair

Request = TypeVar("Request", bound=VenueRequest)
Deliver = Callable[[VenueAnswer], None]


class FakeExchange:
    """The `Exchange` port: every request waits here until the test answers it."""

    def __init__(self) -> None:
        self.asked: list[VenueRequest] = []
        """Everything that ever left, in order."""
        self._unanswered: list[tuple[VenueRequest, Deliver]] = []
        self._prompt: dict[type[VenueRequest], Callable[[Any], Outcome]] = {}

    def request(self, request: VenueRequest, deliver: Deliver) -> None:
        self.asked.append(request)
        if type(request) in self._prompt:
            outcome = self._prompt[type(request)](request)
            deliver(VenueAnswer.to(request, outcome))
        else:
            self._unanswered.append((request, deliver))

    def promptly(self, kind: type[Request], answer: Callable[[Request], Outcome] | Outcome) -> None:
        """Answer every request of `kind` at once from now on, and those that wait."""
        self._prompt[kind] = answer if callable(answer) else lambda _: answer
        for request in self.waiting(kind):
            self.answer(kind, self._prompt[kind](request))

    def slowly(self, kind: type[VenueRequest]) -> None:
        """Let requests of `kind` wait again."""
        self._prompt.pop(kind, None)

    def of(self, kind: type[Request]) -> list[Request]:
        """Return every request of `kind` that ever left."""
        return [request for request in self.asked if isinstance(request, kind)]

    def waiting(self, kind: type[Request]) -> list[Request]:
        """Return the requests of `kind` that nobody has answered, oldest first."""
        return [request for request, _ in self._unanswered if isinstance(request, kind)]

    def answer(self, kind: type[VenueRequest], outcome: Outcome, *, newest: bool = False) -> None:
        """Answer the oldest waiting request of `kind`, or the newest."""
        places = [
            place
            for place, (request, _) in enumerate(self._unanswered)
            if isinstance(request, kind)
        ]
        assert places, f"nobody waits for an answer to {kind.__name__}"
        request, deliver = self._unanswered.pop(places[-1 if newest else 0])
        deliver(VenueAnswer.to(request, outcome))


class FakeMarketStream:
    """The `MarketStream` port: says what the test says, to whoever subscribed last."""

    def __init__(self) -> None:
        self.subscribed: list[Pair] = []
        self.unsubscribed: list[Pair] = []
        self._deliver: dict[Pair, Callable[[MarketMessage], None]] = {}

    def subscribe(self, pair: Pair, deliver: Callable[[MarketMessage], None]) -> None:
        self.subscribed.append(pair)
        self._deliver[pair] = deliver

    def unsubscribe(self, pair: Pair) -> None:
        self.unsubscribed.append(pair)
        del self._deliver[pair]

    def say(self, pair: Pair, *messages: MarketMessage) -> None:
        for message in messages:
            self._deliver[pair](message)


class FakeAccountStream:
    """The `AccountStream` port."""

    def __init__(self) -> None:
        self.times_opened = 0
        self._deliver: Callable[[AccountMessage], None] | None = None

    def open(self, deliver: Callable[[AccountMessage], None]) -> None:
        self.times_opened += 1
        self._deliver = deliver

    def say(self, message: AccountMessage) -> None:
        assert self._deliver is not None, "nobody opened the stream"
        self._deliver(message)


class FakeAdminServer:
    """The `AdminServer` port: the test is the operator's client."""

    def __init__(self) -> None:
        self.taken: list[AdminRequest] = []
        self.answers: list[tuple[AdminRequest, Any]] = []
        self.refusals: list[tuple[AdminRequest, int, str]] = []
        self.notifications: list[tuple[int, str, Any]] = []
        self._deliver: Callable[[AdminRequest], None] | None = None

    def open(
        self,
        deliver: Callable[[AdminRequest], None],
        hung_up: Callable[[AdminHungUp], None],
    ) -> None:
        self._deliver = deliver
        self.hang_up = hung_up

    def take(self, request: AdminRequest) -> None:
        self.taken.append(request)

    def answer(self, request: AdminRequest, result: Any) -> None:
        self.answers.append((request, result))

    def refuse(self, request: AdminRequest, code: int, message: str) -> None:
        self.refusals.append((request, code, message))

    def notify(self, connection: int, topic: str, payload: Any) -> None:
        self.notifications.append((connection, topic, payload))

    def call(self, request: AdminRequest) -> None:
        assert self._deliver is not None, "nobody serves the socket"
        self._deliver(request)


class FakeMeter:
    """The `ProcessMeter` port of a process whose memory the test decides."""

    def __init__(self) -> None:
        self.rss = 50_000_000

    def cpu_percent(self) -> float:
        return 12.5

    def rss_bytes(self) -> int:
        return self.rss

    def threads(self) -> int:
        return 7

    def fds(self) -> int:
        return 23
