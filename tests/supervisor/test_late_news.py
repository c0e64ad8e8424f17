"""The promise: news of a former life, late or out of order, changes nothing."""

import pytest

from actors.kernel import Exited, ExitKind, Hung, Started
from supervisor.backoff import Backoff
from supervisor.child_spec import BRUTAL, Restart
from supervisor.management import Outcome, RestartChild, StartChild, TerminateChild
from supervisor.supervisor import _RetryDue, _StartTimeout, _StopTimeout
from tests.supervisor.worlds import SlowStarter, everywhere, virtually


def exited(child="top/a", incarnation=1, kind=ExitKind.ERROR):
    return Exited(child=child, incarnation=incarnation, kind=kind, reason="late", started=True)


def hung(incarnation=1):
    return Hung(child="top/a", incarnation=incarnation, busy_s=1, message="Late", stack="")


NEWS = {
    "started": Started(child="top/a", incarnation=1),
    "declined": Started(child="top/a", incarnation=1, disabled=True),
    "exited": exited(),
    "exited normally": exited(kind=ExitKind.NORMAL),
    "hung": hung(),
    "start timed out": _StartTimeout("a", 1),
    "stop timed out": _StopTimeout("a", 1),
    "retry due": _RetryDue("a", "1.1"),
}


@everywhere
@pytest.mark.parametrize("news", NEWS)
def test_news_of_a_former_life_is_ignored(world, news):
    world.start(*world.children("a b"))
    world.crash("a")
    world.until(lambda: world.life("a") == 2 and world.state("a") == "running")
    for _ in range(3):
        world.runtime.tell("top", NEWS[news], control=True)
    world.shows("+a +b !a +a")
    assert world.states() == {"a": "running", "b": "running"}
    assert world.which()["a"].restarts == 1


@everywhere
@pytest.mark.parametrize("news", NEWS)
def test_news_of_a_former_life_is_ignored_while_the_next_one_starts(world, news):
    world.start(world.child("a", SlowStarter, stop_s=0.02))
    world.script("a").starts.append("hang")
    world.crash("a")
    world.until(lambda: world.state("a") == "starting" and world.life("a") == 2)
    world.runtime.tell("top", NEWS[news], control=True)
    assert world.states() == {"a": "starting"}
    assert world.which()["a"].restarts == 1


@everywhere
@pytest.mark.parametrize("news", NEWS)
def test_news_of_somebody_unknown_is_ignored(world, news):
    world.start(world.child("b"))
    world.runtime.tell("top", NEWS[news], control=True)
    world.shows("+b")
    assert world.states() == {"b": "running"}


@everywhere
def test_an_exit_that_overtakes_the_start_is_a_failed_start_and_the_start_is_ignored(world):
    """The first prototype sent the two by different lanes."""
    world.start(world.child("a", SlowStarter))
    world.script("a").starts.append("hang")
    world.crash("a")
    world.until(lambda: world.state("a") == "starting" and world.life("a") == 2)
    world.runtime.tell("top", exited(incarnation=2), control=True)
    world.runtime.tell("top", Started(child="top/a", incarnation=2), control=True)
    world.until(lambda: world.history.count("+a") == 2 and world.state("a") == "running")
    assert world.which()["a"].restarts == 2
    assert world.life("a") > 2


@everywhere
def test_a_death_told_twice_is_mourned_once(world):
    world.start(world.child("a"))
    world.until(world.announced)
    for _ in range(3):
        world.runtime.tell("top", exited(), control=True)
    world.until(lambda: world.history.count("+a") == 2)
    world.settle()
    assert world.which()["a"].restarts == 1


@virtually
def test_a_timeout_that_comes_after_the_start_is_ignored(world):
    world.script("a").starts.append("hang")
    world.begin(world.child("a", SlowStarter, start_s=1.0))
    world.settle()
    # Both are under way in the same instant; the schedule decides which is handled first.
    world.runtime.call_later(
        1_000_000_000,
        lambda: world.runtime.tell("top", Started(child="top/a", incarnation=1), control=True),
    )
    world.let_pass(2)
    # The time-out was armed first, so it is due first: a failed strict boot.
    assert world.exit().kind is ExitKind.ERROR
    assert world.up() == ""


@virtually
def test_a_stop_timeout_does_not_hit_the_next_life(world):
    world.start(world.child("a", stop_s=1.0))
    assert world.ask(TerminateChild(id="a")) is Outcome.OK
    assert world.ask(RestartChild(id="a")) is Outcome.OK
    world.let_pass(5)
    assert world.states() == {"a": "running"}
    assert world.life("a") == 2


@virtually
def test_a_start_timeout_does_not_hit_a_child_that_started_and_is_being_stopped(world):
    world.start(world.child("a", start_s=1.0, stop_s=5.0))
    world.script("a").when_asked_to_stop = "linger"
    world.send(TerminateChild(id="a"))
    world.let_pass(2)
    assert world.states() == {"a": "stopping"}
    world.leave("a")
    world.settle()
    assert world.states() == {"a": "stopped"}


@virtually
def test_a_retry_called_off_does_not_come_back_at_its_old_time(world):
    world.start(world.child("a", backoff=Backoff(min_s=1.0, max_s=8.0, jitter=0)))
    world.crash("a")
    world.settle()
    assert world.ask(TerminateChild(id="a")) is Outcome.OK
    world.let_pass(0.9)
    assert world.ask(RestartChild(id="a")) is Outcome.OK
    world.crash("a")
    world.settle()
    world.let_pass(0.5)
    assert world.states() == {"a": "backoff"}, "the first retry was due by now, the second is not"


@everywhere
def test_a_child_forgotten_and_added_again_takes_no_news_of_its_namesake(world):
    """Found here: an address opened again counted its lives from one, like the one before."""
    spec = world.child("a", restart=Restart.TEMPORARY, stop_s=BRUTAL)
    world.start(spec)
    assert world.ask(TerminateChild(id="a")) is Outcome.OK
    assert world.ask(StartChild(spec=spec)) is Outcome.OK
    assert world.life("a") > 1
    world.runtime.tell("top", exited(), control=True)
    assert world.states() == {"a": "running"}
    assert world.which()["a"].last_error == ""
