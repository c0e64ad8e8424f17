"""The stacks of every thread in a file, on a signal: what a house hung on, without ending it.

`faulthandler.register` writes them inside the signal's handler, while other threads go on to change
the very frames it walks: one dump in some hundreds ended the process. Here a thread of its own is
told of the signal by the interpreter and writes while it holds the interpreter, so nothing moves.
A main thread that hangs holds nothing up; native code that keeps the interpreter does, and that is
for `supervisor/last_line.py`.
"""

import faulthandler
import os
import signal
import threading
from types import TracebackType
from typing import Self, TextIO


class StacksOnSignal:
    """Writes all stacks to a file whenever a signal comes. Entered and left by the main thread.

    Args:
        number: The signal.
        file: Where they go.
    """

    def __init__(self, number: signal.Signals, file: TextIO) -> None:
        self._number = number
        self._file = file
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._thread = threading.Thread(target=self._run, name="stacks", daemon=True)

    def __enter__(self) -> Self:
        # The interpreter writes the number of each signal it handles there, whichever thread
        # received it and whatever the main thread does.
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._before = signal.signal(self._number, lambda _number, _frame: None)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        signal.signal(self._number, self._before)
        signal.set_wakeup_fd(-1)
        os.close(self._write)
        self._thread.join()
        os.close(self._read)

    def _run(self) -> None:
        while numbers := os.read(self._read, 64):
            if self._number in numbers:
                faulthandler.dump_traceback(self._file)
