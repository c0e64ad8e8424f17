"""What the actors need from outside, as protocols. All that `actors` may see of this floor.

Nothing here blocks: a call starts something, and its result arrives later as a message handed to
the `deliver` that came with the call, from whatever thread the adapter uses. The same protocols
are served by sockets in life and by a seeded model in simulation; one set of contract tests runs
against both.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from state.messages.advice import ChatAnswer, ChatRequest, ModelsListed, Provider
from state.messages.market import (
    BookChanged,
    BookDelta,
    BookReset,
    CandleClosed,
    CandleSeen,
    HistoryGiven,
    StreamLost,
    StreamOpened,
    TickerSeen,
    TradePrinted,
)
from state.messages.operations import AdminHungUp, AdminRequest
from state.messages.venue import (
    BalanceReport,
    OrderReport,
    TradeReport,
    TriggerMoved,
    VenueAnswer,
    VenueRequest,
)
from state.values import Pair, Purpose, Side, TimeNs

MarketMessage = BookDelta | TradePrinted | TickerSeen | CandleSeen | StreamOpened | StreamLost
Kept = CandleClosed | HistoryGiven | TradePrinted | BookChanged | BookReset
"""What the history keeps. Of `HistoryGiven` only what is not there yet."""
AccountMessage = (
    OrderReport | TradeReport | TriggerMoved | BalanceReport | StreamOpened | StreamLost
)


class Clock(Protocol):
    """What time it is."""

    def now_ns(self) -> TimeNs:
        """Return UTC, nanoseconds since the epoch; may step when the system's clock is set."""
        ...

    def monotonic_ns(self) -> int:
        """Return nanoseconds since some fixed instant; never goes back."""
        ...


class ThreadTime(NamedTuple):
    """What the system gave a thread since it began, and what it kept from it. Nanoseconds."""

    ran_ns: int
    """On a processor."""
    waited_ns: int
    """It could have run, and no processor was free."""


class ThreadMeter(Protocol):
    """How the threads of this process fared. Asked by the watchdog alone."""

    def times(self) -> dict[int, ThreadTime]:
        """Return what every thread had so far, by its native id; empty where nobody can tell."""
        ...


class HaltLatch(Protocol):
    """The one thing actors share: whether anything may leave for the exchange at all.

    It is read right before every order is written to the wire, so that an emergency stop needs no
    message to arrive. Only the session keeper releases it.
    """

    @property
    def reason(self) -> str | None:
        """Why nothing may leave; None while orders may."""
        ...

    @property
    def exits_allowed(self) -> bool:
        """Whether sales that flatten a position may leave although it is set."""
        ...

    def stops(self, side: Side, purpose: Purpose) -> str | None:
        """Return why an order of this side and purpose may not leave; None when it may."""
        ...

    def set(self, reason: str) -> None:
        """Let nothing leave from now on; the first reason stays."""
        ...

    def allow_exits(self) -> None:
        """Let sales that flatten a position leave, until the latch is released."""
        ...

    def release(self) -> str:
        """Let orders leave again; return why that is impossible, empty when it is done."""
        ...


class Exchange(Protocol):
    """Requests to the exchange."""

    def request(self, request: VenueRequest, deliver: Callable[[VenueAnswer], None]) -> None:
        """Start `request` and return at once.

        Exactly one `VenueAnswer` holding `request` is delivered later: `Succeeded` when it
        happened, `Refused` when the exchange said no, `Unknown` in every other case (time-out,
        disconnect, any 5xx, an unreadable answer). A request is sent at most once.

        A `Refused` of status 0 never left: `HALTED` (the halt latch is set), `REQUEST_EXPIRED`
        (too late to send), `CLOCK` (ours and the exchange's differ too much) or `NOT_SENT` (too
        much waits already, or we are closing).
        """
        ...


class MarketStream(Protocol):
    """Public streams. Keeps itself connected; tells when it was not."""

    def subscribe(self, pair: Pair, deliver: Callable[[MarketMessage], None]) -> None:
        """Deliver all that happens in `pair`, beginning with `StreamOpened`.

        After `StreamLost` nothing comes until the next `StreamOpened`. A second call for the
        same pair replaces the first, with a `StreamOpened` of its own.
        """
        ...

    def unsubscribe(self, pair: Pair) -> None:
        """Deliver nothing more of `pair`."""
        ...


class AccountStream(Protocol):
    """The account's private stream: orders, fills, triggers, balances. Keeps itself connected."""

    def open(self, deliver: Callable[[AccountMessage], None]) -> None:
        """Deliver all that happens to the account, beginning with `StreamOpened`.

        There is no replay: after each `StreamOpened` what may have been missed has to be fetched.
        A second call replaces the first.
        """
        ...


class MarketHistory(Protocol):
    """The market's history on disk. Blocks: for an actor with a thread of its own.

    Raises:
        HistoryRefused: A folder of it is damaged.
        OSError: The disk refuses.
    """

    def keep(self, batch: Sequence[Kept]) -> int:
        """Write all of `batch` durably, each row once; return how many rows are new.

        After an error some of it may be written; to write it again does no harm.
        """
        ...

    def retain(self, *, oldest_ns: int, size_bytes_max: int) -> None:
        """Remove what ended before `oldest_ns`, then the oldest of what is beyond the size."""
        ...

    def close(self) -> None:
        """Give it up."""
        ...


class AdminServer(Protocol):
    """The local control socket."""

    def open(
        self,
        deliver: Callable[[AdminRequest], None],
        hung_up: Callable[[AdminHungUp], None],
    ) -> None:
        """Deliver every well-formed request, and the end of every connection to `hung_up`.

        What is malformed is answered by the server itself. A second call replaces the first; what
        was in hand then is refused, for whoever had it is no more.
        """
        ...

    def take(self, request: AdminRequest) -> None:
        """Hear that `request` is in hand: no longer in any mailbox, and not answered yet."""
        ...

    def answer(self, request: AdminRequest, result: Any) -> None:
        """Answer `request` with `result`, anything msgspec can write as JSON."""
        ...

    def refuse(self, request: AdminRequest, code: int, message: str) -> None:
        """Answer `request` with a JSON-RPC error."""
        ...

    def notify(self, connection: int, topic: str, payload: Any) -> None:
        """Push a notification to a subscriber; dropped when its connection is gone or full."""
        ...


class ChatModel(Protocol):
    """A service of language models. It gives opinions and can do nothing else."""

    @property
    def provider(self) -> Provider:
        """Who answers."""
        ...

    @property
    def host(self) -> str:
        """Where, for people and the journal; holds no credential."""
        ...

    def complete(self, request: ChatRequest, deliver: Callable[[ChatAnswer], None]) -> None:
        """Start `request` and return at once.

        Exactly one `ChatAnswer` is delivered, within `request.within_s` and a moment: an answer
        that nobody has judged, or why there is none. Retries are the adapter's, the budget is not.
        """
        ...

    def list_models(self, deliver: Callable[[ModelsListed], None]) -> None:
        """Ask which models there are and what they cost; exactly one answer is delivered."""
        ...


class ProcessMeter(Protocol):
    """What this process costs."""

    def cpu_percent(self) -> float:
        """Return the share of one core used since the last call, in percent."""
        ...

    def rss_bytes(self) -> int:
        """Return resident memory."""
        ...

    def threads(self) -> int:
        """Return how many threads run."""
        ...

    def fds(self) -> int:
        """Return how many file descriptors are open."""
        ...
