"""A day, or any other stretch, of the simulated market: a whole house lives it in virtual time.

Nothing goes wrong on purpose. The house is the one that runs live: tree, actors, journal on disk,
recording. The exchange and the stub of the language model are those of the simulated venue without
their processes. So what is recorded can be replayed as if it had taken that long.
"""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from actors.kernel import Birthright, Exited, Shutdown
from actors.kernel.virtual import Policy, VirtualClock, VirtualRuntime
from adapters.halt_latch import Latch
from adapters.recording import FILE_NAME
from adapters.simulated.advisor.failures import parse_script
from adapters.simulated.markets.history import Past
from state.config import Config
from state.messages.advice import Provider
from state.store import DATABASE_NAME, DataLock, Store, open_store
from state.values import NS_PER_S, Venue
from supervisor.replay import recording_of
from supervisor.simulation.edge import Door
from supervisor.tree import ROOT, root
from supervisor.version import VERSION
from supervisor.worlds.advice import provider_of
from supervisor.worlds.virtual import Scene, VirtualOutside

DOOR = "door"
_STRETCH_S = 60.0
"""After so much virtual time the recording is brought up to date and progress is told."""


class Lived(Struct, frozen=True, kw_only=True):
    """What a stretch came to."""

    virtual_s: float
    cpu_s: float
    took_s: float
    steps: int
    """Messages that were handled, all actors together."""
    orders: int
    fills: int
    missed: int
    """Messages that the recording could not keep; 0, or it proves nothing."""
    recorded_bytes: int
    journal_bytes: int


class HouseDied(Exception):
    """The root gave up."""


class Day:
    """One house from its first message to its last.

    Args:
        config: Of the house; its seed is that of the market too.
        folder: Of the venue; made when missing.
        step_s: How often the market moves, seconds.
        past: How much history the market opens with; None for as much as usual.

    Raises:
        StoreBusy, StoreRefused: The folder is taken or cannot be used.
    """

    def __init__(
        self, config: Config, folder: Path, *, step_s: float = 0.1, past: Past | None = None
    ) -> None:
        self._config = config
        self._folder = folder
        self._lock = DataLock(folder)
        self._clock = VirtualClock(tick_ns=1)
        advised = () if provider_of(config) is Provider.OFF else _tricks(config)
        self._outside = VirtualOutside(
            Scene(
                pairs=config.pairs,
                seed=config.seed,
                step_s=step_s,
                advised=advised,
                past=past or Past(),
            ),
            self._clock,
        )
        self._end: Exited | None = None

    def live(
        self,
        for_s: float,
        advance: Callable[[float], object] = id,
        is_over: Callable[[], bool] = bool,
    ) -> Lived:
        """Live for so long, then shut down in good order.

        Args:
            for_s: Virtual seconds.
            advance: Called with the virtual seconds lived, now and then.
            is_over: Asked now and then whether it is to end before.

        Raises:
            HouseDied: It ended before its time.
        """
        began, began_cpu = time.monotonic(), time.process_time()
        latch = Latch()
        world = dataclasses.replace(self._outside.new_world(latch), open_store=self._open_store)
        runtime = VirtualRuntime(
            seed=self._config.seed, policy=Policy.FIFO, clock=self._clock, traced=False
        )
        tape = recording_of(
            self._config,
            self._folder,
            process=world.process,
            now_ns=self._clock.now_ns(),
            latch=latch,
        )
        runtime.tape = tape
        try:
            runtime.spawn(DOOR, Birthright(make=Door, args=(self._on_heard,)), parent=None)
            runtime.spawn(ROOT, root(self._config, world), parent=DOOR)
            until_s = 0.0
            while until_s < for_s and not is_over():
                until_s = min(for_s, until_s + _STRETCH_S)
                runtime.run(for_s=until_s - self._clock.elapsed_ns / NS_PER_S)
                if self._end is not None:
                    raise HouseDied(self._end.reason)
                # Virtual time outruns any disk: here it waits, so that nothing is left out.
                tape.catch_up()
                advance(until_s)
            runtime.tell(ROOT, Shutdown(), control=True)
            runtime.run(for_s=self._config.shutdown.deadline_s)
        finally:
            tape.close()
            self._lock.release()
        return Lived(
            virtual_s=until_s,
            cpu_s=time.process_time() - began_cpu,
            took_s=time.monotonic() - began,
            steps=runtime.steps,
            orders=len(self._outside.orders()),
            fills=len(self._outside.trades()),
            missed=tape.missed,
            recorded_bytes=(self._folder / FILE_NAME).stat().st_size,
            journal_bytes=(self._folder / DATABASE_NAME).stat().st_size,
        )

    def _open_store(self) -> Store:
        return open_store(
            self._lock, venue=Venue.SIMULATED, version=VERSION, at_ns=self._clock.now_ns()
        )

    def _on_heard(self, message: object) -> None:
        if isinstance(message, Exited):
            self._end = message


def _tricks(config: Config) -> tuple[str, ...]:
    """Return what the stub does, by turns; nobody but a stub is asked in virtual time."""
    return parse_script(config.advisor.stub_script)
