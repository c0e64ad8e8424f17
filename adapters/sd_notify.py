"""Tells the service manager how we are, over the socket it gave us in `NOTIFY_SOCKET`.

The protocol is one datagram of `NAME=value` lines; without the variable every call does nothing.
Source: sd_notify(3).
"""

import os
import socket
from collections.abc import Mapping

_US_PER_S = 1_000_000


class ServiceManager:
    """Says READY, STOPPING and, again and again, that we are alive. Never blocks, never raises."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        """Read where to tell and how often.

        Args:
            environ: The environment; taken at construction only.
        """
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self.watchdog_s = _watchdog_s(environ)
        """We are killed when silent for so long; None where nobody watches. Tell twice in it."""

    def ready(self) -> bool:
        """Tell that the start is complete; return whether somebody was told."""
        return self._tell("READY=1")

    def stopping(self) -> bool:
        """Tell that the end has begun; return whether somebody was told."""
        return self._tell("STOPPING=1")

    def alive(self) -> bool:
        """Tell the watchdog that all is well; return whether somebody was told."""
        return self._tell("WATCHDOG=1")

    def status(self, text: str) -> bool:
        """Tell in a line what we are doing; return whether somebody was told."""
        return self._tell(f"STATUS={' '.join(text.split())}")

    def _tell(self, message: str) -> bool:
        if self._address is None:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
                # A full queue must not hold us up: the next word comes soon.
                out.setblocking(False)  # noqa: FBT003 - the socket's own signature
                out.sendto(message.encode(), self._address)
        except OSError:
            return False
        return True


def _address(name: str) -> str | None:
    if name.startswith("@"):
        # An abstract socket: its name begins with a zero byte.
        return "\0" + name[1:]
    return name if name.startswith("/") else None


def _watchdog_s(environ: Mapping[str, str]) -> float | None:
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        interval_us = int(environ.get("WATCHDOG_USEC", ""))
    except ValueError:
        return None
    return interval_us / _US_PER_S if interval_us > 0 else None
