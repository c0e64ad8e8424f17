"""One run of one seed: the real tree, store and actors in virtual time, faults, and what must hold.

First comes a stretch with faults (nothing wrong may happen), then one without (all must become
whole again), then the session is stopped, and the books must agree to the last unit. The same
options and faults give the same run, to the last message.
"""

import dataclasses
import re
from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from msgspec.structs import replace

from actors import addresses
from actors.kernel import Birthright, Drill, Exited
from actors.kernel import Fault as Drilled
from actors.kernel.backend import here
from actors.kernel.dead_letters import Quarantine, Undelivered
from actors.kernel.lifecycle import ChildReport
from actors.kernel.virtual import VirtualClock, VirtualRuntime
from adapters.simulated.network import Network
from state.config import BookChannel, Config
from state.messages.journal import Journaled
from state.messages.operations import SessionState
from state.messages.orders import DecisionDropped
from state.messages.protection import PositionCovered
from state.messages.venue import AmendOrder, Outcome, PlaceOrder, VenueRequest
from state.values import NS_PER_MS, NS_PER_S, Purpose, Session, Side
from supervisor.management import ChildState
from supervisor.simulation.chronicle import Chronicle
from supervisor.simulation.desk import DOOR, Desk
from supervisor.simulation.edge import Door, WatchedLatch
from supervisor.simulation.faults import At, Fault, Kind, Plan, planned, victims
from supervisor.simulation.options import Options
from supervisor.simulation.oracle import Oracle
from supervisor.simulation.oracles import ORACLES
from supervisor.simulation.profiles import Profile
from supervisor.simulation.report import Delivery, Report
from supervisor.simulation.sightings import Sightings
from supervisor.simulation.spotter import Spotter
from supervisor.simulation.stranger import Stranger
from supervisor.simulation.wire import WatchedExchange
from supervisor.tree import ROOT, root
from supervisor.worlds.disk import Disk, DiskFault, FileDisk, MemoryDisk, Moment
from supervisor.worlds.virtual import FIRED, STRANGER, Scene, VirtualOutside

TRACED = 200
"""Deliveries that a failure tells."""
_ADOPTED_WITHIN_S = 1.5
"""Until an order that came of a trigger order, and its fills, are in the journal."""
_SWEPT_WITHIN_S = 3.0
"""Until an emergency stop has cancelled all, also what was on its way."""
_HEARD_WITHIN_S = 13
"""Until a house that lives has heard of it: a part of it may wait for its start."""
_LONGEST_WAIT_S = 12.0
"""Between two starts of what the outside world may have broken, its jitter included."""
_HAND_LOOKS_MS = 7
"""How often somebody who wants to amend an order of ours looks whether there is one."""
_STEPS_MAX = 500_000
_MASK = (1 << 64) - 1


class Injected(Exception):
    """What a struck handler dies of."""


