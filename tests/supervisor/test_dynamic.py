"""The promise: a template makes children on demand, many of them, and forgets those that ended."""

import time

import pytest

from actors.kernel import ExitKind
from supervisor.child_spec import BRUTAL, INFINITY, Restart
from supervisor.management import (
    CycleChild,
    DeleteChild,
    GetChildSpec,
    Outcome,
    ReplaceSpec,
    RestartChild,
    StartChild,
    TerminateChild,
)
from tests.supervisor.worlds import SlowStarter, everywhere, live_world, virtual_world


def begin(world, **settings):
    def template(id_, **more):
        return world.child(id_, **settings | more)

    rules = {name: settings.pop(name) for name in ("intensity", "period_s") if name in settings}
    world.start(template=template, **rules)
    return template


def add(world, *ids):
    for id_ in ids:
        assert world.ask(StartChild(args=(id_,))) is Outcome.OK


@everywhere
def test_dynamic_children_are_restarted_one_for_one(world):
    """OTP: simple_one_for_one, simple_one_for_one_extra."""
    begin(world, intensity=2)
    assert world.counts() == (0, 0, 0, 0)
    add(world, "a", "b")
    world.crash("a")
    world.shows("+a +b !a +a")
    assert world.counts() == (2, 2, 0, 2)
    world.crash("b")
    world.shows("+a +b !a +a !b +b")
    world.crash("a")
    assert world.exit().kind is ExitKind.ERROR


@everywhere
def test_a_dynamic_child_that_cannot_restart_ends_the_supervisor(world):
    """OTP: simple_one_for_one_escalation."""
    begin(world, intensity=4)
    add(world, "a", "b")
    world.script("a").then = "fail"
    world.crash("a")
    world.shows("+a +b !a xa xa xa xa -b")
    assert world.exit().kind is ExitKind.ERROR


@everywhere
def test_dynamic_children_are_administered_by_key(world):
    """OTP: child_adm_simple."""
    begin(world)
    add(world, "a", "b")
    assert world.ask(StartChild(args=("a",))) is Outcome.ALREADY_STARTED
    assert world.ask(TerminateChild(id="nobody")) is Outcome.NOT_FOUND
    assert world.ask(RestartChild(id="a")) is Outcome.DYNAMIC
    assert world.ask(DeleteChild(id="a")) is Outcome.DYNAMIC
    assert world.ask(CycleChild(id="a")) is Outcome.OK
    assert world.ask(TerminateChild(id="a")) is Outcome.OK
    assert list(world.states()) == ["b"]
    assert not world.tell("a", "nobody there")
    assert world.ask(TerminateChild(id="a")) is Outcome.NOT_FOUND
    add(world, "a")


@everywhere
@pytest.mark.parametrize("restart", list(Restart))
def test_a_dynamic_child_that_declines_is_not_kept(world, restart):
    """OTP: sup_start_ignore_temporary_child_start_child_simple.

    Also sup_start_ignore_permanent_child_start_child_simple.
    """
    begin(world, restart=restart)
    world.script("a").starts.append("decline")
    add(world, "a", "b")
    assert world.states() == {"b": "running"}
    world.shut_down()
    assert world.exit().kind is ExitKind.SHUTDOWN


@everywhere
def test_a_dynamic_child_that_ended_well_is_forgotten(world):
    """As OTP does with a transient child under simple_one_for_one that ends normally."""
    begin(world, restart=Restart.TRANSIENT)
    add(world, "a", "b")
    world.end("a")
    world.until(lambda: world.states() == {"b": "running"})
    add(world, "a")
    world.crash("a")
    world.until(lambda: world.states() == {"b": "running", "a": "running"})


@everywhere
def test_the_spec_of_a_dynamic_child_is_told(world):
    """OTP: sup_start_map_simple."""
    begin(world, restart=Restart.TEMPORARY, stop_s=2.0)
    add(world, "a", "b")
    spec = world.runtime.ask("top", GetChildSpec(id="b"), timeout_s=5)
    assert (spec.id, spec.restart, spec.stop_s) == ("b", Restart.TEMPORARY, 2.0)
    assert world.runtime.ask("top", GetChildSpec(id="nobody"), timeout_s=5) is None


@everywhere
def test_a_dynamic_child_that_declines_its_restart_is_removed(world):
    """OTP: simple_one_for_one_restart_ignore."""
    begin(world)
    add(world, "a", "b")
    world.script("a").starts.append("decline")
    world.crash("a")
    world.shows("+a +b !a oa")
    assert world.states() == {"b": "running"}


