"""What a check found. Pure."""

from enum import StrEnum

from msgspec import Struct


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    """It works, and somebody should know."""
    FAIL = "fail"
    """It does not work."""
    SKIPPED = "skipped"
    """It was not looked at; the finding says why."""


class Finding(Struct, frozen=True, kw_only=True):
    """One check's result."""

    check: str
    verdict: Verdict
    found: str
    mend: str = ""
    """What to do about it; empty where there is nothing to do."""


def ok(check: str, found: str) -> Finding:
    """Return that all is well."""
    return Finding(check=check, verdict=Verdict.OK, found=found)


def warn(check: str, found: str, mend: str) -> Finding:
    """Return what somebody should know."""
    return Finding(check=check, verdict=Verdict.WARN, found=found, mend=mend)


def fail(check: str, found: str, mend: str) -> Finding:
    """Return what does not work."""
    return Finding(check=check, verdict=Verdict.FAIL, found=found, mend=mend)


def skipped(check: str, why: str) -> Finding:
    """Return that nobody looked."""
    return Finding(check=check, verdict=Verdict.SKIPPED, found=why)
