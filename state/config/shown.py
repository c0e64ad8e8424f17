"""A configuration as people see it: a list with origins, and the default file. Pure."""

from collections.abc import Iterator
from decimal import Decimal
from textwrap import wrap
from typing import Any

import msgspec
from msgspec import Struct

from state.config.leaves import Leaf, leaves
from state.config.load import Loaded
from state.values import plain


class Shown(Struct, frozen=True, kw_only=True):
    """One setting, fit for any eye."""

    key: str
    value: Any
    """As JSON has it; a secret only says whether it is set."""
    origin: str
    unit: str
    meaning: str


def shown(loaded: Loaded) -> list[Shown]:
    """Return every setting with its value and where that came from, in the order of the file."""
    return [
        Shown(
            key=leaf.key,
            value=_presentable(leaf, loaded),
            origin=loaded.origins[leaf.key],
            unit=leaf.unit,
            meaning=leaf.meaning,
        )
        for leaf in leaves().values()
    ]


def default_toml() -> str:
    """Return a configuration file that holds every default and says what each setting means."""
    return "\n".join(_default_lines()) + "\n"


def _presentable(leaf: Leaf, loaded: Loaded) -> Any:
    value: Any = loaded.config
    for part in leaf.key.split("."):
        value = getattr(value, part)
    if leaf.is_secret:
        return "not set" if value is None else f"set ({loaded.origins[leaf.key]})"
    if isinstance(value, Decimal):
        return plain(value)
    return msgspec.to_builtins(value)


def _default_lines() -> Iterator[str]:
    yield "# Gatehouse: every setting with its default. Precedence: default < this file <"
    yield "# environment (GATEHOUSE_<KEY>, a dot becomes two underscores) < option."
    yield "# Secrets never stand here: see the end."
    table = ""
    for leaf in leaves().values():
        if leaf.is_secret:
            continue
        branch, _, name = leaf.key.rpartition(".")
        if branch != table:
            table = branch
            yield f"\n[{table}]"
        yield ""
        yield from wrap(leaf.meaning, 96, initial_indent="# ", subsequent_indent="# ")
        yield from wrap(f"Expected: {leaf.expected}.", 96, initial_indent="# ")
        yield f"# {name} =" if leaf.default is None else f"{name} = {_toml(leaf.default)}"
    yield ""
    yield "# Only from the environment, as NAME or as NAME_FILE naming a file of mode 0600:"
    for leaf in leaves().values():
        if leaf.is_secret:
            yield f"# {leaf.variable}: {leaf.meaning}"


def _toml(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, bool | str):
        # A JSON text is a TOML basic string, and its true is TOML's.
        return msgspec.json.encode(value).decode()
    return plain(value) if isinstance(value, Decimal) else str(value)
