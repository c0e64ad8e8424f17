"""Reads recordings: one for each process, oldest first."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from adapters.recording.codec import Item, RecordingUnreadable, unpack


@dataclass(frozen=True)
class Recording:
    """What was recorded of one process."""

    path: Path
    run: int
    process: str
    version: str
    config: bytes
    """JSON, without secrets."""
    began_ns: int
    ended_ns: int
    is_whole: bool
    """Whether its beginning is still kept."""

    def items(self) -> Iterator[Item]:
        """Yield all that is kept of it, in order.

        Raises:
            RecordingUnreadable: A block is damaged.
        """
        database = _open(self.path)
        try:
            for (block,) in database.execute(
                "SELECT items FROM blocks WHERE run = ? ORDER BY id", (self.run,)
            ):
                yield from unpack(block)
        finally:
            database.close()


def read_recordings(path: Path, from_ns: int, to_ns: int) -> list[Recording]:
    """Return the recordings that reach into [from_ns, to_ns], oldest first.

    Raises:
        RecordingUnreadable: There is none, or none that can be read.
    """
    database = _open(path)
    try:
        rows = database.execute(
            "SELECT runs.id, process, version, config, runs.began_ns, max(ended_ns),"
            " min(blocks.began_ns) FROM runs JOIN blocks ON blocks.run = runs.id"
            " GROUP BY runs.id HAVING runs.began_ns <= ? AND max(ended_ns) >= ? ORDER BY runs.id",
            (to_ns, from_ns),
        ).fetchall()
    except sqlite3.Error as error:
        raise RecordingUnreadable(f"{path}: {error}") from None
    finally:
        database.close()
    found = []
    for run, process, version, config, began_ns, ended_ns, kept_ns in rows:
        # The recorder is born within moments; a later first block has lost what came before.
        is_whole = kept_ns - began_ns < GRACE_NS
        one = Recording(path, run, process, version, config.encode(), began_ns, ended_ns, is_whole)
        found.append(one)
    return found


GRACE_NS = 60_000_000_000


def _open(path: Path) -> Database:
    if not path.exists():
        raise RecordingUnreadable(f"{path}: there is no recording; was `recording.on` set?")
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        return Database(sqlite3.connect(uri, uri=True), execute_plugins=False)
    except sqlite3.Error as error:
        raise RecordingUnreadable(f"{path}: {error}") from None
