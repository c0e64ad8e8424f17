"""A disk of a house's own that a proof can fill and empty while the house writes to it.

A small file system in memory where mounting is allowed: then the system itself says ENOSPC. Else
the house may not write beyond some length of any file (RLIMIT_FSIZE): then it says EFBIG.
"""

import os
import resource
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

SIZE = 1 << 30
"""Bytes; of memory only what is written is taken."""
TRIES = 50


class SmallDisk:
    """A folder for a house, on a disk of its own if that can be had.

    Args:
        folder: Made if it is not there.
        mounts: Whether to try to.
    """

    def __init__(self, folder: Path, *, mounts: bool = True) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.mounted = mounts and os.geteuid() == 0 and _mount(folder, f"size={SIZE}")
        self.kind = "tmpfs, ENOSPC" if self.mounted else "RLIMIT_FSIZE, EFBIG"
        """How it is filled, in words."""

    def fill(self, pid: int, left: int = 0) -> None:
        """Leave room for `left` bytes more, roughly, to the process `pid`.

        Without a disk of its own no file of the process may be written beyond so many bytes.
        """
        if self.mounted:
            # The system refuses a size below what is used, and the house may write meanwhile; a
            # size of 0 would mean: no limit.
            for more in range(TRIES):
                used = shutil.disk_usage(self.folder).used
                size = used + left + (more + 1) * resource.getpagesize()
                if _mount(self.folder, f"remount,size={size}"):
                    return
            raise OSError(f"{self.folder} cannot be made smaller")
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (left, resource.RLIM_INFINITY))

    def free(self) -> None:
        """Give room again; without a disk of its own only to processes that start from now on."""
        if self.mounted:
            assert _mount(self.folder, f"remount,size={SIZE}")

    def close(self) -> None:
        """Take it away with all that is on it."""
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=False)  # noqa: S603, S607
            self.mounted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _mount(folder: Path, options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0  # noqa: S603
