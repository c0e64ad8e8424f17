"""The real tree in this process, over sockets to an exchange in another: what is measured is it.

As `supervisor.application` puts it together, without its main thread; the line to the exchange
says in a process of its own when an order or a cancel passes.
"""

import contextlib
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from actors import addresses
from actors.kernel import Actor, Birthright, Exited
from actors.kernel.live import LiveRuntime
from actors.operations.admin import Desk
from actors.operations.admin_requests import METHODS
from adapters.admin_client import AdminClient
from adapters.admin_socket import AdminSocket
from adapters.clock import SystemClock
from adapters.gate.signing import Credentials
from adapters.halt_file import HaltFile
from adapters.halt_latch import Latch
from adapters.loop import LoopThread
from adapters.ports import Exchange
from adapters.simulated.options import DEMO_KEY, DEMO_SECRET
from scripts.proofs.processes import ROOT, environment
from state.config import Config, Endpoints, Secret
from state.instrument import TradingRules
from state.messages.held import RulesKnown
from state.messages.journal import Journaled
from state.messages.market import BookMeasured
from state.messages.operations import SessionState
from state.messages.orders import DecisionDropped, OrderEvent, OrderProposed
from state.messages.venue import VenueAnswer, VenueRequest
from state.store import DATABASE_NAME, DataLock, open_reader, open_store
from state.values import (
    DecisionId,
    OrderType,
    Pair,
    Session,
    Side,
    TimeInForce,
    TimeNs,
    TraceId,
    Venue,
)
from supervisor.emergency_door import EmergencyDoor
from supervisor.tree import ROOT as TREE
from supervisor.tree import root
from supervisor.worlds.gate import Journal, connect

WITHIN_S = 60.0
_CREDENTIALS = Credentials(key=Secret(DEMO_KEY), secret=Secret(DEMO_SECRET))
_VERSION = "benchmark"


class Line:
    """The delaying line to an exchange, and what passed it."""

    def __init__(self, port: int, delay_ms: float) -> None:
        command = [sys.executable, "-m", "scripts.benchmarks.delay_line", str(port), str(delay_ms)]
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment()
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self.passed: dict[str, list[int]] = defaultdict(list)
        """Monotonic ns at which each kind of call passed, oldest first."""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            kind, at_ns = line.split()
            self.passed[kind].append(int(at_ns))

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._thread.join(1.0)
        assert self._process.stdout is not None
        self._process.stdout.close()


