"""The `ProcessMeter` port over psutil."""

import psutil


class SystemProcessMeter:
    """See `adapters.ports.ProcessMeter`; measures the process it is made in."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        # The first reading only marks the beginning and says 0.
        self._process.cpu_percent()

    def cpu_percent(self) -> float:
        """See `adapters.ports.ProcessMeter.cpu_percent`."""
        return float(self._process.cpu_percent())

    def rss_bytes(self) -> int:
        """See `adapters.ports.ProcessMeter.rss_bytes`."""
        return int(self._process.memory_info().rss)

    def threads(self) -> int:
        """See `adapters.ports.ProcessMeter.threads`."""
        return int(self._process.num_threads())

    def fds(self) -> int:
        """See `adapters.ports.ProcessMeter.fds`; handles where the system has no descriptors."""
        if psutil.WINDOWS:
            return int(self._process.num_handles())
        return int(self._process.num_fds())
