"""A trading house under each fault of the catalogue: what it did, how long it took, what was lost.

House and exchange are processes. A trial arms its faults, lets them strike, takes them back and
watches until the house is whole again and stays so: ready to trade, every book live, no order of
unknown fate. Then it lets everything come to rest and compares every order, fill and balance.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from msgspec import Struct

from adapters.simulated.faults import CATALOGUE, FaultName
from scripts.proofs.agreement import agreement
from scripts.proofs.processes import ACTIVE, ROOT, SHORT_WINDOWS, Exchange, House
from state.store import open_reader

PAGE = ROOT / "docs" / "simulated-exchange.md"
BEGIN, END = "<!-- made by scripts/fault_table.py -->", "<!-- end of what was made -->"
"""Where on that page the table of all results stands."""
PAIRS = "BTC_USDT,ETH_USDT"
STRIKES_S = 60.0
"""How long a fault may take to find what it strikes."""
WHOLE_S = 90.0
_LOOK_S = 0.05
_PLACING = "POST /spot/orders"


class Trial(Struct, frozen=True, kw_only=True):
    """How one fault is tried."""

    fault: FaultName
    match: str = ""
    strikes: int = 3
    """So often it strikes, at least."""
    delay_ms: int | None = None
    probability: float = 1.0
    provoked_by: FaultName | None = None
    """What else must happen before it can strike."""
    provoked_at: str = ""
    hold_s: float = 3.0
    """So long the house has to be whole to count as whole again."""

    @property
    def lasts_s(self) -> float:
        """How long it goes on once it struck, by itself."""
        entry = CATALOGUE[self.fault]
        delay_ms = entry.delay_ms if self.delay_ms is None else self.delay_ms
        return delay_ms / 1000 if entry.lasts else 0.0

    def orders(self) -> list[dict[str, Any]]:
        """Return the fault orders to arm."""
        wanted: dict[str, Any] = {
            "fault": self.fault.value,
            "match": self.match,
            "probability": self.probability,
            "most": self.strikes,
        }
        if self.delay_ms is not None:
            wanted["delay_ms"] = self.delay_ms
        if self.provoked_by is None:
            return [wanted]
        cause = {
            "fault": self.provoked_by.value,
            "match": self.provoked_at,
            "probability": 1.0,
            "most": self.strikes,
        }
        return [wanted, cause]


TRIALS = (
    Trial(fault=FaultName.REQUEST_LOST, match=_PLACING),
    Trial(fault=FaultName.REQUEST_LATE, match=_PLACING, delay_ms=3_000),
    Trial(fault=FaultName.ANSWER_LOST, match=_PLACING),
    Trial(fault=FaultName.ANSWER_LATE, match=_PLACING),
    Trial(fault=FaultName.SERVER_ERROR, match=_PLACING),
    Trial(fault=FaultName.SERVER_ERROR_ACCEPTED, match=_PLACING),
    Trial(fault=FaultName.RATE_LIMITED, match=_PLACING),
    Trial(fault=FaultName.PUSH_LOST, match="spot.usertrades"),
    Trial(fault=FaultName.PUSH_TWICE, match="spot.usertrades"),
    Trial(fault=FaultName.PUSH_REORDERED, match="BTC_USDT", strikes=10, probability=0.3),
    Trial(fault=FaultName.BOOK_GAP),
    Trial(fault=FaultName.STREAM_SILENT, match="BTC_USDT", strikes=1, hold_s=32),
    Trial(fault=FaultName.DISCONNECT, match="BTC_USDT", strikes=1),
    Trial(fault=FaultName.RATE_LIMIT_STORM, strikes=1),
    Trial(fault=FaultName.CLOCK_SKEW, strikes=5),
    Trial(
        fault=FaultName.BOOK_STALE,
        provoked_by=FaultName.BOOK_GAP,
        provoked_at="spot.order_book_update",
    ),
    Trial(fault=FaultName.BALANCE_MISSING, strikes=1),
    Trial(
        fault=FaultName.ORDER_HIDDEN,
        provoked_by=FaultName.ANSWER_LOST,
        provoked_at=_PLACING,
    ),
    Trial(fault=FaultName.TRADE_REPEATED),
    Trial(fault=FaultName.HALF_OPEN, match="BTC_USDT", strikes=1, hold_s=32),
)
"""One for each fault of the catalogue, in its order."""


class Result(Struct, frozen=True, kw_only=True):
    """What one trial came to."""

    fault: str
    subject: str
    struck: int
    whole_after_s: float
    """From the first strike to the last moment at which it was not whole; 0 if it always was."""
    did: dict[str, int]
    """What the house did meanwhile, counted."""
    orders: int
    """Of ours, that were compared at its end."""
    fills: int
    findings: tuple[str, ...]


class _Look(Struct, frozen=True):
    """Counts at one moment."""

    seq: int
    sockets: int
    books: dict[str, int]


def try_faults(
    folder: Path,
    trials: Iterable[Trial] = TRIALS,
    told: Callable[[Result], None] = lambda _result: None,
) -> list[Result]:
    """Try each fault at one house and return what came of it.

    Args:
        folder: Empty; everything stays there to be looked at.
        trials: What to try.
        told: Called with each result.
    """
    results = []
    settings = [*ACTIVE, *SHORT_WINDOWS]
    with (
        Exchange(folder, pairs=PAIRS, options=["--no-rate-limits"]) as exchange,
        House(
            folder / "house", exchange=exchange, settings=settings, options=["--pairs", PAIRS]
        ) as house,
    ):
        house.until_ready()
        for trial in trials:
            results.append(_tried(house, exchange, trial))
            told(results[-1])
        house.terminate()
    return results


def _tried(house: House, exchange: Exchange, trial: Trial) -> Result:
    house.until(lambda: is_whole(house), WHOLE_S, f"whole before {trial.fault}")
    before = _looked(house, exchange)
    exchange.control("faults", trial.orders())
    began_s, last_s, struck = _until_struck(house, exchange, trial)
    last_s = _until_whole(house, last_s, trial.hold_s)
    after = _looked(house, exchange)
    did = _done(house, before, after)
    come_to_rest(house)
    agreed = agreement(exchange.url, house.database)
    house.call("resume")
    return Result(
        fault=trial.fault.value,
        subject=trial.match,
        struck=struck,
        whole_after_s=max(0.0, last_s - began_s),
        did=did,
        orders=agreed.orders,
        fills=agreed.fills,
        findings=agreed.findings,
    )


def _until_struck(house: House, exchange: Exchange, trial: Trial) -> tuple[float, float, int]:
    """Wait for the strikes; return the first one's time, when it was last not whole, how many."""
    began_s = last_s = 0.0
    deadline_s = time.monotonic() + STRIKES_S
    while True:
        armed = exchange.control("faults")[0]
        if armed["struck"] and not began_s:
            began_s = last_s = time.monotonic()
        if began_s and not is_whole(house):
            last_s = time.monotonic()
        lasted = time.monotonic() - began_s >= trial.lasts_s
        if armed["struck"] >= trial.strikes and lasted:
            break
        assert time.monotonic() < deadline_s, f"{trial.fault} finds nothing to strike: {armed}"
        house.stays(_LOOK_S)
    exchange.control("faults", [])
    return began_s, last_s, int(armed["struck"])


