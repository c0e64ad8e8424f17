"""`scripts/run` and `scripts/test`: from anywhere, and helpful where something is missing."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from scripts.proofs.processes import ROOT, environment

_TOOLS = ("sh", "cksum", "dirname", "basename", "cat", "rm", "env", "mkdir")


def is_installed() -> bool:
    """Whether `.venv` is what the lock says, so that nothing has to be installed."""
    mark = ROOT / ".venv" / ".installed-dev"
    lock = (ROOT / "requirements-dev.lock").read_bytes()
    told = subprocess.run(["cksum"], input=lock, capture_output=True, check=True)
    return mark.exists() and mark.read_text().strip() == told.stdout.decode().strip()


needs_environment = pytest.mark.skipif(not is_installed(), reason=".venv is not as the lock says")


@needs_environment
@pytest.mark.parametrize(
    ("script", "printed"), [("run", "gatehouse, version "), ("test", "pytest ")]
)
def test_it_runs_from_any_directory(tmp_path, script, printed):
    told = subprocess.run(
        [str(ROOT / "scripts" / script), "--version"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith(printed)
    assert "installing" not in told.stderr


@needs_environment
def test_exit_codes_come_through(tmp_path):
    told = subprocess.run(
        [str(ROOT / "scripts" / "run"), "config", "check", "--pairs", "nope"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 2
    assert "pairs" in told.stderr


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """Give a checkout without environment, and beside it a `bin` with tools but no Python."""
    (tmp_path / "house" / "scripts").mkdir(parents=True)
    for name in ("scripts/run", "scripts/_environment.sh", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path / "house" / name)
    (tmp_path / "bin").mkdir()
    for name in _TOOLS:
        found = shutil.which(name)
        assert found is not None
        (tmp_path / "bin" / name).symlink_to(found)
    return tmp_path


def launched(bare: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(bare / "bin" / "sh"), str(bare / "house" / "scripts" / "run")],
        env={"PATH": str(bare / "bin"), "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def a_python(bare: Path, script: str) -> None:
    """Put a `python3` of our own making on the path."""
    path = bare / "bin" / "python3"
    path.write_text(f"#!{bare / 'bin' / 'sh'}\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_without_python_the_package_is_named(bare):
    told = launched(bare)
    assert told.returncode == 1
    assert "needs Python 3.11 or newer" in told.stderr
    assert "apt install python3" in told.stderr


def test_an_old_python_is_no_python(bare):
    a_python(bare, "exit 1")
    assert "needs Python 3.11 or newer" in launched(bare).stderr


def test_without_venv_the_package_is_named_and_nothing_half_made_stays(bare):
    a_python(bare, f'case "$1" in -c) exit 0;; *) {bare / "bin" / "mkdir"} -p "$3"; exit 1;; esac')
    told = launched(bare)
    assert told.returncode == 1
    assert "apt install python3-venv" in told.stderr
    assert not (bare / "house" / ".venv").exists()
