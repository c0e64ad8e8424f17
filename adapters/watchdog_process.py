"""The watchdog as a process of its own, started and kept alive by the house it looks after.

It outlives the house by design, and not for long: until another house is there, or until nothing
of ours rests.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from state.config import AfterKill, Secret, WatchdogSettings

LANDING_MORE_S = 1.0
_STOP_S = 2.0


class WatchdogProcess:
    """One for one house.

    Args:
        folder: Of the venue.
        settings: How long it waits for what.
        expiry_s: After so long the exchange refuses what the house has sent.
        key: API key; it reaches the process by its environment.
        secret: That belongs to it.
        environ: Our environment; own credentials of the watchdog in it go before these.
    """

    def __init__(
        self,
        folder: Path,
        settings: WatchdogSettings,
        *,
        expiry_s: float,
        key: Secret,
        secret: Secret,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._command = [sys.executable, "-m", "supervisor.watchdog", str(folder)]
        self._command += ["--silence", str(settings.silence_s), "--grace", str(settings.grace_s)]
        self._command += ["--give-up", str(settings.give_up_s)]
        self._command += ["--landing", str(expiry_s + LANDING_MORE_S)]
        if settings.after_kill is AfterKill.STAY_STOPPED:
            self._command.append("--stays-stopped")
        kept = {name: value for name, value in environ.items() if not name.startswith("GATEHOUSE_")}
        self._environ = kept | {"GATE_API_KEY": key.reveal(), "GATE_API_SECRET": secret.reveal()}
        self._environ["PYTHONPATH"] = str(Path(__file__).resolve().parents[1])
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> int:
        """Start it; return its process id."""
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            self._command,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            # It has a log of its own: whoever waits for the end of ours must not wait for it.
            stderr=subprocess.DEVNULL,
            # A terminal interrupts the whole group, and a group is killed as a whole.
            start_new_session=True,
        )
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def leave(self) -> None:
        """Let it do what is left: it outlives us, and none of us will wait for its end."""
        if self._process is not None:
            # A child that nobody waited for complains when forgotten; this one is left on purpose.
            self._process.returncode = 0

    def stop(self) -> None:
        """End it: there is nothing to look after any more."""
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
