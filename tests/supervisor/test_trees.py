"""The promise: what a supervisor cannot mend its parent does, and nobody outlives it."""

import threading

import pytest

from actors.kernel import Birthright, ExitKind, Shutdown
from supervisor.child_spec import BRUTAL, Restart, Strategy
from supervisor.management import Outcome, StartChild, TerminateChild, WhichChildren
from supervisor.supervisor import Supervisor
from tests.supervisor.worlds import (
    PATIENCE_S,
    Crash,
    Recorded,
    Say,
    SlowStarter,
    everywhere,
    live,
)


def a_tree(world):
    """Return top's children: workers a and f, and sub with b, c and a sub-supervisor of d and e."""
    inner = world.sub("inner", *world.children("d e"))
    return (world.child("a"), world.sub("sub", *world.children("b c"), inner), world.child("f"))


@everywhere
def test_a_tree_starts_depth_first_and_stops_in_reverse(world):
    world.start(*a_tree(world))
    world.shows("+a +b +c +d +e +f")
    world.shut_down()
    world.shows("+a +b +c +d +e +f -f -e -d -c -b -a")
    assert world.exit().kind is ExitKind.SHUTDOWN


@everywhere
def test_escalation_restarts_the_tree_but_not_what_was_added_to_it(world):
    """OTP: tree."""
    subs = (
        world.sub("one", *world.children("a b"), intensity=4),
        world.sub("two", intensity=4),
        world.sub("three", as_child={"restart": Restart.TRANSIENT}),
    )
    world.start(*subs, strategy=Strategy.ONE_FOR_ALL, intensity=4)
    assert world.ask(TerminateChild(id="three")) is Outcome.OK
    assert world.counts() == (3, 2, 3, 0)
    for id_ in "cd":
        assert world.ask(StartChild(spec=world.child(id_)), to="top/two") is Outcome.OK
    world.crash("two/d")
    world.until(lambda: world.history.count("+d") == 2)
    world.settle()
    assert world.life("one/a") == world.life("two/c") == 1
    # c cannot be restarted: its supervisor gives up, and everything begins anew.
    world.script("c").then = "fail"
    world.crash("two/c")
    world.until(lambda: world.history.count("+b") == 2)
    world.until(lambda: world.state("three") == "running")
    world.settle()
    assert world.counts() == (3, 3, 3, 0)
    assert world.states("top/one") == {"a": "running", "b": "running"}
    assert world.states("top/two") == {}
    assert world.up() == "one one/a one/b three two"
    assert not world.tell("two/d", "forgotten")


@everywhere
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_an_error_nobody_can_mend_climbs_to_the_top(world, levels):
    """OTP: one_for_one_escalation."""
    child, path = world.child("a"), "a"
    for level in range(levels):
        child = world.sub(f"s{level}", child, world.child(f"b{level}"), intensity=0)
        path = f"s{level}/{path}"
    world.start(world.child("z"), child, intensity=0)
    world.crash(path)
    assert world.exit().kind is ExitKind.ERROR
    world.settle()
    assert world.up() == ""
    assert world.history[-2 - levels] == "!a"
    assert world.history[-1] == "-z"


@everywhere
def test_a_supervisor_that_is_cut_off_takes_its_children_along_and_comes_back_once(world):
    """OTP: simple_global_supervisor."""
    world.start(*a_tree(world))
    before = {path: world.life(path) for path in ("a", "sub", "sub/b", "sub/inner/e", "f")}
    world.kill("sub")
    world.until(lambda: world.history.count("+e") == 2)
    world.settle()
    assert world.history == ["+a", "+b", "+c", "+d", "+e", "+f", "+b", "+c", "+d", "+e"]
    assert world.up() == "a f sub sub/b sub/c sub/inner sub/inner/d sub/inner/e"
    assert {path: world.life(path) > life for path, life in before.items()} == {
        "a": False,
        "sub": True,
        "sub/b": True,
        "sub/inner/e": True,
        "f": False,
    }
    world.crash("sub/b")
    world.until(lambda: world.history.count("+b") == 3)


class Saboteur:
    """A fault probe: the next handler at this address dies."""

    def __init__(self, address):
        self.address = address

    def before(self, address, message):
        if address == self.address:
            self.address = ""
            raise RuntimeError("sabotage")

    def sending(self, address, message): ...

    def after(self, address, message): ...


@everywhere
def test_a_supervisor_that_crashes_takes_its_children_along_and_comes_back_once(world):
    """OTP: simple_global_supervisor."""
    world.start(*a_tree(world))
    world.settle()
    world.runtime.probe = Saboteur("top/sub")
    world.runtime.tell("top/sub", "anything")
    world.until(lambda: world.history.count("+e") == 2)
    world.settle()
    assert world.history == ["+a", "+b", "+c", "+d", "+e", "+f", "+b", "+c", "+d", "+e"]
    assert world.which()["sub"].last_error == "RuntimeError: sabotage"


@everywhere
def test_mail_survives_the_restart_of_the_whole_tree_above(world):
    world.start(*a_tree(world))
    world.settle()
    world.kill("sub")
    for number in range(5):
        assert world.tell("sub/inner/e", Say(number))
    world.until(lambda: len(world.heard) == 5)
    assert [(who, what) for who, _, what in world.heard] == [("e", number) for number in range(5)]


@everywhere
def test_a_brutal_stop_of_a_supervisor_leaves_no_orphans(world):
    inner = world.sub("inner", *world.children("d e"))
    brutal = world.sub("sub", world.child("b"), inner, as_child={"stop_s": BRUTAL})
    world.start(world.child("a"), brutal)
    assert world.ask(TerminateChild(id="sub")) is Outcome.OK
    assert world.up() == "a"
    assert not any(what.startswith("-") for what in world.history)
    world.shut_down()
    assert world.exit().kind is ExitKind.SHUTDOWN


