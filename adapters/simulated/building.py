"""A venue with its markets and accounts, as options describe it: for the process and in process."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from adapters.simulated.catalogue import DEFAULT_PAIRS, listing, pair_rules
from adapters.simulated.core.pair_rules import PairRules
from adapters.simulated.core.venue import Venue
from adapters.simulated.markets.history import Past
from adapters.simulated.markets.synthetic import SyntheticMarket
from adapters.simulated.markets.tape import TapeMarket
from adapters.simulated.options import ExchangeOptions, demo_account, open_accounts
from state.errors import ConfigurationInvalid
from state.values import NS_PER_MS, Pair

if TYPE_CHECKING:
    from adapters.simulated.markets.tape_file import TapeFile

_PAIR = re.compile(r"[A-Z0-9]+_[A-Z0-9]+\Z", re.ASCII)
_FILE_NAME = re.compile(r"([a-z0-9]+?)(usdt|usdc|btc|eth)(?![a-z0-9])", re.ASCII)


class Keeper(Protocol):
    """Where an earlier life of the venue was kept."""

    def restore(self, venue: Venue) -> None:
        """Give `venue` what is kept, and keep it from then on."""
        ...

    def prices(self) -> dict[Pair, float]:
        """Return where each market stood."""
        ...


def build_venue(
    options: ExchangeOptions,
    now_ns: int,
    *,
    keeper: Keeper | None = None,
    step_ns: int = 100 * NS_PER_MS,
    past: Past | None = None,
) -> Venue:
    """Return the venue that `options` describe, open for business.

    Args:
        options: What is wanted; what concerns serving is not looked at here.
        now_ns: The time it opens.
        keeper: Where an earlier life of it was kept.
        step_ns: How often synthetic markets move.
        past: How much history synthetic markets open with; None for as much as usual.

    Raises:
        ConfigurationInvalid: With one sentence that names the thing and the mend.
        StoreRefused: If what is kept cannot be used.
    """
    tape = _tape(options.tape)
    pairs = _pairs(options)
    # A tape moves the first pair; the others are made up.
    made_up = [listing(pair) for pair in (pairs[1:] if tape is not None else pairs)]
    rules: list[PairRules] = [rules for rules, _ in made_up]
    if tape is not None:
        taped = pair_rules(Pair(pairs[0]), tape.price_decimals, tape.amount_decimals)
        rules.insert(0, taped)
    venue = Venue(rules, now_ns, options.switches)
    if keeper is not None:
        keeper.restore(venue)
    demo = demo_account(pairs, options.demo_key, options.demo_secret)
    open_accounts(venue, options.accounts or (demo,))
    if tape is not None:
        market = venue.pairs[Pair(pairs[0])]
        messages = tape.messages()
        venue.markets.append(
            TapeMarket(venue, market, messages, now_ns=now_ns, speed=options.speed)
        )
    if made_up:
        venue.markets.append(
            SyntheticMarket(
                venue,
                [traits for _, traits in made_up],
                seed=options.seed,
                now_ns=now_ns,
                step_ns=step_ns,
                speed=options.speed,
                prices=keeper.prices() if keeper is not None else None,
                past=past,
            )
        )
    return venue


def open_to_public(venue: Venue, now_ns: int) -> None:
    """Let the tapes of a newly built `venue` begin at `now_ns`; to read one takes a while."""
    for market in venue.markets:
        if isinstance(market, TapeMarket):
            market.restart_clock(now_ns)


def _tape(path: Path | None) -> "TapeFile | None":
    if path is None:
        return None
    # The reader brings DuckDB, which only a tape needs.
    from adapters.simulated.markets.tape_file import TapeFile  # noqa: PLC0415

    return TapeFile(path)


def _pairs(options: ExchangeOptions) -> tuple[str, ...]:
    """Return the pairs to list, the tape's first."""
    named = tuple(dict.fromkeys(options.pairs))
    if options.tape is None:
        return named or DEFAULT_PAIRS
    if not named:
        return (_pair_of(options.tape),)
    if not _PAIR.match(named[0]):
        message = f"unknown pair {named[0]!r}: write it like BTC_USDT"
        raise ConfigurationInvalid(message)
    return named


def _pair_of(tape: Path) -> str:
    """Return the pair that a tape's file name begins with: `btcusdt_...` is BTC_USDT."""
    found = _FILE_NAME.match(tape.name.lower())
    if found is None:
        message = f"tape {tape}: its name does not say the pair; name it with --pairs BTC_USDT"
        raise ConfigurationInvalid(message)
    return f"{found[1]}_{found[2]}".upper()
