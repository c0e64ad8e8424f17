"""A death that nobody asked for is told to whoever listens, with where it was and of what."""

import pytest

from actors.kernel import ChildDied
from supervisor.management import RestartChild
from tests.supervisor.worlds import Leave, SlowStarter, everywhere


def listened(world):
    """Return what gives the deaths that are told in `world` from now on."""
    world.runtime.bus.subscribe("asker", ChildDied)
    return lambda: [one for one in world.answers if isinstance(one, ChildDied)]


@everywhere
def test_a_crash_is_told_with_its_traceback(world):
    told = listened(world)
    world.start(world.child("a"))
    world.crash("a")
    world.until(told)
    [died] = told()
    assert (died.address, died.incarnation) == ("top/a", 1)
    assert died.error == "ValueError: told to"
    assert "in on_receive" in died.traceback


@everywhere
@pytest.mark.parametrize(("plan", "life"), [("fail", 2), ("unborn", 0)])
def test_a_start_that_fails_is_told(world, plan, life):
    told = listened(world)
    world.start(world.child("a"))
    world.script("a").starts.append(plan)
    world.crash("a")
    world.until(lambda: len(told()) == 2)
    _, failed = told()
    assert (failed.address, failed.incarnation) == ("top/a", life)
    assert "ValueError" in failed.error
    assert "Traceback" in failed.traceback


@everywhere
def test_a_start_that_takes_too_long_is_told(world):
    told = listened(world)
    world.script("a").starts.extend(["hang", "well"])
    world.begin(world.child("a", SlowStarter, start_s=0.02))
    world.until(told)
    died = told()[0]
    assert (died.address, died.incarnation) == ("top/a", 1)
    assert died.error == "did not start within 0.02 s"
    world.script("a").gate.set()


@everywhere
def test_who_gives_up_says_of_what(world):
    told = listened(world)
    world.start(world.sub("sub", world.child("a"), intensity=0))
    world.crash("sub/a")
    world.until(lambda: len(told()) == 2)
    child, group = told()
    assert child.address == "top/sub/a"
    assert group.address == "top/sub"
    assert group.error == "more than 0 restarts in 60 s, the last of a: ValueError: told to"


@everywhere
def test_who_ends_by_itself_and_is_wanted_is_told(world):
    told = listened(world)
    world.start(world.child("a"))
    world.tell("a", Leave())
    world.until(told)
    [left] = told()
    assert (left.address, left.incarnation) == ("top/a", 1)
    assert left.error == "it ended by itself"


@everywhere
def test_who_does_not_stop_in_time_is_told(world):
    told = listened(world)
    world.start(world.child("a", stop_s=0.02))
    world.script("a").when_asked_to_stop = "deaf"
    world.shut_down()
    world.until(told)
    assert told()[0].error == "did not stop within 0.02 s"


@everywhere
def test_what_ends_as_it_should_is_not_told(world):
    told = listened(world)
    world.start(*world.children("a b"))
    world.send(RestartChild(id="a"))
    world.shut_down()
    assert told() == []
