"""A house that is hurt again and again while it trades, and what has become of its orders.

The exchange stays up. Each life is ended by SIGKILL at a moment chosen by chance: after so many
news of orders and decisions, which puts it between any two steps of the order protocol, or at any
instant of the start. Before that some are frozen for a moment, some for so long that the exchange
cancels for them, and some lose the room on their disk (`scripts/proofs/ordeals.py`).
"""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from random import Random

from msgspec import Struct

from scripts.proofs import ordeals
from scripts.proofs.agreement import Agreement, agreement
from scripts.proofs.nursery import Nursery
from scripts.proofs.ordeals import Theatre, hear
from scripts.proofs.processes import (
    ACTIVE,
    RESTING,
    SHORT_WINDOWS,
    Exchange,
    House,
    NotSoon,
    environment,
)
from scripts.proofs.small_disk import SmallDisk

READY_MAX_S = 3.0
"""After each restart READY within this."""
QUIET_S = 60.0
"""How long the last life may take to find out about everything."""
COMPLAINTS_MAX = 3
"""After so many lives that went wrong the rest would say nothing new."""
COUNTDOWN_S = 5
"""The shortest the exchange takes."""

FAULTS = (
    {"fault": "answer_lost", "match": "POST /spot/orders", "probability": 0.1},
    {"fault": "request_lost", "match": "POST /spot/orders", "probability": 0.1},
    {"fault": "request_late", "match": "POST /spot/orders", "probability": 0.05, "delay_ms": 300},
    {"fault": "answer_lost", "match": "DELETE /spot/orders", "probability": 0.1},
    {"fault": "push_lost", "match": "spot.orders", "probability": 0.1},
    {"fault": "push_lost", "match": "spot.usertrades", "probability": 0.1},
    {"fault": "push_twice", "match": "spot.usertrades", "probability": 0.1},
    {"fault": "trade_repeated", "match": "spot.usertrades", "probability": 0.05, "delay_ms": 400},
)
"""What the exchange does beside, where it is wanted."""


class Ordeal(StrEnum):
    """What a life goes through before it is killed."""

    START = "killed in its start"
    KILL = "killed"
    FREEZE = "frozen for a moment"
    SILENCE = "frozen beyond the countdown"
    FULL = "disk full"


class Plan(Struct, frozen=True, kw_only=True):
    """How a house is to be hurt."""

    kills: int = 50
    seed: int = 1
    faults: bool = False
    pairs: str = "BTC_USDT,ETH_USDT,SOL_USDT,XRP_USDT"
    starting_share: float = 0.15
    """Share of the kills that fall into the start."""
    freeze_every: int = 0
    """Each so manieth life is frozen for a moment first; 0 for none."""
    silence_every: int = 0
    """Each so manieth is frozen beyond the countdown."""
    full_every: int = 0
    """Each so manieth runs out of disk."""
    mounts: bool = True
    """Whether to give the house a disk of its own where the system lets us."""
    news_max: int = 40
    """Most news of orders and decisions a life may hear before its end."""

    @property
    def line(self) -> str:
        """The command that does this again."""
        told = [f"scripts/kill_test.py --kills {self.kills} --seed {self.seed}"]
        told += ["--faults"] if self.faults else []
        told += [f"--pairs {self.pairs}"] if self.pairs != Plan().pairs else []
        for name in ("freeze_every", "silence_every", "full_every"):
            told += (
                [f"--{name.replace('_', '-')} {value}"] if (value := getattr(self, name)) else []
            )
        told += [] if self.mounts else ["--no-mounts"]
        told += [f"--news-max {self.news_max}"] if self.news_max != Plan().news_max else []
        return " ".join(told)

    def ordeal(self, number: int, chance: Random) -> Ordeal:
        """Return what that life goes through."""
        # The first one opens the accounts: before that there is nothing to lose.
        if not number:
            return Ordeal.KILL
        for every, ordeal in (
            (self.silence_every, Ordeal.SILENCE),
            (self.full_every, Ordeal.FULL),
            (self.freeze_every, Ordeal.FREEZE),
        ):
            if every and number % every == every - 1:
                return ordeal
        return Ordeal.START if chance.random() < self.starting_share else Ordeal.KILL


