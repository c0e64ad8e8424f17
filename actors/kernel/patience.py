"""How much of the time in a handler counts against it: not what the machine kept from it. Pure.

By the clock alone a starved machine looks like an actor that hangs, every actor at once. What is
told apart here: a handler that waits for ever, one that computes for ever, and one that would go on
if it were given a processor.
"""

from collections.abc import Mapping

from adapters.ports import ThreadTime

LEAST_SHARE = 8
"""However starved the process is, one part in so many of the time counts: who waits is found."""


def present_ns(elapsed_ns: int, poll_ns: int) -> int:
    """Return how much of the time between two looks there was somebody to run at all.

    The look is a witness: one that came late says that nobody came to run meanwhile, as when the
    whole process was stopped.

    Args:
        elapsed_ns: Between the looks.
        poll_ns: What it should have been, > 0.
    """
    assert poll_ns > 0
    return min(elapsed_ns, poll_ns)


def counted_ns(
    spent_ns: int,
    before: Mapping[int, ThreadTime],
    after: Mapping[int, ThreadTime],
    thread: int | None,
) -> int:
    """Return how much of the time in a handler counts, by the system's account of our threads.

    Python runs one thread at a time, so whoever of them could run and was given no processor held
    up all others as well. What the handler's own thread has computed counts in any case.

    Args:
        spent_ns: In the handler, between the two accounts.
        before: The account at the beginning; a thread that is not in both counts for nothing.
        after: The account at the end.
        thread: Native id of the handler's own.
    """
    starved_ns = sum(
        times.waited_ns - before[one].waited_ns for one, times in after.items() if one in before
    )
    ran_ns = 0
    if thread is not None and thread in before and thread in after:
        ran_ns = after[thread].ran_ns - before[thread].ran_ns
    return max(ran_ns, spent_ns - starved_ns, spent_ns // LEAST_SHARE)
