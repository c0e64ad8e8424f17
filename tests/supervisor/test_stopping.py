"""The promise: children stop in reverse start order; none can keep its supervisor from ending."""

import pytest

from actors.kernel import ExitKind
from supervisor.child_spec import BRUTAL, INFINITY, Boot, Restart, Strategy
from supervisor.management import Outcome, RestartChild, TerminateChild
from tests.supervisor.worlds import Hang, Leave, SlowStarter, everywhere, live, virtually


@everywhere
@pytest.mark.parametrize("strategy", list(Strategy))
def test_children_stop_one_by_one_in_reverse_start_order(world, strategy):
    world.start(*world.children("b a c"), strategy=strategy)
    world.shut_down()
    world.shows("+b +a +c -c -a -b")
    assert world.exit().kind is ExitKind.SHUTDOWN
    assert world.up() == ""


@virtually
def test_the_next_is_asked_only_when_the_one_before_is_down(world):
    world.start(*world.children("a b c"))
    world.script("b").when_asked_to_stop = "linger"
    world.shut_down()
    world.settle()
    assert world.states() == {"a": "running", "b": "stopping", "c": "stopped"}
    world.tell("b", Leave())
    world.shows("+a +b +c -c ~b -b -a")


@virtually
def test_neighbours_that_say_so_are_asked_together_and_the_others_wait_for_them(world):
    group = world.children("b c d", stops_with_neighbours=True)
    world.start(world.child("a"), *group, world.child("e"))
    world.script("c").when_asked_to_stop = "linger"
    world.script("e").when_asked_to_stop = "linger"
    world.shut_down()
    world.settle()
    assert world.up() == "a b c d e", "nobody is asked before the one that stands alone is down"
    world.tell("e", Leave())
    world.settle()
    asked = {"b": "stopped", "c": "stopping", "d": "stopped", "e": "stopped"}
    assert world.states() == {"a": "running", **asked}
    world.tell("c", Leave())
    assert world.exit().kind is ExitKind.SHUTDOWN
    assert world.history[-2:] == ["-c", "-a"]
    assert world.up() == ""


@everywhere
def test_neighbours_that_are_deaf_are_cut_off_together_after_one_time_limit(world):
    world.start(*world.children("a b c d e f", stop_s=0.2, stops_with_neighbours=True))
    for id_ in "abcdef":
        world.script(id_).when_asked_to_stop = "deaf"
    began = world.runtime.clock.monotonic_ns()
    world.shut_down()
    assert world.exit().kind is ExitKind.SHUTDOWN
    took_s = (world.runtime.clock.monotonic_ns() - began) / 1e9
    assert 0.2 <= took_s < 0.2 * 2
    assert world.up() == ""


@everywhere
def test_asked_to_stop_twice_is_asked_once(world):
    world.start(*world.children("a b"))
    world.shut_down()
    world.shut_down()
    world.shows("+a +b -b -a")
    assert world.exit().kind is ExitKind.SHUTDOWN


@everywhere
def test_a_supervisor_that_gave_up_and_is_then_asked_to_stop_still_ends_as_an_error(world):
    world.start(world.child("a"), world.child("b", stop_s=INFINITY), intensity=0)
    world.script("b").when_asked_to_stop = "linger"
    world.crash("a")
    world.until(lambda: "~b" in world.history)
    world.shut_down()
    world.settle()
    world.leave("b")
    assert world.exit().kind is ExitKind.ERROR
    world.shows("+a +b !a ~b -b")


@everywhere
def test_a_child_may_take_for_ever_when_its_spec_says_so(world):
    """OTP: sup_stop_infinity."""
    world.start(world.child("a", stop_s=INFINITY), world.sub("sub", world.child("b")))
    world.script("a").when_asked_to_stop = "linger"
    world.shut_down()
    world.until(lambda: "~a" in world.history)
    world.let_pass(0.05)
    assert not world.exits()
    world.leave("a")
    world.shows("+a +b -b ~a -a")
    assert world.exit().kind is ExitKind.SHUTDOWN


@everywhere
def test_a_child_deaf_to_the_request_is_cut_off_after_its_time(world):
    """OTP: sup_stop_timeout."""
    world.start(world.child("a"), world.child("b", stop_s=0.03), world.child("c"))
    world.script("b").when_asked_to_stop = "deaf"
    world.shut_down()
    world.shows("+a +b +c -c ~b")
    world.until(lambda: len(world.history) == 6)
    world.shows("+a +b +c -c ~b -a")
    assert world.exit().kind is ExitKind.SHUTDOWN
    assert world.up() == ""


@everywhere
def test_a_brutal_stop_asks_nobody(world):
    """OTP: sup_stop_brutal_kill."""
    world.start(world.child("a"), world.child("b", stop_s=BRUTAL))
    world.shut_down()
    world.shows("+a +b -a")
    assert world.exit().kind is ExitKind.SHUTDOWN
    assert world.up() == ""