def _until_whole(house: House, last_s: float, hold_s: float) -> float:
    """Wait until it is whole and stays so; return when it last was not."""
    quiet_from_s = time.monotonic()
    deadline_s = quiet_from_s + hold_s + WHOLE_S
    while time.monotonic() - quiet_from_s < hold_s:
        if not is_whole(house):
            last_s = quiet_from_s = time.monotonic()
        assert time.monotonic() < deadline_s, f"not whole again: {house.status()}"
        house.stays(_LOOK_S)
    return last_s


def is_whole(house: House) -> bool:
    """Return whether it may trade, every book is live and no order's fate is unknown."""
    status = house.status()
    if status is None or status["session"] != "ready":
        return False
    if any(pair["book"] != "live" for pair in status["pairs"]):
        return False
    return all(order["state"] != "unknown" for order in house.call("orders", open=True))


def _looked(house: House, exchange: Exchange) -> _Look:
    reader = open_reader(house.database)
    try:
        seq = reader.last_seq()
    finally:
        reader.close()
    books = house.call("metrics")["books"]
    return _Look(seq=seq, sockets=exchange.control("status")["connected"], books=books)


def _done(house: House, before: _Look, after: _Look) -> dict[str, int]:
    reader = open_reader(house.database)
    try:
        stored = reader.events(before.seq, after.seq - before.seq)
    finally:
        reader.close()
    counts = Counter(one.type for one in stored)
    books = {name: after.books[name] - before.books[name] for name in after.books}
    return {
        "fills": counts["OrderFilled"],
        "unknown": counts["OrderUnknown"],
        "not_placed": counts["OrderNotPlaced"],
        "rejected": counts["OrderRejected"],
        "alerts": counts["AlertRaised"],
        "reconnects": after.sockets - before.sockets,
        **{name: books[name] for name in ("gaps", "resyncs", "polls", "mismatches")},
    }


def come_to_rest(house: House) -> None:
    """Stop its trading and wait until nothing is open and the exchange agrees."""
    house.call("stop", reason="the trial is over")
    house.until(lambda: house.call("orders", open=True) == [], WHOLE_S, "nothing is open")
    # What was approved before the stop may still be on its way out: an older comparison says
    # nothing of it, one that begins now waits for it.
    asked_ns = time.time_ns()
    house.call("reconcile")
    what = "the exchange shows what the ledger says"
    house.until(lambda: _agrees(house, asked_ns), WHOLE_S, what)


def _agrees(house: House, since_ns: int) -> bool:
    compared = house.call("balances")["compared"]
    return (
        compared is not None
        and compared["began_at_ns"] > since_ns
        and compared["differences"] == []
        and house.call("orders", open=True) == []
    )
