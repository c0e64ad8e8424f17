"""A stream is lost after three times its own rhythm, neither sooner nor much later."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.gate.cadence import Cadence, Patience
from adapters.gate.hosts import Hosts

PATIENCE = Patience(floor_s=1.0, ceiling_s=30.0)


def following(*gaps_s):
    """Return a cadence that has heard data after each of these gaps, and the time by then."""
    cadence, now_s = Cadence(PATIENCE), 100.0
    cadence.begin(now_s)
    for gap_s in gaps_s:
        now_s += gap_s
        cadence.heard(now_s)
    return cadence, now_s


def test_what_is_not_known_yet_is_waited_for_longest():
    cadence, now_s = following()
    assert not cadence.overdue(now_s + 30.0)
    assert cadence.overdue(now_s + 30.1)


def test_three_times_the_learned_interval_is_too_long():
    cadence, now_s = following(*[2.0] * 20)
    assert not cadence.overdue(now_s + 5.9)
    assert cadence.overdue(now_s + 6.1)


def test_a_lull_that_came_before_is_no_loss():
    cadence, now_s = following(*[0.1] * 50, 4.0, *[0.1] * 50)
    assert not cadence.overdue(now_s + 10.0)


def test_a_market_that_woke_up_is_watched_more_closely_as_time_passes():
    cadence, now_s = following(8.0, *[0.1] * 6000)
    assert cadence.overdue(now_s + 1.1)


@given(st.lists(st.floats(0.0, 1000.0), max_size=30))
def test_patience_stays_within_its_bounds(gaps_s):
    cadence, _ = following(*gaps_s)
    assert 1.0 <= cadence.limit_s <= 30.0


def test_each_loss_in_vain_doubles_the_patience_and_data_ends_that():
    cadence, now_s = following(*[0.5] * 10)
    assert cadence.limit_s == 1.5
    cadence.struck(now_s + 1.6)
    assert cadence.limit_s == 3.0
    assert not cadence.overdue(now_s + 1.6 + 2.9)
    for strike in range(10):
        cadence.struck(now_s + strike)
    assert cadence.limit_s == 30.0
    cadence.heard(now_s + 10.0)
    assert cadence.limit_s < 30.0


def test_hosts_are_tried_in_their_order_and_the_first_again_after_a_good_end():
    hosts = Hosts(("a", "b", "c"))
    seen = [hosts.current]
    for well in (False, False, False, False, True):
        hosts.ended(well=well)
        seen.append(hosts.current)
    assert seen == ["a", "b", "c", "a", "b", "a"]
