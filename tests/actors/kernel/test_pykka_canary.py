"""The promise: what our actors are built on still behaves as pykka says.

pykka's own test suite runs against each of our backends. It is taken from the source distribution
of the pinned version, checked by the hash in our lock, so it is exactly theirs and never stale; it
is not copied into this repository. Where it cannot be had (no package index), the test is skipped.
"""

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
LOCK = ROOT / "requirements-dev.lock"


@pytest.fixture(scope="module")
def pykka_tests(request, tmp_path_factory):
    """Those tests, unpacked, with our backends in the place of its threads."""
    [locked] = re.findall(r"^pykka==.*(?:\n    --hash=.*)+", LOCK.read_text(), re.MULTILINE)
    version = re.match(r"pykka==(\S+)", locked)
    assert version is not None
    kept = Path(request.config.cache.mkdir("pykka")) / f"pykka-{version[1]}.tar.gz"
    if not kept.exists():
        wanted = tmp_path_factory.mktemp("wanted") / "requirements.txt"
        wanted.write_text(locked + "\n")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=:all:"]
        pip += [
            "--no-build-isolation",
            "--require-hashes",
            "-r",
            str(wanted),
            "-d",
            str(kept.parent),
        ]
        done = subprocess.run(pip, check=False, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"pykka's source distribution cannot be had: {done.stderr[-300:]}")
    unpacked = tmp_path_factory.mktemp("pykka")
    with tarfile.open(kept) as archive:
        archive.extractall(unpacked, filter="data")
    [source] = unpacked.iterdir()
    conftest = source / "tests" / "conftest.py"
    text, replaced = re.subn(
        r"^RUNTIMES = \{.*?^\}$",
        "from canary_backends import runtimes\nRUNTIMES = runtimes(Runtime)",
        conftest.read_text(),
        flags=re.MULTILINE | re.DOTALL,
    )
    assert replaced == 1, "pykka's tests no longer have a table of runtimes to put ours into"
    conftest.write_text(text)
    return source


def test_pykkas_own_tests_pass_on_every_backend(pykka_tests):
    path = os.pathsep.join(map(str, (pykka_tests, ROOT, HERE)))
    command = [sys.executable, "-m", "pytest", "tests", "-q", "-p", "no:cacheprovider"]
    command += ["-p", "no:asyncio", "-o", "addopts=", "--timeout=30", f"--rootdir={pykka_tests}"]
    done = subprocess.run(
        command,
        cwd=pykka_tests,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= 400, "fewer cases than three backends should have"