class Life(Struct, frozen=True, kw_only=True):
    """One life of the house, from its start to its kill."""

    number: int
    ordeal: str
    ready_s: float | None
    """From the start of the process to READY; None for one that was killed before."""
    waited_s: float
    """Of that, how long it or the exchange could have run and no processor was free."""
    uncovered_s: float | None
    """How long positions were without protection when looked at, at READY and in between; None
    where nobody says."""
    lived_s: float
    end: str
    orders: int
    """At the exchange, ours, when it died."""
    fills: int


class Outcome(Struct, frozen=True, kw_only=True):
    """All lives and what was found after the last."""

    plan: Plan
    lives: tuple[Life, ...]
    disk: str
    """How the disk was filled."""
    agreement: Agreement
    findings: tuple[str, ...]
    """Whatever did not hold; empty when all is well."""

    @property
    def ordeals(self) -> Counter[str]:
        """How often each happened."""
        return Counter(life.ordeal for life in self.lives)

    @property
    def uncovered_s(self) -> float | None:
        """Seconds that positions were not covered after READY; None where nobody says."""
        told = [life.uncovered_s for life in self.lives if life.uncovered_s is not None]
        return sum(told) if told else None


def kill_again_and_again(
    folder: Path, plan: Plan, told: Callable[[Life], None] = lambda _life: None
) -> Outcome:
    """Run the plan in `folder` and return what became of it.

    Args:
        folder: Empty; everything stays there to be looked at, unless it was on a disk of its own.
        plan: How.
        told: Called with each life that has ended.
    """
    lives: list[Life] = []
    complaints: list[str] = []
    with ExitStack() as open_ones:
        enter = open_ones.enter_context
        exchange = enter(Exchange(folder, pairs=plan.pairs, options=["--no-rate-limits"]))
        nursery = enter(Nursery(environment()))
        # Of its own only where it is to be filled: a disk in memory forgets.
        disk = enter(SmallDisk(folder / "house", mounts=plan.mounts)) if plan.full_every else None
        start = _starter(folder, exchange, plan, nursery)
        theatre = Theatre(folder, exchange, disk, start, tuple(plan.pairs.split(",")))
        if plan.faults:
            exchange.control("faults", list(FAULTS))
        for number in range(plan.kills):
            try:
                lives.append(_life(theatre, plan, number))
            except NotSoon as error:
                # What is wrong with one life is a finding, not the end of the proof.
                complaints.append(f"life {number}: {error}")
                exchange.control("scenarios", [])
                if len(complaints) == COMPLAINTS_MAX:
                    break
                continue
            told(lives[-1])
        exchange.control("faults", [])
        last, more = _last_life(theatre, plan)
        complaints += more
        lives.append(last)
        told(last)
        agreed = agreement(exchange.url, theatre.database)
    late = [
        f"life {life.number} was ready only after {life.ready_s:.2f} s, of which it waited "
        f"{life.waited_s:.2f} s for a processor"
        for life in lives
        # What else this machine does is no property of the house.
        if life.ready_s is not None and life.ready_s - life.waited_s > READY_MAX_S
    ]
    findings = (*agreed.findings, *complaints, *late)
    return Outcome(
        plan=plan,
        lives=tuple(lives),
        disk="not filled" if disk is None else disk.kind,
        agreement=agreed,
        findings=findings,
    )


def _starter(
    folder: Path, exchange: Exchange, plan: Plan, nursery: Nursery
) -> Callable[..., House]:
    settings = [
        *ACTIVE,
        *SHORT_WINDOWS,
        "strategy.trend.order_notional=450",
        f"orders.countdown_s={COUNTDOWN_S}",
        # It would end a frozen house and cancel for a killed one: here the house is alone.
        "watchdog.mode=off",
    ]

    def start(*more: str) -> House:
        return House(
            folder / "house",
            exchange=exchange,
            settings=[*settings, *more],
            options=["--pairs", plan.pairs],
            nursery=nursery,
            # Not on the house's disk, which may be full.
            complaints=folder / "house.stderr",
        )

    return start