class Timed:
    """The `Exchange` port that notes when something was asked of it and answered."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.on_asked: Callable[[VenueRequest, int], None] = lambda *_: None
        self.on_answered: Callable[[VenueAnswer, int], None] = lambda *_: None

    def request(self, request: VenueRequest, deliver: Callable[[VenueAnswer], None]) -> None:
        """See `adapters.ports.Exchange.request`."""
        self.on_asked(request, time.monotonic_ns())

        def answered(answer: VenueAnswer) -> None:
            self.on_answered(answer, time.monotonic_ns())
            deliver(answer)

        self._exchange.request(request, answered)


class _Ear(Actor):
    """Hears of sessions, books and orders, for the thread that measures."""

    def __init__(self, heard: "LivingHouse") -> None:
        super().__init__()
        self._heard = heard

    def on_start(self) -> None:
        topics: list[type[Any]] = [
            SessionState,
            BookMeasured,
            RulesKnown,
            *OrderEvent.__subclasses__(),
        ]
        for topic in topics:
            self.subscribe(topic)

    def on_receive(self, message: Any) -> None:
        self._heard.hear(message)


class LivingHouse:
    """A house in this process.

    Args:
        folder: Of its data; made when missing.
        port: Of the exchange.
        config: As wide as the measurement needs.
        delay_ms: Of each direction of the line.
    """

    def __init__(self, folder: Path, port: int, config: Config, *, delay_ms: float) -> None:
        self.config = config
        self.changed = threading.Condition()
        self.session = Session.STARTING
        self.books: dict[Pair, BookMeasured] = {}
        self.rules: dict[Pair, TradingRules] = {}
        self.events: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        """Why what was proposed was dropped, by code."""
        self._open = contextlib.ExitStack()
        self.line = Line(port, delay_ms)
        self._open.callback(self.line.close)
        clock = SystemClock()
        lock = self._open.enter_context(DataLock(folder))
        journal = Journal(
            open=lambda: open_store(
                lock, venue=Venue.SIMULATED, version=_VERSION, at_ns=clock.now_ns()
            ),
            name="benchmark",
            process=str(time.time_ns()),
        )
        loop, self.latch = LoopThread(), Latch(HaltFile(folder))
        self._open.callback(loop.close, 2.0)
        runtime = self.runtime = LiveRuntime(clock, workers=config.supervision.workers)
        self._open.callback(runtime.close)
        door = EmergencyDoor(self.latch, partial(runtime.tell, control=True))
        door.open()
        self._open.callback(door.close)
        self.socket = folder / "admin.sock"
        socket = AdminSocket(loop, self.socket, methods=METHODS)
        self._open.callback(socket.close)
        desk = Desk(
            server=socket,
            open_reader=lambda: open_reader(folder / DATABASE_NAME),
            venue="simulated",
            pairs=config.pairs,
            quote=config.quote,
            show_config=list,
            set_config=dict,
            started_ns=clock.now_ns(),
            shut_down=lambda _: None,
            halt=door.pull,
        )
        where = f"127.0.0.1:{self.line.port}"
        connected = connect(
            Endpoints(rest=f"http://{where}/api/v4", ws=f"ws://{where}/ws/v4/"),
            _CREDENTIALS,
            config=config,
            loop=loop,
            latch=self.latch,
            desk=desk,
            journal=journal,
        )
        self._open.callback(connected.close, 2.0)
        self.exchange = Timed(connected.world.exchange)
        world = replace(connected.world, exchange=self.exchange)
        runtime.spawn("ear", Birthright(make=_Ear, args=(self,)), parent=None)
        runtime.spawn(TREE, root(config, world), parent="ear")
        self._number = 0

    def hear(self, message: Any) -> None:
        """Take note, and wake whoever waits."""
        match message:
            case SessionState():
                self.session = message.session
            case BookMeasured():
                self.books[message.pair] = message
                return
            case RulesKnown():
                self.rules[message.pair] = message.rules
            case DecisionDropped():
                self.events["DecisionDropped"] += 1
                self.refusals[message.refusal.code] += 1
            case Journaled():
                self.events[type(message.event).__name__] += 1
            case Exited():
                raise AssertionError(f"the tree has ended: {message.reason}")
            case _:
                return
        with self.changed:
            self.changed.notify_all()

    def until(self, condition: Callable[[], bool], what: str, within_s: float = WITHIN_S) -> None:
        """Wait for something that is heard of."""
        came = self.comes(condition, within_s)
        assert came, f"not within {within_s:g} s: {what}; session {self.session}"

    def comes(self, condition: Callable[[], bool], within_s: float) -> bool:
        """Wait for something that may be heard of; return whether it was."""
        until_s = time.monotonic() + within_s
        with self.changed:
            while not condition():
                left_s = until_s - time.monotonic()
                if left_s <= 0:
                    return False
                self.changed.wait(min(left_s, 0.02))
        return True

    def until_ready(self) -> None:
        """Wait until it trades, with every book live."""
        pairs = set(self.config.pairs)
        self.until(
            lambda: self.session is Session.READY and pairs <= set(self.books) & set(self.rules),
            "ready, and every book is there",
        )

    def call(self, method: str, **params: Any) -> Any:
        """Call a method over its socket."""
        with AdminClient(self.socket) as client:
            return client.call(method, params, 20.0)

    def propose(self, pairs: Iterable[Pair], tif: TimeInForce, *, below: str = "0.98") -> int:
        """Propose a buy of each pair far below the market; return how many were proposed."""
        count = 0
        for pair in pairs:
            self.runtime.tell(addresses.RISK_GUARD, self.proposal(pair, tif, below=below))
            count += 1
        return count

    def proposal(self, pair: Pair, tif: TimeInForce, *, below: str) -> OrderProposed:
        """Return a proposal to buy for some 20 quote units."""
        self._number += 1
        now_ns = time.time_ns()
        rules = self.rules[pair]
        bid = Decimal(repr(self.books[pair].bid))
        price = rules.price_passive(bid * Decimal(below), Side.BUY)
        name = f"bench/{now_ns}/{self._number}"
        return OrderProposed(
            decision_id=DecisionId(name),
            trace_id=TraceId(name),
            pair=pair,
            strategy="bench",
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            quantity=rules.quantity_down(Decimal(20) / price),
            price=price,
            time_in_force=tif,
            reason="a benchmark wants it",
            worksheet=(),
            proposed_at_ns=TimeNs(now_ns),
            expires_at_ns=TimeNs(now_ns + 5_000_000_000),
            reply_to="ear",
        )

    def decided(self) -> int:
        """Return of how many proposals it is known whether they rest or never will."""
        ends = ("OrderAccepted", "OrderRejected", "OrderNotPlaced", "DecisionDropped")
        return sum(self.events[one] for one in ends)

    def close(self) -> None:
        """End everything, as hard as it takes."""
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
