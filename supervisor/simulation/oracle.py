"""What an oracle is: hears what happens, compares, and says what is wrong; it changes nothing."""

from typing import Protocol

from actors.kernel.virtual import VirtualClock
from adapters.simulated.core.orders import Order
from state.config import Config
from state.messages.journal import Journaled
from state.messages.protection import PositionCovered
from state.messages.venue import VenueRequest
from state.store import Store
from state.values import Pair, Session
from supervisor.simulation.chronicle import Chronicle
from supervisor.simulation.options import Options
from supervisor.worlds.virtual import VirtualOutside


class Observed(Protocol):
    """What an oracle may look at."""

    config: Config
    options: Options
    outside: VirtualOutside
    chronicle: Chronicle
    left: dict[str, str | None]
    """Client ids of placements that left, and why they should not have; None when they might."""
    clock: VirtualClock

    @property
    def calm_for_s(self) -> float:
        """How long nothing has gone wrong on purpose; 0 while faults strike."""
        ...

    def blame(self, name: str, detail: str) -> None:
        """Note a violation."""
        ...


class Oracle:
    """Base of all: overrides what it wants to hear of."""

    def __init__(self, run: Observed) -> None:
        self.run = run

    def on_event(self, journaled: Journaled) -> None:
        """An event was committed; the chronicle knows it already."""

    def on_taken(self, order: Order) -> None:
        """The exchange took an order of ours."""

    def on_leaving(self, request: VenueRequest) -> None:
        """A request is about to leave."""

    def on_life(self) -> None:
        """A new process is about to begin."""

    def on_covered(self, covered: PositionCovered) -> None:
        """A protector says how a position is protected."""

    def on_session(self, session: Session) -> None:
        """The session keeper says what the house may do."""

    def on_pairs(self, pairs: dict[Pair, Session]) -> None:
        """The session keeper says what single pairs were told to do."""

    def on_step(self) -> None:
        """Something happened: asked after every step, so it has to be cheap."""

    def on_end(self, store: Store) -> None:
        """Faults are long over, the session is stopped and nothing is under way."""
