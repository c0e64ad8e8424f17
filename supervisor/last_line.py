"""The last line against native code that never gives the interpreter back.

No thread of ours could notice, for none gets to run. The kernel counts what the process computes
and ends it when the main thread had no turn for so long. By computing, not by the clock: a process
that was stopped for a minute, or that a starved machine gave nothing, has not hung. Who waits for
ever and keeps the interpreter computes nothing; that is for those outside, the watchdog's process
(`supervisor/watchdog.py`) and the service manager.
"""

import faulthandler
import signal
from types import TracebackType
from typing import Self, TextIO


class LastLine:
    """Ends the process by SIGPROF, its stacks written. Entered and left by the main thread.

    Args:
        frozen_s: Seconds of computing, of all threads together, without a turn of the main thread.
        file: Where the stacks go.
    """

    def __init__(self, frozen_s: float, file: TextIO) -> None:
        self._frozen_s = frozen_s
        self._file = file

    def turn(self) -> None:
        """Say that the main thread has its turn: count from here."""
        signal.setitimer(signal.ITIMER_PROF, self._frozen_s)

    def pause(self) -> None:
        """Count nothing until the next turn: the main thread is about to wait for something."""
        signal.setitimer(signal.ITIMER_PROF, 0)

    def __enter__(self) -> Self:
        # First the stacks, then what the signal does by itself: it ends the process.
        faulthandler.register(signal.SIGPROF, self._file, all_threads=True, chain=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.pause()
        faulthandler.unregister(signal.SIGPROF)
