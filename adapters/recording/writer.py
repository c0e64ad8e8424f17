"""Writes recordings: a thread of its own takes what has gathered, once a second.

A database of its own, so that it may be lost, copied or deleted without touching the journal, and
neither waits for the other.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from loguru import logger
from sqlite_utils import Database

from adapters.recording.codec import Born, Item, Missed, heard, pack

FILE_NAME = "recordings.db"
FLUSH_S = 1.0
WAITING_MAX = 200_000
"""Items that may wait for the disk; more are counted and left out."""
BLOCK_ITEMS = 5_000
_CACHE_KIB = 256
"""It writes at the end and takes away at the beginning: nothing is read twice."""


class _Instant(Protocol):
    @property
    def now_ns(self) -> int: ...
    @property
    def monotonic_ns(self) -> int: ...


class _Stored(Protocol):
    @property
    def schema(self) -> int: ...
    @property
    def payload(self) -> bytes: ...


class RecordingWriter:
    """One process's recording: the `Tape` of its runtime. Safe to use from any thread.

    Args:
        path: The database; made when missing.
        process: Names the process in decision ids.
        version: Of this program.
        config: The configuration as JSON, without secrets.
        now_ns: When it begins.
        keep_bytes: Oldest blocks go when all together are larger.
        context: Read with each message: what a handler can see that is no message.
    """

    def __init__(
        self,
        path: Path,
        *,
        process: str,
        version: str,
        config: bytes,
        now_ns: int,
        keep_bytes: int,
        context: Callable[[], str],
    ) -> None:
        self._context = context
        self._keep_bytes = keep_bytes
        self._waiting: deque[tuple[object, ...]] = deque()
        self._missed = 0
        self._lost = 0
        self._flushing = threading.Lock()
        self._ending = threading.Event()
        connection = sqlite3.connect(path, check_same_thread=False)
        self._database = Database(connection, execute_plugins=False)
        self._database.enable_wal()
        self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._database.table("runs").create(
            {"id": int, "process": str, "version": str, "config": str, "began_ns": int},
            pk="id",
            if_not_exists=True,
        )
        self._database.table("blocks").create(
            {"id": int, "run": int, "began_ns": int, "ended_ns": int, "size": int, "items": bytes},
            pk="id",
            foreign_keys=[("run", "runs", "id")],
            if_not_exists=True,
        )
        row = {
            "process": process,
            "version": version,
            "config": config.decode(),
            "began_ns": now_ns,
        }
        self._run = self._database.table("runs").insert(row).last_pk
        # Asked once: to ask each time would read every block that is kept.
        sizes = "SELECT coalesce(sum(size), 0) FROM blocks"
        self._bytes: int = self._database.execute(sizes).fetchone()[0]
        self._thread = threading.Thread(target=self._write, name="recording", daemon=True)
        self._thread.start()

    def born(self, address: str, incarnation: int, at: _Instant, snapshot: _Stored | None) -> None:
        """See `actors.kernel.tape.Tape.born`."""
        schema, payload = (None, b"") if snapshot is None else (snapshot.schema, snapshot.payload)
        self._take(
            (address, incarnation, at.now_ns, at.monotonic_ns, self._context(), schema, payload)
        )

    def handled(self, address: str, incarnation: int, at: _Instant, message: object) -> None:
        """See `actors.kernel.tape.Tape.handled`."""
        self._take((address, incarnation, at.now_ns, at.monotonic_ns, self._context(), message))

    @property
    def missed(self) -> int:
        """Messages that could not be kept, all together."""
        return self._lost

    def catch_up(self) -> None:
        """Write what has gathered before going on: for a caller whose time waits for it."""
        self._flush()

    def close(self) -> None:
        """Write what has gathered and end."""
        self._ending.set()
        self._thread.join()
        self._database.close()

    def _take(self, item: tuple[object, ...]) -> None:
        if len(self._waiting) >= WAITING_MAX:
            self._miss(1)
            return
        self._waiting.append(item)

    def _write(self) -> None:
        while not self._ending.wait(FLUSH_S):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        with self._flushing:
            try:
                while self._waiting:
                    self._keep([self._waiting.popleft() for _ in range(self._ready())])
                self._forget()
            except sqlite3.Error as error:
                logger.warning("the recording cannot be cut to its size: {}", error)

    def _miss(self, items: int) -> None:
        self._missed += items
        self._lost += items

    def _ready(self) -> int:
        return min(len(self._waiting), BLOCK_ITEMS)

    def _keep(self, taken: list[tuple[object, ...]]) -> None:
        try:
            self._store([_item(one) for one in taken])
        except (sqlite3.Error, TypeError) as error:
            # Trading goes on without it; the hole is marked in the next block that can be kept.
            self._miss(len(taken))
            logger.warning("the recording lost {} messages: {}", len(taken), error)

    def _store(self, items: list[Item]) -> None:
        missed = self._missed
        if missed:
            items.insert(0, Missed(items[0].now_ns, missed))
        block = pack(items)
        self._database.table("blocks").insert(
            {
                "run": self._run,
                "began_ns": items[0].now_ns,
                "ended_ns": items[-1].now_ns,
                "size": len(block),
                "items": block,
            }
        )
        self._bytes += len(block)
        self._missed -= missed

    def _forget(self) -> None:
        first = "SELECT id, size FROM blocks ORDER BY id LIMIT 1"
        while self._bytes > self._keep_bytes:
            oldest, size = self._database.execute(first).fetchone()
            self._database.table("blocks").delete(oldest)
            self._bytes -= size


def _item(taken: tuple[object, ...]) -> Item:
    return Born(*taken) if len(taken) == len(Born.__struct_fields__) else heard(*taken)  # type: ignore[arg-type]
