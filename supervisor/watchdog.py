"""The process beside the house that cancels its orders when the house cannot do it any more.

Two things can happen to a house: it is gone and none takes its place within a grace time, or it
lives and gives no sign of life. Then its stacks are dumped, it is killed, and what rests of ours is
cancelled; orders of others are never touched, and a house that has taken its place is left alone.
Triggers that wait at the exchange stay: they protect what is held.

Needs nothing but Python, so that it costs little and nothing of the house can break it. It is
started by the house (`supervisor/application.py`), or alone by `python -m supervisor watchdog`.
Credentials come from the environment, never from the command line.
"""

import argparse
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from adapters.gate.bare import BareGate, Failed
from adapters.halt_file import HaltFile
from adapters.heartbeat import ENDED, FAILED, STARTING, Sign, is_alive, read_sign

POLL_S = 0.2
DUMP_S = 0.5
"""What a house gets to write its stacks down."""
DIES_WITHIN_S = 5.0
NOT_RUNNING_S = 2.0
"""A pause of ours as long as this is no silence of the house."""
START_MAX_S = 60.0
"""A start that takes longer without a sign is one that hangs."""
LANDING_S = 6.0
"""What the house had sent may come to rest for so long after its end; the exchange refuses later.

More than `orders.expiry_s` by default; `--landing` gives the house's own."""
LOOK_AGAIN_S = 0.5
REPORT = "watchdog.json"
KEY, SECRET = "GATE_API_KEY", "GATE_API_SECRET"
OWN_KEY, OWN_SECRET = "GATE_WATCHDOG_API_KEY", "GATE_WATCHDOG_API_SECRET"
SUCCEEDED, COULD_NOT, NOTHING = 0, 1, 3


class Orders(NamedTuple):
    """What it is told to do."""

    folder: Path
    """Of the venue."""
    silence_s: float
    grace_s: float
    give_up_s: float
    landing_s: float
    stays_stopped: bool
    """Whether a house that was killed stays stopped."""
    follows: bool
    """Whether it waits for the next house when one is gone: alone, as a service of its own."""
    rest: str
    """Address of the exchange; empty: where the house says it trades."""


class Finding(NamedTuple):
    """What became of the house it looks after."""

    what: str
    """gone, silent, ended, replaced."""
    why: str
    since_s: float
    """When it was noticed, monotonic."""


class Watchdog:
    """Looks after one house at a time.

    Args:
        orders: What to do.
        key: API key.
        secret: That belongs to it.
        say: Takes a line for people.
    """

    def __init__(self, orders: Orders, key: str, secret: str, say: Callable[[str], None]) -> None:
        self._orders = orders
        self._key = key
        self._secret = secret
        self._say = say
        self.asked_to_end = False

    def run(self) -> int:
        """Watch until there is nothing left to look after; return the exit code."""
        code = SUCCEEDED
        while not self.asked_to_end:
            house = read_sign(self._orders.folder)
            if house is None or (not is_alive(house) and house.state == ENDED):
                if not self._orders.follows:
                    return SUCCEEDED
                time.sleep(POLL_S)
                continue
            found = self._watch(house)
            if self.asked_to_end:
                break
            if found.what in ("gone", "silent"):
                code = self._act(house, found)
            if not self._orders.follows:
                return code
            self._wait_for_another(house)
        return code

    def _watch(self, house: Sign) -> Finding:
        """Look at one house until something has become of it."""
        self._say(f"watching the house of process {house.pid}")
        state = house.state
        heard_ns = looked_ns = time.monotonic_ns()
        while not self.asked_to_end:
            sign = read_sign(self._orders.folder)
            now_ns = time.monotonic_ns()
            if now_ns - looked_ns > NOT_RUNNING_S * 1e9:
                heard_ns = now_ns  # The machine slept, or we did: so may the house have.
            looked_ns = now_ns
            if sign is not None and _same(sign, house):
                state, heard_ns = sign.state, max(heard_ns, sign.beat_ns)
            if not is_alive(house):
                return self._gone(house, state)
            silent_s = (now_ns - heard_ns) / 1e9
            if silent_s > (START_MAX_S if state == STARTING else self._orders.silence_s):
                why = f"no sign of life for {silent_s:.1f} s while {state}"
                return Finding("silent", why, now_ns / 1e9)
            time.sleep(POLL_S)
        return Finding("ended", "we were asked to end", time.monotonic())

    def _gone(self, house: Sign, state: str) -> Finding:
        noticed_s = time.monotonic()
        if state == ENDED:
            return Finding("ended", "in good order", noticed_s)
        why = "it failed" if state == FAILED else "it has gone without a word"
        self._say(f"the house of process {house.pid} is gone ({why}); waiting for another one")
        until_s = noticed_s + self._orders.grace_s
        while not self.asked_to_end:
            successor = self._successor(house)
            if successor is not None and successor.state != STARTING:
                return Finding("replaced", "another house has taken its place", noticed_s)
            # One that starts may fail yet, and nobody would have looked after the orders.
            if successor is None and time.monotonic() > until_s:
                break
            time.sleep(min(POLL_S, max(0.01, until_s - time.monotonic())))
        why = f"{why}, and none took its place for {self._orders.grace_s:g} s"
        return Finding("gone", why, noticed_s)

    def _successor(self, house: Sign) -> Sign | None:
        """Return another house that lives in the data directory."""
        sign = read_sign(self._orders.folder)
        return None if sign is None or _same(sign, house) or not is_alive(sign) else sign

    def _wait_for_another(self, house: Sign) -> None:
        while not self.asked_to_end:
            sign = read_sign(self._orders.folder)
            if sign is not None and not _same(sign, house):
                return
            time.sleep(POLL_S)

    # When it comes to that.

    def _act(self, house: Sign, found: Finding) -> int:
        self._say(f"the house of process {house.pid}: {found.why}")
        began_s = time.monotonic()
        if found.what == "silent":
            self._kill(house)
            if self._orders.stays_stopped:
                HaltFile(self._orders.folder).keep(f"the watchdog killed a house: {found.why}")
        cancelled, left = self._cancel_all(house, found.since_s)
        report = {
            "at_s": time.time(),
            "house": house.pid,
            "found": found.what,
            "why": found.why,
            "cancelled": cancelled,
            "left": left,
            "took_s": round(time.monotonic() - began_s, 3),
        }
        self._say(f"{len(cancelled)} orders cancelled; {left or 'nothing of ours rests'}")
        path = self._orders.folder / REPORT
        with contextlib.suppress(OSError):
            fresh = path.with_name(f".{REPORT}")
            fresh.write_text(json.dumps(report))
            fresh.replace(path)
        return COULD_NOT if left else SUCCEEDED

    def _kill(self, house: Sign) -> None:
        """Have its stacks written, then end it; never let it go on, whatever it is at."""
        # The process itself, not its number, which the kernel could give to another one meanwhile.
        with contextlib.suppress(OSError), _Held(house.pid) as process:
            if not is_alive(house):
                return
            process(signal.SIGQUIT)
            until_s = time.monotonic() + DUMP_S
            while is_alive(house) and time.monotonic() < until_s:
                time.sleep(0.02)
            process(signal.SIGKILL)
            until_s = time.monotonic() + DIES_WITHIN_S
            while is_alive(house) and time.monotonic() < until_s:
                time.sleep(0.01)
        self._say(f"killed process {house.pid}")

    def _cancel_all(self, house: Sign, died_s: float) -> tuple[list[str], str]:
        """Cancel what rests of ours; return what was, and why not all of it, empty when all.

        A house that takes the place meanwhile is left alone: while it starts we wait, once it is
        there the orders are its own.
        """
        rest = self._orders.rest or (read_sign(self._orders.folder) or house).rest
        if not rest:
            return [], "nobody knows where the house traded"
        gate, cancelled = BareGate(rest, self._key, self._secret), list[str]()
        began_s = time.monotonic()
        left, pause_s = "nobody has looked yet", 0.1
        while not self.asked_to_end:
            successor = self._successor(house)
            if successor is not None and successor.state != STARTING:
                return cancelled, ""
            if successor is not None:
                time.sleep(POLL_S)
                continue
            try:
                resting = gate.resting()
                for order in resting:
                    if self._successor(house) is not None:
                        break
                    if gate.cancel(order):
                        cancelled.append(order.text)
                left = f"{len(resting)} orders rested at the last look" if resting else ""
                pause_s = 0.05 if resting else LOOK_AGAIN_S
                if not resting and time.monotonic() - died_s > self._orders.landing_s:
                    break
            except Failed as failed:
                left, pause_s = str(failed), min(2.0, pause_s * 2)
            if left and time.monotonic() - began_s > self._orders.give_up_s:
                break
            time.sleep(pause_s)
        gate.close()
        return cancelled, left


