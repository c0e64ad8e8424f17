"""Begins a recording of a process, so that it can be replayed."""

from functools import partial
from pathlib import Path

import msgspec
from msgspec.structs import replace

from adapters.halt_latch import Latch
from adapters.recording import FILE_NAME, RecordingWriter
from state.config import Config, Secrets
from supervisor.replay.seen import seen_of
from supervisor.version import VERSION


def recording_of(
    config: Config, folder: Path, *, process: str, now_ns: int, latch: Latch
) -> RecordingWriter:
    """Return the tape for a runtime; whoever made it closes it.

    Args:
        config: Kept with it, without its secrets.
        folder: Of the venue.
        process: Names the process in decision ids.
        now_ns: When the process begins.
        latch: Read with each message.
    """
    return RecordingWriter(
        folder / FILE_NAME,
        process=process,
        version=VERSION,
        config=msgspec.json.encode(replace(config, secrets=Secrets())),
        now_ns=now_ns,
        keep_bytes=config.recording.keep_mb << 20,
        context=partial(seen_of, latch),
    )
