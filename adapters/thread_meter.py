"""The `ThreadMeter` port over Linux's own account of each thread."""

import os
from pathlib import Path

from adapters.ports import ThreadTime

_TASKS = Path("/proc/self/task")
_LINE = 128


class LinuxThreadMeter:
    """Reads `schedstat` of each thread: half a millisecond for thirty."""

    def times(self) -> dict[int, ThreadTime]:
        """See `adapters.ports.ThreadMeter.times`."""
        found: dict[int, ThreadTime] = {}
        try:
            threads = [path.name for path in _TASKS.iterdir()]
        except OSError:
            return found
        for thread in threads:
            try:
                file = os.open(f"{_TASKS}/{thread}/schedstat", os.O_RDONLY)
            except OSError:
                continue  # It has ended, or this system keeps no account.
            try:
                ran, waited, _ = os.read(file, _LINE).split()
                found[int(thread)] = ThreadTime(int(ran), int(waited))
            except (OSError, ValueError):
                continue
            finally:
                os.close(file)
        return found
