"""Faults as a list: where, at which occurrence, what. Generated from a seed, or read from a file.

A place is something that happens again and again: a handler of an actor is called, a commit is
made, a request leaves, an endpoint is asked. `nth` counts from 1 over the whole run, all lives of
the process together. A fault whose occurrence never comes strikes nothing, so elements of a list
can be taken out one by one and what is left still means something.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from enum import StrEnum
from random import Random

from msgspec import Struct

from actors import addresses
from adapters.simulated.faults import CATALOGUE, FaultName, FaultOrder, Site
from state.values import Pair
from supervisor.simulation.options import Class, Options
from supervisor.simulation.profiles import Profile
from supervisor.worlds.disk import DiskFault, Moment


class Kind(StrEnum):
    """What can happen besides the faults of disk and exchange, which have names of their own."""

    CRASH = "crash"
    """The handler raises."""
    DRILL_CRASH = "drill_crash"
    HANG = "hang"
    START_FAILURE = "start_failure"
    KILL = "kill"
    """The process is gone; what it committed is there."""
    POWER_LOSS = "power_loss"
    """So is everything that was not synced."""
    CLOCK = "clock"
    """Our wall clock steps by `value` ms."""
    EMERGENCY = "emergency"
    """The operator stops everything, for `value` ms."""
    DEPOSIT = "deposit"
    """Money comes to our account from outside."""
    WITHDRAWAL = "withdrawal"
    FOREIGN_ORDER = "foreign_order"
    """Somebody trades by hand at our account."""
    FOREIGN_AMENDMENT = "foreign_amendment"
    """Somebody amends an order of ours by hand: the one asked about, or any that rests."""


class At(StrEnum):
    """The first word of a place that is not one of the disk's."""

    TIME = "time"
    """`nth` is the millisecond since the start; `time ADDRESS` for what is done to an actor."""
    BEFORE = "before"
    """`before ADDRESS`: a handler is about to be called."""
    SENDING = "sending"
    """`sending ADDRESS`: a handler is about to send."""
    AFTER = "after"
    """`after ADDRESS`: a handler has returned."""
    LEAVING = "leaving"
    """`leaving ENDPOINT`: a request is about to leave."""
    LEFT = "left"
    """`left ENDPOINT`: it has."""
    VENUE = "venue"
    """`venue SUBJECT`: the exchange is asked, or pushes."""


class Fault(Struct, frozen=True, kw_only=True):
    """One thing that goes wrong."""

    place: str
    nth: int
    kind: str
    value: int = 0
    """Milliseconds, where the kind has any."""

    def __str__(self) -> str:
        """Return it as one line."""
        value = f" {self.value} ms" if self.value else ""
        return f"{self.kind}{value} at {self.place} #{self.nth}"


