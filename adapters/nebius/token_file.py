"""Where an access token outlives the process: a file that only its owner can read."""

import contextlib
import os
import stat
from pathlib import Path

import msgspec
from loguru import logger
from msgspec import Struct

from state.config.secret import Secret
from state.values import TimeNs

NAME = "advisor-token"
_MODE = 0o600


class _Stored(Struct, frozen=True, kw_only=True):
    access_token: str
    subject: str
    """Whose: another service account's is not ours."""
    expires_ns: int
    life_s: float


class KeptToken(Struct, frozen=True, kw_only=True):
    """A token of an earlier process."""

    token: Secret
    expires_ns: TimeNs
    life_s: float


class TokenFile:
    """One file of mode 0600; never in the journal, a log or a backup of the database.

    Args:
        path: Where.
        subject: Whose tokens.
    """

    def __init__(self, path: Path, subject: str) -> None:
        self._path = path
        self._subject = subject

    def read(self) -> KeptToken | None:
        """Return what is kept; None where there is nothing of ours, or others can read it."""
        try:
            with self._path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                content = file.read(65_536)
        except FileNotFoundError:
            return None
        except OSError as error:
            logger.warning("the access token cannot be read: {}", error.strerror)
            return None
        if mode & 0o077:
            logger.warning("{} can be read by others and is not used", self._path)
            return None
        try:
            stored = msgspec.json.decode(content, type=_Stored)
        except msgspec.DecodeError:
            return None
        if stored.subject != self._subject:
            return None
        return KeptToken(
            token=Secret(stored.access_token),
            expires_ns=TimeNs(stored.expires_ns),
            life_s=stored.life_s,
        )

    def write(self, kept: KeptToken) -> None:
        """Keep a token in the place of what was there; a disk that fails costs one refresh."""
        stored = _Stored(
            access_token=kept.token.reveal(),
            subject=self._subject,
            expires_ns=kept.expires_ns,
            life_s=kept.life_s,
        )
        fresh = self._path.with_name(f"{self._path.name}.new")
        try:
            # Made anew with its mode: at no moment can another user read it.
            with contextlib.suppress(FileNotFoundError):
                fresh.unlink()
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(stored))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            logger.warning("the access token cannot be kept: {}", error.strerror)

    def forget(self) -> None:
        """Take the file away: its token was refused."""
        with contextlib.suppress(OSError):
            self._path.unlink()
