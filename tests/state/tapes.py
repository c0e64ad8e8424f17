"""The recorded market data that lies beside the repository, where it does."""

from pathlib import Path

import pytest

_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def tape(*parts: str) -> str:
    """Return the path of a recorded file, or skip the test where there is none."""
    path = _DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no recorded data beside the repository: {'/'.join(parts)}")
    return str(path)
