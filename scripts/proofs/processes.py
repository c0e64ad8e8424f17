"""The house and the exchange as processes that a proof starts, asks, hurts and ends."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from adapters.admin_client import AdminClient, AdminError
from scripts.proofs.nursery import Born, Nursery
from state.errors import NotRunning

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
POLL_S = 0.02
POLL_SHARE = 4
"""What took long to be answered is asked again no sooner than after so many times as long."""
POLL_MAX_S = 0.5
START_S = 60.0
END_S = 20.0
_OURS = ("GATE_", "GATEHOUSE_", "NEBIUS_", "NOTIFY_", "WATCHDOG_")

ACTIVE = (
    "strategy.trend.entry_bps=0",
    "strategy.trend.imbalance_min=0",
    "strategy.trend.fast_window=1",
    "strategy.trend.slow_window=2",
    "strategy.trend.order_ttl_s=1",
    "risk.orders_per_minute=6000",
)
"""Settings with which the strategy trades all the time, for proofs that want traffic."""

RESTING = (
    # More than lies at the best price, and left there.
    "strategy.trend.order_notional=5000",
    "strategy.trend.order_ttl_s=600",
    "risk.order_notional_max=5000",
    "risk.position_notional_max=100000",
    "risk.exposure_notional_max=100000",
)
"""What has something of ours rest nearly all the time."""

SHORT_WINDOWS = (
    "orders.expiry_s=1",
    "orders.visibility_lag_s=0.5",
    "orders.clock_skew_max_s=0.5",
    "orders.query_every_s=0.2",
    "orders.reconcile_every_s=5",
)
"""Order protocol windows fit for an exchange on the same machine."""


class NotSoon(AssertionError):
    """What was waited for did not come before its deadline, or its process ended first."""


class Watched:
    """A process of ours whose complaints go to a file.

    Args:
        command: What to run.
        complaints: File of its standard error, appended to.
        environ: Its environment, on top of ours without anything that concerns Gatehouse.
        nursery: Where it is forked instead, with the environment of that.
        says: File of its standard output when it is forked.
    """

    process: "subprocess.Popen[bytes] | Born"

    def __init__(
        self,
        command: Iterable[str],
        complaints: Path,
        environ: Mapping[str, str] | None = None,
        nursery: Nursery | None = None,
        says: Path = Path(os.devnull),
    ) -> None:
        self.complaints = complaints
        self.started_s = time.monotonic()
        complaints.parent.mkdir(parents=True, exist_ok=True)
        with complaints.open("ab") as errors:
            self._said_before = errors.tell()
            if nursery is not None:
                self.process = nursery.start(command, complaints, says)
                return
            self.process = subprocess.Popen(  # noqa: S603 - our own modules, no shell
                list(command),
                cwd=ROOT,
                env=environment() | dict(environ or {}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process.poll() is None

    def children(self) -> list[int]:
        """Return the ids of the processes it has started."""
        found: list[int] = []
        for path in Path(f"/proc/{self.pid}/task").glob("*/children"):
            found += map(int, path.read_text().split())
        return found

    def waited_s(self) -> float:
        """Return how long its most delayed thread could have run and no processor was free."""
        waited_ns = 0
        for path in Path(f"/proc/{self.pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError, IndexError):  # That thread has ended.
                waited_ns = max(waited_ns, int(path.read_text().split()[1]))
        return waited_ns / 1e9

    def said(self) -> str:
        """Return what this process wrote to its standard error."""
        return self.complaints.read_bytes()[self._said_before :].decode(errors="replace")

    def until(self, condition: Callable[[], T | None], deadline_s: float, what: str) -> T:
        """Return the first value of `condition` that counts as true.

        Raises:
            NotSoon: There was none in time, or the process ended.
        """
        deadline = time.monotonic() + deadline_s
        while True:
            asked_s = time.monotonic()
            value = condition()
            if value:
                return value
            answered_s = time.monotonic()
            if answered_s > deadline:
                raise NotSoon(f"not within {deadline_s:g} s: {what}\n{self.said()[-4000:]}")
            # A status of fifty pairs is work too: who waits must not be who holds it up.
            rest_s = min((answered_s - asked_s) * POLL_SHARE, POLL_MAX_S)
            self.stays(max(POLL_S, rest_s), what)

    def stays(self, duration_s: float, what: str = "it stays alive") -> None:
        """Wait while the process lives.

        Raises:
            NotSoon: It ended meanwhile.
        """
        try:
            code = self.process.wait(duration_s)
        except subprocess.TimeoutExpired:
            return
        raise NotSoon(f"ended with code {code} before: {what}\n{self.said()[-4000:]}")

    def ended(self, deadline_s: float = END_S) -> int:
        """Wait for its end and return its exit code.

        Raises:
            NotSoon: It did not end in time.
        """
        try:
            return self.process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            raise NotSoon(f"did not end within {deadline_s:g} s\n{self.said()[-4000:]}") from None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def freeze(self) -> None:
        """Stop it where it is, so that it neither answers nor ends."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, as a power cut would, and wait until it is gone."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """Leave nothing behind, whatever its state."""
        if self.alive:
            self.thaw()
            self.kill()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class House(Watched):
    """`python -m supervisor run` in a data directory.

    Args:
        data_dir: Where it keeps everything; the venue's folder comes below it.
        exchange: Trade at this one; None lets the house start its own.
        settings: `KEY=VALUE` of settings that have no option.
        options: Further options, as on the command line.
        environ: Further variables.
        nursery: Where it is forked, for proofs that start very many.
        complaints: File of its standard error, by default in the data directory.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        exchange: "Exchange | str | None" = None,
        settings: Iterable[str] = (),
        options: Iterable[str] = (),
        environ: Mapping[str, str] | None = None,
        nursery: Nursery | None = None,
        complaints: Path | None = None,
    ) -> None:
        self.data_dir = data_dir
        self.folder = data_dir / "simulated"
        self.database = self.folder / "gatehouse.db"
        self.socket = self.folder / "admin.sock"
        self._watchdogs: set[int] = set()
        url = exchange.url if isinstance(exchange, Exchange) else exchange
        command = [] if nursery is not None else python("-m", "supervisor")
        command += ["--data-dir", str(data_dir), "--dashboard", "off"]
        command += ["--exchange-url", url] if url is not None else []
        for setting in settings:
            command += ["--set", setting]
        complaints = complaints or data_dir / "house.stderr"
        super().__init__([*command, *options], complaints, environ, nursery)

    def exchange_pid(self) -> int:
        """Return the process of the exchange it has started.

        Raises:
            NotSoon: There is none now.
        """
        return self._child("supervisor", "exchange")

    def watchdog_pid(self) -> int:
        """Return the process that looks after it.

        Raises:
            NotSoon: There is none now.
        """
        return self._child("supervisor.watchdog")

    def _child(self, *words: str) -> int:
        for pid in self.children():
            if set(words) <= set(command_of(pid)):
                return pid
        raise NotSoon(f"the house has no process {' '.join(words)}\n{self.said()[-4000:]}")

    def kill(self) -> None:
        """End it at once; its watchdog stays for as long as it has something to do."""
        with contextlib.suppress(NotSoon):
            self._watchdogs.add(self.watchdog_pid())
        super().kill()

    def close(self) -> None:
        """Leave nothing behind, its watchdog included."""
        with contextlib.suppress(NotSoon):
            self._watchdogs.add(self.watchdog_pid())
        super().close()
        for pid in self._watchdogs:
            if "supervisor.watchdog" in command_of(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def call(self, method: str, timeout_s: float = 20.0, **params: Any) -> Any:
        """Return the result of a method of the admin socket.

        Raises:
            AdminError: It was refused.
            NotRunning: Nothing listens.
        """
        with AdminClient(self.socket) as client:
            return client.call(method, params, timeout_s)

    def status(self) -> dict[str, Any] | None:
        """Return the status, None while nobody answers."""
        try:
            with AdminClient(self.socket) as client:
                answer: dict[str, Any] = client.call("status", {}, timeout_s=10.0)
        except (AdminError, NotRunning):
            return None
        return answer

    def session(self) -> str:
        """Return the session, empty while nobody answers."""
        status = self.status()
        return "" if status is None else str(status["session"])

    def equity(self) -> dict[str, str] | None:
        """Return the identity of equity, None before the first mark."""
        status = self.status()
        return None if status is None else status["equity"]

    def actor(self, address: str) -> dict[str, Any]:
        """Return one actor's line of the status.

        Raises:
            NotSoon: The house does not answer or has no such actor.
        """
        status = self.status()
        for actor in status["actors"] if status is not None else ():
            if actor["address"] == address:
                found: dict[str, Any] = actor
                return found
        raise NotSoon(f"the status does not show {address}")

    def until_session(self, session: str, deadline_s: float = START_S) -> float:
        """Wait for a session; return the seconds since the process was started."""
        self.until(lambda: self.session() == session, deadline_s, f"session {session}")
        return time.monotonic() - self.started_s

    def until_ready(self, deadline_s: float = START_S) -> float:
        """Wait until it may trade; return the seconds since the process was started."""
        return self.until_session("ready", deadline_s)

    def fills(self) -> int:
        """Return how many fills the journal has."""
        rows = self.call("fills", limit=1)
        return int(rows[0]["ordinal"]) if rows else 0

    def until_fills(self, more: int, deadline_s: float = 60.0) -> int:
        """Wait until the journal has so many fills more than now; return how many there are."""
        before = self.fills()
        self.until(lambda: self.fills() >= before + more, deadline_s, f"{more} more fills")
        return self.fills()

    def terminate(self, deadline_s: float = END_S) -> int:
        """Ask it to end in good order and return its exit code."""
        self.signal(signal.SIGTERM)
        return self.ended(deadline_s)


class Exchange(Watched):
    """`python -m supervisor exchange`, ready when constructed.

    Args:
        folder: Of its database and of its complaints.
        pairs: What it lists.
        port: Where; 0 for any.
        options: Further options, as on the command line.
        keeps: Whether it has a database.
        nursery: Where it is forked, for tests that start very many.
    """

    def __init__(
        self,
        folder: Path,
        *,
        pairs: str = "BTC_USDT,ETH_USDT",
        port: int = 0,
        options: Iterable[str] = (),
        keeps: bool = True,
        nursery: Nursery | None = None,
    ) -> None:
        command = [] if nursery is not None else python("-m", "supervisor")
        command += ["exchange", "--pairs", pairs, "--port", str(port)]
        command += ["--db", str(folder / "exchange.db")] if keeps else []
        complaints, says = folder / "exchange.stderr", folder / "exchange.stdout"
        says.unlink(missing_ok=True)  # Of the one before it, which said where that was.
        super().__init__([*command, *options], complaints, nursery=nursery, says=says)
        if self.process.stdout is None:
            line = self.until(lambda: _first_line(says), START_S, "the exchange says where it is")
        else:
            line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise NotSoon(f"the exchange did not start: {self.said()}")
        ready = json.loads(line)
        self.rest: str = ready["rest"]
        self.url = self.rest.removesuffix("/api/v4")
        self.port = int(self.url.rpartition(":")[2])

    def control(self, path: str, body: Any = None) -> Any:
        """Ask `/control/...`; with a body, post it."""
        return control(self.url, path, body)


def control(url: str, path: str, body: Any = None) -> Any:
    """Ask the control endpoints of the exchange at `url`; with a body, post it."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}/control/{path}", data=data)  # noqa: S310 (loopback)
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 (loopback)
        return json.load(answer)


def _first_line(path: Path) -> bytes | None:
    """Return a line once it is whole."""
    text = path.read_bytes() if path.exists() else b""
    return text if text.endswith(b"\n") else None


def command_of(pid: int) -> list[str]:
    """Return the command line of a process, empty where there is none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


def python(*arguments: str) -> list[str]:
    """Return the command of a Python process of ours, in which every warning is an error."""
    return [sys.executable, "-W", "error", *arguments]


def environment() -> dict[str, str]:
    """Return our environment without anything that would configure a house.

    A proof of something else needs no advice and no history: nobody is asked, and nothing is
    written, unless it says otherwise.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return kept | {
        "PYTHONPATH": str(ROOT),
        "GATEHOUSE_ADVISOR__PROVIDER": "off",
        "GATEHOUSE_HISTORY__RECORD": "false",
    }