@everywhere
def test_a_dynamic_child_that_cannot_start_is_discarded(world):
    """OTP: sup_start_child_returns_error_simple."""
    begin(world)
    world.script("a").starts.append("fail")
    assert world.ask(StartChild(args=("a",))) is Outcome.FAILED
    assert world.states() == {}
    add(world, "a")


@everywhere
def test_a_template_that_raises_is_an_answer_and_ends_nobody(world):
    """Found here: it ended the supervisor with all its children."""

    def template(id_):
        if id_ == "bad":
            raise KeyError(id_)
        return None if id_ == "nothing" else world.child(id_)

    world.start(template=template)
    add(world, "a")
    for args in (("bad",), ("nothing",), (), ("a/b",), ("a", "b", "c")):
        assert world.ask(StartChild(args=args)) is Outcome.FAILED
    assert world.states() == {"a": "running"}
    assert world.life("a") == 1


@everywhere
def test_while_a_dynamic_child_fails_to_restart_it_can_be_terminated(world):
    """OTP: hanging_restart_loop_simple."""
    begin(world, intensity=1_000_000)
    add(world, "a")
    world.script("a").then = "fail"
    world.crash("a")
    world.until(lambda: world.history.count("xa") >= 2)
    assert world.ask(RestartChild(id="a")) is Outcome.DYNAMIC
    assert world.ask(DeleteChild(id="a")) is Outcome.DYNAMIC
    assert world.states()["a"] in {"backoff", "starting"}
    assert world.ask(TerminateChild(id="a")) is Outcome.OK
    assert world.states() == {}
    world.script("a").then = "well"
    add(world, "a")
    world.script("a").then = "fail"
    world.crash("a")
    world.until(lambda: "xa" in world.history)
    world.shut_down()
    assert world.exit().kind is ExitKind.SHUTDOWN


@everywhere
def test_a_dynamic_child_terminated_while_it_starts_is_forgotten(world):
    """Found here: its spec stayed, and its key could never be used again."""
    world.start(template=lambda id_: world.child(id_, SlowStarter, stop_s=0.02))
    world.script("a").starts.append("hang")
    starting = world.send(StartChild(args=("a",)))
    world.until(lambda: world.state("a") == "starting")
    if world.live:
        world.until(lambda: world.hung)
    assert world.ask(TerminateChild(id="a")) is Outcome.OK
    assert world.answer(starting).outcome is Outcome.FAILED
    assert world.states() == {}
    add(world, "a")


@everywhere
def test_a_hanging_start_of_one_is_cut_off_and_the_others_follow(world):
    world.start(template=lambda id_: world.child(id_, SlowStarter, start_s=0.03))
    world.script("a").starts.append("hang")
    hanging = world.send(StartChild(args=("a",)))
    add(world, "b")
    assert world.answer(hanging).outcome is Outcome.FAILED
    assert world.states() == {"b": "running"}


@everywhere
def test_dynamic_children_are_stopped_together_within_one_time_limit(world):
    """OTP: simple_one_for_one_shutdown, sup_stop_timeout_dynamic."""
    begin(world, stop_s=0.2)
    add(world, *"abcdefghij")
    for id_ in "abcdefghi":
        world.script(id_).when_asked_to_stop = "deaf"
    began = world.runtime.clock.monotonic_ns()
    world.shut_down()
    assert world.exit().kind is ExitKind.SHUTDOWN
    took_s = (world.runtime.clock.monotonic_ns() - began) / 1e9
    assert 0.2 <= took_s < 0.2 * 2
    assert sorted(world.history[-10:]) == ["-j", *(f"~{id_}" for id_ in "abcdefghi")]
    assert world.up() == ""


@everywhere
def test_dynamic_children_are_cut_off_together_when_their_spec_is_brutal(world):
    """OTP: sup_stop_brutal_kill_dynamic."""
    begin(world, stop_s=BRUTAL)
    add(world, *"abcdefghij")
    world.shut_down()
    assert world.exit().kind is ExitKind.SHUTDOWN
    assert not any(what.startswith("-") for what in world.history)
    assert world.up() == ""


