"""Threads share one heap where the C library is glibc, and the environment has the last word."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOUR_THREADS = """
import ctypes, sys, threading
sys.setswitchinterval(0.0001)
import adapters.allocator
print(adapters.allocator.share_one_arena())
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
barrier = threading.Barrier(4)
def take():
    barrier.wait()
    libc.malloc(ctypes.c_size_t(50_000))
    barrier.wait()
threads = [threading.Thread(target=take) for _ in range(4)]
for one in threads: one.start()
for one in threads: one.join()
libc.malloc_stats()
"""
"""What each thread takes comes from a heap of its own, or from the one of all."""


def arenas(**environment):
    told = subprocess.run(
        [sys.executable, "-c", FOUR_THREADS],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.strip(), told.stderr.count("Arena ")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_four_threads_share_one_heap_unless_the_environment_says_otherwise():
    assert arenas() == ("True", 1)
    told, count = arenas(MALLOC_ARENA_MAX="3")
    assert told == "False"
    assert 1 < count <= 3
