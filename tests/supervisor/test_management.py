"""The promise: children are added, stopped, started and forgotten by request, at any moment."""

import pytest

from actors.kernel import Actor, Cycle, ExitKind
from actors.kernel.dead_letters import Undelivered
from supervisor.backoff import Backoff
from supervisor.child_spec import AutoShutdown, Restart, Strategy, worker
from supervisor.management import (
    ChildCounts,
    CountChildren,
    CycleChild,
    DeleteChild,
    GetChildSpec,
    Outcome,
    ReplaceSpec,
    RestartChild,
    StartChild,
    TerminateChild,
    WhichChildren,
)
from tests.supervisor.worlds import Say, SlowStarter, Wake, everywhere, virtually


@everywhere
def test_children_are_administered_as_in_otp(world):
    """OTP: child_adm, extra_return."""
    spec = world.child("a")
    world.start(spec)
    assert world.states() == {"a": "running"}
    assert world.counts() == (1, 1, 0, 1)
    assert world.ask(StartChild(spec=spec)) is Outcome.ALREADY_STARTED
    # Termination
    assert world.ask(TerminateChild(id="nobody")) is Outcome.NOT_FOUND
    assert world.ask(TerminateChild(id="a")) is Outcome.OK
    assert world.states() == {"a": "stopped"}
    assert world.counts() == (1, 0, 0, 1)
    assert world.ask(TerminateChild(id="a")) is Outcome.OK
    assert world.ask(StartChild(spec=spec)) is Outcome.ALREADY_PRESENT
    # Restart
    assert world.ask(RestartChild(id="a")) is Outcome.OK
    assert world.states() == {"a": "running"}
    assert world.ask(RestartChild(id="a")) is Outcome.RUNNING
    assert world.ask(RestartChild(id="nobody")) is Outcome.NOT_FOUND
    # Deletion
    assert world.ask(DeleteChild(id="a")) is Outcome.RUNNING
    assert world.ask(DeleteChild(id="nobody")) is Outcome.NOT_FOUND
    assert world.ask(TerminateChild(id="a")) is Outcome.OK
    assert world.ask(DeleteChild(id="a")) is Outcome.OK
    assert world.ask(RestartChild(id="a")) is Outcome.NOT_FOUND
    assert world.counts() == (0, 0, 0, 0)
    # Start, and restarted when it dies
    assert world.ask(StartChild(spec=spec)) is Outcome.OK
    assert world.counts() == (1, 1, 0, 1)
    world.crash("a")
    world.shows("+a -a +a -a +a !a +a")


@everywhere
def test_questions_are_answered_to_actors_as_well(world):
    """OTP: which_children, count_children."""
    world.start(*world.children("a b"), world.sub("sub"))
    for question in (WhichChildren, CountChildren):
        world.runtime.tell("top", question(reply_to="asker"))
    world.runtime.tell("top", GetChildSpec(id="a", reply_to="asker"))
    world.until(lambda: len(world.answers) == 3)
    which, count, spec = world.answers
    assert [(info.id, info.address, info.supervises) for info in which] == [
        ("a", "top/a", False),
        ("b", "top/b", False),
        ("sub", "top/sub", True),
    ]
    assert count == ChildCounts(specs=3, active=3, supervisors=1, workers=2)
    assert spec.id == "a"


@everywhere
def test_the_spec_of_a_child_is_told_with_its_defaults(world):
    """OTP: sup_start_map."""
    world.start(world.child("a"))
    spec = world.runtime.ask("top", GetChildSpec(id="a"), timeout_s=5)
    assert (spec.id, spec.restart, spec.stop_s) == ("a", Restart.PERMANENT, 5.0)
    assert world.runtime.ask("top", GetChildSpec(id="nobody"), timeout_s=5) is None


