"""Where a house keeps everything."""

from pathlib import Path

from state.config import Loaded

LAUNCHED = Path(__file__).resolve().parents[1]


def data_directory(loaded: Loaded) -> Path:
    """Return the folder of the venue: beside the code by default, else relative to here."""
    config = loaded.config
    base = LAUNCHED if loaded.origins.get("data_dir") == "default" else Path.cwd()
    return base / config.data_dir / config.venue.value
