"""Worlds behind the same ports.

One is Gate's client over sockets to the exchange as a process, with the low-latency way for orders
or without it, the other the same venue in process on a virtual clock. A contract test takes a
`World`, asks and listens through the ports only, and waits for what it expects; it never knows
which world it is in.
"""

import asyncio
import heapq
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from itertools import count
from random import Random
from typing import Any, Protocol

import msgspec

from adapters.clock import SystemClock
from adapters.gate.account_stream import GateAccountStream
from adapters.gate.connection import StreamSettings
from adapters.gate.market_stream import GateMarketStream, book_updates, whole_books
from adapters.gate.order_entry import EntrySettings, OrderEntry
from adapters.gate.rest import GateExchange
from adapters.gate.sdk import Timeouts
from adapters.gate.signing import Credentials
from adapters.gate.venue_clock import OffsetOfOthers
from adapters.loop import LoopThread
from adapters.ports import AccountStream, Exchange, MarketStream
from adapters.simulated.building import build_venue
from adapters.simulated.core.units import SCALE, scaled
from adapters.simulated.faults import FaultOrder, FaultPlan
from adapters.simulated.in_process import InProcessVenue
from adapters.simulated.network import Network
from adapters.simulated.options import ExchangeOptions
from state.config.secret import Secret
from state.messages.market import TickerSeen
from state.messages.venue import Outcome, VenueAnswer, VenueRequest
from state.values import NS_PER_S, Currency, Pair, TimeNs
from tests.adapters.simulated.exchange_process import ExchangeProcess

PAIRS = (Pair("BTC_USDT"), Pair("ETH_USDT"))
WITHIN_S = 20.0
TIMEOUT_S = 1.5
"""How long a request waits for its answer, in both worlds."""
SILENCE_S = 2.0
"""A stream without data for so long is given up, in both worlds."""

_numbers = count(int(time.time() * 1000))


class World(Protocol):
    """What a contract test may use."""

    exchange: Exchange
    market: MarketStream
    account: AccountStream
    halted: str | None
    """The permit's reason to refuse placements."""

    def now_ns(self) -> TimeNs:
        """Return the exchange's clock, about."""
        ...

    def run_until(self, condition: Callable[[], bool], within_s: float = WITHIN_S) -> None:
        """Let time pass until `condition` holds; fail when it does not in time."""
        ...

    def set_faults(self, *orders: FaultOrder) -> None:
        """Let the exchange misbehave like this from now on, and in no other way."""
        ...

    def cut_streams(self) -> None:
        """Break every stream's connection."""
        ...

    def fund(self, currency: str, change: str) -> None:
        """Let money come to our account from outside, or go where `change` is negative."""
        ...


class Inbox:
    """Takes deliveries from any thread and keeps them."""

    def __init__(self, world: World, changed: threading.Condition | None = None) -> None:
        self._world = world
        self._changed = changed or threading.Condition()
        self.messages: list[Any] = []

    def __call__(self, message: Any) -> None:
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()

    def of(self, kind: type) -> list[Any]:
        """Return what came of this kind, oldest first."""
        return [message for message in self.messages if isinstance(message, kind)]

    def wait_for(self, kind: type, at_least: int = 1) -> Any:
        """Wait for the n-th message of a kind and return it."""
        self._world.run_until(lambda: len(self.of(kind)) >= at_least)
        return self.of(kind)[at_least - 1]


def a_name() -> str:
    """Return a client order id nobody has used."""
    return f"t-gh-{next(_numbers)}"


def inbox(world: World) -> Inbox:
    """Return an inbox that wakes `world.run_until`."""
    return Inbox(world, getattr(world, "changed", None))


def ask(world: World, request: VenueRequest) -> Outcome:
    """Return the outcome of the one answer to `request`."""
    answers = inbox(world)
    world.exchange.request(request, answers)
    answer: VenueAnswer = answers.wait_for(VenueAnswer)
    assert answer.request == request
    assert len(answers.messages) == 1
    return answer.outcome


def let_pass(world: World, until_ns: int) -> None:
    """Let time pass until the exchange itself says that it is `until_ns`."""
    ticking = inbox(world)
    world.market.subscribe(PAIRS[1], ticking)
    world.run_until(lambda: any(tick.event_time_ns >= until_ns for tick in ticking.of(TickerSeen)))
    world.market.unsubscribe(PAIRS[1])


