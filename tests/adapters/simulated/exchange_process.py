"""Starting the exchange as a process of its own and talking to its control endpoints."""

import contextlib
import json
import select
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
READY_S = 30.0


class ExchangeProcess:
    """A running exchange."""

    def __init__(self, process: subprocess.Popen[str], ready: dict[str, Any]) -> None:
        self.process = process
        self.rest: str = ready["rest"]
        self.ws: str = ready["ws"]
        self.key: str = ready["key"]
        self.secret: str = ready["secret"]

    @property
    def port(self) -> int:
        return int(self.rest.split(":")[2].split("/")[0])

    def control(self, path: str, body: Any = None) -> Any:
        """Ask `/control/...`; with a body, post it."""
        url = self.rest.removesuffix("/api/v4") + "/control/" + path
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data)  # noqa: S310 - our own loopback server
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return json.load(answer)


def started(*arguments: str) -> subprocess.Popen[str]:
    """Start the command; every warning in it is an error."""
    command = [sys.executable, "-W", "error", "-m", "supervisor.commands.exchange", *arguments]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ready(process: subprocess.Popen[str]) -> ExchangeProcess:
    """Wait for the line that says so."""
    assert process.stdout is not None
    assert process.stderr is not None
    readable, _, _ = select.select([process.stdout], [], [], READY_S)
    line = process.stdout.readline() if readable else ""
    if not line:
        process.kill()
        raise AssertionError(f"not ready: {process.stderr.read()}")
    return ExchangeProcess(process, json.loads(line))


@contextlib.contextmanager
def running_exchange(*arguments: str) -> Iterator[ExchangeProcess]:
    """Serve an exchange; it must end cleanly and silently."""
    process = started("--exit-with-parent", *arguments)
    with process:
        try:
            exchange = ready(process)
            yield exchange
        finally:
            process.send_signal(signal.SIGTERM)
            _, complaints = process.communicate(timeout=20)
        assert process.returncode == 0, complaints
        assert complaints == "", complaints
