"""One way to start the house, also after a crash, and one way to end it.

The main thread only waits: for signals, for the root's end, for what an operator asks. What it
looks after itself is what stands outside of the tree: the data directory's lock, the simulated
exchange's process, the count of stuck threads, the service manager.
"""

import contextlib
import gc
import importlib
import os
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from loguru import logger

from actors import addresses
from actors.kernel import Actor, Birthright, ChildDied, Exited, Shutdown
from actors.kernel.live import LiveRuntime
from actors.kernel.recorded_snapshots import RecordedSnapshots
from actors.kernel.snapshots import Stored
from actors.operations.admin import Desk
from actors.operations.admin_requests import METHODS
from adapters.admin_socket import AdminSocket
from adapters.clock import SystemClock
from adapters.exchange_process import ExchangeProcess, Listening
from adapters.gate.signing import Credentials
from adapters.halt_file import HaltFile
from adapters.halt_latch import Latch
from adapters.log import Log
from adapters.loop import LoopThread
from adapters.sd_notify import ServiceManager
from adapters.simulated.options import DEMO_KEY, DEMO_SECRET
from adapters.thread_meter import LinuxThreadMeter
from state.config import (
    Config,
    Endpoints,
    Loaded,
    Secret,
    SupervisionSettings,
    endpoints,
    shown,
)
from state.errors import ConfigurationInvalid, VenueUnreachable
from state.messages.journal import Entry, Record, SaveSnapshot
from state.messages.operations import SessionState
from state.store import DATABASE_NAME, DataLock, Store, open_reader, open_store, stored_snapshots
from state.values import Session, TimeNs, Venue
from supervisor.data_directory import data_directory
from supervisor.emergency_door import EmergencyDoor
from supervisor.last_line import LastLine
from supervisor.life_signs import LifeSigns
from supervisor.pulse import Pulse
from supervisor.replay import recording_of
from supervisor.stacks import StacksOnSignal
from supervisor.tree import ROOT, root, static_addresses
from supervisor.version import VERSION
from supervisor.worlds.advice import advice
from supervisor.worlds.gate import Journal, connect

TICK_S = 0.5
FROZEN_S = 15.0
"""After so much computing without a turn of the main thread the process is beyond help."""
DOOR = "door"
ADAPTERS_CLOSE_S = 2.0
OK, FAILED = 0, 1


@dataclass
class _Wishes:
    """What the main thread waits for."""

    stop: threading.Event = field(default_factory=threading.Event)
    why: str = ""
    signals: int = 0

    def ask(self, why: str) -> None:
        """Ask for the end, in good order."""
        self.why = self.why or why
        self.stop.set()


class _Door(Actor):
    """Where the tree's own news reach the process: the root's end, the session, deaths."""

    def __init__(
        self, on_exit: Callable[[Exited], None], on_session: Callable[[SessionState], None]
    ) -> None:
        super().__init__()
        self._on_exit = on_exit
        self._on_session = on_session

    def on_start(self) -> None:
        self.subscribe(SessionState)
        self.subscribe(ChildDied)

    def on_receive(self, message: Any) -> None:
        match message:
            case Exited():
                self._on_exit(message)
            case SessionState():
                self._on_session(message)
            case ChildDied():
                _log_death(message)
            case _:
                pass


def _log_death(died: ChildDied) -> None:
    who = f"{died.address} (life {died.incarnation}) died"
    if not died.incarnation:
        who = f"{died.address} could not be made"
    logger.error("{}: {}", who, f"{died.error}\n{died.traceback}".rstrip())


