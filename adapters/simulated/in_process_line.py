"""One simulated connection of a stream: it delays, loses, repeats, breaks and comes back."""

from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

from adapters.simulated.faults import FaultName, Site
from adapters.simulated.in_process_exchange import Host, Life

Message = TypeVar("Message")
Deliver = Callable[[Message], None]


class Route(Generic[Message]):
    """Whoever asked for something, until somebody else asks for the same."""

    def __init__(self, deliver: Deliver[Message]) -> None:
        self._deliver = deliver
        self.wanted = True

    def deliver(self, message: Message) -> None:
        """Deliver, unless it was replaced meanwhile."""
        if self.wanted:
            self._deliver(message)


class Line(Generic[Message]):
    """One connection: in order, with faults, reconnecting by itself.

    Args:
        host: The venue.
        life: Whose connection.
        lost: Called when it broke, with the reason.
        opened: Called when it is there, also again.
    """

    def __init__(
        self, host: Host, life: Life, lost: Callable[[str], None], opened: Callable[[], None]
    ) -> None:
        self._host = host
        self._life = life
        self._lost = lost
        self._opened = opened
        self.up = False
        self._connecting = False
        self._generation = 0
        self._last_ns = 0
        self._silent_until_ns = 0
        self._held: dict[str, tuple[Route[Message], Message]] = {}
        self._batch: list[tuple[Route[Message], Message]] = []
        self._batch_due_ns: int | None = None

    def connect(self) -> None:
        """Connect soon, unless it is connected or about to be."""
        if not self.up and not self._connecting:
            self._connecting = True
            self._host.schedule(self._host.network.latency_ns(self._host.chance), self._connected)

    def _connected(self) -> None:
        if self._host.stage.closed and self._life.alive:
            delay_ns = self._host.network.reconnect_ns(self._host.chance)
            self._host.schedule(delay_ns, self._connected)
            return
        self._connecting = False
        if self._life.alive:
            self.up = True
            self._silent_until_ns = 0
            self._opened()

    def travel_ns(self) -> int:
        """Return how long what is sent in this turn will take: behind everything sent before."""
        now_ns = self._host.now_ns()
        if self._batch_due_ns is None:
            arrival_ns = now_ns + self._host.network.latency_ns(self._host.chance)
            self._batch_due_ns = self._last_ns = max(self._last_ns + 1, arrival_ns)
        return self._batch_due_ns - now_ns

    def tell(self, route: Route[Message], message: Message) -> None:
        """Deliver what belongs to the connection itself; no fault strikes it."""
        self._batch.append((route, message))

    def push(self, subject: str, route: Route[Message], message: Message) -> None:
        """Deliver what happened, unless a fault has it otherwise."""
        now_ns = self._host.now_ns()
        fault = self._host.faults.strike(Site.PUSH, subject, now_ns)
        if not self.up or now_ns < self._silent_until_ns:
            return
        name = fault.fault if fault is not None else None
        if name in (FaultName.PUSH_LOST, FaultName.BOOK_GAP):
            return
        if name is FaultName.DISCONNECT:
            self.break_off("the connection was cut")
            return
        if fault is not None and name is FaultName.STREAM_SILENT:
            self._fall_silent(fault.delay_ns)
            return
        if fault is not None and name is FaultName.HALF_OPEN:
            self._fall_silent(fault.delay_ns)
            self._host.schedule(fault.delay_ns, partial(self._cut_after, self._generation))
            return
        if name is FaultName.PUSH_REORDERED and subject not in self._held:
            self._held[subject] = (route, message)
            return
        self._batch.append((route, message))
        if name is FaultName.PUSH_TWICE:
            self._batch.append((route, message))
        if fault is not None and name is FaultName.TRADE_REPEATED:
            again = partial(self._repeat, self._generation, route, message)
            self._host.schedule(fault.delay_ns, again)
        held = self._held.pop(subject, None)
        if held is not None:
            self._batch.append(held)

    def _fall_silent(self, duration_ns: int) -> None:
        """Say nothing for a while; a client that waits longer than it cares to gives up."""
        host = self._host
        self._silent_until_ns = host.now_ns() + duration_ns
        if duration_ns >= host.network.silence_ns:
            give_up = partial(self._give_up, self._generation)
            host.schedule(host.network.silence_ns, give_up)

    def _repeat(self, generation: int, route: Route[Message], message: Message) -> None:
        if generation == self._generation and self.up and self._life.alive:
            self._batch.append((route, message))
            self.flush()

    def _give_up(self, generation: int) -> None:
        self._break_off_if(generation, "no data for too long")

    def _cut_after(self, generation: int) -> None:
        self._break_off_if(generation, "the connection was cut")

    def _break_off_if(self, generation: int, reason: str) -> None:
        if generation == self._generation and self.up and self._life.alive:
            self.break_off(reason)

    def break_off(self, reason: str) -> None:
        """Lose the connection and what is on its way, tell it, and connect again."""
        self._generation += 1
        self.up = False
        self._held.clear()
        self._batch.clear()
        self._lost(reason)
        self.flush()
        self._connecting = True
        self._host.schedule(self._host.network.reconnect_ns(self._host.chance), self._connected)

    def flush(self) -> None:
        """Send what was pushed in this turn."""
        if self._batch:
            batch, self._batch = self._batch, []
            deliver = partial(self._deliver, self._generation, batch)
            self._host.schedule(self.travel_ns(), deliver)
        self._batch_due_ns = None

    def _deliver(self, generation: int, batch: list[tuple[Route[Message], Message]]) -> None:
        for route, message in batch:
            # A handler may close the client or break the line in the middle of a batch.
            if generation == self._generation and self._life.alive:
                route.deliver(message)
