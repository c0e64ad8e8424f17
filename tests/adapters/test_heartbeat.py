"""The sign of life of a house: whole whenever it is read, of a process that is still the same."""

import os
import subprocess
import sys

import pytest

from adapters.heartbeat import (
    BEATING,
    ENDED,
    HEARTBEAT,
    STARTING,
    Heartbeat,
    Sign,
    birth_of,
    is_alive,
    read_sign,
)


def test_what_is_written_is_read(tmp_path):
    heart = Heartbeat(tmp_path)
    first = read_sign(tmp_path)
    assert first is not None
    assert (first.pid, first.state, first.rest) == (os.getpid(), STARTING, "")
    heart.trades_at("http://127.0.0.1:1/api/v4")
    heart.beat(BEATING)
    second = read_sign(tmp_path)
    assert second is not None
    assert (second.state, second.rest) == (BEATING, "http://127.0.0.1:1/api/v4")
    assert second.beat_ns > first.beat_ns
    heart.close(ENDED)
    last = read_sign(tmp_path)
    assert last is not None
    assert last.state == ENDED


def test_it_is_closed_to_others(tmp_path):
    Heartbeat(tmp_path)
    assert (tmp_path / HEARTBEAT).stat().st_mode & 0o777 == 0o600


def test_a_disk_that_takes_nothing_ends_nobody(tmp_path):
    heart = Heartbeat(tmp_path / "missing")
    heart.beat(BEATING)
    heart.close(ENDED)
    assert read_sign(tmp_path / "missing") is None


@pytest.mark.parametrize("content", ["", "1 2", "one 2 3 beating\n", "\0" * 80])
def test_what_nobody_can_read_is_no_sign(tmp_path, content):
    (tmp_path / HEARTBEAT).write_text(content)
    assert read_sign(tmp_path) is None


def a_sign(pid, born):
    return Sign(pid=pid, born=born, beat_ns=0, state=BEATING, rest="")


def test_we_are_alive_and_whoever_had_our_number_before_is_not():
    assert is_alive(a_sign(os.getpid(), birth_of(os.getpid())))
    assert not is_alive(a_sign(os.getpid(), birth_of(os.getpid()) - 1))


def test_a_process_that_has_ended_and_waits_to_be_collected_is_not_alive():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    sign = a_sign(process.pid, birth_of(process.pid))
    assert is_alive(sign)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # Ended, and not collected.
    assert not is_alive(sign)
    process.communicate()
    assert not is_alive(sign)
