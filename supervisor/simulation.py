"""The house in virtual time, from a seed: the real tree and store, faults, and what must hold.

A seed expands into options: which faults, how likely, how the schedule runs. First comes a stretch
with faults (nothing wrong may happen), then one without (all must become whole again). Handlers
crash before, inside and after, actors hang, starts fail, the process is killed, requests and
answers are lost, late and doubled. The same seed gives the same run, to the last message.
"""

from collections import Counter
from decimal import Decimal
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from actors import addresses
from actors.kernel import Actor, Birthright, Drill, Exited, Fault
from actors.kernel.dead_letters import Quarantine
from actors.kernel.virtual import Policy, VirtualClock, VirtualRuntime
from state.config import (
    BookChannel,
    Config,
    FeedSettings,
    OrderSettings,
    RiskSettings,
    StrategySettings,
    TrendSettings,
)
from state.messages.operations import SessionState, SessionWanted
from state.order import Order
from state.store import Store, self_check, store_over
from state.values import ZERO, Pair, Session, Venue
from supervisor.tree import ROOT, root
from supervisor.worlds.virtual import VENUE_FAULTS, VirtualOutside, venue_faults

PAIRS = (Pair("BTC_USDT"), Pair("ETH_USDT"))
QUIET_S = 8.0
"""Longer than an order rests, its cancel takes, and its fills are on their way."""
DOOR = "door"
"""Where the root's end is heard."""

STRUCK = (
    addresses.RECORDER,
    addresses.SESSION_KEEPER,
    addresses.HEALTH_MONITOR,
    addresses.ORDER_ROUTER,
    addresses.ACCOUNT_STREAM,
    addresses.LEDGER_KEEPER,
    addresses.RISK_GUARD,
    *(make(pair) for pair in PAIRS for make in (addresses.feed, addresses.book_analyzer)),
    *(make(pair) for pair in PAIRS for make in (addresses.candle_builder, addresses.trader)),
)
"""Who may be struck by a fault."""

CONFIG = Config(
    pairs=PAIRS,
    strategy=StrategySettings(
        trend=TrendSettings(
            fast_window=2, slow_window=4, entry_bps=0.0, imbalance_min=0.0, order_ttl_s=2.0
        )
    ),
    orders=OrderSettings(
        expiry_s=1.0,
        visibility_lag_s=0.5,
        clock_skew_max_s=0.1,
        query_every_s=0.5,
        reconcile_every_s=5.0,
        countdown_s=10,
    ),
    risk=RiskSettings(
        position_notional_max=Decimal(600),
        order_notional_max=Decimal(200),
        exposure_notional_max=Decimal(1000),
        orders_per_minute=600,
    ),
    feed=FeedSettings(book_stale_after_s=3.0),
)
"""Trades as often as it can: what is tried is the house, not the strategy."""


class Options(Struct, frozen=True, kw_only=True):
    """What a seed means."""

    seed: int
    policy: Policy
    crashes: float
    """Chance that a handler call is struck."""
    drills: float
    """Drills a virtual second."""
    kills: float
    """Kills of the process a virtual second."""
    venue_faults: tuple[str, ...]
    venue_probability: float
    book_channel: BookChannel = BookChannel.ORDER_BOOK_UPDATE
    faulty_s: float = 20.0
    calm_s: float = 25.0

    @classmethod
    def of(cls, seed: int) -> "Options":
        """Expand a seed. Each class of faults is off in about half of the seeds."""
        chance = Random(f"options:{seed}")  # noqa: S311 (reproducible on purpose)
        swarm = tuple(name for name in VENUE_FAULTS if chance.random() < 0.4)
        return cls(
            seed=seed,
            policy=chance.choice([Policy.RANDOM, Policy.RANDOM, Policy.PCT, Policy.FIFO]),
            crashes=chance.choice([0.0, 0.002, 0.01]),
            drills=chance.choice([0.0, 0.1, 0.3]),
            kills=chance.choice([0.0, 0.05, 0.2]),
            venue_faults=swarm,
            venue_probability=chance.choice([0.01, 0.05, 0.2]),
            book_channel=chance.choice(list(BookChannel)),
        )


