"""The halt latch behind its port: one attribute, read by whoever is about to write an order."""


class Latch:
    """The `HaltLatch` port within one process. Reading and setting are atomic."""

    def __init__(self) -> None:
        self._reason: str | None = None

    @property
    def reason(self) -> str | None:
        """See `adapters.ports.HaltLatch.reason`."""
        return self._reason

    def set(self, reason: str) -> None:
        """See `adapters.ports.HaltLatch.set`."""
        self._reason = self._reason or reason

    def release(self) -> None:
        """See `adapters.ports.HaltLatch.release`."""
        self._reason = None
