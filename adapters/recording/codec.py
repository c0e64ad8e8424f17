"""Blocks of a recording: items in the order they happened, packed and compressed. Pure.

A message is kept as its type's name and its msgpack form; whoever reads it needs a version of this
program in which that type still has those fields, which the recording's `version` tells.
"""

import importlib
import zlib
from collections.abc import Iterable
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

LEVEL = 1
"""Fast: it is done while trading. Ten to one all the same, as messages are much alike."""


class RecordingUnreadable(Exception):
    """A recording cannot be read by this version, or is damaged."""


class Born(Struct, frozen=True, array_like=True, tag="born"):
    """An actor began a life."""

    address: str
    incarnation: int
    now_ns: int
    monotonic_ns: int
    context: str
    schema: int | None
    """Of the snapshot it began with; None: with none."""
    snapshot: bytes


class Heard(Struct, frozen=True, array_like=True, tag="heard"):
    """A message, right before its handler."""

    address: str
    incarnation: int
    now_ns: int
    monotonic_ns: int
    context: str
    """What else its handler could see; see `RecordingWriter`."""
    kind: str
    payload: bytes

    @property
    def message(self) -> Any:
        """The message itself.

        Raises:
            RecordingUnreadable: This version has no such type, or with other fields.
        """
        try:
            return _decoder(self.kind).decode(self.payload)
        except (ImportError, AttributeError, msgspec.DecodeError) as error:
            raise RecordingUnreadable(f"{self.kind}: {error}") from None


class Missed(Struct, frozen=True, array_like=True, tag="missed"):
    """More happened than could be kept: what comes after has a hole before it."""

    now_ns: int
    items: int


Item = Born | Heard | Missed

_encoder = msgspec.msgpack.Encoder()
_items = msgspec.msgpack.Decoder(list[Item])


def heard(
    address: str, incarnation: int, now_ns: int, monotonic_ns: int, context: str, message: object
) -> Heard:
    """Return a message as it is kept."""
    kind = type(message)
    name = f"{kind.__module__}:{kind.__qualname__}"
    payload = _encoder.encode(message)
    return Heard(address, incarnation, now_ns, monotonic_ns, context, name, payload)


def pack(items: Iterable[Item]) -> bytes:
    """Return a block."""
    return zlib.compress(_encoder.encode(list(items)), LEVEL)


def unpack(block: bytes) -> list[Item]:
    """Return the items of a block.

    Raises:
        RecordingUnreadable: It is damaged.
    """
    try:
        return _items.decode(zlib.decompress(block))
    except (zlib.error, msgspec.DecodeError) as error:
        raise RecordingUnreadable(f"a block of the recording: {error}") from None


@cache
def _decoder(kind: str) -> msgspec.msgpack.Decoder[Any]:
    module, _, name = kind.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return msgspec.msgpack.Decoder(found)
