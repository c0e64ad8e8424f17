"""What an operator may say about accounts and pairs, and what it is answered."""

from decimal import Decimal

import pytest

from adapters.simulated.building import build_venue
from adapters.simulated.core.fees import FeeMode
from adapters.simulated.core.invariants import broken_invariants
from adapters.simulated.core.key_rights import KeyRights
from adapters.simulated.core.switches import SelfTrade, Switches
from adapters.simulated.options import (
    AccountOptions,
    ExchangeOptions,
    parse_account,
    parse_switches,
)
from state.errors import ConfigurationInvalid
from state.values import Currency
from tests.adapters.simulated.venues import NOON, balance

USDT, BTC = Currency("USDT"), Currency("BTC")


def test_an_account_is_a_name_a_key_a_secret_and_balances():
    assert parse_account("amy:k:s:USDT=10000,BTC=0.1") == AccountOptions(
        name="amy", key="k", secret="s", balances={USDT: Decimal(10000), BTC: Decimal("0.1")}
    )
    assert parse_account("amy:k:s").balances == {}


def test_an_account_may_have_traits():
    amy = parse_account("amy:k:s:USDT=1:fee=points,stp=7,unified,rights=spot.read+withdraw")
    assert amy.rights == KeyRights(acts_in=frozenset({"withdraw"}), looks_at=frozenset({"spot"}))
    assert (amy.fee, amy.stp_group, amy.unified) == (FeeMode.POINTS, 7, True)
    assert parse_account("amy:k:s::fee=gt").fee is FeeMode.GT
    venue = build_venue(ExchangeOptions(pairs=("BTC_USDT",), accounts=(amy,)), NOON)
    opened = venue.ledger.accounts["amy"]
    assert (opened.fee_mode, opened.stp_group, opened.unified) == (FeeMode.POINTS, 7, True)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("amy", "NAME:KEY:SECRET"),
        ("amy:k", "NAME:KEY:SECRET"),
        ("amy::s", "NAME:KEY:SECRET"),
        ("amy:k:s:USDT=1:x", "NAME:KEY:SECRET"),
        ("amy:k:s:USDT=1:fee=gold", "NAME:KEY:SECRET"),
        ("amy:k:s:USDT=1:stp=-1", "NAME:KEY:SECRET"),
        ("amy:k:s:USDT=1:unified:more", "NAME:KEY:SECRET"),
        ("amy:k:s:USDT=1:rights=", "NAME:KEY:SECRET"),
        ("amy:k:s:USDT=1:rights=spot+.read", "NAME:KEY:SECRET"),
        ("amy:k:s:USDT", "no balance"),
        ("amy:k:s:USDT=lots", "no balance"),
        ("amy:k:s:USDT=-1", "no balance"),
        ("amy:k:s:USDT=inf", "no balance"),
        ("amy:k:s:=1", "no balance"),
        ("amy:k:s:USDT=0.0000000000000000001", "18 decimals"),
    ],
)
def test_a_bad_account_is_named_without_its_secret(text, complaint):
    with pytest.raises(ConfigurationInvalid, match=complaint) as caught:
        parse_account(text)
    assert "amy" in str(caught.value)
    assert ":s" not in str(caught.value)


def test_switches_are_set_by_name():
    switches = parse_switches(
        ["self_trade=prevented", "book_limit_max=50", "reset_header_ms=false"]
    )
    assert switches == Switches(
        self_trade=SelfTrade.PREVENTED, book_limit_max=50, reset_header_ms=False
    )
    assert parse_switches([]) == Switches()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("self_trade", "NAME one of text_lookup"),
        ("self_trad=allowed", "NAME one of text_lookup"),
        ("self_trade=maybe", "switch self_trade: Invalid enum value"),
        ("book_limit_max=many", "switch book_limit_max: Expected `int`"),
    ],
)
def test_a_switch_that_cannot_be_is_named(text, complaint):
    with pytest.raises(ConfigurationInvalid, match=complaint):
        parse_switches([text])


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"pairs": ("NOPE_USDT",)}, "unknown pair 'NOPE_USDT'"),
        ({"accounts": (parse_account("a:k:s"), parse_account("a:l:s"))}, "same name"),
        ({"accounts": (parse_account("a:k:s"), parse_account("b:k:s"))}, "same key"),
    ],
)
def test_what_cannot_be_built_is_named(options, complaint):
    with pytest.raises(ConfigurationInvalid, match=complaint):
        build_venue(ExchangeOptions(**options), NOON)


def test_the_usual_venue_has_a_demo_account_that_can_trade_either_side():
    venue = build_venue(ExchangeOptions(), NOON)

    assert list(venue.pairs) == ["BTC_USDT", "ETH_USDT", "SOL_USDT"]
    assert balance(venue, "demo", "USDT") == ("100000", "0")
    assert balance(venue, "demo", "BTC") == ("0.8", "0")
    assert broken_invariants(venue) == []
