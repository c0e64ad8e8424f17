"""Snapshots that go to the recorder: kept in memory for restarts, on disk for the next process."""

from collections.abc import Callable, Mapping

from actors.kernel.snapshots import MemorySnapshots, Stored


class RecordedSnapshots(MemorySnapshots):
    """A `SnapshotStore` whose states also leave for the disk.

    Args:
        primed: The newest states on disk, by address.
        keep: Hands one to whoever writes it; must not block.
    """

    def __init__(self, primed: Mapping[str, Stored], keep: Callable[[str, Stored], None]) -> None:
        super().__init__(primed)
        self._keep = keep

    def save(self, address: str, stored: Stored) -> None:
        """See `SnapshotStore.save`."""
        super().save(address, stored)
        self._keep(address, stored)