class ProcessWorld:
    """Gate's client and the exchange as a process of its own."""

    def __init__(
        self, process: ExchangeProcess, *, by_obu: bool = False, enters: bool = True
    ) -> None:
        """Connect; `enters` says whether orders go over the socket or all over REST."""
        self._process = process
        self._loop = LoopThread()
        self.changed = threading.Condition()
        self.halted: str | None = None
        credentials = Credentials(key=Secret(process.key), secret=Secret(process.secret))
        streams = StreamSettings(
            backoff_min_s=0.05, backoff_max_s=0.2, silence_s=SILENCE_S, refused_again_s=60
        )
        skew = OffsetOfOthers(lambda: 0)
        self._entry = OrderEntry(
            self._loop,
            ws_urls=(process.ws,),
            credentials=credentials,
            clock=SystemClock(),
            skew=skew,
            settings=EntrySettings(answer_s=TIMEOUT_S, streams=streams),
        )
        self._gate = GateExchange(
            rest_url=process.rest,
            credentials=credentials,
            clock=SystemClock(),
            skew=skew,
            entry=self._entry if enters else None,
            permit=lambda _: self.halted,
            timeouts=Timeouts(connect_s=TIMEOUT_S, read_s=TIMEOUT_S, total_s=TIMEOUT_S),
        )
        self._market = GateMarketStream(
            self._loop,
            ws_urls=(process.ws,),
            clock=SystemClock(),
            settings=streams,
            book=whole_books(100) if by_obu else book_updates,
        )
        self._account = GateAccountStream(
            self._loop,
            ws_urls=(process.ws,),
            credentials=credentials,
            heartbeat=PAIRS[0],
            clock=SystemClock(),
            settings=streams,
        )
        self.exchange: Exchange = self._gate
        self.market: MarketStream = self._market
        self.account: AccountStream = self._account
        if enters:
            self._loop.submit(self._logged_in()).result(WITHIN_S)

    async def _logged_in(self) -> None:
        while not self._entry.ready:  # noqa: ASYNC110 - what is waited for happens on this loop
            await asyncio.sleep(0)

    def now_ns(self) -> TimeNs:
        return TimeNs(time.time_ns())

    def run_until(self, condition: Callable[[], bool], within_s: float = WITHIN_S) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, within_s), "it did not happen in time"

    def set_faults(self, *orders: FaultOrder) -> None:
        self._process.control("faults", msgspec.to_builtins(orders))

    def cut_streams(self) -> None:
        self._process.control("disconnect", {})

    def fund(self, currency: str, change: str) -> None:
        self._process.control("funds", {"account": "demo", "currency": currency, "change": change})

    def close(self) -> None:
        self.set_faults()
        self._market.close()
        self._account.close()
        assert self._gate.close(10)
        assert self._entry.close(10)
        assert self._loop.close(10)
        assert self._market.malformed == self._account.malformed == self._entry.malformed == 0


class InProcessWorld:
    """The venue in process, on a clock that moves when it is waited for."""

    def __init__(self, seed: int, *, by_obu: bool = False) -> None:
        self._now_ns = 1_700_000_000 * NS_PER_S
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self.halted: str | None = None
        chance = Random(seed)
        self._faults = FaultPlan((), chance)
        venue = build_venue(ExchangeOptions(pairs=PAIRS, seed=seed), self._now_ns)
        self._host = InProcessVenue(
            venue,
            now_ns=self.now_ns,
            schedule=self._schedule,
            chance=chance,
            faults=self._faults,
            network=Network(
                timeout_ns=int(TIMEOUT_S * NS_PER_S), silence_ns=int(SILENCE_S * NS_PER_S)
            ),
        )
        book = "ob.400" if by_obu else "100ms"
        self._client = self._host.connect("demo", permit=lambda _: self.halted, book=book)
        self.exchange: Exchange = self._client.exchange
        self.market: MarketStream = self._client.market
        self.account: AccountStream = self._client.account

    def now_ns(self) -> TimeNs:
        return TimeNs(self._now_ns)

    def run_until(self, condition: Callable[[], bool], within_s: float = WITHIN_S) -> None:
        until_ns = self._now_ns + int(within_s * NS_PER_S)
        while not condition():
            assert self._due, "nothing more will ever happen"
            due_ns, _, action = heapq.heappop(self._due)
            assert due_ns <= until_ns, "it did not happen in time"
            self._now_ns = max(self._now_ns, due_ns)
            action()

    def set_faults(self, *orders: FaultOrder) -> None:
        self._faults.replace(orders)

    def cut_streams(self) -> None:
        self._client.market.break_off("cut by the test")
        self._client.account.break_off("cut by the test")

    def fund(self, currency: str, change: str) -> None:
        ledger, atoms = self._host.venue.ledger, scaled(Decimal(change), SCALE)
        assert atoms is not None
        ledger.fund(ledger.accounts["demo"], Currency(currency), atoms, self._now_ns)

    def close(self) -> None:
        self._client.close()
        self._host.stop()

    def _schedule(self, delay_ns: int, action: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self._now_ns + delay_ns, next(self._order), action))
