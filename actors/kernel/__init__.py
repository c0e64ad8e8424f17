"""The actor machine: mailboxes, incarnations, two runtimes. All that the concerns need is here.

Read `mailbox` first (identity, lanes, epochs), then `actor` (what a handler may do), `runtime`
(births and deaths), then `live` and `virtual`.
"""

from actors.kernel.actor import Actor
from actors.kernel.lifecycle import (
    ChildDied,
    ChildReport,
    Cycle,
    Drill,
    Exited,
    ExitKind,
    Fault,
    Hung,
    Restarted,
    Shutdown,
    Started,
    Terminated,
)
from actors.kernel.mailbox import LanePolicy, WhenFull
from actors.kernel.runtime import Birthright, Runtime, StartFailed, Timer

__all__ = [
    "Actor",
    "Birthright",
    "ChildDied",
    "ChildReport",
    "Cycle",
    "Drill",
    "ExitKind",
    "Exited",
    "Fault",
    "Hung",
    "LanePolicy",
    "Restarted",
    "Runtime",
    "Shutdown",
    "StartFailed",
    "Started",
    "Terminated",
    "Timer",
    "WhenFull",
]
