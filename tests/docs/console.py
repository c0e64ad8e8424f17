"""Runs what a document shows: its fenced `console` and `sh` blocks, in order, in a data directory.

A `console` block holds commands (`$ command`) and what they print. What is shown has to appear:
numbers and ids may be others, spaces may be more or fewer, `...` stands for anything within a line
and, alone on a line, for any lines. A `sh` block holds commands whose output is not shown.

Words behind the language say how a block is run; readers do not see them:

- `background`: the command goes on; the block is done when it has printed what is shown. It is
  the house, or what `background=NAME` calls it.
- `interrupt`: the block begins with `^C`, which goes to what runs in the background.
- `wait=NAME`: wait for a condition first. `setup=NAME`: do something first, unseen.
- `exit=N`: the last command of the block ends with this code, not 0.
- `not-run`: it is not run; the test names each such command and why.
"""

import contextlib
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.admin_client import AdminClient, AdminError
from scripts.proofs.processes import ROOT, Watched, environment
from state.errors import NotRunning

HOME = "/home/you/gatehouse"
"""Where the documents say that the checkout is."""
PORT = "18790"
"""Stands for a port that is free."""
COMMAND_S = 60.0
SOON_S = 90.0

_FENCE = re.compile(r"^( *)```(.*)$")
_NUMBER = r"[-+]?\d[\d,.]*(?:e[-+]\d+)?"
_STABLE = re.compile(rf"(\.\.\.)|(t-gh-[a-z0-9]+)|((?<![A-Za-z_]){_NUMBER})|(\s+)")


@dataclass
class Command:
    """A command and what it is shown to print."""

    text: str
    shown: list[str] = field(default_factory=list)


@dataclass
class Block:
    """One fenced block."""

    document: str
    line: int
    language: str
    words: dict[str, str]
    commands: list[Command]

    @property
    def place(self) -> str:
        return f"{self.document}:{self.line}"


def blocks(path: Path) -> Iterator[Block]:
    """Yield the blocks of a document that hold commands."""
    lines = path.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        fence = _FENCE.match(lines[number])
        number += 1
        if fence is None:
            continue
        began, body = number, []
        while not lines[number].strip().startswith("```"):
            body.append(lines[number].removeprefix(fence[1]))
            number += 1
        number += 1
        language, *words = fence[2].split()
        if language in ("console", "sh"):
            named = dict(word.partition("=")[::2] for word in words)
            yield Block(path.name, began, language, named, _commands(language, body))


def _commands(language: str, body: list[str]) -> list[Command]:
    if language == "sh":
        return [Command(line) for line in body if line.strip() and not line.startswith("#")]
    commands: list[Command] = []
    for line in body:
        if line.startswith("$ "):
            commands.append(Command(line[2:]))
        elif line == "^C":
            commands.append(Command(line))
        else:
            assert commands, f"output before a command: {line}"
            commands[-1].shown.append(line)
    return commands


def missing(shown: list[str], printed: list[str]) -> str | None:
    """Return the first line of `shown` that was not printed in its place, None if all were."""
    anywhere, at = False, 0
    for line in shown:
        if line.strip() == "...":
            anywhere = True
            continue
        pattern = _pattern(line)
        last = len(printed) if anywhere else at + 1
        found = next((i for i in range(at, last) if i < len(printed) and pattern(printed[i])), None)
        if found is None:
            return line
        anywhere, at = False, found + 1
    return None


def _pattern(line: str) -> Callable[[str], Any]:
    def general(token: re.Match[str]) -> str:
        anything, name, number, _space = token.groups()
        if anything:
            return r"\E.*\Q"
        if name:
            return r"\Et-gh-[a-z0-9]+\Q"
        return rf"\E{_NUMBER}\Q" if number else r"\E\s+\Q"

    # \Q and \E: what stands between them is meant literally.
    marked = rf"\Q{_STABLE.sub(general, line.strip())}\E"
    literal = re.sub(r"\\Q(.*?)\\E", lambda part: re.escape(part[1]), marked, flags=re.DOTALL)
    compiled = re.compile(literal)
    return lambda printed: compiled.fullmatch(printed.strip())


