"""The promise: what no longer answers is found, cut off and replaced; its mail is not lost.

On threads only: in virtual time nothing can hang.
"""

import threading
import time

import pytest

from actors.kernel import Actor, Birthright
from supervisor.child_spec import BRUTAL
from supervisor.management import Outcome, StartChild, TerminateChild
from tests.supervisor.worlds import (
    PATIENCE_S,
    Crash,
    Hang,
    Recorded,
    Say,
    SlowStarter,
    live,
)

LIMIT_S = 0.1


@live
def test_a_hung_handler_is_cut_off_and_the_mail_behind_it_handled_by_a_new_incarnation(world):
    world.start(world.child("a", hang_s=LIMIT_S), world.child("b"))
    began = time.monotonic()
    world.tell("a", Hang())
    for number in range(3):
        world.tell("a", Say(number))
    world.until(lambda: len(world.heard) == 3)
    took_s = time.monotonic() - began
    [life] = {life for _, life, _ in world.heard}
    assert life > 1
    assert [what for _, _, what in world.heard] == [0, 1, 2]
    assert took_s >= LIMIT_S
    info = world.which()["a"]
    assert info.last_error.startswith("hung for 0.")
    assert info.last_error.endswith(" in Hang")
    assert info.restarts == 1
    # The thread that hung wakes up and finds that nobody listens to it any more.
    world.script("a").gate.set()
    world.until(lambda: world.ghosts)
    world.settle()
    assert world.ghosts == [False]
    assert world.states() == {"a": "running", "b": "running"}
    assert world.history == ["+a", "+b", "+a"]


@live
def test_the_report_of_a_hang_shows_where_the_thread_is(world):
    told = []

    class Witness(Actor):
        def on_receive(self, message):
            told.append(message)

    world.start()
    world.runtime.spawn("witness", Birthright(make=Witness), parent=None)
    birth = world.child("a", hang_s=LIMIT_S).birth
    world.runtime.spawn("top/a", birth, parent="witness")
    world.tell("a", Hang())
    world.until(lambda: len(told) == 2)
    hung = told[1]
    assert (hung.child, hung.incarnation, hung.message) == ("top/a", 1, "Hang")
    assert hung.busy_s >= LIMIT_S
    assert "gate.wait" in hung.stack


@live
def test_a_message_that_hangs_its_actor_twice_is_refused_from_then_on(world):
    """Found here: only messages that raised were kept away."""
    world.start(world.child("a", hang_s=0.03))
    for _ in range(2):
        restarts = world.which()["a"].restarts
        assert world.tell("a", Hang())
        world.until(lambda restarts=restarts: world.which()["a"].restarts == restarts + 1)
        world.until(lambda: world.state("a") == "running")
    assert not world.tell("a", Hang())
    assert [type(poison.message) for poison in world.runtime.quarantine.kept()] == [Hang, Hang]


@live
def test_a_thread_that_hung_and_then_died_has_killed_once(world):
    """Found here: the hang and the late exception counted as two deaths of its message."""

    class Sore(Recorded):
        def on_receive(self, message):
            super().on_receive(message)
            if isinstance(message, Hang):
                raise TypeError("woke up in a bad mood")

    world.start(world.child("a", Sore, hang_s=0.03))
    world.tell("a", Hang())
    world.until(lambda: world.which()["a"].restarts == 1)
    world.script("a").gate.set()
    world.until(lambda: world.ghosts)
    world.settle()
    assert len(world.runtime.quarantine.kept()) == 1
    assert world.tell("a", Hang())


@live
def test_a_thread_that_comes_to_does_not_hide_that_its_successor_hangs(world):
    """In the first prototype both wrote to one marker, and the waking one cleared it."""
    script = world.script("a")
    world.start(world.child("a", hang_s=LIMIT_S))
    world.tell("a", Hang(1))
    world.until(lambda: world.which()["a"].restarts == 1 and world.state("a") == "running")
    first_gate, script.gate = script.gate, threading.Event()
    world.hung.clear()
    world.tell("a", Hang(2))
    world.until(lambda: world.hung)
    first_gate.set()
    world.until(lambda: world.ghosts)
    world.until(lambda: world.which()["a"].restarts == 2)


