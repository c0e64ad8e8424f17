"""One process per data directory: the operating system's lock, which dies with its holder."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from state.errors import StoreBusy, StoreRefused

_NAME = "lock"


class DataLock:
    """The right to write in a data directory. Whoever opens the store for writing shows one.

    It is taken once per process, not once per opening of the store: an actor that is restarted
    opens the store again, while the hung one before it may still have it open. Between those two
    the epoch decides; the lock is there for another process.
    """

    def __init__(self, directory: Path) -> None:
        """Take the lock of `directory`, which is made when it is missing.

        Raises:
            StoreBusy: If another process holds it; the text names that process.
            StoreRefused: If the directory cannot be made or written.
        """
        self.directory = directory
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(directory / _NAME, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreRefused(
                f"cannot use the data directory {directory}: {error.strerror}; "
                "name another one with --data-dir"
            ) from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._file, 32).decode(errors="replace").strip() or "not known yet"
            os.close(self._file)
            raise StoreBusy(
                f"another process holds the data directory {directory} (pid {holder}): "
                "stop that one, or name another directory with --data-dir"
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let another process take it; a second call does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
