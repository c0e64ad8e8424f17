"""The settings as a flat list of keys, and what a raw value must be to become one. Pure."""

import re
from decimal import Decimal
from enum import StrEnum
from typing import Any, get_args, get_type_hints

import msgspec
from msgspec import Struct

from state.config.secret import Secret
from state.config.settings import Config
from state.values import ZERO, plain


class Leaf(Struct, frozen=True, kw_only=True):
    """One setting."""

    key: str
    """Dotted path: `risk.order_notional_max`."""
    kind: Any
    """Its Python type, without None."""
    optional: bool
    default: Any
    meaning: str
    unit: str = ""
    low: Decimal = ZERO
    """Smallest value allowed, in `unit`; only numbers have a range."""
    high: Decimal = ZERO
    pattern: str = ""
    """What a text, or each text of a list, must match as a whole."""
    expects: str = ""
    """The pattern in words."""

    @property
    def is_secret(self) -> bool:
        """Whether only the environment may give it."""
        return self.kind is Secret

    @property
    def is_number(self) -> bool:
        """Whether it has a unit and a range."""
        return self.kind in (int, float, Decimal)

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        if self.is_secret:
            return self.key.rpartition(".")[2].upper()
        return "GATEHOUSE_" + self.key.replace(".", "__").upper()

    @property
    def option(self) -> str:
        """The command-line option that sets it, where the command has one."""
        # The unit belongs to the key, not to what people type: --duration, not --duration-s.
        return "--" + self.key.removesuffix("_s").replace(".", "-").replace("_", "-")

    @property
    def expected(self) -> str:
        """What a value must be, in words, with unit and range."""
        if issubclass(self.kind, StrEnum):
            return f"one of {', '.join(self.kind)}"
        if self.is_number:
            article = "a whole number" if self.kind is int else "a number"
            return f"{article} from {plain(self.low)} to {plain(self.high)} {self.unit}".rstrip()
        return self.expects or "a text"

    def value(self, raw: Any, *, typed: bool) -> Any:
        """Return `raw` as this setting's type.

        Args:
            raw: What the file, the environment or an option gave.
            typed: False where everything is a text, so that "5" may stand for 5.

        Raises:
            ValueError: If it is of another type, out of range or of another form.
        """
        if self.kind is tuple:
            items = raw.split(",") if isinstance(raw, str) and not typed else raw
            value: Any = msgspec.convert(items, tuple[str, ...])
            value = tuple(item.strip() for item in value)
        else:
            value = msgspec.convert(raw, self.kind, strict=typed)
        self._check(value)
        return value

    def _check(self, value: Any) -> None:
        if self.is_number:
            number = Decimal(value)
            if number.is_nan() or not self.low <= number <= self.high:
                raise ValueError("out of range")
        if self.pattern:
            for text in value if self.kind is tuple else (value,):
                if not re.fullmatch(self.pattern, text):
                    raise ValueError("malformed")


def leaves() -> dict[str, Leaf]:
    """Return every setting by its dotted key, in the order of `Config`."""
    return {leaf.key: leaf for leaf in _leaves(Config, Config(), "")}


def _leaves(owner: type[Struct], defaults: Struct, prefix: str) -> list[Leaf]:
    found: list[Leaf] = []
    for name, hint in get_type_hints(owner, include_extras=True).items():
        key, default = prefix + name, getattr(defaults, name)
        if isinstance(default, Struct):
            found += _leaves(type(default), default, f"{key}.")
        else:
            found.append(_leaf(key, hint, default))
    return found


def _leaf(key: str, hint: Any, default: Any) -> Leaf:
    annotated, meta = get_args(hint)
    alternatives = get_args(annotated)
    optional = type(None) in alternatives
    kind = alternatives[0] if optional else annotated
    extra = meta.extra
    return Leaf(
        key=key,
        kind=tuple if alternatives and not optional else kind,
        optional=optional,
        default=default,
        meaning=meta.description,
        unit=extra["unit"],
        low=Decimal(extra["low"]),
        high=Decimal(extra["high"]),
        pattern=extra["pattern"],
        expects=extra["expects"],
    )
