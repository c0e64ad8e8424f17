"""Native code that keeps the interpreter ends the process; a pause of all of it does not."""

import signal
import subprocess
import sys
import time

import pytest

from scripts.proofs.processes import ROOT

LIMIT_S = 0.5
PATIENCE_S = 60
SCENE = f"""
import re, sys
from pathlib import Path
from supervisor.last_line import LastLine

with Path(sys.argv[1]).open("w") as stacks, LastLine({LIMIT_S}, stacks) as line:
    line.turn()
    print("ready", flush=True)
    if sys.stdin.readline().strip() == "hang":
        re.match("(a+)+b", "a" * 60)
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a process is stopped by signal")


@pytest.fixture
def process(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", SCENE, str(tmp_path / "stacks")],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == "ready\n"
        yield started
        started.kill()


def test_what_never_gives_the_interpreter_back_ends_with_its_stack_told(process, tmp_path):
    process.communicate("hang\n", PATIENCE_S)
    assert process.returncode == -signal.SIGPROF
    assert "re/__init__.py" in (tmp_path / "stacks").read_text()


def test_a_pause_of_twice_the_limit_is_no_hang(process, tmp_path):
    process.send_signal(signal.SIGSTOP)
    began_s = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2 * LIMIT_S)
    assert time.monotonic() - began_s >= 2 * LIMIT_S
    process.send_signal(signal.SIGCONT)
    process.communicate("end\n", PATIENCE_S)
    assert process.returncode == 0
    assert (tmp_path / "stacks").read_text() == ""
