"""A house that is killed again and again while it trades, and what has become of its orders.

The exchange stays up. Each life is ended by SIGKILL at a moment chosen by chance: after so many
news of orders and decisions, which puts it between any two steps of the order protocol, or at any
instant of the start.
"""

import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from msgspec import Struct

from adapters.admin_client import AdminClient, AdminError
from scripts.proofs.agreement import Agreement, agreement
from scripts.proofs.processes import ACTIVE, SHORT_WINDOWS, Exchange, House, NotSoon
from state.errors import NotRunning

READY_MAX_S = 3.0
"""After each restart READY within this."""
QUIET_S = 60.0
"""How long the last life may take to find out about everything."""

FAULTS = (
    {"fault": "answer_lost", "match": "POST /spot/orders", "probability": 0.1},
    {"fault": "request_lost", "match": "POST /spot/orders", "probability": 0.1},
    {"fault": "answer_lost", "match": "DELETE /spot/orders", "probability": 0.1},
    {"fault": "push_lost", "match": "spot.orders", "probability": 0.1},
    {"fault": "push_lost", "match": "spot.usertrades", "probability": 0.1},
    {"fault": "push_twice", "match": "spot.usertrades", "probability": 0.1},
)
"""What the exchange does beside, where it is wanted."""


class Plan(Struct, frozen=True, kw_only=True):
    """How a house is to be killed."""

    kills: int = 50
    seed: int = 1
    faults: bool = False
    pairs: str = "BTC_USDT,ETH_USDT,SOL_USDT,XRP_USDT"
    starting_share: float = 0.15
    """Share of the kills that fall into the start."""
    news_max: int = 40
    """Most news of orders and decisions a life may hear before its end."""

    @property
    def line(self) -> str:
        """The command that does this again."""
        faults = " --faults" if self.faults else ""
        return f"scripts/kill_test.py --kills {self.kills} --seed {self.seed}{faults}"


class Life(Struct, frozen=True, kw_only=True):
    """One life of the house, from its start to its kill."""

    number: int
    ready_s: float | None
    """From the start of the process to READY; None for one that was killed before."""
    waited_s: float
    """Of that, how long its main thread could have run and no processor was free."""
    lived_s: float
    end: str
    orders: int
    """At the exchange, ours, when it died."""
    fills: int


class Outcome(Struct, frozen=True, kw_only=True):
    """All lives and what was found after the last."""

    plan: Plan
    lives: tuple[Life, ...]
    agreement: Agreement
    findings: tuple[str, ...]
    """Whatever did not hold; empty when all is well."""


def kill_again_and_again(
    folder: Path, plan: Plan, told: Callable[[Life], None] = lambda _life: None
) -> Outcome:
    """Run the plan in `folder` and return what became of it.

    Args:
        folder: Empty; everything stays there to be looked at.
        plan: How.
        told: Called with each life that has ended.
    """
    lives: list[Life] = []
    with Exchange(folder, pairs=plan.pairs, options=["--no-rate-limits"]) as exchange:
        if plan.faults:
            exchange.control("faults", list(FAULTS))
        for number in range(plan.kills):
            lives.append(_life(folder, exchange, plan, number))
            told(lives[-1])
        exchange.control("faults", [])
        last, complaints = _last_life(folder, exchange, plan)
        lives.append(last)
        told(last)
        agreed = agreement(exchange.url, folder / "house" / "simulated" / "gatehouse.db")
    late = [
        f"life {life.number} was ready only after {life.ready_s:.2f} s, of which it waited "
        f"{life.waited_s:.2f} s for a processor"
        for life in lives
        # What else this machine does is no property of the house.
        if life.ready_s is not None and life.ready_s - life.waited_s > READY_MAX_S
    ]
    findings = (*agreed.findings, *complaints, *late)
    return Outcome(plan=plan, lives=tuple(lives), agreement=agreed, findings=findings)


def _house(folder: Path, exchange: Exchange, plan: Plan) -> House:
    settings = [*ACTIVE, *SHORT_WINDOWS, "strategy.trend.order_notional=450"]
    return House(
        folder / "house", exchange=exchange, settings=settings, options=["--pairs", plan.pairs]
    )


def _life(folder: Path, exchange: Exchange, plan: Plan, number: int) -> Life:
    chance = Random(f"{plan.seed}/{number}")  # noqa: S311 - a moment to die, from a seed
    with _house(folder, exchange, plan) as house:
        ready_s, waited_s = None, 0.0
        # The first one opens the accounts: before that there is nothing to lose.
        if number and chance.random() < plan.starting_share:
            delay_s = chance.uniform(0.0, 1.2)
            house.stays(delay_s)
            end = f"{delay_s:.2f} s into its start"
        else:
            ready_s, waited_s = house.until_ready(), house.waited_s()
            news = chance.randint(1, plan.news_max)
            heard = _hear(house, news)
            # From here to the kill an order may be anywhere between disk, wire and books.
            instant_s = time.perf_counter() + chance.uniform(0.0, 0.004)
            while time.perf_counter() < instant_s:
                pass
            end = f"after {heard}"
        house.kill()
        lived_s = time.monotonic() - house.started_s
    return _told_by_exchange(exchange, number, (ready_s, waited_s), lived_s, end)


def _hear(house: House, news: int) -> str:
    """Listen to the house until it has told so much; return the last thing it told."""
    last = "silence"
    with AdminClient(house.socket) as client:
        try:
            for number, (_, payload) in enumerate(
                client.subscribe(["orders", "decisions"], timeout_s=30.0), start=1
            ):
                last = str(payload["type"])
                if number >= news:
                    break
        except AdminError:
            raise NotSoon(f"the house does not trade\n{house.said()[-4000:]}") from None
        except NotRunning:
            raise NotSoon(f"the house ended by itself\n{house.said()[-4000:]}") from None
    return last


def _last_life(folder: Path, exchange: Exchange, plan: Plan) -> tuple[Life, list[str]]:
    """Start once more, let nothing rest or stay unknown, and end in good order."""
    complaints = []
    with _house(folder, exchange, plan) as house:
        ready_s, waited_s = house.until_ready(), house.waited_s()
        house.call("stop", reason="the kills are over")
        house.until(lambda: house.call("orders", open=True) == [], QUIET_S, "no order is open")
        house.call("reconcile")
        house.until(
            lambda: (house.call("balances")["compared"] or {"differences": 1})["differences"] == [],
            QUIET_S,
            "the exchange shows what the ledger says",
        )
        equity = house.until(house.equity, QUIET_S, "equity is marked")
        if equity["difference"] != "0":
            complaints.append(f"the equity identity does not hold: {equity}")
        code = house.terminate()
        if code:
            complaints.append(f"the last life ended with code {code}")
        lived_s = time.monotonic() - house.started_s
    started = (ready_s, waited_s)
    return _told_by_exchange(exchange, plan.kills, started, lived_s, "in good order"), complaints


def _told_by_exchange(
    exchange: Exchange,
    number: int,
    started: tuple[float | None, float],
    lived_s: float,
    end: str,
) -> Life:
    account = exchange.control("accounts/demo")
    return Life(
        number=number,
        ready_s=started[0],
        waited_s=started[1],
        lived_s=lived_s,
        end=end,
        orders=sum(row["text"].startswith("t-gh-") for row in account["orders"]),
        fills=len(account["trades"]),
    )
