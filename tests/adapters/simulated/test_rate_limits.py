"""Gate's limits, its headers and its refusal."""

import pytest

from adapters.simulated.rate_limits import LimitClass, RateLimited, RateLimits
from state.values import NS_PER_MS, NS_PER_S

NOW = 1_700_000_000 * NS_PER_S


def test_the_eleventh_placement_in_a_second_is_refused_and_the_next_second_is_new():
    limits = RateLimits()
    for left in range(9, 0, -1):
        headers = limits.count(LimitClass.PLACE, "alice BTC_USDT", NOW)
        assert headers["X-Gate-RateLimit-Requests-Remain"] == str(left)
        assert headers["X-Gate-RateLimit-Limit"] == "10"
        assert headers["X-Gate-RateLimit-Reset-Timestamp"] == str(NOW // NS_PER_MS)
    exhausted = limits.count(LimitClass.PLACE, "alice BTC_USDT", NOW + 1)
    assert exhausted["X-Gate-RateLimit-Requests-Remain"] == "0"
    assert exhausted["X-Gate-RateLimit-Reset-Timestamp"] == str((NOW + NS_PER_S) // NS_PER_MS)

    with pytest.raises(RateLimited) as caught:
        limits.count(LimitClass.PLACE, "alice BTC_USDT", NOW + 2)

    refused = caught.value.refusal
    assert (refused.label, refused.status) == ("TOO_MANY_REQUESTS", 429)
    assert refused.message == "Request Rate limit Exceeded (211)"
    assert caught.value.headers["X-Gate-RateLimit-Requests-Remain"] == "0"
    fresh = limits.count(LimitClass.PLACE, "alice BTC_USDT", NOW + NS_PER_S)
    assert fresh["X-Gate-RateLimit-Requests-Remain"] == "9"


def test_each_market_and_user_has_a_limit_of_its_own():
    limits = RateLimits()
    for _ in range(10):
        limits.count(LimitClass.PLACE, "alice BTC_USDT", NOW)

    assert limits.count(LimitClass.PLACE, "alice ETH_USDT", NOW)
    assert limits.count(LimitClass.PLACE, "bob BTC_USDT", NOW)
    assert limits.count(LimitClass.CANCEL, "alice BTC_USDT", NOW)


def test_public_and_private_reads_are_counted_apart():
    limits = RateLimits()
    for _ in range(200):
        limits.count(LimitClass.PUBLIC, "x", NOW)
    with pytest.raises(RateLimited):
        limits.count(LimitClass.PUBLIC, "x", NOW + 9 * NS_PER_S)
    assert limits.count(LimitClass.PRIVATE, "x", NOW)
    assert limits.count(LimitClass.PUBLIC, "x", NOW + 10 * NS_PER_S)


def test_when_not_enforced_they_are_only_counted():
    limits = RateLimits(enforced=False, reset_ms=False)
    for _ in range(20):
        headers = limits.count(LimitClass.PLACE, "alice", NOW)
    assert headers["X-Gate-RateLimit-Requests-Remain"] == "0"
    assert headers["X-Gate-RateLimit-Reset-Timestamp"] == str(NOW // NS_PER_S + 1)


def test_old_windows_are_forgotten():
    limits = RateLimits()
    for number in range(10_002):
        limits.count(LimitClass.PUBLIC, str(number), NOW)
    limits.count(LimitClass.PUBLIC, "late", NOW + 11 * NS_PER_S)
    assert len(limits._windows) == 1


def test_whose_orders_hardly_fill_may_place_ten_in_ten_seconds():
    limits = RateLimits()
    limits.low_fill_ratio.add("alice")
    for _ in range(10):
        limits.count(LimitClass.PLACE, "alice BTC_USDT", NOW)
        assert limits.count(LimitClass.PLACE, "bob BTC_USDT", NOW)

    with pytest.raises(RateLimited) as caught:
        limits.count(LimitClass.PLACE, "alice BTC_USDT", NOW + 2 * NS_PER_S)

    assert caught.value.refusal.message == "Request Rate limit Exceeded (212)"
    assert limits.count(LimitClass.PLACE, "alice BTC_USDT", NOW + 10 * NS_PER_S)
