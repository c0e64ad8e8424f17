#!/usr/bin/env python3
"""Stop everything, now: `scripts/emergency_stop.py [REASON …]`.

Sets the halt latch of every house in the data directory (or of one `--venue`), so that nothing
leaves for the exchange any more, and has everything cancelled. Tries the admin socket, then the
file EMERGENCY_STOP, then the signal SIGUSR1, and says what worked and how long it took. Needs
nothing but Python: no environment, no package.

Exit codes: 0 stopped and nothing of ours rests; 1 stopped, but something may rest, or no house
has confirmed it; 2 bad usage; 3 nothing runs, and the file is there for the next start.
"""

import argparse
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from adapters.halt_file import HALT_FILE, NOTICED  # noqa: E402 (after the way to it)
from adapters.heartbeat import is_alive, read_sign  # noqa: E402

STOPPED, UNCONFIRMED, NOTHING = 0, 1, 3
CONNECT_S = 1.0
ANSWER_S = 6.0
"""More than the house takes to say how far it has come."""
NOTICED_WITHIN_S = 2.0
VENUES = ("simulated", "testnet", "live")


def main() -> int:
    """Stop every house that is meant; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("reason", nargs="*", help="why; it is journalled and shown")
    parser.add_argument(
        "--data-dir", default=os.environ.get("GATEHOUSE_DATA_DIR"), help="as given to `run`"
    )
    parser.add_argument("--venue", choices=VENUES, help="default: all that are there")
    parser.add_argument("--json", action="store_true", help="print facts for a program")
    told = parser.parse_args()
    base = ROOT / "var" if told.data_dir is None else Path.cwd() / told.data_dir
    venues = [told.venue] if told.venue else [venue for venue in VENUES if (base / venue).is_dir()]
    reason = " ".join(told.reason) or "scripts/emergency_stop.py"
    outcomes = [_stop(base / venue, venue, reason) for venue in venues if (base / venue).is_dir()]
    if not outcomes:
        print(f"emergency_stop: there never was a house in {base}", file=sys.stderr)
        return NOTHING
    for outcome in outcomes:
        print(json.dumps(outcome) if told.json else _sentence(outcome))
    codes = [outcome["code"] for outcome in outcomes]
    if UNCONFIRMED in codes:
        return UNCONFIRMED
    return STOPPED if STOPPED in codes else NOTHING


def _stop(folder: Path, venue: str, reason: str) -> dict[str, Any]:
    """Stop one house by the first way that works."""
    began_s = time.monotonic()
    outcome: dict[str, Any] = {"venue": venue, "tried": [], "way": None, "resting": None}

    def done(way: str | None, code: int, **facts: Any) -> dict[str, Any]:
        took_ms = round((time.monotonic() - began_s) * 1000, 1)
        return outcome | {"way": way, "code": code, "took_ms": took_ms} | facts

    answer = _by_socket(folder, reason)
    if isinstance(answer, dict):
        is_clean = answer.get("resting") == 0 and answer.get("journalled", False)
        facts = {name: answer.get(name) for name in ("session", "cancelled", "resting")}
        return done("socket", STOPPED if is_clean else UNCONFIRMED, **facts)
    outcome["tried"].append(f"socket: {answer}")

    house = read_sign(folder)
    lives = house is not None and is_alive(house)
    wrong = _put_file(folder, reason)
    if wrong:
        outcome["tried"].append(f"file: {wrong}")
    elif not lives:
        return done("file", NOTHING)
    elif _is_noticed(folder):
        return done("file", UNCONFIRMED)
    else:
        outcome["tried"].append(f"file: not noticed within {NOTICED_WITHIN_S:g} s")

    if not lives or house is None:
        return done(None, UNCONFIRMED)
    try:
        os.kill(house.pid, signal.SIGUSR1)
    except OSError as error:
        outcome["tried"].append(f"signal: {error.strerror}")
        return done(None, UNCONFIRMED)
    if _is_noticed(folder):
        return done("signal", UNCONFIRMED)
    outcome["tried"].append(f"signal: sent to process {house.pid}, and no word of it")
    return done(None, UNCONFIRMED)


def _by_socket(folder: Path, reason: str) -> dict[str, Any] | str:
    """Return the house's answer, or why there is none."""
    call = {"jsonrpc": "2.0", "id": 1, "method": "emergency_stop", "params": {"reason": reason}}
    here = Path.cwd()
    try:
        # By its name alone: the whole path may be longer than the kernel takes.
        os.chdir(folder)
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(CONNECT_S)
            line.connect("admin.sock")
            line.sendall(json.dumps(call).encode() + b"\n")
            line.settimeout(ANSWER_S)
            with line.makefile("rb") as answers:
                answer = json.loads(answers.readline() or b"{}")
    except (OSError, ValueError) as error:
        return str(error) or type(error).__name__
    finally:
        os.chdir(here)
    result = answer.get("result")
    return result if isinstance(result, dict) else str(answer.get("error", "no answer"))


def _put_file(folder: Path, reason: str) -> str:
    """Put the file there; return why that is impossible, else empty."""
    try:
        with (folder / HALT_FILE).open("a") as file:
            if file.tell() == 0:
                file.write(f"{' '.join(reason.split())}\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _is_noticed(folder: Path) -> bool:
    """Return whether the house has written into the file that it is halted."""
    until_s = time.monotonic() + NOTICED_WITHIN_S
    path = folder / HALT_FILE
    while time.monotonic() < until_s:
        try:
            lines = path.read_text(errors="replace").splitlines()
        except OSError:
            lines = []
        if any(line.startswith(NOTICED) for line in lines):
            return True
        time.sleep(0.01)
    return False


def _sentence(outcome: dict[str, Any]) -> str:
    took = f"{outcome['took_ms']:g} ms"
    tried = "".join(f"\n  {line}" for line in outcome["tried"])
    match outcome:
        case {"way": "socket", "code": 0}:
            what = f"stopped, {outcome['cancelled']} orders cancelled, nothing of ours rests"
        case {"way": "socket"}:
            resting = outcome["resting"]
            what = f"stopped; {'nobody knows how many' if resting is None else resting} orders rest"
            what += " so far: look again with scripts/control.py orders open=true"
        case {"way": "file", "code": 3}:
            what = f"nothing runs; {HALT_FILE} is there and the next start begins stopped"
        case {"way": str() as way}:
            what = f"stopped by {way}; the house has not said what rests"
        case _:
            what = "NOT CONFIRMED: kill the house, and cancel at the exchange by hand"
    return f"{outcome['venue']}: {what} ({took}){tried}"


if __name__ == "__main__":
    sys.exit(main())
