"""The process's log: everything said through loguru or the standard library ends here.

Saying something costs the caller a queue: formatting, redacting and writing happen on a thread of
their own. Where more is said than can be written, lines are dropped and counted, never waited for.

What is lost: an orderly end writes everything. `kill -9` loses what has not been written yet,
ordinarily the last millisecond; what has been written is with the operating system and survives
the process, though not a power cut.
"""

import atexit
import logging
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO, cast

from loguru import logger

from adapters.log_files import RotatingFile
from adapters.log_lines import Line, Redactor, Repeats, human, machine
from state.config.secret import Secret
from state.config.settings import LogFormat, LogLevel, LogSettings

if TYPE_CHECKING:
    from loguru import Message, Record

FILE_NAME = "gatehouse.log"
_QUEUED_MAX = 20_000
_BATCH_MAX = 1000
_HANDOVER_S = 1.0
_REPEATS_S = 5.0
_CLOSE_S = 5.0
_QUIET = ("aiohttp", "asyncio", "gate_api", "pykka", "urllib3", "websockets")
"""Libraries that speak through the standard library, heard from `warning` on."""


class Log:
    """The one log of a process; takes over loguru, the standard library and uncaught errors."""

    def __init__(
        self,
        settings: LogSettings,
        *,
        folder: Path | None = None,
        secrets: Iterable[Secret] = (),
        console: TextIO | None = sys.stderr,
    ) -> None:
        """Take over at once.

        Args:
            settings: Level, format and how much disk.
            folder: Where the files go, made when missing; None writes none.
            secrets: Never shown, in whatever is logged.
            console: Where lines are shown; None shows none.
        """
        self._render = machine if settings.format is LogFormat.JSON else human
        self._redactor = Redactor(secret.reveal() for secret in secrets)
        self._console = console
        self._file: RotatingFile | None = None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = RotatingFile(
                folder / FILE_NAME,
                bytes_max=settings.file_size_mb * 1_000_000,
                kept=settings.files_kept,
            )
        self._levels = {"": settings.level} | dict.fromkeys(_QUIET, LogLevel.WARNING)
        self._thresholds: dict[str, int] = {}
        self._lines: queue.SimpleQueue[Line | None] = queue.SimpleQueue()
        self._dropped = 0
        self._repeats = Repeats(_REPEATS_S)
        self._handler: int | None = None
        self._lowest = -1
        self._retired: deque[tuple[float, int]] = deque()
        self._writer = threading.Thread(target=self._write_all, name="log", daemon=True)
        self._writer.start()
        logger.remove()
        self._install()
        self._restore = _take_over(self._levels)
        atexit.register(self.close)

    def set_level(self, subsystem: str, level: str) -> None:
        """Change how much `subsystem` and what is beneath it says, from now on.

        Args:
            subsystem: A module or package such as `adapters.gate`; empty for all the others.
            level: `trace`, `debug`, `info`, `warning`, `error` or `critical`, in any case.

        Raises:
            ValueError: There is no such level.
        """
        self._levels[subsystem] = LogLevel(level.lower())
        self._thresholds = {}
        logging.getLogger(subsystem or None).setLevel(_number(self._levels[subsystem]))
        self._install()

    def levels(self) -> dict[str, str]:
        """Return the level of each subsystem that has one of its own; empty is all the others."""
        return {name: level.value for name, level in self._levels.items()}

    def hide(self, secret: Secret) -> None:
        """Never show `secret` from now on."""
        self._redactor.hide(secret.reveal())

    def close(self) -> None:
        """Write everything that was said and give up the log. Twice is harmless."""
        if self._handler is None:
            return
        atexit.unregister(self.close)
        self._restore()
        logger.remove(self._handler)
        self._handler = None
        self._lines.put(None)
        self._writer.join(_CLOSE_S)
        self._retire(float("inf"))
        if self._file is not None:
            self._file.close()

    def _install(self) -> None:
        """Put a handler with the lowest wanted level in the place of the one before it.

        What is wanted nowhere then costs its caller next to nothing.
        """
        lowest = min(_number(level) for level in self._levels.values())
        if lowest == self._lowest:
            return
        self._lowest = lowest
        if self._handler is not None:
            # Somebody may be about to speak to it: it stays a while.
            self._retired.append((time.monotonic(), self._handler))
        self._handler = logger.add(
            self._take,
            level=lowest,
            filter=self._is_wanted,
            format=_only_the_exception,
            # Both would show the values of variables, and so one day a secret.
            backtrace=False,
            diagnose=False,
        )

    def _retire(self, before_s: float) -> None:
        while self._retired and self._retired[0][0] < before_s:
            logger.remove(self._retired.popleft()[1])

    def _is_wanted(self, record: "Record") -> bool:
        name = record["name"] or ""
        threshold = self._thresholds.get(name)
        if threshold is None:
            threshold = self._thresholds[name] = _number(self._level_of(name))
        return record["level"].no >= threshold

    def _level_of(self, name: str) -> LogLevel:
        while name and name not in self._levels:
            name = name.rpartition(".")[0]
        return self._levels[name]

    def _take(self, message: "Message") -> None:
        record = cast("dict[str, Any]", message.record)
        # While one handler takes over from another, both are handed the same record.
        if record.setdefault("taken_by", message) is not message:
            return
        if self._lines.qsize() >= _QUEUED_MAX:
            self._dropped += 1
            return
        self._lines.put(
            Line(
                time=record["time"],
                level=record["level"].name,
                subsystem=record["name"] or "",
                text=record["message"],
                exception=str(message),
                extra=record["extra"],
            )
        )

    def _write_all(self) -> None:
        is_open = True
        while is_open:
            batch: list[Line] = []
            try:
                line = self._lines.get(timeout=self._repeats.next_due_s(time.monotonic()))
                while line is not None:
                    batch.append(line)
                    if len(batch) == _BATCH_MAX:
                        break
                    line = self._lines.get_nowait()
                is_open = line is not None
            except queue.Empty:
                pass
            self._write(batch, is_last=not is_open)

    def _write(self, batch: list[Line], *, is_last: bool) -> None:
        now_s = time.monotonic()
        self._retire(now_s - _HANDOVER_S)
        new = [line for line in batch if self._repeats.is_new(line, now_s)]
        new += self._repeats.due(now_s, everything=is_last)
        dropped, self._dropped = self._dropped, 0
        if dropped:
            new.append(_ours(f"{dropped} lines were dropped: more was said than written"))
        shown = [self._render(self._redactor.cleaned(line)) for line in new]
        if self._file is not None:
            try:
                for text in shown:
                    self._file.write(text.encode("utf-8", "replace"))
            except OSError as error:
                shown.append(self._render(_ours(f"the log file does not take this: {error}")))
        if self._console is not None and shown:
            try:
                self._console.write("".join(shown))
                self._console.flush()
            except (OSError, ValueError):
                # Whoever read us is gone, or the stream is closed; the file goes on.
                self._console = None


