"""How the C library hands out memory, told that Python runs one thread at a time."""

import ctypes
import os

_M_ARENA_MAX = -8
"""Of glibc's malloc.h."""


def share_one_arena() -> bool:
    """Have all threads take memory from one place; to be called before they are started.

    glibc gives every thread a heap of its own, up to eight for each core, so that threads need not
    wait for one another. Ours wait for the interpreter anyhow, and what one of those heaps has
    free nobody else gets.

    Returns:
        Whether the library was told; it is left alone where the environment says what it should
        do, and where it is not glibc.
    """
    if "MALLOC_ARENA_MAX" in os.environ or "arena_max" in os.environ.get("GLIBC_TUNABLES", ""):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_M_ARENA_MAX, 1))
