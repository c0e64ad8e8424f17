"""From defaults, file, environment and options to one `Config`, or what there is to mend."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from state.config.endpoints import mismatch, stream_mismatch
from state.config.leaves import Leaf, leaves
from state.config.secret import secret_from_environment
from state.config.settings import Config
from state.config.sources import (
    FILE_VARIABLE,
    Given,
    from_environment,
    from_file,
    from_options,
    unknown,
)
from state.errors import ConfigurationInvalid
from state.values import Venue, plain, quote_of


class Loaded(Struct, frozen=True, kw_only=True):
    """A configuration and where each of its values came from."""

    config: Config
    origins: dict[str, str]
    """By dotted key: `default`, `FILE:LINE`, `env NAME` or `option --name`."""


def load(
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Loaded:
    """Return the configuration: default < file < environment < option.

    Args:
        file: A TOML file; None reads the one that `GATEHOUSE_CONFIG` names, if it names one.
        environ: The environment, whole; only `GATEHOUSE_...` and the secrets are looked at.
        options: Values by dotted key, as the command line gave them; None means not given.

    Raises:
        ConfigurationInvalid: With one line for everything that is wrong, not only the first.
    """
    environ = environ or {}
    if file is None and environ.get(FILE_VARIABLE):
        file = Path(environ[FILE_VARIABLE])
    known = leaves()
    given = from_file(file, known) if file else []
    given += from_environment(environ)
    given += from_options(options or {}, known)
    values, origins, problems = _decoded(given, known)
    _take_secrets(environ, known, values, origins, problems)
    if not problems:
        config = _assembled(values)
        problems = [
            f"{origins.get(key, 'default')}: {key}: {text}" for key, text in _contradictions(config)
        ]
    if problems:
        raise ConfigurationInvalid("\n".join(problems))
    return Loaded(config=config, origins=dict.fromkeys(known, "default") | origins)


def changed(config: Config, options: Mapping[str, Any]) -> Config:
    """Return `config` with other values in the place of some.

    Args:
        config: What it is now.
        options: Values by dotted key, as a command line gives them.

    Raises:
        ConfigurationInvalid: With one line for everything that is wrong.
    """
    known = leaves()
    values, origins, problems = _decoded(from_options(options, known), known)
    if not problems:
        config = _assembled(values, config)
        # What else does not fit together, such as secrets that are not kept, was fine then.
        problems = [
            f"{origins[key]}: {key}: {text}"
            for key, text in _contradictions(config)
            if key in origins
        ]
    if problems:
        raise ConfigurationInvalid("\n".join(problems))
    return config


def _decoded(
    given: Iterable[Given], known: Mapping[str, Leaf]
) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    problems: list[str] = []
    for one in given:
        leaf = known.get(one.key)
        if leaf is None:
            problems.append(unknown(one, known))
        elif leaf.is_secret:
            problems.append(
                f"{one.origin}: {one.key} is a secret and may not stand here: set "
                f"{leaf.variable}, or {leaf.variable}_FILE naming a file of mode 0600"
            )
        else:
            try:
                values[one.key] = leaf.value(one.raw, typed=one.typed)
                origins[one.key] = one.origin
            except (ValueError, TypeError):
                problems.append(
                    f"{one.origin}: {one.key}: expected {leaf.expected}, got {_seen(one.raw, leaf)}"
                )
    return values, origins, problems


def _seen(raw: Any, leaf: Leaf) -> str:
    """Return what was given; of a text only its kind, for it might be a secret put astray."""
    if isinstance(raw, Decimal):
        return str(raw)
    if isinstance(raw, int | float):
        return str(raw).lower()
    if isinstance(raw, str):
        try:
            return f"a text saying {plain(Decimal(raw))}" if leaf.is_number else "another text"
        except ArithmeticError:
            return "a text"
    names: dict[type, str] = {list: "a list", dict: "a table"}
    return names.get(type(raw), f"a {type(raw).__name__}")


def _take_secrets(
    environ: Mapping[str, str],
    known: Mapping[str, Leaf],
    values: dict[str, Any],
    origins: dict[str, str],
    problems: list[str],
) -> None:
    for leaf in known.values():
        if not leaf.is_secret:
            continue
        try:
            found = secret_from_environment(environ, leaf.variable)
        except ConfigurationInvalid as error:
            problems.append(str(error))
            continue
        if found is not None:
            values[leaf.key], variable = found
            origins[leaf.key] = f"env {variable}"


def _assembled(values: Mapping[str, Any], base: Config | None = None) -> Config:
    """Return the defaults, or `base`, with `values` put in their places."""

    def filled(default: Struct, prefix: str) -> Any:
        changes = {}
        for name in default.__struct_fields__:
            branch = getattr(default, name)
            if isinstance(branch, Struct):
                changes[name] = filled(branch, f"{prefix}{name}.")
            elif prefix + name in values:
                changes[name] = values[prefix + name]
        return msgspec.structs.replace(default, **changes)

    config: Config = filled(base or Config(), "")
    return config


def _contradictions(config: Config) -> Iterable[tuple[str, str]]:
    """Yield (key, what is wrong) for settings that are each fine but not together."""
    for check in _CHECKS:
        yield from check(config)


def _check_pairs(config: Config) -> Iterable[tuple[str, str]]:
    if not config.pairs:
        yield "pairs", "name at least one pair"
    if len(set(config.pairs)) != len(config.pairs):
        yield "pairs", "a pair is named twice"
    if len({quote_of(pair) for pair in config.pairs}) > 1:
        yield "pairs", "all pairs must be quoted in one currency: limits and equity count in it"


def _check_strategy(config: Config) -> Iterable[tuple[str, str]]:
    if config.strategy.trend.fast_window >= config.strategy.trend.slow_window:
        yield "strategy.trend.fast_window", "must be smaller than strategy.trend.slow_window"


def _check_risk(config: Config) -> Iterable[tuple[str, str]]:
    risk = config.risk
    tiers = ("warn", "half", "reduce", "halt")
    for lower, upper in pairwise(tiers):
        name = f"drawdown_{lower}_share"
        if getattr(risk, name) > getattr(risk, f"drawdown_{upper}_share"):
            yield f"risk.{name}", f"must not be larger than risk.drawdown_{upper}_share"
    names = [group.name for group in risk.correlated()]
    if len(set(names)) != len(names):
        yield "risk.groups", "a group is named twice"


def _check_windows(config: Config) -> Iterable[tuple[str, str]]:
    if 0 < config.orders.countdown_s < 5:
        yield "orders.countdown_s", "Gate takes 5 s or more, or 0 for never"
    host, _, port = config.dashboard.rpartition(":")
    if host and not 1 <= int(port) <= 65_535:
        yield "dashboard", "a port is a whole number from 1 to 65535"


def _check_venue(config: Config) -> Iterable[tuple[str, str]]:
    if reason := mismatch(config):
        yield "exchange_url", reason
    if reason := stream_mismatch(config):
        yield "stream_urls", reason
    if config.venue is Venue.SIMULATED:
        return
    for name in ("gate_api_key", "gate_api_secret"):
        if getattr(config.secrets, name) is None:
            variable = name.upper()
            yield (
                "venue",
                f"{config.venue} needs {variable}, or {variable}_FILE naming a file of mode 0600",
            )


_CHECKS: tuple[Callable[[Config], Iterable[tuple[str, str]]], ...] = (
    _check_pairs,
    _check_strategy,
    _check_risk,
    _check_windows,
    _check_venue,
)
