"""What the process tells those outside that look after it: a heartbeat, and who reads it."""

import contextlib
from pathlib import Path
from typing import Any

import msgspec
from loguru import logger
from msgspec.structs import replace

from adapters.gate.signing import Credentials
from adapters.heartbeat import BEATING, ENDED, FAILED, STARTING, Heartbeat
from adapters.watchdog_process import WatchdogProcess
from state.config import Config, WatchdogMode
from state.messages.operations import AlertRaised, Severity
from state.values import TimeNs
from supervisor.watchdog import REPORT

OWN_GIVE_UP_S = 3.0


class LifeSigns:
    """One per process, made by who holds the data directory's lock.

    Args:
        folder: Of the venue.
        config: Whether there is a watchdog, and how patient it is.
    """

    def __init__(self, folder: Path, config: Config) -> None:
        self._folder = folder
        self._config = config
        self._heartbeat = Heartbeat(folder)
        self._watchdog: WatchdogProcess | None = None

    def begin(self, rest: str, credentials: Credentials, *, is_own: bool) -> None:
        """Say where we trade, and have a watchdog that knows what to do there.

        Args:
            rest: Address of the exchange's REST interface.
            credentials: Of the account.
            is_own: Whether that exchange ends with us: nobody has to ask for it for long.
        """
        self._heartbeat.trades_at(rest)
        if self._config.watchdog.mode is WatchdogMode.OFF:
            return
        known = self._config.watchdog
        self._watchdog = WatchdogProcess(
            self._folder,
            replace(known, give_up_s=min(known.give_up_s, OWN_GIVE_UP_S)) if is_own else known,
            expiry_s=self._config.orders.expiry_s,
            key=credentials.key,
            secret=credentials.secret,
        )
        logger.info("the watchdog is process {}", self._watchdog.start())

    def beat(self) -> None:
        """Say that all is well."""
        self._heartbeat.beat(BEATING)

    def busy(self) -> None:
        """Say that we live, and that it may take a minute until the next word."""
        self._heartbeat.beat(STARTING)

    def look_after_watchdog(self) -> None:
        """Start it again when it has died."""
        if self._watchdog is not None and not self._watchdog.alive:
            logger.error("the watchdog has died; starting it again")
            self._watchdog.start()

    def end(self, *, well: bool) -> None:
        """Say how we ended; what did not end well leaves the watchdog to do what is left."""
        self._heartbeat.close(ENDED if well else FAILED)
        if self._watchdog is None:
            return
        if well:
            self._watchdog.stop()
        else:
            self._watchdog.leave()

    def news(self) -> AlertRaised | None:
        """Return, once, what the watchdog of an earlier house has done."""
        path = self._folder / REPORT
        try:
            report = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        except (OSError, msgspec.DecodeError):
            return None
        with contextlib.suppress(OSError):
            path.unlink()
        left = f"; {report['left']}" if report.get("left") else ""
        text = (
            f"the house of process {report.get('house')}: {report.get('why')}; "
            f"{len(report.get('cancelled') or ())} orders cancelled{left}"
        )
        logger.warning("the watchdog acted: {}", text)
        return AlertRaised(
            alert="watchdog_acted",
            severity=Severity.CRITICAL,
            text=text,
            at_ns=TimeNs(int(float(report.get("at_s") or 0) * 1e9)),
        )
