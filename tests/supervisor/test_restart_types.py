"""The promise: the restart type and the way a child ended decide whether it comes back."""

import pytest

from supervisor.child_spec import Restart
from supervisor.management import Outcome, RestartChild, StartChild
from tests.supervisor.worlds import Crash, Say, everywhere

ENDS = {"normal": "-a", "shutdown": "-a", "abnormal": "!a"}


def end(world, reason):
    match reason:
        case "normal":
            world.leave("a")
        case "shutdown":
            world.end("a")
        case _:
            world.crash("a")


@everywhere
@pytest.mark.parametrize("reason", ENDS)
def test_a_permanent_child_always_comes_back(world, reason):
    """OTP: permanent_normal, permanent_shutdown, permanent_abnormal."""
    world.start(world.child("a"))
    end(world, reason)
    world.shows(f"+a {ENDS[reason]} +a")
    assert world.counts() == (1, 1, 0, 1)


@everywhere
def test_a_transient_child_comes_back_after_a_fault(world):
    """OTP: transient_abnormal."""
    world.start(world.child("a", restart=Restart.TRANSIENT))
    world.crash("a")
    world.shows("+a !a +a")
    assert world.counts() == (1, 1, 0, 1)


@everywhere
@pytest.mark.parametrize("reason", ["normal", "shutdown"])
def test_a_transient_child_rests_after_a_good_end_and_its_mail_waits(world, reason):
    """OTP: transient_normal, transient_shutdown."""
    world.start(world.child("a", restart=Restart.TRANSIENT))
    end(world, reason)
    world.shows("+a -a")
    assert world.states() == {"a": "stopped"}
    assert world.counts() == (1, 0, 0, 1)
    assert world.tell("a", Say("waits"))
    assert world.ask(RestartChild(id="a")) is Outcome.OK
    world.until(lambda: world.heard == [("a", 2, "waits")])


@everywhere
@pytest.mark.parametrize("reason", ENDS)
def test_a_temporary_child_never_comes_back_and_its_spec_goes(world, reason):
    """OTP: temporary_normal, temporary_shutdown, temporary_abnormal.

    Also do_not_save_child_specs_for_temporary_children.
    """
    spec = world.child("a", restart=Restart.TEMPORARY)
    world.start(spec)
    end(world, reason)
    world.shows(f"+a {ENDS[reason]}")
    assert world.counts() == (0, 0, 0, 0)
    assert not world.tell("a", "nobody there")
    assert world.ask(StartChild(spec=spec)) is Outcome.OK
    world.shows(f"+a {ENDS[reason]} +a")


@everywhere
def test_mail_of_a_temporary_child_goes_to_the_dead_letters_with_it(world):
    world.start(world.child("a", restart=Restart.TEMPORARY))
    world.crash("a")
    world.tell("a", Say("behind"))
    world.until(lambda: not world.which())
    assert "behind" in [
        letter.message.what
        for letter in world.runtime.dead_letters.newest()
        if isinstance(letter.message, Say)
    ]
    assert world.heard == []


@everywhere
@pytest.mark.parametrize(
    "death", ["SystemExit", "KeyboardInterrupt", "GeneratorExit", "RecursionError"]
)
def test_no_exception_is_more_than_the_death_of_one_child(world, death):
    world.start(*world.children("a b"))
    world.tell("a", Crash(of=death))
    world.tell("b", Say("alive"))
    world.shows("+a +b !a +a")
    assert death in world.which()["a"].last_error
    world.until(lambda: world.heard == [("b", 1, "alive")])


@everywhere
def test_a_system_exit_in_on_start_is_a_failed_start_and_leaves_no_ghost(world):
    """Stock pykka keeps an immortal, unreachable actor here."""
    world.start(world.child("a"))
    world.script("a").starts.append("quit")
    world.crash("a")
    world.shows("+a !a xa +a")
    assert world.which()["a"].restarts == 2
