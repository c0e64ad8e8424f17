"""What a trading house goes through before it is killed: each is done to a process from outside."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from adapters.admin_client import AdminClient, AdminError
from scripts.proofs.agreement import OURS
from scripts.proofs.processes import Exchange, House, NotSoon
from scripts.proofs.small_disk import SmallDisk
from state.errors import NotRunning

COVERED_S = 30.0
NOTICED_S = 60.0
"""How long a house may take to find out that its disk is full."""
ENDS_S = 10.0
"""How long it then may take to end, where it does."""


@dataclass(frozen=True)
class Theatre:
    """Where it all happens."""

    folder: Path
    exchange: Exchange
    disk: SmallDisk | None
    start: Callable[..., House]
    """With further settings."""
    pairs: tuple[str, ...]

    @property
    def database(self) -> Path:
        """The house's."""
        return self.folder / "house" / "simulated" / "gatehouse.db"


def hear(house: House, news: int) -> str:
    """Listen to the house until it has told so much; return the last thing it told.

    Raises:
        NotSoon: It says nothing for half a minute, or has ended.
    """
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


def uncovered_s(house: House) -> float | None:
    """Return for how long positions are without protection by now; None where nobody says.

    Waits until none is, for so long it counts.

    Raises:
        NotSoon: One stays without.
    """
    began_s = time.monotonic()
    pairs = (house.status() or {"pairs": []})["pairs"]
    if not any("uncovered_s" in row for row in pairs):
        return None
    bare = [row["uncovered_s"] or 0.0 for row in pairs if row["cover"] == "uncovered"]
    if not bare:
        return 0.0
    house.until(lambda: not _bare(house), COVERED_S, "every position is protected")
    return sum(bare) + time.monotonic() - began_s


def _bare(house: House) -> list[str]:
    status = house.status()
    assert status is not None, "the house does not answer"
    return [row["pair"] for row in status["pairs"] if row["cover"] == "uncovered"]


def compare_balances(house: House, deadline_s: float) -> None:
    """Have every balance compared with the exchange until none differs.

    Raises:
        NotSoon: Some do for so long.
    """
    house.call("reconcile")
    house.until(
        lambda: (house.call("balances")["compared"] or {"differences": 1})["differences"] == [],
        deadline_s,
        "the exchange shows what the ledger says",
    )


def freeze(theatre: Theatre, house: House, chance: Random) -> str:
    """Stop it anywhere, for less than the countdown; then it goes on as if nothing had been."""
    del theatre
    frozen_s = chance.uniform(0.01, 1.5)
    house.freeze()
    time.sleep(frozen_s)
    house.thaw()
    house.until_ready()
    return f"after {hear(house, chance.randint(1, 10))}, frozen {frozen_s:.2f} s before"


def fall_silent(theatre: Theatre, house: House, countdown_s: float) -> str:
    """Stop it until the exchange cancels for it; awake again, it agrees and trades on."""
    exchange = theatre.exchange
    deadline = time.monotonic() + 60.0
    while True:
        house.until(lambda: _open_ones(exchange), 60.0, "something of ours rests")
        house.freeze()
        # Nobody else may end what rests: then who ends it is the countdown.
        exchange.control(
            "scenarios", [{"scenario": "halt", "pair": pair} for pair in theatre.pairs]
        )
        began_s, resting = time.monotonic(), _open_ones(exchange)
        if resting:
            break
        exchange.control("scenarios", [])
        house.thaw()
        if time.monotonic() > deadline:
            raise NotSoon("nothing of ours rests when the house is frozen")
    exchange.until(
        lambda: not _open_ones(exchange), countdown_s + 5.0, "the exchange has cancelled"
    )
    silent_s = time.monotonic() - began_s
    exchange.control("scenarios", [])
    house.thaw()
    house.until_ready()
    heard = hear(house, 5)
    compare_balances(house, 60.0)
    return f"after {heard}, {len(resting)} cancelled by the exchange in {silent_s:.1f} s"


def leave_no_slack(database: Path) -> None:
    """Take away the write-ahead log, which stays as long as it once was and needs no room then.

    The last who closes a database moves it into the file; a house that was killed did not.
    """
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def run_out_of_disk(theatre: Theatre, house: House, chance: Random) -> str:
    """Take the room away; without a journal it must not trade, and with room again it goes on."""
    disk, exchange = theatre.disk, theatre.exchange
    assert disk is not None
    disk.fill(house.pid, chance.randrange(0, 64 << 10))
    try:
        deadline = time.monotonic() + NOTICED_S
        while house.alive and house.session() == "ready":
            if time.monotonic() > deadline:
                raise NotSoon(f"it trades on without a journal\n{house.said()[-4000:]}")
            time.sleep(0.02)
        with contextlib.suppress(NotSoon):
            house.ended(ENDS_S)
        if house.alive:
            end = f"session {house.session() or 'none'}"
        elif house.process.returncode:
            end = f"ended with code {house.process.returncode}"
        else:
            raise NotSoon(f"a full disk is no good end\n{house.said()[-4000:]}")
        # Without a disk of its own it is the house that may not write, its complaints included.
        if disk.mounted and not _tells_of_disk(house.said()):
            raise NotSoon(f"it does not say why it stopped\n{house.said()[-4000:]}")
        house.kill()
        before = _placed(exchange)
        _start_in_vain(theatre)
        if _placed(exchange) != before:
            raise NotSoon("an order was placed without a journal")
    finally:
        disk.free()
    return f"{end}, disk full"


def _start_in_vain(theatre: Theatre) -> None:
    """Start a house on a full disk: it must say so, and end or not get ready."""
    disk = theatre.disk
    assert disk is not None
    disk.free()
    leave_no_slack(theatre.database)
    if disk.mounted:
        disk.fill(os.getpid())
    with theatre.start() as house:
        if not disk.mounted:
            disk.fill(house.pid)
        deadline = time.monotonic() + 5.0
        while house.alive and time.monotonic() < deadline:
            if house.session() == "ready":
                raise NotSoon(f"it is ready without a journal\n{house.said()[-4000:]}")
            time.sleep(0.05)
        if not house.alive and not house.process.returncode:
            raise NotSoon(f"a start on a full disk is no success\n{house.said()[-4000:]}")
        if disk.mounted and "make room" not in house.said():
            raise NotSoon(f"it does not say how it would start\n{house.said()[-4000:]}")


def _tells_of_disk(said: str) -> bool:
    return any(words in said for words in ("disk is full", "disk I/O error"))


def _open_ones(exchange: Exchange) -> set[str]:
    return {
        row["text"]
        for row in exchange.control("accounts/demo")["orders"]
        if row["status"] == "open" and row["text"].startswith(OURS)
    }


def _placed(exchange: Exchange) -> int:
    orders = exchange.control("accounts/demo")["orders"]
    return sum(row["text"].startswith(OURS) for row in orders)
