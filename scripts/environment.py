"""Imported first by scripts that a person runs: goes on in `.venv` when started outside of it."""

import importlib.util
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_PYTHON = ROOT / ".venv" / "bin" / "python"
_NOTHING = 3

if Path(sys.prefix) != ROOT / ".venv" and _PYTHON.exists():
    os.execv(_PYTHON, [str(_PYTHON), *sys.argv])  # noqa: S606 (our own interpreter, no shell)
if importlib.util.find_spec("click") is None:
    # Without an environment no house has been started from here either.
    print(f"gatehouse: no environment yet; {ROOT / 'scripts' / 'run'} makes it", file=sys.stderr)
    sys.exit(_NOTHING)
sys.path.insert(0, str(ROOT))


def place(data_dir: str | None, venue: str) -> Path:
    """Return the folder of `venue`: under `data_dir` from here, or beside the code by default."""
    return (ROOT / "var" if data_dir is None else Path.cwd() / data_dir) / venue
