"""A file that starts anew when it is full, and never takes more than its share of the disk."""

import os
from pathlib import Path
from typing import BinaryIO


class RotatingFile:
    """`name`, and its predecessors `name.1` (newest) to `name.N`. One thread."""

    def __init__(self, path: Path, *, bytes_max: int, kept: int) -> None:
        """Prepare; the first write opens it.

        Args:
            path: Its folder exists.
            bytes_max: Of one file, >= 1; with `kept` it caps what all of them take.
            kept: How many predecessors stay, >= 0.
        """
        self._path = path
        self._bytes_max = bytes_max
        self._kept = kept
        self._file: BinaryIO | None = None
        self._size = 0

    def write(self, data: bytes) -> None:
        """Append `data`; it is with the operating system when this returns.

        Raises:
            OSError: The disk does not take it; the next write tries again.
        """
        if self._file is not None and self._size + len(data) > self._bytes_max and self._size:
            self._rotate()
        if self._file is None:
            self._open()
        assert self._file is not None, "opened just now"
        try:
            self._file.write(data)
            self._file.flush()
        except OSError:
            self.close()
            raise
        self._size += len(data)

    def close(self) -> None:
        """Close the file; a later write opens it again."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _open(self) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._file = os.fdopen(descriptor, "ab", buffering=0)
        self._size = os.fstat(descriptor).st_size
        if self._size >= self._bytes_max:
            self._rotate()
            self._open()

    def _rotate(self) -> None:
        self.close()
        if self._kept == 0:
            self._path.unlink(missing_ok=True)
            return
        for number in range(self._kept - 1, 0, -1):
            older = self._numbered(number)
            if older.exists():
                older.replace(self._numbered(number + 1))
        self._path.replace(self._numbered(1))

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")
