"""What a folder of history holds: its parts, each with rows, span and checksum.

A part is written beside the others, made durable and only then named in the catalogue, which is
replaced as a whole. So a process that is killed at any instant leaves the old catalogue or the
new one, and at most a file that no catalogue names.
"""

import contextlib
import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from state.errors import HistoryRefused

CATALOGUE = "catalogue.json"
_SCHEMA = 1
_LOCK = ".lock"
_PART = re.compile(r"part-\d+\.parquet")
_MONTH = re.compile(r"\d{4}-\d{2}")
_CHUNK_BYTES = 1 << 20


class Part(Struct, frozen=True, kw_only=True):
    """One file of a folder. No two parts of a folder overlap in time."""

    file: str
    rows: int
    first_ns: int
    last_ns: int
    """Times of the first and of the last row."""
    sha256: str
    size_bytes: int


class Catalogue(Struct, frozen=True, kw_only=True):
    """All that is in a folder, oldest part first."""

    schema: int = _SCHEMA
    pair: str
    kind: str
    month: str
    written: int = 0
    """How many parts were ever written here: the next one's number."""
    parts: tuple[Part, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(part.rows for part in self.parts)

    @property
    def size_bytes(self) -> int:
        """What the parts take on disk."""
        return sum(part.size_bytes for part in self.parts)


def read_catalogue(folder: Path) -> Catalogue | None:
    """Return the catalogue of `folder`; None where there is none yet.

    Raises:
        HistoryRefused: It cannot be read, or is not of this folder.
    """
    path = folder / CATALOGUE
    try:
        catalogue = msgspec.json.decode(path.read_bytes(), type=Catalogue)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise HistoryRefused(
            f"{path}: no catalogue of history: {error}; move the folder away and fetch it anew"
        ) from None
    what = _foreign(folder, catalogue)
    if what:
        raise HistoryRefused(f"{path}: {what}; move the folder away and fetch it anew")
    return catalogue


def _foreign(folder: Path, catalogue: Catalogue) -> str:
    """Return why this is no catalogue of ours of this very folder, or nothing."""
    said = (catalogue.pair, catalogue.kind, catalogue.month)
    if catalogue.schema != _SCHEMA:
        return f"it is of schema {catalogue.schema}, {_SCHEMA} is known here"
    if said != folder.parts[-3:]:
        return f"it is the catalogue of {'/'.join(said)}: the folder was copied or renamed"
    strange = [part.file for part in catalogue.parts if not _PART.fullmatch(part.file)]
    return f"it names {strange[0]!r}, which is no part" if strange else ""


def month_folders(place: Path) -> list[Path]:
    """Return the folders of months in `place`, oldest first; what else lies there is not ours."""
    return sorted(one for one in place.iterdir() if _MONTH.fullmatch(one.name) and one.is_dir())


def write_catalogue(folder: Path, catalogue: Catalogue) -> None:
    """Replace the catalogue of `folder`, durably, all or nothing."""
    fresh = folder / f"{CATALOGUE}.tmp"
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(catalogue), indent=1) + b"\n")
    move_durably(fresh, folder / CATALOGUE)


def move_durably(fresh: Path, place: Path) -> None:
    """Bring a finished file to the platter, then under its name, then the name to the platter."""
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.replace(place)
    directory = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Be the only one who writes in `folder`; the system ends it with the process."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sweep(folder: Path, catalogue: Catalogue) -> list[str]:
    """Remove what no catalogue names, the rest of writers that were killed; return the names."""
    named = {part.file for part in catalogue.parts}
    gone = []
    for path in folder.iterdir():
        is_rest = path.suffix == ".parquet" and path.name not in named
        if is_rest or path.suffix == ".tmp":
            path.unlink(missing_ok=True)
            gone.append(path.name)
    return sorted(gone)