class Application:
    """The house from its first line to its last.

    Args:
        loaded: The configuration and where it came from.
        environ: For the service manager.
    """

    def __init__(self, loaded: Loaded, environ: Mapping[str, str] = os.environ) -> None:
        self._loaded = loaded
        self._config: Config = loaded.config
        self._folder = data_directory(loaded)
        self._clock = SystemClock()
        self._service = ServiceManager(environ)
        self._wishes = _Wishes()
        self._gone = threading.Event()
        """The root has ended."""
        self._end: Exited | None = None
        self._logging = threading.Lock()
        """What is said of the session comes in the order in which it was."""
        self._session: Session | None = None
        """Which one the log has."""
        self._newer: SessionState | None = None
        """The same for another reason, to be written down soon."""
        self._announced = False
        self._when_announced: Callable[[], None] = _nothing
        self._signs: LifeSigns
        self._started_ns = self._clock.monotonic_ns()
        self._exchange: ExchangeProcess | None = None
        self._port = 0
        self._halted_early = False
        """Whether the signal to stop everything came before there was anything to stop."""

    def run(self) -> int:
        """Live until told otherwise; return the exit code.

        Raises:
            ConfigurationInvalid: What was asked for cannot be; nothing was started.
            StoreRefused: The database cannot be used; nothing was changed.
            VenueUnreachable: The simulated exchange did not come up.
        """
        self._refuse_unarmed()
        # Before anybody can learn our process id from the lock: unhandled, it would end us.
        signal.signal(signal.SIGUSR1, self._halt_early)
        with DataLock(self._folder) as lock:
            secrets = self._config.secrets
            known = (
                secrets.gate_api_key,
                secrets.gate_api_secret,
                secrets.nebius_api_key,
                secrets.nebius_api_key_next,
            )
            log = Log(
                self._config.log,
                folder=self._folder / "logs",
                secrets=[secret for secret in known if secret is not None],
            )
            self._signs = LifeSigns(self._folder, self._config)
            code = FAILED
            try:
                self._take_signals()
                code = self._live(lock, log)
                return code
            finally:
                self._signs.end(well=code == OK)
                if self._exchange is not None:
                    self._exchange.stop()
                log.close()

    def _refuse_unarmed(self) -> None:
        if self._config.venue is Venue.LIVE:
            raise ConfigurationInvalid(
                "venue: live trading needs a valid arming record, and this version cannot make "
                "one yet; use --venue simulated or --venue testnet"
            )

    def _live(self, lock: DataLock, log: Log) -> int:
        logger.info(
            "gatehouse {} begins: venue {}, {} pairs, data in {}",
            VERSION,
            self._config.venue,
            len(self._config.pairs),
            self._folder,
        )
        if self._config.dashboard != "off":
            logger.info("the dashboard arrives later; {} stays closed", self._config.dashboard)
        # Opened once here, where a refusal can still be answered with an exit code.
        store = self._open_store(lock)
        primed = _primed(store, static_addresses(self._config))
        journal = Journal(
            open=lambda: self._open_store(lock),
            name=store.name,
            process=str(store.last_seq),
            history=self._folder / "history",
        )
        store.close()
        where, credentials = self._find_exchange(log)
        self._signs.begin(where.rest, credentials, is_own=self._exchange is not None)
        with contextlib.ExitStack() as opened:
            loop, latch = LoopThread(), Latch(HaltFile(self._folder))
            opened.callback(loop.close, ADAPTERS_CLOSE_S)
            runtime = self._runtime(primed)
            opened.callback(self._record(runtime, latch, journal.process))
            opened.callback(runtime.close)
            door = EmergencyDoor(latch, partial(runtime.tell, control=True))
            door.open()
            opened.callback(door.close)
            self._take_emergency_signal(door)
            socket = AdminSocket(loop, self._folder / "admin.sock", methods=METHODS)
            opened.callback(socket.close)
            socket.bind()
            advising = advice(self._config, loop=loop, folder=self._folder, hide=log.hide)
            opened.callback(advising.close)
            connected = connect(
                where,
                credentials,
                config=self._config,
                loop=loop,
                latch=latch,
                desk=self._desk(socket, log, door),
                journal=journal,
                chat=advising.chat,
            )
            opened.callback(connected.close, ADAPTERS_CLOSE_S)
            runtime.spawn(
                DOOR,
                Birthright(make=_Door, args=(self._on_exit, self._on_session)),
                parent=None,
            )
            # Here it costs a tenth of a second; handlers that waited for it would seem to hang.
            importlib.import_module("state.technical")
            # All code is here. To look through it for garbage takes 60 ms in which nobody trades.
            gc.freeze()
            runtime.spawn(ROOT, root(self._config, connected.world), parent=DOOR)
            self._when_announced = partial(self._tell_of_watchdog, runtime)
            code = self._wait(runtime)
        logger.info("gatehouse ends with code {}", code)
        return code

    def _runtime(self, primed: dict[str, Stored]) -> LiveRuntime:
        supervision = self._config.supervision
        runtime: LiveRuntime

        def keep(address: str, stored: Stored) -> None:
            message = SaveSnapshot(
                address=address,
                schema=stored.schema,
                payload=stored.payload,
                taken_ns=TimeNs(stored.taken_ns),
            )
            runtime.tell(addresses.RECORDER, message)

        runtime = LiveRuntime(
            self._clock,
            seed=self._config.seed,
            workers=supervision.workers,
            snapshots=RecordedSnapshots(primed, keep),
            meter=LinuxThreadMeter(),
        )
        return runtime

    def _record(self, runtime: LiveRuntime, latch: Latch, process: str) -> Callable[[], None]:
        """Have traders and the risk guard recorded; return what ends it."""
        if not self._config.recording.on:
            return _nothing
        writer = recording_of(
            self._config,
            self._folder,
            process=process,
            now_ns=self._clock.now_ns(),
            latch=latch,
        )
        runtime.tape = writer
        return writer.close

    # What stands outside of the tree.

    def _open_store(self, lock: DataLock) -> Store:
        return open_store(
            lock, venue=self._config.venue, version=VERSION, at_ns=self._clock.now_ns()
        )

    def _find_exchange(self, log: Log) -> tuple[Endpoints, Credentials]:
        where = endpoints(self._config)
        secrets = self._config.secrets
        if where is None:
            listening = self._start_exchange()
            more = self._config.stream_urls
            where = Endpoints(rest=listening.rest, ws=listening.ws, ws_more=more)
            key, secret = Secret(listening.key), Secret(listening.secret)
        elif secrets.gate_api_key is not None and secrets.gate_api_secret is not None:
            key, secret = secrets.gate_api_key, secrets.gate_api_secret
        elif self._config.venue is Venue.SIMULATED:
            key, secret = Secret(DEMO_KEY), Secret(DEMO_SECRET)
        else:
            raise ConfigurationInvalid(
                f"the venue {self._config.venue} needs a key and its secret: set GATE_API_KEY and "
                "GATE_API_SECRET, or GATE_API_KEY_FILE and GATE_API_SECRET_FILE naming files of "
                "mode 0600"
            )
        log.hide(secret)
        return where, Credentials(key=key, secret=secret)

    def _start_exchange(self) -> Listening:
        config = self._config
        exchange = ExchangeProcess(config.pairs, seed=config.seed, folder=self._folder)
        self._exchange = exchange
        listening = exchange.start()
        self._port = int(listening.rest.rsplit(":", 1)[1].split("/")[0])
        logger.info("simulated exchange ready at {} (process {})", listening.rest, exchange.pid)
        return listening

    def _look_after_exchange(self) -> None:
        exchange = self._exchange
        if exchange is None or exchange.alive:
            return
        logger.error("the simulated exchange has died; starting it again")
        self._signs.busy()
        try:
            exchange.start(self._port)
        except (ConfigurationInvalid, VenueUnreachable) as error:
            logger.error("it does not come back, trying again: {}", error)

    def _desk(self, socket: AdminSocket, log: Log, door: EmergencyDoor) -> Desk:
        def set_config(changes: dict[str, Any]) -> dict[str, Any]:
            for name in changes:
                if name != "log.level" and not name.startswith("log.level."):
                    raise ValueError(
                        f"{name} cannot be changed while the house runs; log.level and "
                        "log.level.SUBSYSTEM can, the rest needs a restart"
                    )
            for name, level in changes.items():
                log.set_level(name.removeprefix("log.level").lstrip("."), str(level))
            return {"levels": log.levels()}

        return Desk(
            server=socket,
            open_reader=lambda: open_reader(self._folder / DATABASE_NAME),
            venue=self._config.venue.value,
            pairs=self._config.pairs,
            quote=self._config.quote,
            show_config=lambda: [_row(one) for one in shown(self._loaded)],
            set_config=set_config,
            started_ns=self._clock.now_ns(),
            shut_down=lambda caller: self._wishes.ask(f"asked by {caller}"),
            halt=door.pull,
        )

    def _tell_of_watchdog(self, runtime: LiveRuntime) -> None:
        """Journal what the watchdog of an earlier house has done, for whoever looks."""
        alert = self._signs.news()
        if alert is not None:
            record = Record(entries=(Entry(event=alert),), sender=DOOR)
            runtime.tell(addresses.RECORDER, record)

    # Waiting, and the end.

    def _take_signals(self) -> None:
        def on_signal(number: int, _frame: object) -> None:
            self._wishes.signals += 1
            if self._wishes.signals > 1:
                os._exit(128 + number)
            self._wishes.ask(signal.Signals(number).name)

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, on_signal)

    def _take_emergency_signal(self, door: EmergencyDoor) -> None:
        def on_signal(_number: int, _frame: object) -> None:
            door.pull_from_signal("the signal SIGUSR1", "signal")

        signal.signal(signal.SIGUSR1, on_signal)
        if self._halted_early:
            door.pull("the signal SIGUSR1", "signal")

    def _halt_early(self, _number: int, _frame: object) -> None:
        self._halted_early = True

    def _on_exit(self, exited: Exited) -> None:
        self._end = exited
        self._gone.set()
        self._wishes.ask(f"the root has ended: {exited.reason or exited.kind}")

    def _on_session(self, state: SessionState) -> None:
        # With fifty pairs a start has a hundred reasons: of those that pass in a moment only the
        # newest is written down, by whoever turns next.
        with self._logging:
            self._newer = state
        if state.session is not self._session:
            self._log_session()
        self._service.status(f"{state.session} {state.reason}")
        if not self._announced and state.session is not Session.STARTING:
            self._announced = True
            self._service.ready()
            self._when_announced()
            took_s = (self._clock.monotonic_ns() - self._started_ns) / 1e9
            logger.info("ready after {:.2f} s", took_s)

    def _log_session(self) -> None:
        with self._logging:
            state, self._newer = self._newer, None
            if state is not None:
                self._session = state.session
                reason = f"({state.reason})" if state.reason else ""
                logger.info("session {} {}", state.session, reason)

    def _wait(self, runtime: LiveRuntime) -> int:
        limit = self._config.supervision
        # The watchdog asks for the stacks by SIGQUIT before it ends a house that does not answer.
        with (
            (self._folder / "logs" / "stacks.txt").open("a") as stacks,
            StacksOnSignal(signal.SIGQUIT, stacks),
            LastLine(FROZEN_S, stacks) as last_line,
        ):
            return self._watch(runtime, limit, last_line)

    def _watch(self, runtime: LiveRuntime, limit: SupervisionSettings, last_line: LastLine) -> int:
        pulse = Pulse(runtime)
        self._signs.beat()
        while not self._wishes.stop.wait(TICK_S):
            last_line.pause()
            self._log_session()
            self._look_after_exchange()
            self._signs.look_after_watchdog()
            if pulse.beats():
                self._signs.beat()
            last_line.turn()
            recent, stuck = runtime.watchdog.zombies()
            if recent > limit.zombies_per_hour_max or stuck > limit.zombies_max:
                logger.critical("{} threads hung within an hour, {} still do", recent, stuck)
                self._wishes.ask("too many stuck threads")
                self._end_runtime(runtime)
                return FAILED
            self._service.alive()
            lived_s = (self._clock.monotonic_ns() - self._started_ns) / 1e9
            if self._config.duration_s is not None and lived_s >= self._config.duration_s:
                self._wishes.ask("its time is over")
        return self._end_runtime(runtime)

    def _end_runtime(self, runtime: LiveRuntime) -> int:
        """Stop the tree within the deadline; what does not stop by then ends with the process."""
        self._log_session()
        logger.info("shutting down: {}", self._wishes.why)
        self._service.stopping()
        asked = not self._gone.is_set()
        if asked:
            runtime.tell(ROOT, Shutdown(), control=True)
        until_ns = self._clock.monotonic_ns()
        until_ns += int((self._config.shutdown.deadline_s - ADAPTERS_CLOSE_S) * 1e9)
        while not self._gone.wait(TICK_S) and self._clock.monotonic_ns() < until_ns:
            self._signs.beat()
        if not self._gone.is_set():
            logger.error("the tree did not stop within {} s", self._config.shutdown.deadline_s)
            return FAILED
        return OK if asked else FAILED


def _nothing() -> None:
    pass


def _primed(store: Store, names: list[str]) -> dict[str, Stored]:
    found = {}
    for name in names:
        for one in stored_snapshots(store, name)[:1]:
            found[name] = Stored(one.schema, one.payload, one.at_ns)
    return found


def _row(one: Any) -> dict[str, str]:
    return {"key": one.key, "value": str(one.value), "origin": one.origin, "unit": one.unit}
