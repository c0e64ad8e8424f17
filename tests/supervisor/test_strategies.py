"""The promise: who is restarted with whom, in which order."""

import pytest

from supervisor.child_spec import Restart, Strategy
from supervisor.management import Outcome, TerminateChild
from tests.supervisor.worlds import everywhere

GROUPS = [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE]


@everywhere
def test_one_for_one_restarts_the_dead_child_alone(world):
    """OTP: one_for_one."""
    world.start(*world.children("a b c"))
    world.crash("b")
    world.shows("+a +b +c !b +b")
    assert (world.life("a"), world.life("b"), world.life("c")) == (1, 2, 1)


@everywhere
def test_one_for_all_stops_the_others_in_reverse_and_starts_all_in_order(world):
    """OTP: one_for_all."""
    world.start(*world.children("a b c"), strategy=Strategy.ONE_FOR_ALL)
    world.crash("b")
    world.shows("+a +b +c !b -c -a +a +b +c")


@everywhere
def test_rest_for_one_leaves_earlier_children_alone(world):
    """OTP: rest_for_one."""
    world.start(*world.children("a b c d"), strategy=Strategy.REST_FOR_ONE)
    world.crash("b")
    world.shows("+a +b +c +d !b -d -c +b +c +d")
    assert world.life("a") == 1


@everywhere
def test_start_order_is_the_order_of_the_list_whatever_the_names(world):
    """OTP: order_of_children."""
    world.start(*world.children("ch7 ch3 ch10 ch2 ch5"), strategy=Strategy.REST_FOR_ONE)
    world.crash("ch10")
    restarted = "+ch7 +ch3 +ch10 +ch2 +ch5 !ch10 -ch5 -ch2 +ch10 +ch2 +ch5"
    world.shows(restarted)
    assert list(world.states()) == ["ch7", "ch3", "ch10", "ch2", "ch5"]
    world.shut_down()
    world.shows(f"{restarted} -ch5 -ch2 -ch10 -ch3 -ch7")


@everywhere
@pytest.mark.parametrize("strategy", GROUPS)
def test_a_temporary_bystander_is_dropped_and_does_not_come_back(world, strategy):
    """OTP: temporary_bystander."""
    children = (world.child("a"), world.child("t", restart=Restart.TEMPORARY), world.child("b"))
    world.start(*children, strategy=strategy)
    world.leave("a")
    world.shows("+a +t +b -a -b -t +a +b")
    assert world.states() == {"a": "running", "b": "running"}
    assert not world.tell("t", "too late")


@everywhere
def test_one_for_all_begins_anew_when_another_child_fails_to_restart(world):
    """OTP: one_for_all_other_child_fails_restart."""
    world.start(*world.children("a b c"), strategy=Strategy.ONE_FOR_ALL)
    world.script("b").starts.append("fail")
    world.crash("a")
    world.shows("+a +b +c !a -c -b +a xb -a +a +b +c")


@everywhere
def test_rest_for_one_keeps_up_what_came_before_the_child_that_fails_to_restart(world):
    """OTP: rest_for_one_other_child_fails_restart."""
    world.start(*world.children("a b c d"), strategy=Strategy.REST_FOR_ONE)
    world.script("c").starts.append("fail")
    world.crash("a")
    world.shows("+a +b +c +d !a -d -c -b +a +b xc +c +d")


@everywhere
@pytest.mark.parametrize("strategy", list(Strategy))
def test_children_that_crash_in_the_same_step_all_come_back(world, strategy):
    world.start(*world.children("a b c d"), strategy=strategy)
    world.crash("d", "a", "c", "b")
    world.until(lambda: world.history.count("!a") == 1)
    world.settle()
    assert world.states() == dict.fromkeys("abcd", "running")
    assert world.up() == "a b c d"


@everywhere
def test_a_group_that_dies_together_is_restarted_once(world):
    """A death that the restart of its group has made good costs no second restart."""
    world.start(*world.children("a b c"), strategy=Strategy.ONE_FOR_ALL, intensity=1)
    world.script("b").when_asked_to_stop = "spiteful"
    world.script("c").when_asked_to_stop = "leave"
    world.crash("a")
    world.shows("+a +b +c !a -c !b +a +b +c")


@everywhere
def test_a_group_restart_brings_back_what_was_terminated_by_hand(world):
    """As in OTP: a strategy restarts every sibling that has a spec."""
    world.start(*world.children("a b c"), strategy=Strategy.ONE_FOR_ALL)
    assert world.ask(TerminateChild(id="b")) is Outcome.OK
    world.crash("a")
    world.shows("+a +b +c -b !a -c +a +b +c")