@everywhere
def test_counting_tells_the_dead_by_their_kind_and_only_the_living_as_active(world):
    """OTP: count_children, count_restarting_children."""
    delayed = world.child("a", backoff=Backoff(min_s=60, max_s=60))
    world.start(delayed, world.child("b"), world.sub("sub"))
    assert world.counts() == (3, 3, 1, 2)
    world.crash("a")
    world.until(lambda: world.state("a") == "backoff")
    assert world.counts() == (3, 2, 1, 2)
    world.ask(TerminateChild(id="sub"))
    world.ask(TerminateChild(id="b"))
    assert world.counts() == (3, 0, 1, 2)


@everywhere
def test_a_child_that_cannot_start_is_discarded_with_its_spec(world):
    """OTP: sup_start_child_returns_error."""
    world.start()
    world.script("a").starts.append("fail")
    assert world.ask(StartChild(spec=world.child("a"))) is Outcome.FAILED
    assert world.states() == {}
    assert not world.tell("a", "nobody there")
    assert world.ask(StartChild(spec=world.child("a"))) is Outcome.OK
    assert not world.exits()


@everywhere
def test_a_restart_by_hand_that_fails_leaves_the_child_down_and_is_not_counted(world):
    """OTP: sup_start_restart_child_returns_error."""
    world.start(world.child("a"), intensity=0)
    world.ask(TerminateChild(id="a"))
    world.script("a").starts.extend(["fail", "unborn"])
    assert world.ask(RestartChild(id="a")) is Outcome.FAILED
    assert world.ask(RestartChild(id="a")) is Outcome.FAILED
    assert world.states() == {"a": "stopped"}
    assert world.ask(RestartChild(id="a")) is Outcome.OK


@everywhere
def test_a_child_that_declines_when_added_is_kept_unless_temporary(world):
    """OTP: sup_start_ignore_child, sup_start_ignore_temporary_child_start_child."""
    world.start()
    world.script("a").then = world.script("t").then = "decline"
    assert world.ask(StartChild(spec=world.child("a"))) is Outcome.OK
    temporary = world.child("t", restart=Restart.TEMPORARY)
    assert world.ask(StartChild(spec=temporary)) is Outcome.OK
    assert world.states() == {"a": "disabled"}


@everywhere
def test_terminating_a_temporary_child_forgets_it(world):
    world.start(world.child("t", restart=Restart.TEMPORARY))
    assert world.ask(TerminateChild(id="t")) is Outcome.OK
    assert world.ask(RestartChild(id="t")) is Outcome.NOT_FOUND
    assert not world.tell("t", "nobody there")


@everywhere
def test_a_terminated_child_stays_down_even_if_it_died_just_before(world):
    """Found here: the crash was looked at after the termination, and restarted it."""
    world.start(*world.children("a b"))
    world.crash("a")
    world.send(TerminateChild(id="a"))
    world.until(lambda: world.answers)
    world.settle()
    assert world.states() == {"a": "stopped", "b": "running"}


@virtually
def test_a_child_that_just_died_is_about_to_be_restarted_not_deleted(world):
    """Found here: a permanent child was deleted because its crash had not been looked at."""
    world.start(*world.children("a b"))
    world.script("s").starts.append("hang")
    world.send(StartChild(spec=world.child("s", SlowStarter)))
    world.settle()
    # The supervisor waits for s: the requests come before the crash, and are served after it.
    delete, restart = world.send(DeleteChild(id="a")), world.send(RestartChild(id="b"))
    world.crash("a", "b")
    world.settle()
    world.tell("s", Wake())
    world.until(lambda: world.answer(restart))
    assert world.answer(delete).outcome is Outcome.RESTARTING
    assert world.answer(restart).outcome is Outcome.RESTARTING
    world.settle()
    assert world.states() == dict.fromkeys("abs", "running")


@everywhere
def test_deleting_a_child_closes_its_address(world):
    world.start(world.child("a", restart=Restart.TRANSIENT))
    world.leave("a")
    world.until(lambda: world.state("a") == "stopped")
    world.tell("a", Say("waits in vain"))
    assert world.ask(DeleteChild(id="a")) is Outcome.OK
    assert not world.tell("a", Say("too late"))
    assert world.runtime.dead_letters.counts() == {Undelivered.CLOSED: 2}