def _same(one: Sign, other: Sign) -> bool:
    return (one.pid, one.born) == (other.pid, other.born)


class _Held:
    """Hold on to a process, so that a signal reaches it or nobody."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._file = -1

    def __enter__(self) -> Callable[[int], None]:
        if not hasattr(os, "pidfd_open"):
            return lambda number: os.kill(self._pid, number)
        file = self._file = os.pidfd_open(self._pid)
        return lambda number: signal.pidfd_send_signal(file, number)

    def __exit__(self, *_: object) -> None:
        if self._file >= 0:
            os.close(self._file)


def watch(orders: Orders, environ: dict[str, str]) -> int:
    """Be a watchdog until there is nothing left to do; return the exit code."""
    log = orders.folder / "logs" / "watchdog.log"

    def say(line: str) -> None:
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
        with contextlib.suppress(OSError):
            log.parent.mkdir(mode=0o700, exist_ok=True)
            with log.open("a") as file:
                file.write(f"{at} watchdog {os.getpid()}: {line}\n")
        with contextlib.suppress(OSError, ValueError):
            print(f"watchdog: {line}", file=sys.stderr, flush=True)  # noqa: T201

    key = environ.get(OWN_KEY) or environ.get(KEY, "")
    secret = environ.get(OWN_SECRET) or environ.get(SECRET, "")
    if not (key and secret):
        say(f"no credentials: set {KEY} and {SECRET}, or {OWN_KEY} and {OWN_SECRET}")
        return 2
    watchdog = Watchdog(orders, key, secret, say)

    def on_signal(_number: int, _frame: object) -> None:
        watchdog.asked_to_end = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    return watchdog.run()


def _main() -> int:
    parser = argparse.ArgumentParser(prog="watchdog", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--silence", type=float, required=True)
    parser.add_argument("--grace", type=float, required=True)
    parser.add_argument("--give-up", type=float, required=True)
    parser.add_argument("--landing", type=float, default=LANDING_S)
    parser.add_argument("--stays-stopped", action="store_true")
    told = parser.parse_args()
    orders = Orders(
        folder=told.folder,
        silence_s=told.silence,
        grace_s=told.grace,
        give_up_s=told.give_up,
        landing_s=told.landing,
        stays_stopped=told.stays_stopped,
        follows=False,
        rest="",
    )
    return watch(orders, dict(os.environ))


if __name__ == "__main__":
    sys.exit(_main())