class Simulation:
    """One run.

    Args:
        options: What the seed means.
        faults: What goes wrong; as the options say when None.
        watch: Called with each delivery.
        profile: What is tried; the options' own when None.
    """

    def __init__(
        self,
        options: Options,
        faults: Sequence[Fault] | None = None,
        *,
        watch: Callable[[Delivery], None] | None = None,
        profile: Profile | None = None,
    ) -> None:
        self.options = options
        self.profile = profile or options.made_of
        feed = replace(self.profile.config.feed, book_channel=options.book_channel)
        self.config: Config = replace(self.profile.config, feed=feed)
        # Two looks within one handler differ, as they do in life.
        self.clock = VirtualClock(tick_ns=1)
        self.counts: Counter[str] = Counter()
        self.seen = Sightings()
        self.violations: list[str] = []
        self.deliveries: deque[Delivery] = deque(maxlen=TRACED)
        self._watch = watch
        self.plan = Plan(planned(options, self.profile) if faults is None else faults)
        self._chance = Random(f"power:{options.seed}")  # noqa: S311 (reproducible on purpose)
        self.disk: Disk = (FileDisk if _needs_file(self.plan) else MemoryDisk)(self._on_disk)
        self.outside = VirtualOutside(
            Scene(
                pairs=self.config.pairs,
                seed=options.seed,
                network=_network(self.profile, slow=options.slow),
                by_obu=options.book_channel is BookChannel.OBU,
                step_s=self.profile.step_s,
                small=self.profile.small,
            ),
            self.clock,
            disk=self.disk,
            faults=self.plan.of_venue(),
        )
        self.left: dict[str, str | None] = {}
        self.under_way: set[str] = set()
        """Placements that left and have no answer."""
        self.chronicle = Chronicle(self._on_event, self.blame)
        self.oracles = [oracle(self) for oracle in ORACLES]
        self.watching = [one for one in self.oracles if type(one).on_step is not Oracle.on_step]
        self.spotter = Spotter(self)
        self._halted = False
        """Whether nothing may leave, whatever the latch says."""
        self._fingerprint = 0
        self._steps = 0
        self._taken = self.outside.orders_taken()
        self._dying: Fault | None = None
        self._root_ended = False
        self._missed: list[str] = []
        """Who began anew in this life since mail was refused."""
        self.desk = Desk(
            self.profile,
            self.outside,
            self.chronicle,
            options.seed,
            pair_sessions=options.pair_sessions,
            runtime=self._present,
            on_reset=self._on_reset,
        )
        self.stranger = Stranger(self.outside, self.config.pairs, self.config.quote)
        for fault in self.plan.timed():
            self.clock.call_later(fault.nth * NS_PER_MS, partial(self._on_time, fault))
        self.latch = WatchedLatch(self._on_halt)
        self.runtime = self._begin()

    @property
    def calm_for_s(self) -> float:
        """How long nothing has gone wrong on purpose; 0 while faults strike."""
        return 0.0 if self._calm_ns is None else (self.clock.elapsed_ns - self._calm_ns) / 1e9

    _calm_ns: int | None = None

    def run(self, *, stop_at: int | None = None) -> Report:
        """Run all stretches and say what was found.

        Args:
            stop_at: End after so many steps.
        """
        self._stop_at = stop_at
        try:
            self._let(self.options.faulty_s)
            self._calm_down()
            if self.options.stopped_in_peace:
                self._stop_in_peace()
            self._let(self.profile.calm_s)
            is_new = self.clock.elapsed_ns - self._born_ns < NS_PER_S
            if self.desk.heard is not Session.READY and (self.options.slow or is_new):
                # Where each answer takes most of a second, so does each look at the balances; and a
                # house that ends, for a part that could not be started, waits for its cancels.
                self._let(self.profile.calm_s)
            self._wait_for_starts()
            if self._goes_on:
                self._check_alive()
            self.desk.closed = True
            self._calm_ns = None
            self.desk.want(Session.STOPPED)
            # What somebody else bought is explained when two looks agree, and each takes as long.
            self._let(self.profile.quiet_s * (2 if self.options.slow else 1))
            while self._goes_on and self._has_fired_lately():
                # A stop that waits at the exchange may be met at any moment, the last one too.
                self._let(self._adopted_within_s)
            if self._goes_on:
                self._check_books()
            self._end_life()
        finally:
            self.disk.remove()
        return self._report()

    def _stop_in_peace(self) -> None:
        """Stop everything while nothing goes wrong: soon no order of ours rests any more.

        What waits at the exchange to protect what is held stays, and may become an order.
        """
        is_anything_out = any(order.is_open for order in self.outside.orders())
        self.desk.want(Session.EMERGENCY)
        within_s = _SWEPT_WITHIN_S * (2 if self.options.slow else 1)
        for _ in range(_HEARD_WITHIN_S):
            self._let(1.0)
            if self.desk.heard is Session.EMERGENCY:
                break
        self._let(within_s)
        if self._goes_on and self.desk.heard is Session.EMERGENCY:
            if is_anything_out:
                self.seen.see("stopped in peace")
            for order in self.outside.orders():
                if order.is_open and order.text != FIRED:
                    self.blame("rests after an emergency stop", order.text)
        self.desk.want(Session.READY)
        self._calm_ns = self.clock.elapsed_ns

    def _wait_for_starts(self) -> None:
        """Let those start that failed so often that they wait longer than the calm lasts.

        A drilled start may fail after the faults are over, and its wait begins only then.
        """
        if not any(report.state == ChildState.BACKOFF for report in self.runtime.board.values()):
            return
        self._calm_ns = None
        self._let(_LONGEST_WAIT_S)
        self._calm_ns = self.clock.elapsed_ns
        self._let(self.profile.calm_s)

    @property
    def _adopted_within_s(self) -> float:
        """Lists, orders and fills are asked for one after the other."""
        return _ADOPTED_WITHIN_S * (2 if self.options.slow else 1)

    def _has_fired_lately(self) -> bool:
        since_ns = self.outside.host.now_ns() - int(self._adopted_within_s * 1e9)
        return any(order.created_ns > since_ns for order in self.outside.fired_orders())

    _stop_at: int | None = None

    @property
    def steps(self) -> int:
        """Deliveries so far, over all lives."""
        return self._steps + self.runtime.steps

    @property
    def _goes_on(self) -> bool:
        if self._stop_at is not None and self.steps >= self._stop_at:
            return False
        return not self.violations

    def _present(self) -> VirtualRuntime:
        return self.runtime

    # Time.

    def _let(self, seconds: float) -> None:
        until_ns = self.clock.elapsed_ns + int(seconds * 1e9)
        while self._goes_on:
            if self._dying is not None or self._root_ended:
                self._die()
            elif not self.runtime.step(until_ns):
                break
        # Time passes also while nothing happens.
        self.clock.elapsed_ns = max(self.clock.elapsed_ns, until_ns)

    def _calm_down(self) -> None:
        for armed in self.outside.faults.armed:
            if armed.struck:
                self.counts[f"venue {armed.order.fault}"] += armed.struck
            self.spotter.on_venue_fault(armed)
        self.outside.faults.replace(())
        self.plan.over = True
        self.clock.wall_offset_ns -= self._set_ns  # Somebody sets it right.
        self._set_ns = 0
        self.desk.calm = True
        self._calm_ns = self.clock.elapsed_ns
        self.desk.want(Session.READY)

    _set_ns = 0
    """How far our wall clock is off."""

    def _on_time(self, fault: Fault) -> None:
        if self.plan.over:
            return
        self.plan.struck.append(fault)
        self.counts[str(fault.kind)] += 1
        address = fault.place.partition(" ")[2]
        match fault.kind:
            case Kind.KILL | Kind.POWER_LOSS:
                self._dying = self._dying or fault
            case Kind.CLOCK:
                self.spotter.on_clock(fault.value)
                self._set_ns += fault.value * NS_PER_MS
                self.clock.wall_offset_ns += fault.value * NS_PER_MS
            case Kind.DEPOSIT | Kind.WITHDRAWAL | Kind.FOREIGN_ORDER:
                self.stranger.act(fault)
            case Kind.FOREIGN_AMENDMENT:
                self._amend_by_hand(fault)
            case Kind.EMERGENCY:
                self.desk.want(Session.EMERGENCY)
                self.clock.call_later(fault.value * NS_PER_MS, self._on_emergency_over)
            case _:
                self.spotter.on_drill(fault)
                self.runtime.tell(address, Drill(fault=_DRILLS[Kind(fault.kind)]), control=True)

    def _amend_by_hand(self, fault: Fault) -> None:
        """Have somebody else amend an order of ours, as soon as there is one."""
        if self.plan.over:
            return
        alive = [name for name, one in self.chronicle.orders.items() if not one.over]
        if not self.stranger.amend(fault, alive):
            self.clock.call_later(_HAND_LOOKS_MS * NS_PER_MS, partial(self._amend_by_hand, fault))

    def _on_emergency_over(self) -> None:
        if self.desk.wants is Session.EMERGENCY:
            self.desk.want(Session.READY)

    # The process.

    def _begin(self) -> VirtualRuntime:
        life = self.counts["lives"]
        self.counts["lives"] += 1
        runtime = VirtualRuntime(
            seed=self.options.seed * 1000 + life, policy=self.options.policy, clock=self.clock
        )
        runtime.probe = self
        # Where strikes are frequent, two deaths by equal messages are no sign of poison.
        runtime.quarantine = Quarantine(window_s=2.0)
        runtime.after_step = self._check_step
        self.latch = WatchedLatch(self._on_halt)
        self._halted = False
        self._root_ended = False
        self._born_ns = self.clock.elapsed_ns
        self._struck_before = len(self.plan.struck)
        self._missed.clear()
        self.under_way.clear()
        self.desk.begin()
        for oracle in self.oracles:
            oracle.on_life()
        world = self.outside.new_world(self.latch)
        exchange = WatchedExchange(world.exchange, self)
        world = dataclasses.replace(world, exchange=exchange)
        self.runtime = runtime
        runtime.spawn(DOOR, Birthright(make=Door, args=(self._on_heard,)), parent=None)
        runtime.settle()
        runtime.spawn(ROOT, root(self.config, world), parent=DOOR)
        return runtime

    def _die(self) -> None:
        fault, self._dying = self._dying, None
        self.spotter.on_death()
        self._end_life()
        if fault is not None and fault.kind == Kind.POWER_LOSS:
            self.disk.cut_power(self._chance)
            self.chronicle.power_cut()
        else:
            self.disk.end_process()
        self.spotter.on_life()
        if fault is not None and fault.value:
            self._stay_dead(fault.value)
        self.runtime = self._begin()

    def _stay_dead(self, duration_ms: int) -> None:
        resting = sum(order.is_open for order in self.outside.orders())
        until_ns = self.clock.elapsed_ns + duration_ms * NS_PER_MS
        while self.clock.advance(until_ns):
            pass
        self._dying = None  # Who is dead cannot die.
        left = sum(order.is_open for order in self.outside.orders())
        self.spotter.on_downtime(resting, left)

    def _end_life(self) -> None:
        # Every address of the tree keeps mail from the beginning, except those of dynamic children;
        # what we drill may have begun no tree yet.
        for letter in self.runtime.dead_letters.newest():
            is_ours = not isinstance(letter.message, Drill) and not letter.to.startswith(_WORKERS)
            if letter.why is Undelivered.ABSENT and is_ours:
                self.blame("mail to nobody", f"{type(letter.message).__name__} to {letter.to}")
        self.runtime.kill()
        self._fingerprint = self._fingerprint * 31 + self.runtime.fingerprint & _MASK
        self._steps += self.runtime.steps
        self.runtime.steps = 0

    def _doomed(self, fault: Fault | None) -> bool:
        """Note what a place came to; return whether it ends the process."""
        if fault is None:
            return False
        self.counts[str(fault.kind)] += 1
        if fault.kind in (Kind.KILL, Kind.POWER_LOSS):
            self._dying = self._dying or fault
            return True
        return False

    # The probe: every handler, before, while it sends, and after.

    def before(self, address: str, message: object) -> None:
        """See `actors.kernel.runtime.Probe.before`."""
        inbox = here.inbox
        delivery = Delivery(self.steps, self.clock.elapsed_ns, address, inbox.epoch, message)
        self.deliveries.append(delivery)
        if self._watch is not None:
            self._watch(delivery)
        if inbox.epoch != inbox.mailbox.epoch:
            self.blame("handled by the dead", f"{address}:{inbox.epoch} {type(message).__name__}")
        self._strike(At.BEFORE, address)

    def sending(self, address: str, message: object) -> None:
        """See `actors.kernel.runtime.Probe.sending`."""
        if isinstance(message, PositionCovered):
            for oracle in self.oracles:
                oracle.on_covered(message)
        elif isinstance(message, SessionState):
            # As it is said, not as it is heard: meanwhile somebody may have died of a strike.
            for oracle in self.oracles:
                oracle.on_session(message.session)
        self._strike(At.SENDING, address)

    def after(self, address: str, message: object) -> None:
        """See `actors.kernel.runtime.Probe.after`."""
        del message
        self._strike(At.AFTER, address)

    def _strike(self, at: At, address: str) -> None:
        if address.startswith(_WORKERS):
            address = f"{_WORKERS}any"  # Nobody knows beforehand what they will be called.
        fault = self.plan.visit_two(at, address)
        if fault is not None:
            self._doomed(fault)
            raise Injected(fault.kind)

    # The disk.

    def _on_disk(self, moment: Moment) -> DiskFault | None:
        connection = self.disk.connection
        if moment is Moment.COMMITTED:
            seq, hash_ = connection.execute("SELECT seq, hash FROM head").fetchone()
            synced = connection.synchronous == "FULL"
            self.chronicle.committed(seq, hash_, synced=synced)
        fault = self.plan.visit(moment)
        if fault is None:
            return None
        if self._doomed(fault):
            raise Injected(fault.kind)
        self.spotter.on_disk_fault(fault)
        return DiskFault(fault.kind)

    # The wire.

    def leaving(self, subject: str, request: VenueRequest) -> None:
        """See `wire.Watcher.leaving`."""
        if self._doomed(self.plan.visit_two(At.LEAVING, subject)):
            raise Injected("leaving")
        for oracle in self.oracles:
            oracle.on_leaving(request)
        if isinstance(request, PlaceOrder):
            name = request.client_order_id
            if self.latch.stops(request.side, request.purpose) is not None:
                self.left.setdefault(name, "the latch was set")
                return
            flattens = request.side is Side.SELL and request.purpose is Purpose.FLATTEN
            self.left[name] = "all was stopped" if self._halted and not flattens else None
            self.under_way.add(name)

    def gone(self, subject: str, request: VenueRequest) -> None:
        """See `wire.Watcher.gone`."""
        fault = self.plan.visit_two(At.LEFT, subject)
        if self._doomed(fault):
            raise Injected("left")
        if fault is not None and isinstance(request, AmendOrder):
            self.stranger.amend(fault, [request.client_order_id])

    def answered(self, request: VenueRequest, outcome: Outcome, *, late: bool) -> None:
        """See `wire.Watcher.answered`."""
        if isinstance(request, PlaceOrder):
            self.under_way.discard(request.client_order_id)
        self.spotter.on_answer(request, outcome, late=late)

    # What is heard.

    def _on_heard(self, message: object) -> None:
        match message:
            case Exited():
                self.counts["root gave up"] += 1
                self.seen.see("the root gave up")
                self._root_ended = True  # An external supervisor starts the process again.
            case SessionState():
                self.spotter.on_session(message)
                for oracle in self.oracles:
                    oracle.on_pairs(message.pairs)
                self.desk.on_session(message)
            case ChildReport():
                self._check_death(message)
                self.spotter.on_child(message)
            case DecisionDropped():
                self.spotter.on_dropped(message)
            case _:
                pass

    def _check_death(self, report: ChildReport) -> None:
        """Nobody may die but of what was done to it."""
        # A supervisor that cannot boot or gave up quotes what its child died of.
        error = _QUOTES.sub("", report.last_error)
        kind = error.partition(":")[0].partition(" ")[0]
        is_planned = not kind or kind in _PLANNED_DEATHS
        gave_up = _GAVE_UP.search(report.last_error)
        if gave_up is not None:
            last = int(kind == _MISSED)  # Nobody began anew after it.
            deaths = self._planned_deaths(report.address) + last
            is_planned = is_planned and deaths > int(gave_up[1])
        elif kind == _MISSED and report.state == "backoff":
            self._missed.append(report.address)
        if not is_planned:
            self.blame("died by itself", f"{report.address}: {report.last_error}")

    def _planned_deaths(self, group: str) -> int:
        """Return how many deaths below `group` were planned: one fault is not to be many deaths."""
        struck = self.plan.struck[self._struck_before :]
        dead = [one for fault in struck for one in victims(fault)]
        return sum(one.startswith(f"{group}/") for one in dead + self._missed)

    def _on_halt(self) -> None:
        if not self._halted:
            self._halted = True
            self.spotter.on_halt()

    def _on_reset(self) -> None:
        self._halted = False

    def _on_event(self, journaled: Journaled) -> None:
        self.spotter.on_event(journaled)
        for oracle in self.oracles:
            oracle.on_event(journaled)

    # What must hold.

    def _check_step(self) -> None:
        store, chronicle = self.outside.store, self.chronicle
        if store is not None and not chronicle.knows(store):
            is_new = store is not chronicle.store
            chronicle.follow(store)
            if is_new and chronicle.session is Session.EMERGENCY and not self.desk.resetting:
                self._halted = True
        taken = self.outside.orders_taken()
        if taken != self._taken:
            index = self.outside.host.venue.index
            for number in range(self._taken, taken):
                order = index.get(number)
                if order is None or order.text.startswith(STRANGER):
                    continue
                if order.text == FIRED:
                    self.counts["triggers fired"] += 1
                else:
                    self.counts["orders"] += 1
                    for oracle in self.oracles:
                        oracle.on_taken(order)
            self._taken = taken
        for one in self.watching:
            one.on_step()
        if self.steps > _STEPS_MAX:
            self.blame("never settles", f"{self.steps} steps")

    def _check_alive(self) -> None:
        """After the calm: everybody runs, and the house trades."""
        if self.desk.heard is not Session.READY:
            self.blame("not ready", str(self.desk.heard))
        not_traded = {
            pair: one
            for pair, one in self.chronicle.pair_sessions.items()
            if one is not Session.READY
        }
        if not_traded:
            self.blame("a pair is not traded", str(not_traded))
        for report in self.runtime.board.values():
            # A strategy that was struck too often is parked, and nobody else may be.
            is_parked = report.state == "disabled" and report.address.endswith("/trader")
            if report.state != "running" and not is_parked:
                self.blame("not running", f"{report.address}: {report.state}")

    def _check_books(self) -> None:
        """With nothing under way: the books agree with the exchange to the last unit."""
        self.runtime.kill()
        self.disk.end_process()
        store = self.outside.open_store()
        self.chronicle.follow(store)
        for oracle in self.oracles:
            oracle.on_end(store)
        self.counts["fills"] = len(self.chronicle.fills)

    def blame(self, name: str, detail: str) -> None:
        """Note a violation."""
        self.violations.append(f"{name} at {self.clock.elapsed_ns / 1e9:.3f} s: {detail}")

    def _report(self) -> Report:
        self.counts["faults"] = len(self.plan.struck)
        return Report(
            options=self.options,
            faults=self.plan.faults,
            fingerprint=self._fingerprint,
            steps=self._steps,
            at_s=self.clock.elapsed_ns / 1e9,
            violations=self.violations[:20],
            counts=dict(sorted(self.counts.items())),
            sightings=dict(sorted(self.seen.items())),
            deliveries=[str(one) for one in self.deliveries] if self.violations else [],
        )


_WORKERS = addresses.order_worker("")
_DRILLS = {
    Kind.DRILL_CRASH: Drilled.CRASH,
    Kind.HANG: Drilled.HANG,
    Kind.START_FAILURE: Drilled.START_FAILURE,
}


def _network(profile: Profile, *, slow: bool) -> Network:
    if not slow:
        return profile.network
    return replace(profile.network, latency_max_ns=int(profile.config.orders.expiry_s * 1e9))


def _needs_file(plan: Plan) -> bool:
    return any(fault.kind in _OF_FILES for fault in plan.faults)


_MISSED = "MailMissed"
_PLANNED_DEATHS = frozenset({"Injected", "Drilled", "StoreRefused", _MISSED, "hung", "parked"})
"""What a death may begin with: struck, drilled, a disk that refused, mail refused before, hung."""
_GAVE_UP = re.compile(r"more than (\d+) restarts in \S+ s, the last of \S+: ")
_QUOTES = re.compile(rf"^(\S+ cannot start: |{_GAVE_UP.pattern})+")
_OF_FILES = frozenset({Kind.POWER_LOSS, DiskFault.FULL, DiskFault.SYNC_FAILS})
"""Without these a database in memory does the same, sooner."""
