"""Has one recorded actor live again: its messages at their instants, and what it says to them.

Nobody else is there. What it sends is caught, what it asks the exchange goes nowhere (the answer is
in the recording), and its timers never fire by themselves (their messages are in the recording).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from actors.kernel import Birthright
from actors.kernel.snapshots import MemorySnapshots, Stored
from actors.kernel.virtual import Policy, VirtualClock, VirtualRuntime
from adapters.halt_latch import Latch
from adapters.recording import Born, Heard
from state.config import Config
from state.messages.venue import VenueRequest
from supervisor.replay.seen import show
from supervisor.tree import recorded_births


@dataclass(frozen=True)
class Sent:
    """A message that a replayed actor sent."""

    to: str
    message: Any


class Players:
    """All recorded actors of one process.

    Args:
        config: Of the process, changed or not.
        process: Its name in decision ids.
    """

    def __init__(self, config: Config, process: str) -> None:
        self._latch = Latch()
        self._seen = ""
        self._births = recorded_births(config, Mute(), self._latch, process)
        self._lives: dict[str, _Life] = {}

    def play(self, item: Born | Heard) -> list[Sent]:
        """Return what an actor sends when this happens to it."""
        if item.context != self._seen:
            self._seen = item.context
            show(self._latch, item.context)
        if isinstance(item, Born):
            birthright = self._births.get(item.address)
            if birthright is None:
                return []  # Of a pair that the changed configuration does not have.
            life = self._lives[item.address] = _Life(item, birthright)
            return life.begin()
        living = self._lives.get(item.address)
        return [] if living is None else living.hear(item)

    def tell(self, item: Born | Heard, message: object) -> list[Sent]:
        """Return what an actor sends when it hears `message` right after `item`."""
        return self._lives[item.address].hear_more(message)


class _Life:
    def __init__(self, born: Born, birthright: Birthright) -> None:
        self._born = born
        self._birthright = birthright
        self._clock = StoppedClock()
        self._sent: list[Sent] = []
        snapshots = MemorySnapshots()
        if born.schema is not None:
            snapshots.save(born.address, Stored(born.schema, born.snapshot, born.now_ns))
        self._runtime = VirtualRuntime(
            seed=0,
            policy=Policy.FIFO,
            clock=self._clock,
            snapshots=snapshots,
            traced=False,
        )
        self._runtime.probe = self

    def begin(self) -> list[Sent]:
        born = self._born
        self._clock.show(born.now_ns, born.monotonic_ns)
        self._runtime.open(born.address)
        self._runtime.mailboxes[born.address].epoch = born.incarnation - 1
        self._runtime.spawn(born.address, self._birthright, parent=None)
        return self._settle()

    def hear(self, heard: Heard) -> list[Sent]:
        self._clock.show(heard.now_ns, heard.monotonic_ns)
        self._runtime.tell(heard.address, heard.message)
        return self._settle()

    def hear_more(self, message: object) -> list[Sent]:
        self._runtime.tell(self._born.address, message)
        return self._settle()

    def _settle(self) -> list[Sent]:
        self._runtime.settle()
        sent, self._sent = self._sent, []
        return sent

    # The probe.

    def before(self, address: str, message: object) -> None:
        """See `actors.kernel.runtime.Probe.before`."""

    def sending(self, address: str, message: object) -> None:
        """See `actors.kernel.runtime.Probe.sending`."""
        self._sent.append(Sent(address, message))

    def after(self, address: str, message: object) -> None:
        """See `actors.kernel.runtime.Probe.after`."""


class StoppedClock(VirtualClock):
    """Shows what it is told to; nothing is ever due."""

    def show(self, now_ns: int, monotonic_ns: int) -> None:
        """Be at this instant."""
        self.elapsed_ns = monotonic_ns
        self.wall_offset_ns = now_ns - monotonic_ns

    def call_later(self, delay_ns: int, action: Callable[[], None]) -> None:
        """Forget it."""

    def advance(self, until_ns: int | None = None) -> bool:
        """Stay."""
        del until_ns
        return False


class Mute:
    """An `Exchange` that never answers."""

    def request(self, request: VenueRequest, reply: Callable[[Any], None]) -> None:
        """See `adapters.ports.Exchange.request`."""