class Plan:
    """The faults of one run, and which of them have struck."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = list(faults)
        self.struck: list[Fault] = []
        self.over = False
        """Set when the faulty stretch ends: nothing strikes any more."""
        self._at: dict[str, dict[int, Fault]] = {}
        for fault in self.faults:
            self._at.setdefault(fault.place, {}).setdefault(fault.nth, fault)
        # The two words of a place by themselves: most places are visited often and hold nothing.
        self._of: dict[str, dict[str, str]] = {at: {} for at in At}
        for place in self._at:
            at, _, rest = place.partition(" ")
            self._of.setdefault(at, {})[rest] = place
        self._seen: Counter[str] = Counter()

    def visit(self, place: str) -> Fault | None:
        """Count one more occurrence of `place`; return what strikes there now."""
        planned = self._at.get(place)
        if planned is None or self.over:
            return None
        self._seen[place] += 1
        fault = planned.get(self._seen[place])
        if fault is not None:
            self.struck.append(fault)
        return fault

    def visit_two(self, at: At, what: str) -> Fault | None:
        """Count one more occurrence of the place of these two words, see `visit`."""
        place = self._of[at].get(what)
        return None if place is None else self.visit(place)

    def timed(self) -> list[Fault]:
        """Return what strikes at a time."""
        return [fault for fault in self.faults if fault.place.partition(" ")[0] == At.TIME]

    def of_venue(self) -> list[FaultOrder]:
        """Return what the exchange does wrong, as it takes it."""
        wanted: defaultdict[tuple[str, str, int], list[int]] = defaultdict(list)
        for fault in self.faults:
            at, _, subject = fault.place.partition(" ")
            if at == At.VENUE:
                wanted[fault.kind, subject, fault.value].append(fault.nth)
        return [
            FaultOrder(
                fault=FaultName(kind),
                match=subject,
                occurrences=tuple(sorted(nths)),
                delay_ms=value or None,
            )
            for (kind, subject, value), nths in wanted.items()
        ]


def victims(fault: Fault) -> list[str]:
    """Return who dies of what struck there, once for each time."""
    match fault.kind:
        case Kind.CRASH | Kind.DRILL_CRASH | Kind.HANG:
            return [fault.place.partition(" ")[2]]
        case Kind.START_FAILURE:
            return [fault.place.partition(" ")[2]] * 2  # It crashes, and fails to start again.
        case DiskFault.FULL | DiskFault.SYNC_FAILS:
            return [addresses.RECORDER]
        case _:
            return []


def planned(options: Options, profile: Profile) -> list[Fault]:
    """Return the faults that a seed means."""
    return _Planner(options, profile).faults()


_SINGLE = {
    addresses.RECORDER: 15.0,
    addresses.SESSION_KEEPER: 2.0,
    addresses.HEALTH_MONITOR: 2.0,
    addresses.ORDER_ROUTER: 25.0,
    addresses.ACCOUNT_STREAM: 5.0,
    addresses.LEDGER_KEEPER: 12.0,
    addresses.RISK_GUARD: 20.0,
    addresses.TRIGGER_KEEPER: 12.0,
    addresses.order_worker("any"): 6.0,
}
"""Who may be struck, and how many messages a second each handles, about."""
_OF_PAIR = {
    addresses.feed: 12.0,
    addresses.book_analyzer: 10.0,
    addresses.candle_builder: 6.0,
    addresses.trader: 10.0,
    addresses.protection: 12.0,
}
_Rows = tuple[tuple[str, float, int], ...]
_ENDPOINTS: _Rows = (
    ("POST /spot/orders", 4.0, 5),
    ("PATCH /spot/orders/{order_id}", 1.0, 3),
    ("DELETE /spot/orders/{order_id}", 2.0, 3),
    ("GET /spot/orders/{order_id}", 2.0, 3),
    ("GET /spot/open_orders", 1.0, 2),
    ("GET /spot/orders", 3.0, 2),
    ("GET /spot/my_trades", 1.0, 2),
    ("GET /spot/accounts", 1.0, 1),
    ("GET /spot/currency_pairs", 0.3, 1),
    ("GET /spot/order_book", 1.0, 1),
    ("GET /spot/time", 0.5, 1),
    ("POST /spot/countdown_cancel_all", 1.0, 1),
    ("POST /spot/price_orders", 1.0, 3),
    ("DELETE /spot/price_orders/{order_id}", 1.0, 2),
    ("GET /spot/price_orders", 1.0, 2),
)
"""How often a second each is asked, about, and how much it matters."""
_PUSHES: _Rows = (
    ("spot.orders", 6.0, 4),
    ("spot.usertrades", 3.0, 4),
    ("spot.balances", 6.0, 1),
    ("spot.priceorders", 3.0, 2),
    ("spot.order_book_update", 8.0, 1),
    ("spot.obu", 8.0, 1),
    ("spot.trades", 3.0, 1),
)
_UNSOLVABLE = frozenset({FaultName.BALANCE_MISSING})
"""Whoever opens the accounts on a list that lacks a currency is stopped once it turns up, and only
a person can say which of the two was right."""
_PLACING = "POST /spot/orders"
_AMENDING = "PATCH /spot/orders/{order_id}"
_AFTER_PLACING = f"{At.LEFT} {_PLACING}"
_LIVES_OF_TRADER = 6
"""One more than it may have within a minute."""
_DELAYS_MS = (30, 200, 700, 1500, 3000)


def struck_addresses(pairs: tuple[Pair, ...]) -> dict[str, float]:
    """Return who may be struck, and how many messages a second each handles, about."""
    return _SINGLE | {make(pair): rate for make, rate in _OF_PAIR.items() for pair in pairs}


class _Planner:
    """Expands one seed."""

    def __init__(self, options: Options, profile: Profile) -> None:
        self._options = options
        self._profile = profile
        self._chance = Random(f"faults:{options.seed}")  # noqa: S311 (reproducible on purpose)
        self._rates = struck_addresses(profile.config.pairs)
        self._addresses = list(self._rates)
        # What handles orders is struck as often as all else together.
        self._order_path = [one for one in _SINGLE if one != addresses.HEALTH_MONITOR]

    def faults(self) -> list[Fault]:
        """Return the whole list."""
        makers = {
            Class.CRASHES: (self._crash, 6),
            Class.DRILLS: (self._drill, 2),
            Class.KILLS: (self._kill, 2),
            Class.POWER: (self._power, 2),
            Class.DISK: (self._disk, 2),
            Class.CLOCK: (self._clock, 2),
            Class.EMERGENCY: (self._emergency, 1),
            Class.STRANGER: (self._stranger, 2),
        }
        found = []
        for name, (make, usual) in makers.items():
            if name in self._options.classes:
                found += [make() for _ in range(self._count(usual))]
        if self._options.failing_trader:
            found += self._failing_trader()
        if Class.STRANGER in self._options.classes:
            found += self._hands()
        found += [self._in_flight(one) for one in found if one.place == _AFTER_PLACING]
        if Class.VENUE in self._options.classes:
            found += self._venue()
        return found

    def _in_flight(self, end: Fault) -> Fault:
        """Return that what left right before the end is still on its way in the next life."""
        return Fault(
            place=f"{At.VENUE} {_PLACING}",
            nth=end.nth,
            kind=FaultName.REQUEST_LATE,
            value=self._chance.choice([50, 150, 300]),
        )

    def _count(self, usual: float) -> int:
        """Return how many: 1 at least, about `usual`, sometimes three times as many."""
        return 1 + int(self._chance.expovariate(1.0) * usual * self._profile.scale)

    def _address(self) -> str:
        some = self._order_path if self._chance.random() < 0.5 else self._addresses
        return self._chance.choice(some)

    def _nth(self, per_s: float) -> int:
        """Return an occurrence of what happens so often within the faulty stretch."""
        return 1 + int(self._chance.random() * per_s * self._options.faulty_s)

    def _ms(self) -> int:
        return int(self._chance.random() * self._options.faulty_s * 1000)

    def _handler(self) -> tuple[str, int]:
        address = self._address()
        hook = self._chance.choice([At.BEFORE, At.SENDING, At.AFTER])
        return f"{hook} {address}", self._nth(self._rates[address])

    def _crash(self) -> Fault:
        place, nth = self._handler()
        return Fault(place=place, nth=nth, kind=Kind.CRASH)

    def _failing_trader(self) -> list[Fault]:
        """Return a death of one trader at the first message of each of its lives, from some on."""
        chance = Random(f"trader:{self._options.seed}")  # noqa: S311 (reproducible on purpose)
        place = f"{At.BEFORE} {addresses.trader(chance.choice(self._profile.config.pairs))}"
        first = chance.randint(1, 8)
        nths = range(first, first + _LIVES_OF_TRADER)
        return [Fault(place=place, nth=nth, kind=Kind.CRASH) for nth in nths]

    def _drill(self) -> Fault:
        kind = self._chance.choice([Kind.DRILL_CRASH, Kind.HANG, Kind.START_FAILURE])
        return Fault(place=f"{At.TIME} {self._address()}", nth=self._ms(), kind=kind)

    def _kill(self) -> Fault:
        return self._end(Kind.KILL)

    def _power(self) -> Fault:
        return self._end(Kind.POWER_LOSS)

    def _end(self, kind: Kind) -> Fault:
        """Return an end of the process: at a time, in a handler, in a commit or at the wire."""
        drawn = self._chance.random()
        # As a rule it is started again at once; now and then later than the countdown allows.
        countdown_ms = self._profile.config.orders.countdown_s * 1000
        away_ms = self._chance.choices([0, 300, countdown_ms + 1000], [80, 15, 5])[0]
        if drawn < 0.3:
            return Fault(place=At.TIME, nth=self._ms(), kind=kind, value=away_ms)
        if drawn < 0.55:
            place, nth = self._handler()
        elif drawn < 0.8:
            place, nth = self._chance.choice(list(Moment)), self._nth(6.0)
        else:
            endpoint, rate, _ = self._weighted(_ENDPOINTS)
            hook = self._chance.choice([At.LEAVING, At.LEFT, At.LEFT])
            place, nth = f"{hook} {endpoint}", self._nth(rate)
        return Fault(place=place, nth=nth, kind=kind, value=away_ms)

    def _disk(self) -> Fault:
        if self._chance.random() < 0.5:
            return Fault(place=Moment.COMMIT, nth=self._nth(8.0), kind=DiskFault.FULL)
        return Fault(place=Moment.SYNC, nth=self._nth(4.0), kind=DiskFault.SYNC_FAILS)

    def _clock(self) -> Fault:
        size = self._chance.choice([20, 80, 300, 1000, 5000])
        value = size if self._chance.random() < 0.5 else -size
        return Fault(place=At.TIME, nth=self._ms(), kind=Kind.CLOCK, value=value)

    def _emergency(self) -> Fault:
        lasts = self._chance.choice([300, 1000, 3000])
        return Fault(place=At.TIME, nth=self._ms(), kind=Kind.EMERGENCY, value=lasts)

    def _stranger(self) -> Fault:
        kind = self._chance.choice([Kind.DEPOSIT, Kind.WITHDRAWAL, Kind.FOREIGN_ORDER])
        # Nobody can book in time what happens right before the end.
        return Fault(place=At.TIME, nth=self._ms() // 2, kind=kind)

    def _hands(self) -> list[Fault]:
        """Return what somebody else does to orders of ours."""
        chance = Random(f"hands:{self._options.seed}")  # noqa: S311 (reproducible on purpose)
        any_time = [(str(At.TIME), int(chance.random() * self._options.faulty_s * 1000))]
        # An amendment of ours is on its way then, which is rare.
        at_once = [(f"{At.LEFT} {_AMENDING}", nth) for nth in (1, 2, 3)]
        places = chance.choice([[], any_time, at_once, at_once, any_time + at_once])
        return [Fault(place=place, nth=nth, kind=Kind.FOREIGN_AMENDMENT) for place, nth in places]

    def _weighted(self, rows: _Rows) -> tuple[str, float, int]:
        return self._chance.choices(rows, [weight for _, _, weight in rows])[0]

    def _venue(self) -> list[Fault]:
        # Swarm: each of its faults is off in more than half of the seeds.
        names = [
            name for name in FaultName if name not in _UNSOLVABLE and self._chance.random() < 0.35
        ]
        found = [self._venue_fault(name) for name in names for _ in range(self._count(2))]
        return found + (self._fog() if self._chance.random() < 0.4 else [])

    def _fog(self) -> list[Fault]:
        """Return placements without an answer while the private stream is silent.

        Each by itself is healed by the other within a moment; together only questions help.
        """
        answers = (
            FaultName.ANSWER_LOST,
            FaultName.SERVER_ERROR_ACCEPTED,
            FaultName.ANSWER_LATE,
            FaultName.REQUEST_LATE,
        )
        silent = Fault(
            place=f"{At.VENUE} spot.orders",
            nth=self._nth(2.0),
            kind=self._chance.choice([FaultName.STREAM_SILENT, FaultName.HALF_OPEN]),
            value=self._chance.choice([700, 1500]),
        )
        lost = [
            Fault(
                place=f"{At.VENUE} {_PLACING}",
                nth=self._nth(3.0),
                kind=self._chance.choice(answers),
                value=self._chance.choice([300, 1500]),
            )
            for _ in range(self._count(3))
        ]
        return [silent, *lost]

    def _venue_fault(self, name: FaultName) -> Fault:
        entry = CATALOGUE[name]
        rows: _Rows = _ENDPOINTS if entry.site is Site.REQUEST else _PUSHES
        if entry.only:
            rows = tuple(row for row in rows if any(row[0].startswith(o) for o in entry.only))
        subject, rate, _ = self._weighted(rows)
        value = self._chance.choice(_DELAYS_MS) if entry.delay_ms else 0
        if name is FaultName.CLOCK_SKEW:
            value = 0  # As much as usual: our own clock is what steps by a little.
        if name is FaultName.ORDER_HIDDEN:
            # The exchange promises so much, and without a promise nothing could ever be proven.
            value = int(self._profile.config.orders.visibility_lag_s * 800)
        return Fault(place=f"{At.VENUE} {subject}", nth=self._nth(rate), kind=name, value=value)
