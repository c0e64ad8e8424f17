"""What a setting says of itself, for `state.config.leaves` to read. Pure."""

from msgspec import Meta


def setting(
    meaning: str,
    *,
    unit: str = "",
    low: int | str = 0,
    high: int | str = 0,
    pattern: str = "",
    expects: str = "",
) -> Meta:
    """Return the description of a setting: bounds are inclusive, in `unit`."""
    extra = {"unit": unit, "low": low, "high": high, "pattern": pattern, "expects": expects}
    return Meta(description=meaning, extra=extra)


def switch(meaning: str) -> Meta:
    """Return the description of a setting that is on or off."""
    return setting(meaning, expects="true or false")