class _FromStandardLibrary(logging.Handler):
    """Hands what libraries say through `logging` to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            text = f"{record.msg} {record.args}"
        try:
            level: str | int = logger.level(record.levelname).name
        except ValueError:
            level = record.levelno

        def by_its_name(told: "Record") -> None:
            told["name"] = record.name

        speaker = logger.patch(by_its_name).opt(exception=record.exc_info)
        speaker.log(level, "{}", text)


def _take_over(levels: dict[str, LogLevel]) -> Callable[[], None]:
    """Lead the standard library and uncaught errors here; return how to undo it."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level, sys.excepthook, threading.excepthook)
    root.handlers[:] = [_FromStandardLibrary()]
    for name, level in levels.items():
        logging.getLogger(name or None).setLevel(_number(level))
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread

    def restore() -> None:
        root.handlers[:] = before[0]
        root.setLevel(before[1])
        sys.excepthook, threading.excepthook = before[2], before[3]

    return restore


def _uncaught(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logger.opt(exception=(kind, error, traceback)).critical("uncaught")


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_type is SystemExit or args.exc_value is None:
        return
    name = args.thread.name if args.thread else "a thread that is gone"
    error = (args.exc_type, args.exc_value, args.exc_traceback)
    logger.opt(exception=error).critical("uncaught in {}", name)


def _only_the_exception(_record: "Record") -> str:
    # The text is taken from the record, so all that loguru has to write is the traceback.
    return "{exception}"


def _number(level: LogLevel) -> int:
    return logger.level(level.value.upper()).no


def _ours(text: str) -> Line:
    return Line(time=datetime.now(UTC), level="ERROR", subsystem=__name__, text=text)