@everywhere
@pytest.mark.parametrize("restart", list(Restart))
def test_dynamic_children_may_end_in_any_way_while_they_are_stopped(world, restart):
    """OTP: sup_stop_non_shutdown_exit_dynamic."""
    begin(world, restart=restart, stop_s=INFINITY)
    add(world, *"abcd")
    for id_, end in zip("abc", ("leave", "spiteful", "linger"), strict=True):
        world.script(id_).when_asked_to_stop = end
    world.shut_down()
    world.until(lambda: "~c" in world.history)
    world.crash("c")
    assert world.exit().kind is ExitKind.SHUTDOWN
    assert sorted(world.history[-5:]) == ["!b", "!c", "-a", "-d", "~c"]


@everywhere
def test_what_died_waiting_to_be_restarted_is_not_waited_for(world):
    begin(world, intensity=1_000_000)
    add(world, "a", "b")
    world.script("a").then = "unborn"
    world.crash("a")
    world.until(lambda: "xa" in world.history)
    world.shut_down()
    assert world.exit().kind is ExitKind.SHUTDOWN


@everywhere
def test_a_dynamic_supervisor_stays_dynamic(world):
    """OTP: code_change_simple, code_change_simple_map."""
    template = begin(world, stop_s=2.0)
    add(world, "a")
    assert world.ask(ReplaceSpec(spec=world.spec(world.child("a")))) is Outcome.FAILED
    assert world.ask(ReplaceSpec(spec=world.spec(template=template))) is Outcome.OK
    assert world.states() == {"a": "running"}


@everywhere
def test_dynamic_children_are_forgotten_when_their_supervisor_is_restarted(world):
    """OTP: tree."""

    def template(id_):
        return world.child(id_)

    world.start(world.sub("sub", template=template))
    assert world.ask(StartChild(args=("a",)), to="top/sub") is Outcome.OK
    world.kill("sub")
    world.until(lambda: world.life("sub") > 1 and world.state("sub") == "running")
    assert world.states("top/sub") == {}
    assert world.up() == "sub"
    assert not world.tell("sub/a", "nobody there")


@pytest.mark.parametrize("supervises", [False, True])
def test_a_thousand_children_are_counted(supervises):
    """OTP: count_children, count_children_supervisor, which_children_simple_one_for_one."""
    world = virtual_world(seed=1)

    def template(id_):
        return world.sub(id_) if supervises else world.child(id_)

    world.start(template=template)
    add(world, *map(str, range(1000)))
    kinds = (1000, 0) if supervises else (0, 1000)
    assert world.counts() == (1000, 1000, *kinds)
    assert len(world.which()) == 1000
    world.shut_down()
    assert world.exit().kind is ExitKind.SHUTDOWN


@pytest.mark.parametrize("kind", ["pool", "virtual"])
def test_starting_and_stopping_many_children_costs_the_same_for_each(kind):
    """OTP: simple_one_for_one_scale_many_temporary_children, scale_start_stop_many_children.

    Found here: it was quadratic, for closing one address looked at all there had ever been.
    """

    def cost_s(count):
        world = live_world(kind) if kind == "pool" else virtual_world(seed=1)
        begin(world, restart=Restart.TEMPORARY)
        began = time.process_time()
        numbers = [world.send(StartChild(args=(str(key),))) for key in range(count)]
        world.until(lambda: len(world.answers) == len(numbers))
        for key in range(0, count, 2):
            world.send(TerminateChild(id=str(key)))
        world.leave(*map(str, range(1, count, 2)))
        world.until(lambda: len(world.history) == 2 * count)
        world.until(lambda: len(world.runtime.mailboxes) == 3)
        took = time.process_time() - began
        world.close()
        return took

    small = min(cost_s(100) for _ in range(3))
    assert min(cost_s(1000) for _ in range(2)) < 10 * small * 3


def test_a_thousand_children_are_stopped_together_quickly():
    world = virtual_world(seed=1)
    begin(world)
    add(world, *map(str, range(1000)))
    began = time.process_time()
    world.shut_down()
    assert world.exit().kind is ExitKind.SHUTDOWN
    assert time.process_time() - began < 2
    assert len(world.history) == 2000


def test_what_a_temporary_child_was_made_from_is_not_kept():
    """OTP: do_not_save_start_parameters_for_temporary_children, simple_one_for_one_corruption."""
    world = virtual_world(seed=1)
    begin(world, restart=Restart.TEMPORARY)
    for round_ in range(50):
        add(world, str(round_))
        world.leave(str(round_))
        world.until(lambda: not world.which())
    assert world.up() == ""
    assert set(world.runtime.mailboxes) == {"top", "parent", "asker"}
    assert set(world.runtime.board) == set()
