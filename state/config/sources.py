"""The three places a setting may come from, each giving keys with raw values and their origin."""

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec import Struct

from state.config.leaves import Leaf
from state.config.toml_lines import key_lines, line_of
from state.errors import ConfigurationInvalid

_PREFIX = "GATEHOUSE_"
FILE_VARIABLE = "GATEHOUSE_CONFIG"
"""Names the file where no option does."""

_SECRET_NAME = re.compile(r"(^|_)(api_?key|key|secret|password|passphrase|token)$")


class Given(Struct, frozen=True, kw_only=True):
    """One value somebody gave for one key, known or not."""

    key: str
    raw: Any
    origin: str
    """For people: `gatehouse.toml:7`, `env GATEHOUSE_SEED`, `option --seed`."""
    typed: bool = True
    """False where the source knows only texts."""


def from_file(path: Path, leaves: Mapping[str, Leaf]) -> list[Given]:
    """Return what the TOML file at `path` gives.

    Raises:
        ConfigurationInvalid: If it is missing, unreadable or not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
        # Decimal keeps money as it was written.
        content = tomllib.loads(text, parse_float=Decimal)
    except OSError as error:
        raise ConfigurationInvalid(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationInvalid(f"{path}: is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        reason, _, place = str(error).partition(" (at ")
        line = re.search(r"line (\d+)", place)
        number = line[1] if line else len(text.splitlines())
        raise ConfigurationInvalid(f"{path}:{number}: is not TOML: {reason}") from None
    lines = key_lines(text)
    tables = {key.rpartition(".")[0] for key in leaves}
    return [
        Given(key=key, raw=raw, origin=f"{path}:{line_of(lines, key)}")
        for key, raw in _flat(content, tables)
    ]


def from_environment(environ: Mapping[str, str]) -> list[Given]:
    """Return what variables named `GATEHOUSE_...` give; an empty one counts as not set."""
    return [
        Given(
            key=name.removeprefix(_PREFIX).lower().replace("__", "."),
            raw=raw,
            origin=f"env {name}",
            typed=False,
        )
        for name, raw in sorted(environ.items())
        if name.startswith(_PREFIX) and name != FILE_VARIABLE and raw
    ]


def from_options(options: Mapping[str, Any], leaves: Mapping[str, Leaf]) -> list[Given]:
    """Return what the command line gives: values by dotted key, None where an option is absent."""
    return [
        Given(
            key=key,
            raw=raw,
            origin=f"option {leaves[key].option if key in leaves else key}",
            typed=not isinstance(raw, str),
        )
        for key, raw in options.items()
        if raw is not None
    ]


def unknown(given: Given, leaves: Mapping[str, Leaf]) -> str:
    """Return what to say of a key that no setting has; never its value."""
    if _SECRET_NAME.search(given.key.lower()):
        return (
            f"{given.origin}: {given.key} looks like a secret, which is taken only from the "
            f"environment: {', '.join(_secret_variables(leaves.values()))}, "
            "or the same with _FILE naming a file of mode 0600"
        )
    nearest = _nearest(given.key, leaves)
    advice = f"did you mean {nearest}?" if nearest else "`config show` lists every setting"
    return f"{given.origin}: there is no setting {given.key}; {advice}"


def _secret_variables(leaves: Iterable[Leaf]) -> list[str]:
    return [leaf.variable for leaf in leaves if leaf.is_secret]


def _nearest(key: str, leaves: Iterable[str]) -> str | None:
    """Return the setting most like `key`, by its path or, failing that, by its last word."""
    keys = list(leaves)
    if close := difflib.get_close_matches(key, keys, n=1):
        return close[0]
    names = {known.rpartition(".")[2]: known for known in keys}
    close = difflib.get_close_matches(key.rpartition(".")[2], names, n=1)
    return names[close[0]] if close else None


def _flat(
    table: Mapping[str, Any], tables: set[str], prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    """Yield dotted keys; what is no table of ours stays whole and is then an unknown key."""
    for name, value in table.items():
        key = prefix + name
        is_ours = any(known == key or known.startswith(f"{key}.") for known in tables)
        if isinstance(value, dict) and is_ours:
            yield from _flat(value, tables, f"{key}.")
        else:
            yield key, value
