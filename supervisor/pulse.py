"""The pulse of the tree: whether every supervisor still answers."""

from pykka import ActorDeadError, Timeout

from actors.kernel.backend import SteppedFuture
from actors.kernel.runtime import Runtime
from supervisor.management import CountChildren
from supervisor.tree import ROOT

PATIENCE_S = 2.0
"""A supervisor that has not answered for so long does not answer."""
_RUNNING = "running"


class Pulse:
    """Asks every supervisor how many children it has, again and again, and waits for nobody.

    Args:
        runtime: Where they live.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._asked: dict[str, tuple[int, SteppedFuture]] = {}

    def beats(self) -> bool:
        """Ask whoever has answered again; return whether nobody has been silent for too long.

        Supervisors that are being restarted are left out: whoever restarts them answers.
        """
        now_ns = self._runtime.clock.monotonic_ns()
        board = dict(self._runtime.board)
        names = {report.supervisor for report in board.values()} | {ROOT}
        living = {
            name for name in names if name not in board or board[name].state == _RUNNING
        } & set(self._runtime.mailboxes)
        self._asked = {
            name: asked
            for name, asked in self._asked.items()
            if name in living and not _is_answered(asked[1])
        }
        for name in living - set(self._asked):
            future = self._runtime.ask_later(name, CountChildren(), control=True)
            self._asked[name] = (now_ns, future)
        oldest_ns = min((asked_ns for asked_ns, _ in self._asked.values()), default=now_ns)
        return now_ns - oldest_ns < PATIENCE_S * 1e9


def _is_answered(future: SteppedFuture) -> bool:
    try:
        future.get(timeout=0)
    except Timeout:
        return False
    except ActorDeadError:
        return True
    return True
