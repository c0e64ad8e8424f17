"""Imported first by scripts that a person runs: goes on in `.venv` when started outside of it."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_PYTHON = ROOT / ".venv" / "bin" / "python"

if Path(sys.prefix) != ROOT / ".venv" and _PYTHON.exists():
    os.execv(_PYTHON, [str(_PYTHON), *sys.argv])  # noqa: S606 (our own interpreter, no shell)
sys.path.insert(0, str(ROOT))


def place(data_dir: str | None, venue: str) -> Path:
    """Return the folder of `venue`: under `data_dir` from here, or beside the code by default."""
    return (ROOT / "var" if data_dir is None else Path.cwd() / data_dir) / venue
