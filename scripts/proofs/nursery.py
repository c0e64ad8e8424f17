"""A process that has our modules in memory and forks a house or an exchange for whoever asks.

A proof that starts a house a thousand times would spend most of its time importing the same
modules. What it forks runs the same command line as `python -m supervisor` would, is its own
session and is killed like any other; only the imports are behind it.

Run as `python -m scripts.proofs.nursery`: one JSON object a line, on standard input and output.
"""

import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

ROOT = Path(__file__).resolve().parents[2]
MODULES = (
    "supervisor.__main__",
    "supervisor.application",
    "supervisor.commands.run",
    "supervisor.worlds.gate",
    "supervisor.commands.exchange",
    "adapters.simulated.server.process",
)
"""What the two consist of; whatever a line of it imports late it imports late here too."""


class Born:
    """A forked process, with what a proof uses of `subprocess.Popen`."""

    stdout: IO[bytes] | None = None

    def __init__(self, nursery: "Nursery", pid: int) -> None:
        self._nursery = nursery
        self.pid = pid
        self.returncode: int | None = None
        self._end = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Return its exit code, negative for a signal; None while it lives."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return its exit code.

        Raises:
            subprocess.TimeoutExpired: It lives on.
        """
        if self.returncode is None:
            if not select.select([self._end], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
            self.returncode = int(self._nursery.ask(reap=self.pid)["code"])
            os.close(self._end)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, if it lives."""
        if self.poll() is None:
            signal.pidfd_send_signal(self._end, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


class Nursery:
    """Started once by a proof; its children do not outlive a proof that closes what it started.

    Args:
        environ: The environment of all that is born here.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "scripts.proofs.nursery"],
            cwd=ROOT,
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._answer()

    def start(self, arguments: Iterable[str], complaints: Path, says: Path) -> Born:
        """Fork a process with these arguments of `python -m supervisor`.

        Args:
            arguments: Its command line.
            complaints: File of its standard error, appended to.
            says: File of its standard output, appended to.
        """
        files = {"complaints": str(complaints), "says": str(says)}
        answer = self.ask(arguments=list(arguments), **files)
        return Born(self, int(answer["pid"]))

    def ask(self, **question: Any) -> dict[str, Any]:
        """Put one question and return its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the nursery has ended"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End it; who is still alive stays so."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def main() -> None:
    """Import everything, then fork whenever asked, until nobody can ask any more."""
    for module in MODULES:
        importlib.import_module(module)
    # Nothing of this is ever garbage: a child's collector need not touch, hence copy, its pages.
    gc.collect()
    gc.freeze()
    print(json.dumps({"pid": os.getpid()}), flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        if "reap" in question:
            _, status = os.waitpid(question["reap"], 0)
            answer = {"code": os.waitstatus_to_exitcode(status)}
        else:
            pid = os.fork()
            if not pid:
                _live(question["arguments"], question["says"], question["complaints"])
            answer = {"pid": pid}
        print(json.dumps(answer), flush=True)


def _live(arguments: list[str], *files: str) -> None:
    """Become a house or an exchange, which writes to these two files; never returns."""
    code = 1
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        for number, file in enumerate(files, 1):
            os.dup2(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644), number)
        sys.argv = ["supervisor", *arguments]
        from supervisor.__main__ import main as supervise  # noqa: PLC0415 (imported long since)

        supervise(prog_name="python -m supervisor")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 (told, and the end of this process)
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        # As a house ends: its threads are daemons, nothing of the nursery's is to be tidied.
        os._exit(code)


if __name__ == "__main__":
    main()
