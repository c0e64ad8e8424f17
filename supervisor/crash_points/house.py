"""One scripted day of the real house: its lives, how they end, and what must hold afterwards."""

import dataclasses
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from actors import addresses
from actors.kernel import Actor, Birthright, Exited
from actors.kernel.dead_letters import Quarantine
from actors.kernel.recorded_snapshots import RecordedSnapshots
from actors.kernel.snapshots import Stored
from actors.kernel.virtual import Policy, VirtualClock, VirtualRuntime
from actors.trading.trader import Trader
from state.config import Config, FeedSettings, OrderSettings, RiskSettings, SupervisionSettings
from state.messages.accounts import EquityMarked
from state.messages.journal import SaveSnapshot
from state.messages.operations import SessionAnswer, SessionState, SessionWanted
from state.messages.protection import Cover, PositionCovered
from state.values import Session
from supervisor.crash_points import oracles
from supervisor.crash_points.driver import Diary, Driver
from supervisor.crash_points.instants import Blow, Fate, Site
from supervisor.crash_points.platter import Batch, Fact, facts
from supervisor.crash_points.recognition import Progress
from supervisor.crash_points.scenarios import Scenario
from supervisor.crash_points.stage import PAIR, Stage
from supervisor.supervisor import Supervisor
from supervisor.tree import ROOT, root
from supervisor.worlds.virtual import ACCOUNT

DOOR = "door"
DRIVER = addresses.trader(PAIR)
STRUCK = frozenset(
    {
        addresses.RECORDER,
        addresses.ORDER_ROUTER,
        addresses.ACCOUNT_STREAM,
        addresses.LEDGER_KEEPER,
        addresses.RISK_GUARD,
        addresses.SESSION_KEEPER,
        DRIVER,
    }
)
"""The actors an order passes through: those whose own crash is tried."""
LONGEST_S = 60.0
"""Virtual seconds after which a day that is not over is stuck."""
QUIET_S = 3.0
HALTED_FOR_NS = 5_000_000_000
BARE_FOR_NS = 1_000_000_000
ASKED_AGAIN_NS = 1_000_000_000
"""Whoever heard that all is to stop may have died of it."""
DUST = Decimal("0.00005")
"""Less of the base than the exchange would take."""
CONFIG = Config(
    pairs=(PAIR,),
    orders=OrderSettings(
        expiry_s=1.0,
        visibility_lag_s=0.5,
        clock_skew_max_s=0.1,
        query_every_s=0.5,
        reconcile_every_s=5.0,
        countdown_s=10,
    ),
    risk=RiskSettings(
        position_notional_max=Decimal(150),
        order_notional_max=Decimal(120),
        exposure_notional_max=Decimal(150),
        orders_per_minute=600,
    ),
    feed=FeedSettings(book_stale_after_s=600.0, compare_every_s=3600.0),
    supervision=SupervisionSettings(snapshot_every_s=0.3),
)
"""One order fits the limits, two do not."""

Strike = Callable[["House", Site, Any], None]
Cast = Mapping[type[Actor], type[Actor]]


class Struck(Exception):
    """What a struck handler dies of."""


class _Door(Actor):
    """Hears what the root and the session come to."""

    def __init__(self, heard: list[Any]) -> None:
        super().__init__()
        self._heard = heard

    def on_start(self) -> None:
        self.subscribe(SessionState)
        self.subscribe(EquityMarked)
        self.subscribe(PositionCovered)

    def on_receive(self, message: object) -> None:
        self._heard.append(message)


