"""How a simulated exchange is wanted: options, accounts, and a venue built from them."""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from adapters.simulated.catalogue import CATALOGUE
from adapters.simulated.core.fees import FeeMode
from adapters.simulated.core.key_rights import KeyRights
from adapters.simulated.core.ledger import Account
from adapters.simulated.core.switches import Switches
from adapters.simulated.core.units import SCALE, scaled
from adapters.simulated.core.venue import Venue
from adapters.simulated.scenarios import ScenarioOrder
from state.errors import ConfigurationInvalid
from state.values import Currency, Pair, base_of, quote_of

DEMO_KEY = "gatehouse-demo-key"
DEMO_SECRET = "gatehouse-demo-secret"  # noqa: S105 - opens nothing but a simulation

_AREA = re.compile(r"[a-z_]{1,20}(\.read)?", re.ASCII)
_DEMO_QUOTE = {"USDT": Decimal(100_000), "BTC": Decimal(5)}
_DEMO_WORTH = 50_000.0
"""Quote units of each base that a demo account begins with, about."""


class AccountOptions(Struct, frozen=True, kw_only=True):
    """One account and what it begins with."""

    name: str
    key: str
    secret: str
    balances: dict[Currency, Decimal]
    fee: FeeMode = FeeMode.RECEIVED
    """What it pays its fees in."""
    stp_group: int = 0
    """Whose orders do not trade with one another; 0 is none."""
    unified: bool = False
    """Whether it is in Gate's unified mode."""
    rights: KeyRights = KeyRights()
    """What its key may do."""


class ExchangeOptions(Struct, frozen=True, kw_only=True):
    """Everything an exchange process is told."""

    port: int = 0
    pairs: tuple[str, ...] = ()
    """Empty takes the usual ones; with a tape its own."""
    seed: int = 1
    speed: float = 1.0
    tape: Path | None = None
    faults: Path | None = None
    scenarios: tuple[ScenarioOrder, ...] = ()
    db: Path | None = None
    accounts: tuple[AccountOptions, ...] = ()
    """Empty opens one demo account."""
    demo_key: str = DEMO_KEY
    demo_secret: str = DEMO_SECRET
    rate_limits: bool = True
    most_queued: int = 5_000
    """WebSocket messages a client may be behind before it is cut off."""
    exit_with_parent: bool = False
    switches: Switches = Switches()


def parse_account(text: str) -> AccountOptions:
    """Return what `NAME:KEY:SECRET:USDT=10000,BTC=0.1:fee=gt,stp=7,unified,rights=spot` says.

    The balances and the traits after them may be left out.

    Raises:
        ConfigurationInvalid: If it says anything else; the text names the part.
    """
    name, *rest = text.split(":")
    if len(rest) not in (2, 3, 4) or not all((name, *rest[:2])):
        raise _unreadable(name)
    balances: dict[Currency, Decimal] = {}
    for part in rest[2].split(",") if len(rest) > 2 and rest[2] else ():
        currency, _, amount = part.partition("=")
        balances[Currency(currency)] = _amount(name, currency, amount)
    bare = AccountOptions(name=name, key=rest[0], secret=rest[1], balances=balances)
    return _with_traits(bare, rest[3].split(",") if len(rest) > 3 else ())


def _unreadable(name: str) -> ConfigurationInvalid:
    # The text itself may hold a secret, so it is not repeated.
    form = "NAME:KEY:SECRET:USDT=10000,BTC=0.1:fee=gt,stp=7,unified,rights=spot"
    return ConfigurationInvalid(f"account {name!r}: write {form}")


def _with_traits(account: AccountOptions, traits: Iterable[str]) -> AccountOptions:
    for trait in traits:
        match trait.partition("="):
            case ("fee", "=", mode) if mode in tuple(FeeMode):
                account = replace(account, fee=FeeMode(mode))
            case ("stp", "=", group) if group.isdecimal() and group.isascii():
                account = replace(account, stp_group=int(group))
            case ("rights", "=", areas) if all(map(_AREA.fullmatch, areas.split("+"))):
                account = replace(account, rights=KeyRights.of(areas))
            case ("unified", "", ""):
                account = replace(account, unified=True)
            case _:
                raise _unreadable(account.name)
    return account


def parse_switches(texts: Iterable[str]) -> Switches:
    """Return the switches, those of `NAME=VALUE` set as they say.

    Raises:
        ConfigurationInvalid: If one does not exist or cannot be set so.
    """
    stated: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name not in Switches.__struct_fields__:
            known = ", ".join(Switches.__struct_fields__)
            raise ConfigurationInvalid(f"switch {text!r}: write NAME=VALUE, NAME one of {known}")
        stated[name] = value
    try:
        return msgspec.convert(stated, Switches, strict=False)
    except msgspec.ValidationError as problem:
        what, _, where = str(problem).partition(" - at `$.")
        raise ConfigurationInvalid(f"switch {where.rstrip('`')}: {what}") from None


def _amount(name: str, currency: str, text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    if not currency.isalnum() or not amount.is_finite() or amount < 0:
        message = f"account {name!r}: {currency}={text} is no balance; write it like USDT=10000"
        raise ConfigurationInvalid(message)
    if scaled(amount, SCALE) is None:
        message = f"account {name!r}: {currency}={text} has more than {SCALE} decimals"
        raise ConfigurationInvalid(message)
    return amount


def demo_account(
    pairs: Iterable[str], key: str = DEMO_KEY, secret: str = DEMO_SECRET
) -> AccountOptions:
    """Return an account that can trade either side of each of `pairs`."""
    balances: dict[Currency, Decimal] = {}
    for pair in map(Pair, pairs):
        quote = quote_of(pair)
        balances.setdefault(quote, _DEMO_QUOTE.get(quote, Decimal(100_000)))
    for pair in map(Pair, pairs):
        known = CATALOGUE.get(pair)
        price = known[1].price if known is not None and quote_of(pair) == "USDT" else 10_000.0
        # One significant digit: nobody should wonder where 1.17 BTC came from.
        balances.setdefault(base_of(pair), Decimal(f"{_DEMO_WORTH / price:.0e}"))
    return AccountOptions(name="demo", key=key, secret=secret, balances=balances)


def open_accounts(venue: Venue, accounts: Sequence[AccountOptions]) -> None:
    """Open accounts that `venue` does not know yet; those it knows keep what they own.

    Raises:
        ConfigurationInvalid: If two accounts share a name or a key.
    """
    if len({each.name for each in accounts}) < len(accounts):
        message = "two accounts have the same name: give each --account its own"
        raise ConfigurationInvalid(message)
    if len({each.key for each in accounts}) < len(accounts):
        message = "two accounts have the same key: give each --account its own"
        raise ConfigurationInvalid(message)
    ledger = venue.ledger
    for each in accounts:
        known = ledger.accounts.get(each.name)
        if known is not None:
            ledger.by_key.pop(known.key, None)
            known.key, known.secret = each.key, each.secret
            ledger.by_key[each.key] = known
            _adopt(known, each)
            continue
        account = ledger.open(each.name, each.key, each.secret)
        _adopt(account, each)
        for currency, amount in each.balances.items():
            atoms = scaled(amount, SCALE)
            assert atoms is not None, "parse_account checked the decimals"
            ledger.deposit(account, currency, atoms)


def _adopt(account: Account, options: AccountOptions) -> None:
    """Make `account` what the operator wants it to be; what it owns stays."""
    account.fee_mode = options.fee
    account.stp_group = options.stp_group
    account.unified = options.unified
    account.rights = options.rights