def _life(theatre: Theatre, plan: Plan, number: int) -> Life:
    chance = Random(f"{plan.seed}/{number}")  # noqa: S311 - a moment to die, from a seed
    ordeal = plan.ordeal(number, chance)
    if ordeal is Ordeal.FULL:
        ordeals.leave_no_slack(theatre.database)
    before_s = theatre.exchange.waited_s()
    with theatre.start(*(RESTING if ordeal is Ordeal.SILENCE else ())) as house:
        ready_s, waited_s, uncovered_s = None, 0.0, None
        if ordeal is Ordeal.START:
            delay_s = chance.uniform(0.0, 1.2)
            house.stays(delay_s)
            end = f"{delay_s:.2f} s into its start"
        else:
            ready_s = house.until_ready()
            waited_s = house.waited_s() + theatre.exchange.waited_s() - before_s
            uncovered_s = ordeals.uncovered_s(house)
            news = chance.randint(1, plan.news_max)
            if news > 1:
                hear(house, news // 2)
                uncovered_s = _sum(uncovered_s, ordeals.uncovered_s(house))
            end = f"after {hear(house, news - news // 2)}"
            match ordeal:
                case Ordeal.FREEZE:
                    end = ordeals.freeze(theatre, house, chance)
                case Ordeal.SILENCE:
                    end = ordeals.fall_silent(theatre, house, COUNTDOWN_S)
                case Ordeal.FULL:
                    end = ordeals.run_out_of_disk(theatre, house, chance)
                case _:
                    pass
            # From here to the kill an order may be anywhere between disk, wire and books.
            instant_s = time.perf_counter() + chance.uniform(0.0, 0.004)
            while time.perf_counter() < instant_s:
                pass
        house.kill()
        lived_s = time.monotonic() - house.started_s
    return _told_by_exchange(
        theatre.exchange, number, ordeal, (ready_s, waited_s, uncovered_s), lived_s, end
    )


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _last_life(theatre: Theatre, plan: Plan) -> tuple[Life, list[str]]:
    """Start once more, let nothing rest or stay unknown, and end in good order."""
    complaints = []
    before_s = theatre.exchange.waited_s()
    with theatre.start() as house:
        ready_s = house.until_ready()
        waited_s = house.waited_s() + theatre.exchange.waited_s() - before_s
        uncovered_s = ordeals.uncovered_s(house)
        house.call("stop", reason="the kills are over")
        house.until(lambda: house.call("orders", open=True) == [], QUIET_S, "no order is open")
        ordeals.compare_balances(house, QUIET_S)
        equity = house.until(house.equity, QUIET_S, "equity is marked")
        if equity["difference"] != "0":
            complaints.append(f"the equity identity does not hold: {equity}")
        code = house.terminate()
        if code:
            complaints.append(f"the last life ended with code {code}")
        lived_s = time.monotonic() - house.started_s
    started = (ready_s, waited_s, uncovered_s)
    return (
        _told_by_exchange(theatre.exchange, plan.kills, "ended", started, lived_s, "in good order"),
        complaints,
    )


def _told_by_exchange(
    exchange: Exchange,
    number: int,
    ordeal: str,
    started: tuple[float | None, float, float | None],
    lived_s: float,
    end: str,
) -> Life:
    account = exchange.control("accounts/demo")
    return Life(
        number=number,
        ordeal=str(ordeal),
        ready_s=started[0],
        waited_s=started[1],
        uncovered_s=started[2],
        lived_s=lived_s,
        end=end,
        orders=sum(row["text"].startswith("t-gh-") for row in account["orders"]),
        fills=len(account["trades"]),
    )
