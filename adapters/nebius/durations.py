"""How long a provider asks to be left alone, in all the ways it may say so. Pure."""

import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from state.values import NS_PER_S, TimeNs

LONGEST_S = 86_400.0
"""Nobody waits longer for a header's sake."""
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_RESETS = ("x-ratelimit-reset-requests", "x-ratelimit-reset-tokens")


def seconds(text: str, now_ns: TimeNs) -> float | None:
    """Return a duration: bare seconds, `1s`, `1m30s`, `250ms`, or a date; None where it is none."""
    text = text.strip()
    found: float | None = None
    try:
        found = float(text)
    except ValueError:
        parts = _PART.findall(text)
        if parts and _PART.sub("", text).strip() == "":
            found = sum(float(number) * _UNITS[unit] for number, unit in parts)
        else:
            found = _until(text, now_ns)
    if found is None or not math.isfinite(found) or found < 0:
        return None
    return min(found, LONGEST_S)


def wait_s(headers: Mapping[str, str], now_ns: TimeNs) -> float | None:
    """Return how long headers ask to wait: `Retry-After`, else the later of the limits' resets."""
    told = headers.get("retry-after")
    if told is not None:
        wait = seconds(told, now_ns)
        if wait is not None:
            return wait
    resets = [seconds(headers[name], now_ns) for name in _RESETS if name in headers]
    known = [reset for reset in resets if reset is not None]
    return max(known, default=None)


def _until(text: str, now_ns: TimeNs) -> float | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return max(0.0, at.timestamp() - now_ns / NS_PER_S)


def date_ns(headers: Mapping[str, str]) -> TimeNs | None:
    """Return the provider's clock by its `Date` header, whole seconds; None without one."""
    try:
        return TimeNs(int(parsedate_to_datetime(headers["date"]).timestamp()) * NS_PER_S)
    except (KeyError, ValueError, TypeError, IndexError):
        return None