@everywhere
def test_a_request_to_stop_that_came_too_late_does_not_stop_the_next_life(world):
    """Found here: it stayed in the mailbox of a child cut off and ended its successor."""
    world.start(world.child("a", SlowStarter, stop_s=0.02, start_s=10))
    world.script("a").starts.append("hang")
    world.crash("a")
    world.until(lambda: world.state("a") == "starting")
    if world.live:
        world.until(lambda: world.hung)
    # Live, a thread that hangs never hears of it; in virtual time one that is deaf stands in.
    world.script("a").when_asked_to_stop = "deaf"
    assert world.ask(TerminateChild(id="a")) is Outcome.OK
    world.script("a").when_asked_to_stop = "well"
    assert world.ask(RestartChild(id="a")) is Outcome.OK
    world.settle()
    assert world.states() == {"a": "running"}


@live
def test_a_child_that_hangs_while_it_is_asked_to_stop_is_cut_off(world):
    world.start(world.child("a"), world.child("b", stop_s=0.03))
    world.tell("b", Hang())
    world.until(lambda: world.hung)
    world.shut_down()
    world.until(world.exits)
    assert world.history == ["+a", "+b", "-a"]
    world.script("b").gate.set()
    world.until(lambda: world.ghosts)
    assert world.ghosts == [False]


@everywhere
@pytest.mark.parametrize("restart", list(Restart))
@pytest.mark.parametrize("end", ["well", "leave", "spiteful"])
def test_a_child_that_ends_otherwise_while_being_stopped_is_just_as_down(world, restart, end):
    """OTP: sup_stop_race, sup_stop_non_shutdown_exit_dynamic, temporary_shutdown."""
    world.start(world.child("a"), world.child("b", restart=restart), world.child("c"))
    world.script("b").when_asked_to_stop = end
    world.shut_down()
    world.shows(f"+a +b +c -c {'!b' if end == 'spiteful' else '-b'} -a")
    assert world.exit().kind is ExitKind.SHUTDOWN


@everywhere
@pytest.mark.parametrize("restart", list(Restart))
def test_children_that_end_by_themselves_while_the_supervisor_stops_do_not_disturb_it(
    world, restart
):
    """OTP: sup_stop_race."""
    world.start(*world.children("a b c d e", restart=restart), world.child("z"))
    world.script("z").when_asked_to_stop = "linger"
    world.shut_down()
    world.crash("b")
    world.leave("c")
    world.end("d")
    world.until(lambda: "~z" in world.history)
    world.until(lambda: {"!b", "-c", "-d"} <= set(world.history))
    world.leave("z")
    assert world.exit().kind is ExitKind.SHUTDOWN
    world.settle()
    assert sorted(world.history[-2:]) == ["-a", "-e"]
    assert world.history[-2:] == ["-e", "-a"]
    assert world.history.count("+b") == 1


@everywhere
def test_a_supervisor_can_be_stopped_while_a_child_starts(world):
    world.script("b").starts.append("hang")
    world.begin(world.child("a"), world.child("b", SlowStarter, stop_s=0.03), world.child("c"))
    world.until(lambda: world.state("b") == "starting")
    world.shut_down()
    assert world.exit().kind is ExitKind.SHUTDOWN
    world.settle()
    assert [what for what in world.history if what != "-b"] == ["+a", "-a"]
    assert world.up() == ""


@everywhere
@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_supervisor_can_be_stopped_while_a_restart_loops(world, strategy):
    """OTP: hanging_restart_loop, hanging_restart_loop_rest_for_one."""
    world.start(*world.children("a b c"), strategy=strategy, intensity=1_000_000)
    world.script("b").then = "fail"
    world.crash("b")
    world.until(lambda: world.history.count("xb") >= 3)
    world.shut_down()
    assert world.exit().kind is ExitKind.SHUTDOWN
    assert world.up() == ""


@everywhere
def test_a_supervisor_can_be_stopped_while_it_boots_again_and_again(world):
    world.script("b").then = "fail"
    world.begin(*world.children("a b"), boot=Boot.RETRY, intensity=1_000_000)
    world.until(lambda: world.history.count("xb") >= 3)
    world.shut_down()
    assert world.exit().kind is ExitKind.SHUTDOWN
    assert world.up() == ""


@everywhere
def test_who_waits_for_an_answer_gets_one_when_the_supervisor_ends(world):
    """Found here: requests still waiting at the end were dropped without a word."""
    world.start(world.child("a"), world.child("b", stop_s=INFINITY))
    world.script("b").when_asked_to_stop = "linger"
    terminate = world.send(TerminateChild(id="b"))
    restart = world.send(RestartChild(id="a"))
    world.until(lambda: "~b" in world.history)
    world.shut_down()
    world.until(lambda: world.answer(restart))
    late = world.send(TerminateChild(id="a"))
    world.until(lambda: world.answer(late))
    assert {world.answer(number).outcome for number in (terminate, restart, late)} == {
        Outcome.SHUTTING_DOWN
    }
    world.leave("b")
    assert world.exit().kind is ExitKind.SHUTDOWN
