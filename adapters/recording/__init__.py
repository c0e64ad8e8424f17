"""Recordings: what some actors heard, kept in a database of its own, to be lived again."""

from adapters.recording.codec import Born, Heard, Item, Missed, RecordingUnreadable
from adapters.recording.reader import Recording, read_recordings
from adapters.recording.writer import FILE_NAME, RecordingWriter

__all__ = [
    "FILE_NAME",
    "Born",
    "Heard",
    "Item",
    "Missed",
    "Recording",
    "RecordingUnreadable",
    "RecordingWriter",
    "read_recordings",
]