class Report(Struct, kw_only=True):
    """What became of a run."""

    options: Options
    fingerprint: int = 0
    steps: int = 0
    violations: list[str] = []
    counts: dict[str, int] = {}
    """How often what happened: a fault that never struck proves nothing."""

    @property
    def line(self) -> str:
        """How to run it again."""
        return f"python -m supervisor simulate --seeds {self.options.seed}"


class Injected(Exception):
    """What a struck handler dies of."""


class _Strikes:
    """The probe that strikes handlers: before, at one of their sends, or after."""

    def __init__(self, chance: Random, probability: float, counts: Counter[str]) -> None:
        self._chance = chance
        self._counts = counts
        self.probability = probability

    def before(self, address: str, message: object) -> None:
        self._maybe("before", address, message)

    def sending(self, address: str, message: object) -> None:
        self._maybe("sending", address, message)

    def after(self, address: str, message: object) -> None:
        self._maybe("after", address, message)

    def _maybe(self, place: str, address: str, message: object) -> None:
        del message
        # A third each, so that a handler as a whole is struck with the stated probability.
        if address in STRUCK and self._chance.random() < self.probability / 3:
            self._counts[f"crash {place}"] += 1
            raise Injected(place)


class _Door(Actor):
    """Hears what the root and the session come to."""

    def __init__(self, heard: list[object]) -> None:
        super().__init__()
        self._heard = heard

    def on_start(self) -> None:
        self.subscribe(SessionState)

    def on_receive(self, message: object) -> None:
        self._heard.append(message)