@everywhere
def test_a_supervisor_that_takes_too_long_to_stop_is_cut_off_with_all_below(world):
    slow = world.sub("sub", *world.children("b c"), as_child={"stop_s": 0.03})
    world.start(world.child("a"), slow)
    world.script("b").when_asked_to_stop = "deaf"
    assert world.ask(TerminateChild(id="sub")) is Outcome.OK
    assert world.up() == "a"
    world.shows("+a +b +c -c ~b")


@everywhere
def test_a_supervisor_cut_off_while_its_child_starts_starts_nobody_afterwards(world):
    world.script("b").starts.append("hang")
    brutal = world.sub(
        "sub", world.child("b", SlowStarter), world.child("c"), as_child={"stop_s": BRUTAL}
    )
    world.begin(world.child("a"), brutal)
    world.until(lambda: world.state("sub/b") == "starting")
    assert world.ask(TerminateChild(id="sub")) is Outcome.OK
    assert world.up() == "a"
    world.hung.clear()
    world.script("b").gate.set()
    world.settle()
    assert world.up() == "a"
    assert "+c" not in world.history


@everywhere
def test_a_supervisor_that_dies_while_a_child_starts_is_started_anew(world):
    world.script("b").starts.append("hang")
    world.begin(world.child("a"), world.sub("sub", world.child("b", SlowStarter), world.child("c")))
    world.until(lambda: world.state("sub/b") == "starting")
    if world.live:
        world.until(lambda: world.hung)
    world.kill("sub")
    # It had not started, so its death fails the boot of a strict parent.
    assert world.exit().reason.startswith("sub cannot start: hung")
    assert world.up() == ""


@live
def test_nobody_is_born_under_a_supervisor_that_was_cut_off_meanwhile(world):
    """Found here: a child whose `__init__` outlasted its supervisor lived on as an orphan."""
    inside, go_on = threading.Event(), threading.Event()

    class Unhurried(Recorded):
        def __init__(self, of_world, id_):
            inside.set()
            go_on.wait(PATIENCE_S)
            super().__init__(of_world, id_)

    sub = world.sub("sub", world.child("b", Unhurried), as_child={"stop_s": BRUTAL})
    world.begin(world.child("a"), sub)
    assert inside.wait(PATIENCE_S)
    world.runtime.fence("top/sub")
    go_on.set()
    world.hung.add("top/sub")
    world.settle()
    assert world.up() == "a"
    assert world.history == ["+a"]


@live
def test_a_supervisor_that_was_cut_off_does_nothing_more_when_it_comes_to(world):
    """Found here: it went on with its plan, and cut off a child of its own successor."""
    inside, go_on = threading.Event(), threading.Event()

    class Unhurried(Recorded):
        def __init__(self, of_world, id_):
            if of_world.history.count("+b") == 1 and not inside.is_set():
                inside.set()
                go_on.wait(PATIENCE_S)
            super().__init__(of_world, id_)

    children = (
        world.child("c", stop_s=BRUTAL),
        world.child("s", SlowStarter),
        world.child("b", Unhurried),
    )
    world.start(world.sub("sub", *children, strategy=Strategy.ONE_FOR_ALL))
    world.script("s").starts.append("hang")
    world.crash("sub/b")
    world.until(lambda: world.hung)
    # While it waits for s it is told to terminate c, which it will do when its plan is done; but
    # in the middle of the plan it is caught in the `__init__` of b, and replaced.
    world.send(TerminateChild(id="c"), to="top/sub")
    world.runtime.ask("top/sub", WhichChildren(), timeout_s=PATIENCE_S)
    world.hung.clear()
    world.script("s").gate.set()
    assert inside.wait(PATIENCE_S)
    world.kill("sub")
    world.until(lambda: world.which()["sub"].restarts == 1 and world.state("sub") == "running")
    everybody = "sub sub/b sub/c sub/s"
    assert world.up() == everybody
    go_on.set()
    world.settle()
    assert world.up() == everybody


@everywhere
def test_a_supervisor_brought_to_life_again_first_cuts_off_all_of_its_former_life(world):
    children = (world.child("a", SlowStarter, stop_s=0.02), world.sub("sub", world.child("b")))
    world.start(*children)
    world.script("a").starts.append("hang")
    world.begin(*children)
    world.until(lambda: world.state("a") == "starting")
    assert world.up() == "a"


@everywhere
def test_the_root_may_stay_out_of_the_addresses_of_its_children(world):
    spec = world.spec(world.child("a"), world.sub("sub", world.child("b")))
    birth = Birthright(make=Supervisor, args=(spec, ""), snapshot_every_s=None)
    world.runtime.spawn("root", birth, parent="parent")
    world.until(lambda: world.notices)
    assert {"a", "sub", "sub/b"} <= set(world.runtime.mailboxes)
    world.runtime.tell("sub/b", Crash())
    world.shows("+a +b !b +b")
    assert [info.address for info in world.which("root").values()] == ["a", "sub"]
    world.runtime.tell("root", Shutdown(), control=True)
    world.shows("+a +b !b +b -b -a")


@everywhere
def test_after_a_boot_that_failed_above_all_comes_back_in_order(world):
    """A strict sub-supervisor that fails its restart counts as one failed start of its parent."""
    world.start(world.child("a"), world.sub("sub", *world.children("b c")), intensity=3)
    world.script("c").starts.extend(["fail", "fail"])
    world.kill("sub")
    world.shows("+a +b +c +b xc -b +b xc -b +b +c")
    assert world.which()["sub"].restarts == 3
