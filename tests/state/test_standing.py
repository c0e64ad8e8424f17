"""Daily loss and drawdown: worked by hand, and what no order of marks and flows may break."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from state.config.limits import RiskSettings
from state.messages.risk import Lock, RiskMarked, Tier
from state.standing import (
    DAY_NS,
    begin,
    daily_loss,
    drawdown,
    is_grave,
    is_to_be_told,
    lock_on,
    locked,
    marked,
    resumed,
)
from state.values import NS_PER_S, Pair, TimeNs

LIMITS = RiskSettings()
"""5 % a day; tiers at 5, 10, 15 and 20 %, left 1 % higher, after an hour."""
NOON = TimeNs(20_000 * DAY_NS + DAY_NS // 2)
BTC, ETH = Pair("BTC_USDT"), Pair("ETH_USDT")


def at(seconds: float) -> TimeNs:
    return TimeNs(NOON + int(seconds * NS_PER_S))


class Account:
    """Marks at moments after noon, in seconds."""

    def __init__(self, **limits: Any):
        self.limits = replace(LIMITS, **limits)
        self.now = begin(Decimal(10_000), Decimal(0), NOON)

    def mark(self, equity, seconds: float, flows=None) -> RiskMarked:
        moved = self.now.flows if flows is None else Decimal(flows)
        self.now = marked(self.now, Decimal(equity), moved, at(seconds), self.limits)
        return self.now


def test_the_peak_is_the_highest_equity_and_remembers_when():
    account = Account()
    account.mark(11_000, 1)
    account.mark(10_500, 2)
    assert (account.now.peak, account.now.peak_at_ns) == (Decimal(11_000), at(1))
    assert drawdown(account.now) == Decimal("0.045454545455")


def test_a_deposit_and_a_withdrawal_change_neither_loss_nor_drawdown():
    account = Account()
    account.mark(9_600, 1)
    account.mark(19_600, 2, flows=10_000)
    assert daily_loss(account.now) == drawdown(account.now) == Decimal("0.04")
    account.mark(9_600, 3, flows=0)
    account.mark(960, 4, flows=-8_640)
    assert daily_loss(account.now) == drawdown(account.now) == Decimal("0.04")
    assert account.now.tier is Tier.NORMAL


def test_a_loss_that_a_deposit_would_hide_is_seen():
    account = Account()
    account.mark(14_000, 1, flows=5_000)  # Moved in 5,000 and lost 1,000 meanwhile.
    assert account.now.tier is Tier.HALF
    assert account.now.locks[0].code == "DAILY_LOSS"


def test_money_that_comes_to_an_empty_account_is_no_gain():
    account = Account()
    account.now = begin(Decimal(0), Decimal(0), NOON)
    account.mark(5_000, 1, flows=5_000)
    assert (account.now.peak, account.now.day_opening) == (Decimal(5_000), Decimal(5_000))
    account.mark(4_900, 2)
    assert drawdown(account.now) == Decimal("0.02")


# The day.


def test_the_day_may_lose_its_share_less_a_unit_and_no_more():
    account = Account(drawdown_warn_share=Decimal(1))
    assert account.mark("9500.00000001", 1).locks == ()
    [lock] = account.mark(9_500, 2).locks
    assert (lock.code, lock.pair, lock.since_ns) == ("DAILY_LOSS", None, at(2))


def test_a_day_that_lost_too_much_stays_locked_though_it_recovers():
    account = Account()
    account.mark(9_400, 1)
    account.mark(10_400, 2)
    assert lock_on(account.now, BTC, at(2)) is not None


def test_a_breach_just_before_midnight_outlives_midnight_unless_the_policy_says_otherwise():
    held, released = Account(), Account(daily_loss_hold_s=0.0)
    for account in (held, released):
        account.mark(10_000, 43_198)
        account.mark(9_400, 43_199)  # 23:59:59
        assert lock_on(account.now, BTC, at(43_199)) is not None
        account.mark(9_400, 43_200)  # 00:00:00, and a new day with an opening of its own
        assert (account.now.day, account.now.day_opening) == (20_001, Decimal(9_400))
    assert lock_on(held.now, BTC, at(43_200)) is not None
    assert lock_on(released.now, BTC, at(43_200)) is None
    held.mark(9_400, 43_199 + 43_200)
    assert lock_on(held.now, BTC, at(43_199 + 43_200)) is None


def test_a_loss_over_midnight_while_nobody_looked_belongs_to_the_day_that_finds_it():
    account = Account()
    account.mark(10_000, 43_000)
    account.mark(9_400, 50_000)
    assert account.now.day_opening == 10_000
    assert account.now.locks[0].code == "DAILY_LOSS"


def test_a_clock_that_goes_back_over_midnight_brings_no_earlier_day():
    account = Account()
    account.mark(9_800, 43_201)
    account.mark(9_700, 43_100)
    assert account.now.day == 20_001
    assert account.now.day_opening == 10_000


# Tiers.


@pytest.mark.parametrize(
    ("equity", "tier"),
    [
        ("9500.01", Tier.NORMAL),
        ("9500", Tier.WARN),
        ("9000", Tier.HALF),
        ("8500", Tier.REDUCE),
        ("8000", Tier.HALT),
        ("0", Tier.HALT),
    ],
)
def test_each_tier_begins_at_its_threshold(equity, tier):
    assert Account().mark(equity, 1).tier is tier


def test_a_tier_is_left_only_after_its_rest_and_well_above_its_threshold():
    account = Account()
    account.mark(9_000, 0)
    assert account.mark(9_600, 3_599).tier is Tier.HALF
    assert account.mark(9_100, 3_600).tier is Tier.HALF  # 9 %: just at the hysteresis
    assert account.mark("9100.01", 3_601).tier is Tier.WARN
    assert account.now.tier_since_ns == at(3_601)
    assert account.mark(9_800, 3_700).tier is Tier.WARN
    assert account.mark(9_800, 7_201).tier is Tier.NORMAL


def test_a_tier_is_entered_once_while_equity_hovers_about_its_threshold():
    account, entries = Account(), 0
    for number in range(2_000):
        before = account.now.tier
        account.mark(9_500 if number % 2 else 9_501, number * 10)
        entries += account.now.tier is not before
    assert entries == 1


def test_a_halt_is_ended_by_an_operator_alone():
    account = Account()
    account.mark(8_000, 0)
    assert not account.now.halt_told
    assert account.mark(20_000, 10**6).tier is Tier.HALT
    account.mark(8_000, 10**6 + 1)
    account.now = resumed(account.now, at(10**6 + 2), "resumed by uid 1000")
    assert (account.now.tier, account.now.peak) == (Tier.NORMAL, Decimal(8_000))
    assert account.mark(7_900, 10**6 + 3).tier is Tier.NORMAL


# Locks.


def a_lock(until_s: float, pair: Pair | None = BTC, code="COOLDOWN_PERIOD") -> Lock:
    return Lock(code=code, pair=pair, since_ns=NOON, until_ns=at(until_s), reason="rest")


def test_a_lock_holds_its_pair_until_its_end_and_is_only_prolonged():
    standing = locked(Account().now, a_lock(60))
    assert lock_on(standing, BTC, at(59.9)) == a_lock(60)
    assert lock_on(standing, BTC, at(60)) is None
    assert lock_on(standing, ETH, at(1)) is None
    assert locked(standing, a_lock(30)) == standing
    assert locked(standing, a_lock(90)).locks == (a_lock(90),)
    both = locked(standing, a_lock(90, pair=None))
    assert lock_on(both, BTC, at(1)) == a_lock(90, pair=None)
    assert lock_on(both, ETH, at(1)) == a_lock(90, pair=None)


# What is told.


def test_what_decides_is_told_at_once_and_the_rest_now_and_then():
    first = Account().now
    assert is_to_be_told(None, first)
    assert not is_to_be_told(first, replace(first, equity=Decimal(9_990), at_ns=at(59)))
    assert is_to_be_told(first, replace(first, equity=Decimal(9_990), at_ns=at(60)))
    assert not is_to_be_told(first, replace(first, at_ns=at(10**6)))
    assert not is_to_be_told(first, replace(first, peak=Decimal(10_001)))
    assert is_to_be_told(first, replace(first, peak=Decimal("10001.01")))
    halt = replace(first, tier=Tier.HALT)
    assert is_to_be_told(first, halt)
    assert is_grave(first, halt)
    assert is_grave(first, locked(first, a_lock(9)))
    assert not is_grave(first, replace(first, peak=Decimal(20_000)))


@given(
    story=st.lists(
        st.tuples(
            st.integers(1, 20_000), st.sampled_from([0, 0, 0, 4_000, -500]), st.integers(0, 7_200)
        ),
        max_size=30,
    )
)
def test_marks_in_any_order_keep_peak_day_and_halt(story):
    account, seconds, flows = Account(), 0, 0
    for equity, moved, later in story:
        before = account.now
        seconds, flows = seconds + later, flows + moved
        now = account.mark(equity, seconds, flows=flows)
        assert now.peak >= now.equity
        assert now.day >= before.day
        assert now.peak_at_ns <= now.at_ns
        if before.tier is Tier.HALT:
            assert now.tier is Tier.HALT
        if now.peak > 0 and now.equity <= now.peak * (1 - LIMITS.drawdown_halt_share):
            assert now.tier is Tier.HALT
        if not moved and now.day == before.day:
            # Nothing within a day makes its opening another one.
            assert now.day_opening == before.day_opening
