"""What a log line looks like, what it must not show, and when it is only counted. Pure."""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

_HIDDEN = "***"
_SECRET_LENGTH_MIN = 4
"""Anything shorter stands in half of all words; no exchange gives such keys."""
_TEXT_MAX = 32_768
_KEYS_MAX = 1000

# What Gate's authentication looks like, in case a key slips by that nobody told us of: an
# HMAC-SHA512 in hex, and whatever follows the names under which keys and signatures travel.
_SIGNATURE = re.compile(r"\b[0-9a-fA-F]{128}\b")
_NAMED = re.compile(
    r"""((?<![A-Za-z0-9_])(?:KEY|SIGN|api_key|signature)["']?\s*[:=,]\s*b?["']?)"""
    r"""[A-Za-z0-9+/_=-]{8,}"""
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Line(Struct, frozen=True, kw_only=True):
    """One thing that was said."""

    time: datetime
    level: str
    subsystem: str
    """The module that said it."""
    text: str
    exception: str = ""
    extra: dict[str, Any] = {}


class Redactor:
    """Blots out secrets, however they are written."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        for secret in secrets:
            self.hide(secret)

    def hide(self, secret: str) -> None:
        """Never show `secret` from now on."""
        if len(secret) < _SECRET_LENGTH_MIN:
            return
        spelt = (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], quote(secret, safe=""))
        self._secrets.update(spelt)
        longest_first = sorted(self._secrets, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def clean(self, text: str) -> str:
        """Return `text` without secrets."""
        if self._pattern is not None:
            text = self._pattern.sub(_HIDDEN, text)
        return _NAMED.sub(rf"\1{_HIDDEN}", _SIGNATURE.sub(_HIDDEN, text))

    def cleaned(self, line: Line) -> Line:
        """Return `line` without secrets, before anything is escaped a second time."""
        return msgspec.structs.replace(
            line,
            text=self.clean(line.text),
            exception=self.clean(line.exception),
            extra={name: self._value(value) for name, value in line.extra.items()},
        )

    def _value(self, value: Any) -> Any:
        if isinstance(value, int | float | None):
            return value
        return self.clean(value if isinstance(value, str) else repr(value))


class Repeats:
    """Lets a line through once in a while and counts it in between."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._seen: dict[tuple[str, str, str], list[float]] = {}
        """Of each line since when, and how often it came again."""

    def is_new(self, line: Line, now_s: float) -> bool:
        """Return whether `line` is to be written; otherwise it has been counted."""
        key = (line.level, line.subsystem, line.text)
        entry = self._seen.get(key)
        if entry is None:
            self._seen[key] = [now_s, 0]
            return True
        entry[1] += 1
        return False

    def due(self, now_s: float, *, everything: bool = False) -> list[Line]:
        """Return a line for each that was repeated and whose window is over; forget those."""
        crowded = len(self._seen) > _KEYS_MAX
        summaries = []
        for key, (since_s, count) in list(self._seen.items()):
            if not (everything or crowded) and now_s - since_s < self._window_s:
                # In the order in which they began, so none behind this one is due.
                break
            del self._seen[key]
            if count:
                summaries.append(_summary(key, int(count), now_s - since_s))
        return summaries

    def next_due_s(self, now_s: float) -> float | None:
        """Return in how many seconds `due` has something to do; None when it has nothing."""
        oldest = next(iter(self._seen.values()), None)
        return None if oldest is None else max(0.0, oldest[0] + self._window_s - now_s)


def human(line: Line) -> str:
    """Return `line` for people: one line, what follows indented under it."""
    when = line.time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    extra = "".join(f" {name}={value}" for name, value in line.extra.items())
    body = f"{_cut(line.text)}{extra}"
    if line.exception:
        body = f"{body}\n{_cut(line.exception).rstrip()}"
    # Nobody can fake a line of the log or command the terminal through what is logged.
    shown = _CONTROL.sub(_escaped, body).replace("\n", "\n    ")
    return f"{when} {line.level:<8} {line.subsystem} | {shown}\n"


def machine(line: Line) -> str:
    """Return `line` as one JSON object."""
    told: dict[str, Any] = {
        "time": line.time.astimezone(UTC).isoformat(timespec="microseconds"),
        "level": line.level,
        "subsystem": line.subsystem,
        "message": _cut(line.text),
    }
    if line.extra:
        told["extra"] = line.extra
    if line.exception:
        told["exception"] = _cut(line.exception)
    return msgspec.json.encode(told, enc_hook=repr).decode() + "\n"


def _summary(key: tuple[str, str, str], count: int, during_s: float) -> Line:
    level, subsystem, text = key
    again = "once more" if count == 1 else f"{count} times more"
    return Line(
        time=datetime.now(UTC),
        level=level,
        subsystem=subsystem,
        text=f"{again} in {during_s:.1f} s: {text}",
    )


def _cut(text: str) -> str:
    if len(text) <= _TEXT_MAX:
        return text
    return f"{text[:_TEXT_MAX]}... ({len(text) - _TEXT_MAX} more characters)"


def _escaped(match: re.Match[str]) -> str:
    return f"\\x{ord(match.group()):02x}"
