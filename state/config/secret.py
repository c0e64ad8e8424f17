"""A value that may be used but never seen, and how it comes in."""

import hmac
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn, final

from state.errors import ConfigurationInvalid

_FILE_BYTES_MAX = 4096


@final
class Secret:
    """Characters that no repr, format, JSON or pickle shows, not even how many there are."""

    __slots__ = ("_characters",)

    def __init__(self, characters: str) -> None:
        self._characters = characters

    def reveal(self) -> str:
        """Return the characters: only for whoever signs or sends them."""
        return self._characters

    def __repr__(self) -> str:
        return "Secret(set)"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._characters.encode(), other._characters.encode())

    __hash__ = None  # type: ignore[assignment]  # a hash would tell equal secrets apart from others

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, _memo: object) -> "Secret":
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


def secret_from_environment(environ: Mapping[str, str], name: str) -> tuple[Secret, str] | None:
    """Return the secret called `name` and the variable it came from, or None where it is not set.

    Args:
        environ: The environment.
        name: Such as `GATE_API_KEY`; the variable `<name>_FILE` may name a file instead.

    Raises:
        ConfigurationInvalid: If both are set, or the file is missing, empty, or open to others.
    """
    literal, path = environ.get(name), environ.get(f"{name}_FILE")
    if literal and path:
        raise ConfigurationInvalid(f"environment: set {name} or {name}_FILE, not both")
    if path:
        return _from_file(f"environment {name}_FILE", Path(path)), f"{name}_FILE"
    if literal:
        return _checked(f"environment {name}", literal), name
    return None


def _from_file(where: str, path: Path) -> Secret:
    try:
        # The mode is read from the open file: the name could be pointed elsewhere in between.
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigurationInvalid(f"{where}: cannot read {path}: {error.strerror}") from None
    if mode & 0o077:
        raise ConfigurationInvalid(
            f"{where}: {path} can be used by others (mode {mode:04o}); mend it: chmod 600 {path}"
        )
    if len(content) > _FILE_BYTES_MAX:
        raise ConfigurationInvalid(f"{where}: {path} is too large to be a secret")
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError:
        raise ConfigurationInvalid(f"{where}: {path} holds something other than ASCII") from None
    return _checked(f"{where}: {path}", text.strip())


def _checked(where: str, characters: str) -> Secret:
    """Refuse what cannot be a key: a stray space or line end would only fail at the exchange."""
    if not characters:
        raise ConfigurationInvalid(f"{where}: is empty")
    if not (characters.isascii() and characters.isprintable()) or " " in characters:
        raise ConfigurationInvalid(f"{where}: holds spaces or characters that no key has")
    return Secret(characters)