class House:
    """The house, crashed and begun again on one stage.

    Args:
        scenario: What the day brings.
        strike: Called at each instant while `armed`; may crash the house and not return.
        cast: Who plays whom: for planted bugs.
    """

    def __init__(self, scenario: Scenario, strike: Strike, cast: Cast | None = None) -> None:
        self.scenario = scenario
        self.strike = strike
        self.config = CONFIG
        self.limit = CONFIG.risk.position_notional_max
        self.armed = False
        self.instants = 0
        """Of this life, while armed."""
        self.who = ""
        """Whose handler is struck, where one is."""
        self.lives = 0
        self.violations: list[str] = []
        self.clock = VirtualClock()
        self.stage = Stage(scenario, self.clock, self._instant)
        self.progress = Progress(DRIVER, self.stage.named)
        self.diary = Diary()
        self.heard: list[Any] = []
        self.halted = False
        """Whether an emergency stop has been confirmed: from then on nothing may be sent."""
        self.runtime: VirtualRuntime
        self._halted_ns = 0
        self._ask_ns: int | None = None
        """When the script stops everything, or says so again."""
        self._cast = dict(cast or {})
        self._unlucky = bool(scenario.misfortune or scenario.faults)
        self._seen = (0, 0, 0)
        self._begin()

    @property
    def session(self) -> Session | None:
        """What this life may do; None while nobody has told."""
        states = [one for one in self.heard if isinstance(one, SessionState)]
        return states[-1].session if states else None

    @property
    def is_over(self) -> bool:
        """Whether all that the day was to bring has come."""
        if self.scenario.falls_after_s is not None:
            return self.diary.over and self.stage.fell and self.stage.held() < DUST
        if self.scenario.halt_after_s is None:
            return self.diary.over
        return self.halted and self.clock.elapsed_ns >= self._halted_ns + HALTED_FOR_NS

    def finish(self) -> None:
        """Let the day come to its end and look whether all is as it must be."""
        until_ns = self.clock.elapsed_ns + int(LONGEST_S * 1e9)
        while not self.is_over and self.clock.elapsed_ns < until_ns and not self.violations:
            self._let(0.1)
            self._operate()
            self.violations += self._look_at_cover()
        self.armed = False
        self._let(QUIET_S)
        self.violations += oracles.at_the_end(self)

    def survives(self) -> tuple[Any, ...]:
        """Return what tells apart all that outlives the process: disk, exchange, wire and time."""
        stage, disk = self.stage, self.stage.platter
        orders = [(one.id, one.left, one.status) for one in stage.orders()]
        sent = [one.sent for one in stage.flights]
        return (
            self.clock.elapsed_ns,
            self.clock.pending(),
            (disk.commits, disk.in_transaction, len(disk.unsynced)),
            (len(sent), sum(sent)),
            (stage.orders_taken(), stage.traded(), tuple(orders)),
            self.halted,
        )

    def points(self, site: Site, what: Any) -> set[int]:
        """Return at which of the points the house stands."""
        return self.progress.points(
            site,
            what,
            flights=self.stage.flights,
            ours=self.stage.ours(),
            now_ns=self.clock.elapsed_ns,
            venue_ns=self.stage.host.now_ns(),
        )

    def _look_at_cover(self) -> list[str]:
        """Return that something known to be held has had no stop for more than a second."""
        told = [one for one in self.heard if isinstance(one, PositionCovered)]
        covered = bool(told) and told[-1].cover is Cover.COVERED
        now_ns = self.clock.elapsed_ns
        if covered or self.session is not Session.READY or self._known_held() < DUST:
            self._bare_ns = now_ns
        if now_ns - self._bare_ns <= BARE_FOR_NS:
            return []
        return [f"uncovered for more than a second: {self.stage.held()}"]

    def _known_held(self) -> Decimal:
        """Return what the journal knows to be held: of a fill nobody told there can be no stop."""
        question = "SELECT quantity FROM positions WHERE pair = ?"
        row = self.stage.platter.execute(question, (PAIR,)).fetchone()
        return min(self.stage.held(), Decimal(row[0] if row is not None else 0))

    def _operate(self) -> None:
        """Stop everything when the script says so, and say it until it is confirmed."""
        after_s, stage = self.scenario.halt_after_s, self.stage
        if after_s is None or self.halted:
            return
        if any(isinstance(one, SessionAnswer) and one.is_journalled for one in self.heard):
            self.halted, self._halted_ns = True, self.clock.elapsed_ns
            return
        if self._ask_ns is None and any(order.is_open for order in stage.orders()):
            self._ask_ns = self.clock.elapsed_ns + int(after_s * 1e9)
        if self._ask_ns is not None and self.clock.elapsed_ns >= self._ask_ns:
            self._ask_ns = self.clock.elapsed_ns + ASKED_AGAIN_NS
            wish = SessionWanted(
                session=Session.EMERGENCY, reason="the script", caller=DOOR, reply_to=DOOR
            )
            self.runtime.tell(addresses.SESSION_KEEPER, wish, control=True)

    # How lives begin and end.

    def end_life(self, blow: Blow) -> None:
        """End this life as `blow` says, and begin the next."""
        self.armed = False
        self.runtime.kill()
        if blow.fate is Fate.POWER:
            self.stage.platters.go_back(blow.back)
        self._begin()

    def _begin(self) -> None:
        self.lives += 1
        self.instants = 0
        self.diary = Diary()
        self.heard = []
        self._bare_ns = self.clock.elapsed_ns
        self.stage.platter.rollback()
        self.progress.reborn(self._on_disk())
        world = self.stage.new_world()
        world = dataclasses.replace(
            world,
            exchange=self.stage.wire(world.exchange),
            account=self.stage.ears(world.account),
        )
        runtime = self.runtime = VirtualRuntime(
            seed=self.lives, policy=Policy.FIFO, clock=self.clock, traced=False
        )
        runtime.snapshots = RecordedSnapshots(self._primed(), self._keep)
        runtime.quarantine = Quarantine(window_s=0.0)
        runtime.probe = self
        runtime.after_step = self._after_step
        runtime.spawn(DOOR, Birthright(make=_Door, args=(self.heard,)), parent=None)
        runtime.settle()
        driver = {"wishes": self.scenario.wishes, "account": ACCOUNT, "diary": self.diary}
        driver["idle_s"] = self.scenario.idle_s if self.lives == 1 else 0.0
        birth = recast(root(CONFIG, world), {Trader: (Driver, driver)}, self._cast)
        runtime.spawn(ROOT, birth, parent=DOOR)

    def _on_disk(self) -> list[Fact]:
        columns = "seq, epoch, actor, type, trace_id, key, at_ns, payload"
        return facts(self.stage.platter.execute(f"SELECT {columns} FROM events"))  # noqa: S608

    def _primed(self) -> dict[str, Stored]:
        rows = self.stage.platter.execute(
            "SELECT address, schema, payload, at_ns FROM snapshots ORDER BY id"
        )
        return {address: Stored(*stored) for address, *stored in rows}

    def _keep(self, address: str, stored: Stored) -> None:
        message = SaveSnapshot(
            address=address,
            schema=stored.schema,
            payload=stored.payload,
            taken_ns=stored.taken_ns,  # type: ignore[arg-type]
        )
        self.runtime.tell(addresses.RECORDER, message)

    def _let(self, seconds: float) -> None:
        self.runtime.run(for_s=seconds)
        if any(isinstance(one, Exited) for one in self.heard):
            self.end_life(Blow(at=0, fate=Fate.KILL))  # As whoever runs the process would.

    # The instants.

    def before(self, address: str, message: object) -> None:
        """See `actors.kernel.runtime.Probe.before`."""
        if address in STRUCK:
            self.who = address
            self._instant(Site.HANDLE, message)
        self.progress.before(address, message)

    def sending(self, address: str, message: object) -> None:
        """See `actors.kernel.runtime.Probe.sending`."""
        if address in STRUCK:
            if address == DRIVER and self.lives == 1 and not self.armed:
                self.armed = self.diary.proposed > 0
            self.who = address
            self._instant(Site.SEND, message)
        self.progress.sending(address, message)

    def after(self, address: str, message: object) -> None:
        """See `actors.kernel.runtime.Probe.after`."""

    def _after_step(self) -> None:
        now = (self.runtime.steps, self.stage.orders_taken(), self.stage.traded())
        if now == self._seen:
            return
        if now[1:] != self._seen[1:]:
            self.violations += oracles.at_once(self)
        self._seen = now
        self._instant(Site.STEP, None)

    def _instant(self, site: Site, what: Any) -> None:
        progress = self.progress
        match site:
            case Site.WRITTEN:
                progress.inserted(what)
            case Site.SYNCED:
                assert isinstance(what, Batch)
                if any(fact.type == "EpochBegan" for fact in what.facts):
                    progress.reread(self._on_disk())
                progress.wrote(what)
                if self.stage.platter.durable:
                    progress.synced()
            case Site.RECEIVED:
                progress.answered(what)
            case Site.PUSHED:
                progress.pushed(what)
            case Site.HANDED if self._unlucky and what.changes_orders:
                self._unlucky = False
                if self.scenario.misfortune is not None:
                    self.stage.strike(self.scenario.misfortune)
                else:
                    self.stage.arm(self.scenario.faults)
            case _:
                pass
        if site is Site.HANDED and self.halted and what.changes_orders:
            self.violations.append(f"sent while halted: {what.name}")
        if self.armed and not self.is_over:
            self.instants += 1
            self.strike(self, site, what)
        if site is Site.CHECKPOINT:
            progress.checkpointed()


def recast(
    birth: Birthright, roles: Mapping[type[Actor], tuple[type[Actor], dict[str, Any]]], cast: Cast
) -> Birthright:
    """Return `birth` with other actors in some roles, and so for all below it.

    Args:
        birth: Of an actor, or of a supervisor with its children.
        roles: Who is played by whom, with what further arguments by name.
        cast: Who is played by whom, with the same arguments.
    """
    if issubclass(birth.make, Supervisor):
        spec, *rest = birth.args
        children = tuple(
            dataclasses.replace(child, birth=recast(child.birth, roles, cast))
            for child in spec.children
        )
        template = spec.template

        def recast_template(*args: Any) -> Any:
            child = template(*args)
            return dataclasses.replace(child, birth=recast(child.birth, roles, cast))

        planned = dataclasses.replace(
            spec, children=children, template=None if template is None else recast_template
        )
        return dataclasses.replace(birth, args=(planned, *rest))
    if birth.make in roles:
        make, more = roles[birth.make]
        return dataclasses.replace(birth, make=make, kwargs={**birth.kwargs, **more})
    return dataclasses.replace(birth, make=cast.get(birth.make, birth.make))


def undisturbed(_house: House, _site: Site, _what: Any) -> None:
    """Strike nothing."""
