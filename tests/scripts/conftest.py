"""One house for all scripts that only look, and how a script is run."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.proofs.processes import ACTIVE, ROOT, House, environment

SYSTEM_PYTHON = str(Path(sys.base_prefix) / "bin" / "python3")
"""The one outside of any virtual environment."""


class Script:
    """A script of `scripts/`, run with the system's Python."""

    def __init__(self, name: str) -> None:
        self._command = [SYSTEM_PYTHON, str(ROOT / "scripts" / name)]

    def run(
        self, *arguments: str, cwd: Path = ROOT, environ: dict[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run it to its end."""
        return subprocess.run(
            [*self._command, *arguments],
            cwd=cwd,
            env=environment() | (environ or {}),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start it and let it go on."""
        return subprocess.Popen(
            [*self._command, *arguments],
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Give a house that has traded."""
    with House(tmp_path_factory.mktemp("house"), settings=ACTIVE) as running:
        running.until_ready()
        running.until_fills(2)
        yield running


@pytest.fixture
def here(house: House) -> tuple[str, str]:
    """Give the option that leads a script to the house."""
    return ("--data-dir", str(house.data_dir))