@everywhere
@pytest.mark.parametrize("strategy", list(Strategy))
def test_while_a_restart_loops_requests_are_answered_and_termination_ends_it(world, strategy):
    """OTP: hanging_restart_loop, hanging_restart_loop_rest_for_one."""
    world.start(*world.children("a b c"), strategy=strategy, intensity=1_000_000)
    world.script("b").then = "fail"
    world.crash("b")
    world.until(lambda: world.history.count("xb") >= 2)
    assert world.ask(StartChild(spec=world.child("b"))) is Outcome.ALREADY_PRESENT
    assert world.ask(RestartChild(id="b")) is Outcome.RESTARTING
    assert world.ask(DeleteChild(id="b")) is Outcome.RESTARTING
    assert world.states()["b"] in {"backoff", "starting"}
    assert world.ask(TerminateChild(id="b")) is Outcome.OK
    assert world.states()["b"] == "stopped"
    # Its group stays down when it was waiting, as in OTP; a start under way goes on without it.
    if strategy is Strategy.ONE_FOR_ONE:
        assert world.states()["c"] == "running"
    world.script("b").then = "well"
    assert world.ask(RestartChild(id="b")) is Outcome.OK
    assert world.states()["b"] == "running"


@everywhere
def test_while_a_start_hangs_requests_about_that_child_are_answered_at_once(world):
    """OTP: hanging_restart_loop, in which the start also takes its time."""
    spec = world.child("a", SlowStarter, stop_s=0.02)
    world.script("a").starts.append("hang")
    world.begin(spec, world.child("b"))
    world.until(lambda: world.state("a") == "starting")
    assert world.ask(StartChild(spec=spec)) is Outcome.ALREADY_PRESENT
    assert world.ask(RestartChild(id="a")) is Outcome.RESTARTING
    assert world.ask(DeleteChild(id="a")) is Outcome.RESTARTING
    if world.live:
        world.until(lambda: world.hung)
    assert world.ask(TerminateChild(id="a")) is Outcome.OK
    world.until(lambda: world.state("b") == "running")
    assert world.states() == {"a": "stopped", "b": "running"}


@everywhere
def test_a_start_by_hand_that_is_called_off_says_so(world):
    world.start(world.child("a", SlowStarter, stop_s=0.02))
    world.ask(TerminateChild(id="a"))
    world.script("a").starts.append("hang")
    starting = world.send(RestartChild(id="a"))
    world.until(lambda: world.state("a") == "starting")
    assert world.ask(TerminateChild(id="a")) is Outcome.OK
    assert world.answer(starting).outcome is Outcome.FAILED
    assert world.answer(starting).reason == "called off while starting"


@everywhere
def test_cycling_a_child_stops_it_in_good_order_starts_it_again_and_counts_as_no_fault(world):
    world.start(*world.children("a b"), intensity=0)
    assert world.ask(CycleChild(id="a")) is Outcome.OK
    assert world.ask(CycleChild(id="nobody")) is Outcome.NOT_FOUND
    world.shows("+a +b -a +a")
    world.runtime.tell("top", Cycle(child="top/b"), control=True)
    world.shows("+a +b -a +a -b +b")
    assert world.which()["a"].restarts == 0


@everywhere
def test_a_cycled_child_that_does_not_start_again_is_restarted_like_one_that_died(world):
    """Found here: it stayed down for good, whatever its restart type."""
    world.start(*world.children("a b"))
    world.script("a").starts.extend(["fail", "unborn"])
    assert world.ask(CycleChild(id="a")) is Outcome.FAILED
    world.shows("+a +b -a xa xa +a")
    assert world.which()["a"].restarts == 2


@everywhere
def test_cycling_keeps_a_temporary_child_and_its_mail(world):
    world.start(world.child("t", restart=Restart.TEMPORARY))
    world.script("t").when_asked_to_stop = "linger"
    cycled = world.send(CycleChild(id="t"))
    world.until(lambda: "~t" in world.history)
    world.leave("t")
    world.tell("t", Say("waits"))
    world.until(lambda: world.answer(cycled))
    assert world.answer(cycled).outcome is Outcome.OK
    world.until(lambda: [what for _, _, what in world.heard] == ["waits"])