class Session:
    """A terminal in the checkout, and what runs in the background of it.

    Args:
        folder: For everything; the data directory is `var` in it.
        setups: What blocks may ask for, by name.
        environ: Further variables.
    """

    def __init__(
        self,
        folder: Path,
        setups: Mapping[str, Callable[["Session"], object]] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.data_dir = folder / "var"
        self.house: Watched | None = None
        self._others: list[Watched] = []
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = str(probe.getsockname()[1])
        self._setups = dict(setups or {})
        self._environ = environment() | {"GATEHOUSE_DATA_DIR": str(self.data_dir)}
        # The first order waits until the market comes to it, however long that takes.
        self._environ["GATEHOUSE_STRATEGY__TREND__ORDER_TTL_S"] = "80"
        # What is told of a machine that does other things as well is not what the document shows.
        self._environ["GATEHOUSE_LATENCY__BUDGET_MS"] = "60000"
        self._environ["GATEHOUSE_LATENCY__HARD_MS"] = "600000"
        # Scripts find the environment's interpreter at once, they need not go on in another.
        self._environ["PATH"] = f"{Path(sys.executable).parent}:{self._environ['PATH']}"
        self._environ |= dict(environ or {})
        # Whoever reads the document has none of this set.
        del self._environ["PYTHONPATH"]
        self._environ.pop("COLUMNS", None)

    def run(self, path: Path) -> list[str]:
        """Run every block of a document; return the commands that were left out."""
        left_out = []
        for block in blocks(path):
            if "not-run" in block.words:
                left_out += [command.text for command in block.commands]
            else:
                self._run(block)
        return left_out

    def call(self, method: str, **params: Any) -> Any:
        """Return the result of a method of the house's admin socket."""
        with AdminClient(self.data_dir / "simulated" / "admin.sock") as client:
            return client.call(method, params, timeout_s=20.0)

    def until(self, condition: Callable[["Session"], Any], what: str) -> Any:
        """Wait for a condition while the house runs."""
        assert self.house is not None, f"nothing runs that could come to: {what}"

        def holds() -> Any:
            with contextlib.suppress(AdminError, NotRunning):
                return condition(self)

        return self.house.until(holds, SOON_S, what)

    def close(self) -> None:
        """End what still runs."""
        for process in (self.house, *self._others):
            if process is not None:
                process.close()

    def ended(self) -> int:
        """Wait for the end of the house and return its exit code."""
        assert self.house is not None
        return self.house.ended()

    def _run(self, block: Block) -> None:
        if "setup" in block.words:
            self._setups[block.words["setup"]](self)
        if "wait" in block.words:
            self.until(CONDITIONS[block.words["wait"]], f"{block.place}: {block.words['wait']}")
        for command in block.commands:
            if command.text == "^C":
                self._interrupt(block, command)
            elif "background" in block.words:
                self._start(block, command)
            else:
                is_last = command is block.commands[-1]
                self._finish(block, command, int(block.words.get("exit", 0)) if is_last else 0)

    def _finish(self, block: Block, command: Command, code: int) -> None:
        ended = subprocess.run(
            ["bash", "-c", self._here(command.text)],
            cwd=ROOT,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        told = f"{block.place}: $ {command.text}\n{ended.stdout}"
        assert ended.returncode == code, f"{told}\nended with {ended.returncode}, not {code}"
        if block.language == "console":
            line = missing(command.shown, self._there(ended.stdout))
            assert line is None, f"{told}\nis shown but was not printed in its place:\n{line}"

    def _start(self, block: Block, command: Command) -> None:
        name = block.words["background"] or "house"
        shell = ["bash", "-c", f"exec {self._here(command.text)} 1>&2"]
        if name == "house" and self.house is not None:
            # Whoever starts it anew has ended it before, one way or the other.
            self.house.ended()
            self.house.close()
        started = Watched(shell, self.folder / f"{name}.txt", self._environ)
        if name == "house":
            self.house = started
        else:
            self._others.append(started)
        self._until_said(block, started, command.shown)

    def _interrupt(self, block: Block, command: Command) -> None:
        house = self.house
        assert house is not None
        already = len(house.said().splitlines())
        house.signal(signal.SIGINT)
        code = house.ended()
        assert code == 0, f"{block.place}: ended with {code}\n{house.said()}"
        line = missing(command.shown, self._there(house.said())[already:])
        assert line is None, f"{block.place}: not said: {line}\n{house.said()}"

    def _until_said(self, block: Block, house: Watched, shown: list[str]) -> None:
        what = f"{block.place}: all that is shown is said"
        house.until(lambda: missing(shown, self._there(house.said())) is None, SOON_S, what)

    def _here(self, text: str) -> str:
        text = re.sub(r"(?<![\w/])var\b", str(self.data_dir), text)
        return text.replace(PORT, self.port)

    def _there(self, text: str) -> list[str]:
        return text.replace(str(self.folder), HOME).replace(str(ROOT), HOME).splitlines()


def _is_well(session: Session) -> bool:
    status = session.call("status")
    states = {actor["state"] for actor in status["actors"]}
    measured = status["health"] is not None and status["health"]["clock_offset_ms"] is not None
    return (
        status["session"] == "ready"
        and states == {"running"}
        and status["equity"] is not None
        and measured
        and all(pair["book"] == "live" for pair in status["pairs"])
    )


def _has_traded(session: Session) -> bool:
    """Whether the first decision of the first pair has been filled."""
    found = session.call("explain", id="BTC_USDT/judgement/1/1.1")
    explained = {one["type"] for one in found["events"]} >= {"OrderFilled", "OrderFinished"}
    actors = session.call("status")["actors"]
    kept = [one for one in actors if one["kind"] in ("Trader", "Protector")]
    return explained and all(one["snapshot_age_s"] is not None for one in kept)


def _disagrees(session: Session) -> bool:
    status, alerts = session.call("status"), session.call("alerts", limit=1)
    told = bool(alerts) and alerts[0]["alert"] == "ledger_mismatch"
    return told and status["session"] == "starting"


CONDITIONS: dict[str, Callable[[Session], Any]] = {
    "well": _is_well,
    "traded": lambda session: _has_traded(session) and _is_well(session),
    "mismatch": _disagrees,
}
"""What a block may wait for."""
