"""How foreign JSON is read: typed by msgspec, every failure one error. Pure."""

from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from state.errors import VenueMalformed

T = TypeVar("T")
R = TypeVar("R")

UNREADABLE = (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError)
"""What reading foreign bytes can raise; each of them means `VenueMalformed`."""

Size = Annotated[float, Meta(ge=0, le=1e24)]
"""A price or size to look at. The bounds also keep out NaN and infinity, which `float` takes."""

Levels = tuple[tuple[Size, Size], ...]


def decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """Return a decoder that takes `12` and `"12"` alike: Gate writes members now so, now so."""
    return msgspec.json.Decoder(kind, strict=False)


def decoded(
    decoder: msgspec.json.Decoder[T], data: bytes | msgspec.Raw, read: Callable[[T], R]
) -> R:
    """Return `read` of what `data` says.

    Raises:
        VenueMalformed: It cannot be read; the text says why and quotes the beginning.
    """
    try:
        return read(decoder.decode(data))
    except UNREADABLE as error:
        raise unreadable(error, bytes(data)) from None


def unreadable(error: BaseException, data: bytes) -> VenueMalformed:
    """Return what to raise for `data`: why, and how it begins, short enough to be logged."""
    return VenueMalformed(f"{str(error)[:200]}: {excerpt(data)}")


def excerpt(data: bytes) -> str:
    """Return the beginning of `data` as something that may be logged."""
    return repr(data[:120].decode("utf-8", "replace"))