@everywhere
def test_cycling_revives_a_child_that_waits_or_rests(world):
    world.script("d").starts.append("decline")
    world.start(world.child("d"), world.child("t", restart=Restart.TRANSIENT))
    world.leave("t")
    world.until(lambda: world.state("t") == "stopped")
    assert world.ask(CycleChild(id="t")) is Outcome.OK
    assert world.ask(CycleChild(id="d")) is Outcome.OK
    assert world.states() == {"d": "running", "t": "running"}


@everywhere
def test_new_rules_replace_the_old_without_touching_running_children(world):
    """OTP: code_change, code_change_map."""
    world.start(world.child("a", stop_s=2.0), world.child("b"))
    world.until(world.announced)
    changed, added = world.child("a", stop_s=1.0), world.child("c")
    assert world.ask(ReplaceSpec(spec=world.spec(changed, added, intensity=0))) is Outcome.OK
    # The removed one stays; listed ones come first; new ones are not started.
    assert world.states() == {"a": "running", "c": "stopped", "b": "running"}
    assert world.runtime.ask("top", GetChildSpec(id="a"), timeout_s=5).stop_s == 1.0
    assert world.ask(RestartChild(id="c")) is Outcome.OK
    world.crash("b")
    world.shows("+a +b +c !b -c -a")
    assert world.exit().kind is ExitKind.ERROR


@everywhere
def test_new_rules_keep_count_of_the_restarts_so_far(world):
    world.start(world.child("a"), intensity=3)
    world.crash("a")
    world.shows("+a !a +a")
    assert world.ask(ReplaceSpec(spec=world.spec(world.child("a"), intensity=1))) is Outcome.OK
    world.crash("a")
    assert world.exit().kind is ExitKind.ERROR


@everywhere
def test_new_rules_for_an_order_of_children_apply_to_the_next_death(world):
    world.start(*world.children("a b c"))
    replaced = world.spec(*world.children("c b a"), strategy=Strategy.REST_FOR_ONE)
    assert world.ask(ReplaceSpec(spec=replaced)) is Outcome.OK
    world.crash("b")
    world.shows("+a +b +c !b -a +b +a")


@everywhere
def test_a_significant_child_is_refused_where_nothing_follows_from_it(world):
    """OTP: significant_upgrade_never_any, significant_upgrade_never_all."""
    world.start()
    significant = world.child("a", restart=Restart.TRANSIENT, significant=True)
    assert world.ask(StartChild(spec=significant)) is Outcome.FAILED
    assert world.ask(ReplaceSpec(spec=world.spec(auto_shutdown=AutoShutdown.ANY))) is Outcome.OK
    assert world.ask(StartChild(spec=significant)) is Outcome.OK


@everywhere
def test_a_request_without_a_spec_is_refused(world):
    """OTP: child_specs."""
    world.start()
    assert world.ask(StartChild()) is Outcome.FAILED
    assert world.announced()


@everywhere
def test_a_message_it_does_not_know_is_a_dead_letter_and_not_the_end(world):
    """OTP logs it. Found here: it ended the supervisor and all below."""
    world.start(world.child("a"))
    world.runtime.tell("top", "what is this?")
    world.runtime.tell("top", Say("and this?"), control=True)
    assert world.states() == {"a": "running"}
    world.settle()
    assert world.runtime.dead_letters.counts() == {Undelivered.UNEXPECTED: 2}


@everywhere
def test_requests_are_served_in_the_order_they_came(world):
    world.start(world.child("a"))
    requests = [
        TerminateChild(id="a"),
        RestartChild(id="a"),
        RestartChild(id="a"),
        TerminateChild(id="a"),
        DeleteChild(id="a"),
        RestartChild(id="a"),
        StartChild(spec=worker("a", Actor)),
    ]
    numbers = [world.send(request) for request in requests]
    world.until(lambda: all(world.answer(number) for number in numbers))
    assert [world.answer(number).outcome.value for number in numbers] == [
        "ok", "ok", "running", "ok", "ok", "not_found", "ok",
    ]  # fmt: skip