@live
def test_a_long_handler_within_its_limit_is_left_alone(world):
    world.start(world.child("a", hang_s=PATIENCE_S * 2))
    world.tell("a", Hang())
    world.until(lambda: world.hung)
    world.let_pass(0.08)
    world.script("a").gate.set()
    world.until(lambda: world.ghosts)
    assert world.ghosts == [True]
    assert world.life("a") == 1


@live
def test_others_go_on_while_as_many_hang_as_there_are_pool_threads(world):
    world.start(*world.children("a b c d", hang_s=PATIENCE_S * 2), world.child("z"))
    for id_ in "abcd":
        world.tell(id_, Hang())
    world.until(lambda: len(world.hung) == 4)
    world.tell("z", Say("still here"))
    world.until(lambda: world.heard == [("z", 1, "still here")])
    assert world.states() == dict.fromkeys("abcdz", "running")


@live
def test_zombies_are_counted_until_they_end(world):
    """Found here: an actor's own thread was forgotten as soon as the actor was fenced."""
    world.start(world.child("a", hang_s=0.03), world.child("s", SlowStarter, start_s=0.03))
    world.script("s").starts.append("hang")
    world.tell("a", Hang())
    world.crash("s")
    watchdog = world.runtime.watchdog
    world.until(lambda: watchdog.zombies() == (2, 2))
    world.until(lambda: world.state("a") == world.state("s") == "running")
    for id_ in "as":
        world.script(id_).gate.set()
    world.until(lambda: watchdog.zombies() == (2, 0))


@live
def test_a_brutal_stop_of_a_hanging_child_does_not_wait(world):
    world.start(world.child("a", stop_s=BRUTAL), world.child("b"))
    world.tell("a", Hang())
    world.until(lambda: world.hung)
    assert world.ask(TerminateChild(id="a")) is Outcome.OK
    assert world.up() == "b"


silent = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


class Ghost(Recorded):
    """Its thread dies under it without a word, as if the interpreter had dropped it."""

    def take_turn(self, budget):
        if self.script.when_asked_to_stop == "vanish":
            self.script.when_asked_to_stop = "well"
            raise SystemExit
        return super().take_turn(budget)


@silent
@live
def test_a_thread_that_died_silently_is_found_and_its_actor_restarted(world):
    """OTP: child_unlink, the nearest there is: a death that nobody announces."""
    world.start(world.child("a", Ghost), world.child("b"))
    world.settle()
    world.script("a").when_asked_to_stop = "vanish"
    world.tell("a", Say("kept"))
    world.until(lambda: world.heard == [("a", 2, "kept")])
    assert world.which()["a"].last_error == "its thread died"
    world.shows("+a +b +a")


@silent
@live
def test_a_supervisor_whose_child_died_silently_while_being_stopped_is_not_kept_waiting(world):
    """OTP: child_unlink."""
    world.start(world.child("a", Ghost, stop_s=PATIENCE_S * 2), world.child("b"))
    world.settle()
    world.script("a").when_asked_to_stop = "vanish"
    assert world.ask(TerminateChild(id="a")) is Outcome.OK
    assert world.states() == {"a": "stopped", "b": "running"}


@live
def test_a_hung_supervisor_is_replaced_with_all_below_it(world):
    """Hanging in a template stands for any handler of a supervisor that does not return."""

    def template(id_):
        if id_ == "hang":
            world.hung.add("top/sub")
            world.script("hang").gate.wait(PATIENCE_S)
        return world.child(id_)

    world.start(world.child("a"), world.sub("sub", template=template, as_child={"hang_s": LIMIT_S}))
    assert world.ask(StartChild(args=("b",)), to="top/sub") is Outcome.OK
    world.send(StartChild(args=("hang",)), to="top/sub")
    world.until(lambda: world.which()["sub"].restarts == 1 and world.state("sub") == "running")
    assert world.up() == "a sub"
    world.script("hang").gate.set()
    world.hung.clear()
    world.settle()
    assert world.up() == "a sub"
    assert world.states("top/sub") == {}


@pytest.mark.parametrize("death", ["SystemExit", "KeyboardInterrupt", "GeneratorExit"])
@live
def test_no_exception_costs_the_pool_a_thread(world, death):
    world.start(world.child("a"), intensity=100)
    for number in range(20):
        world.tell("a", Crash(of=death, number=number))
    world.until(lambda: world.life("a") == 21 and world.state("a") == "running")
    world.tell("a", Say("alive"))
    world.until(lambda: world.heard)
    assert world.runtime.watchdog.zombies() == (0, 0)