class Simulation:
    """One run of one seed."""

    def __init__(self, options: Options, config: Config = CONFIG) -> None:
        self.options = options
        feed = replace(config.feed, book_channel=options.book_channel)
        self.config = replace(config, feed=feed)
        self.clock = VirtualClock()
        self.counts: Counter[str] = Counter()
        self.violations: list[str] = []
        self._chance = Random(f"faults:{options.seed}")  # noqa: S311 (reproducible on purpose)
        self.outside = VirtualOutside(
            config.pairs,
            seed=options.seed,
            clock=self.clock,
            faults=venue_faults(options.venue_faults, options.venue_probability),
            by_obu=options.book_channel is BookChannel.OBU,
            step_s=0.25,
        )
        self._strikes = _Strikes(
            Random(f"strikes:{options.seed}"),  # noqa: S311
            options.crashes,
            self.counts,
        )
        self._fingerprint = 0
        self._steps = 0
        self._taken = self.outside.orders_taken()
        self.runtime = self._begin()

    def run(self) -> Report:
        """Run both stretches and say what was found."""
        self._faulty(self.options.faulty_s)
        self._calm_down()
        self._let(self.options.calm_s)
        self._check_alive()
        self._pause()
        self._check_books()
        self._end_life()
        return Report(
            options=self.options,
            fingerprint=self._fingerprint,
            steps=self._steps,
            violations=self.violations,
            counts=dict(sorted(self.counts.items())),
        )

    # The two stretches.

    def _faulty(self, seconds: float) -> None:
        until_ns = self.clock.elapsed_ns + int(seconds * 1e9)
        while self.clock.elapsed_ns < until_ns and not self.violations:
            pause = self._chance.expovariate(2.0)
            self._let(min(pause, (until_ns - self.clock.elapsed_ns) / 1e9))
            if self._chance.random() < self.options.kills / 2:
                self._kill()
            if self._chance.random() < self.options.drills / 2:
                self._drill()

    def _calm_down(self) -> None:
        self._strikes.probability = 0.0
        for armed in self.outside.faults.armed:
            self.counts[f"venue {armed.order.fault}"] += armed.struck
        self.outside.faults.replace(())

    def _let(self, seconds: float) -> None:
        self.runtime.run(for_s=seconds)
        if any(isinstance(one, Exited) for one in self._heard):
            self._heard.clear()
            self.counts["root gave up"] += 1
            self._kill()  # What an external supervisor does: start the process again.

    def _pause(self) -> None:
        """Let what is under way come to its end, and nothing new begin."""
        wish = SessionWanted(session=Session.STOPPED, reason="the end", caller=DOOR)
        self.runtime.tell(addresses.SESSION_KEEPER, wish, control=True)
        self._let(QUIET_S)

    def _drill(self) -> None:
        fault, address = self._chance.choice(list(Fault)), self._chance.choice(STRUCK)
        self.counts[f"drill {fault}"] += 1
        self.runtime.tell(address, Drill(fault=fault), control=True)

    # The process.

    def _begin(self) -> VirtualRuntime:
        life = self.counts["lives"]
        self.counts["lives"] += 1
        runtime = VirtualRuntime(
            seed=self.options.seed * 1000 + life, policy=self.options.policy, clock=self.clock
        )
        runtime.probe = self._strikes
        # Where strikes are frequent, two deaths by equal messages are no sign of poison.
        runtime.quarantine = Quarantine(window_s=2.0)
        runtime.after_step = self._check_step
        self._heard: list[object] = []
        world = self.outside.new_world()
        runtime.spawn(DOOR, Birthright(make=_Door, args=(self._heard,)), parent=None)
        runtime.settle()
        runtime.spawn(ROOT, root(self.config, world), parent=DOOR)
        return runtime

    def _kill(self) -> None:
        self.counts["kill"] += 1
        self._end_life()
        self.runtime = self._begin()

    def _end_life(self) -> None:
        self.runtime.kill()
        self._fingerprint = self._fingerprint * 31 + self.runtime.fingerprint & (1 << 64) - 1
        self._steps += self.runtime.steps

    # What must hold.

    def _check_step(self) -> None:
        """After each step: what the exchange took was meant, once, and no limit was passed."""
        taken = self.outside.orders_taken()
        if taken == self._taken:
            return
        self._taken = taken
        orders = self.outside.orders()
        self.counts["orders"] = len(orders)
        texts = Counter(order.text for order in orders)
        self._blame("order doubled", [text for text, count in texts.items() if count > 1])
        meant = {row[0] for row in self.outside.disk.execute("SELECT client_order_id FROM orders")}
        self._blame("order never meant", [text for text in texts if text not in meant])
        limit = self.config.risk.position_notional_max
        for pair, worth in self.outside.exposures().items():
            # The market may move what is held beyond the limit; buying may not.
            if worth > limit * Decimal("1.05"):
                self._blame("limit passed", [f"{pair}: {worth} of {limit}"])

    def _check_alive(self) -> None:
        """After the calm: everybody runs, and the house trades."""
        sessions = [one for one in self._heard if isinstance(one, SessionState)]
        if not sessions or sessions[-1].session is not Session.READY:
            self._blame("not ready", [repr(sessions[-1:])])
        for report in self.runtime.board.values():
            if report.state != "running":
                self._blame("not running", [f"{report.address}: {report.state}"])

    def _check_books(self) -> None:
        """With nothing under way: the books agree with the exchange to the last unit."""
        self._blame("exchange", self.outside.broken_invariants())
        store = self._open_store()
        ledger = store.ledger(self.config.quote)
        theirs = self.outside.balances()
        for currency in sorted({*ledger.balances, *theirs}):
            ours, shown = ledger.balance(currency), theirs.get(currency, ZERO)
            if ours != shown:
                self._blame("balance", [f"{currency}: ledger {ours}, exchange {shown}"])
        self._check_orders(store.unsettled_orders())
        self._blame("projection", self_check(store).differing)
        store.verify()
        self.counts["fills"] = ledger.fills

    def _check_orders(self, unsettled: list[Order]) -> None:
        """What is not settled now must rest at the exchange, or have been sent a moment ago."""
        old_ns = self.clock.now_ns() - 5_000_000_000
        resting = {order.text for order in self.outside.orders() if order.is_open}
        for order in unsettled:
            known = order.client_order_id in resting
            if not known and order.updated_at_ns < old_ns:
                self._blame("unsettled", [f"{order.client_order_id}: {order.state}"])
            self._blame("alarm", [f"{order.client_order_id}: {one}" for one in order.alarms])

    def _open_store(self) -> Store:
        return store_over(
            self.outside.disk,
            venue=Venue.SIMULATED,
            version="check",
            at_ns=self.clock.now_ns(),
        )

    def _blame(self, name: str, details: list[str]) -> None:
        at_s = self.clock.elapsed_ns / 1e9
        self.violations.extend(f"{name} at {at_s:.3f} s: {detail}" for detail in details)


def simulate(seed: int) -> Report:
    """Run one seed."""
    return Simulation(Options.of(seed)).run()
