"""The promise: a supervisor whose significant children have done their work ends in good order."""

import pytest

from actors.kernel import ExitKind
from supervisor.backoff import Backoff
from supervisor.child_spec import AutoShutdown, Restart, Strategy
from supervisor.management import Outcome, ReplaceSpec, RestartChild, StartChild, TerminateChild
from tests.supervisor.worlds import SlowStarter, Wake, everywhere, virtually

ALWAYS = list(AutoShutdown)
SOMETIMES = [AutoShutdown.ANY, AutoShutdown.ALL]
GONE = {"normal": "-a", "shutdown": "-a", "abnormal": "!a"}


def significant(world, ids, restart=Restart.TRANSIENT, **settings):
    return world.children(ids, restart=restart, significant=True, **settings)


def end(world, how, id_):
    {"normal": world.leave, "shutdown": world.end, "abnormal": world.crash}[how](id_)


@everywhere
@pytest.mark.parametrize("auto_shutdown", ALWAYS)
@pytest.mark.parametrize("restart", [Restart.TEMPORARY, Restart.TRANSIENT])
def test_the_end_of_an_insignificant_child_ends_nobody(world, auto_shutdown, restart):
    """OTP: nonsignificant_temporary, nonsignificant_transient."""
    world.start(*world.children("a b c d", restart=restart), auto_shutdown=auto_shutdown)
    world.leave("a")
    world.end("b")
    world.crash("c")
    assert world.ask(TerminateChild(id="d")) is Outcome.OK
    world.until(lambda: {"-a", "-b", "!c", "-d"} <= set(world.history))
    world.settle()
    assert not world.exits()


@everywhere
@pytest.mark.parametrize("how", GONE)
def test_any_end_of_a_temporary_significant_child_ends_the_supervisor(world, how):
    """OTP: significant_temporary."""
    children = significant(world, "a b", restart=Restart.TEMPORARY)
    world.start(*children, world.child("c"), auto_shutdown=AutoShutdown.ANY)
    end(world, how, "a")
    world.shows(f"+a +b +c {GONE[how]} -c -b")
    assert world.exit().kind is ExitKind.SHUTDOWN
    assert world.up() == ""


@everywhere
def test_a_transient_significant_child_ends_it_only_by_a_good_end(world):
    """OTP: significant_transient."""
    world.start(*significant(world, "a b"), world.child("c"), auto_shutdown=AutoShutdown.ANY)
    world.crash("a")
    world.shows("+a +b +c !a +a")
    world.leave("a")
    world.shows("+a +b +c !a +a -a -c -b")
    assert world.exit().kind is ExitKind.SHUTDOWN


@everywhere
@pytest.mark.parametrize("restart", [Restart.TEMPORARY, Restart.TRANSIENT])
def test_with_all_the_last_significant_child_ends_it(world, restart):
    """OTP: significant_temporary, significant_transient."""
    children = (*significant(world, "a b", restart=restart), world.child("c"))
    world.start(*children, auto_shutdown=AutoShutdown.ALL)
    world.leave("a")
    world.shows("+a +b +c -a")
    assert not world.exits()
    world.leave("b")
    world.shows("+a +b +c -a -b -c")
    assert world.exit().kind is ExitKind.SHUTDOWN


@everywhere
@pytest.mark.parametrize("auto_shutdown", SOMETIMES)
@pytest.mark.parametrize("restart", [Restart.TEMPORARY, Restart.TRANSIENT])
def test_a_significant_child_terminated_by_request_ends_nobody(world, auto_shutdown, restart):
    """OTP: significant_temporary, significant_transient."""
    world.start(*significant(world, "a", restart=restart), auto_shutdown=auto_shutdown)
    assert world.ask(TerminateChild(id="a")) is Outcome.OK
    world.settle()
    assert not world.exits()


@everywhere
@pytest.mark.parametrize("auto_shutdown", SOMETIMES)
@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_significant_bystander_ends_nobody(world, strategy, auto_shutdown):
    """OTP: significant_bystander."""
    first, *rest = significant(world, "a c")
    bystander = world.child("b", restart=Restart.TRANSIENT)
    world.start(first, bystander, *rest, strategy=strategy, auto_shutdown=auto_shutdown)
    for id_ in "ac":
        world.script(id_).when_asked_to_stop = "leave"
    world.crash("b")
    world.until(lambda: world.history.count("+b") == 2)
    world.settle()
    assert world.states() == dict.fromkeys("abc", "running")
    assert not world.exits()


@everywhere
def test_with_all_a_significant_child_about_to_be_restarted_still_counts(world):
    """Found here: one that had just crashed was taken for one that was done."""
    children = significant(world, "a b", backoff=Backoff(min_s=0.05, max_s=0.05))
    world.start(*children, auto_shutdown=AutoShutdown.ALL)
    world.crash("a")
    world.leave("b")
    world.until(lambda: world.history.count("+a") == 2)
    world.settle()
    assert world.states() == {"a": "running", "b": "stopped"}
    world.leave("a")
    assert world.exit().kind is ExitKind.SHUTDOWN


@virtually
def test_with_all_a_crash_not_yet_looked_at_still_counts(world):
    world.start(*significant(world, "a b"), auto_shutdown=AutoShutdown.ALL)
    world.script("s").starts.append("hang")
    world.send(StartChild(spec=world.child("s", SlowStarter)))
    world.settle()
    world.leave("b")
    world.settle()
    world.crash("a")
    world.settle()
    # The supervisor waits for s; it has heard of both deaths and decided about neither.
    world.tell("s", Wake())
    world.shows("+a +b -b !a +s +a")
    assert not world.exits()


@virtually
def test_with_all_two_that_end_in_the_same_step_end_it_once(world):
    world.start(*significant(world, "a b"), world.child("c"), auto_shutdown=AutoShutdown.ALL)
    world.leave("a", "b")
    world.settle()
    assert len(world.exits()) == 1
    assert world.history[-1] == "-c"


@everywhere
def test_a_significant_supervisor_passes_its_automatic_end_on(world):
    """OTP: significant_escalation."""
    inner = world.sub(
        "sub",
        *significant(world, "a"),
        auto_shutdown=AutoShutdown.ANY,
        as_child={"restart": Restart.TRANSIENT, "significant": True},
    )
    world.start(world.child("z"), inner, auto_shutdown=AutoShutdown.ANY)
    world.leave("sub/a")
    world.shows("+z +a -a -z")
    assert world.exit().kind is ExitKind.SHUTDOWN


@everywhere
def test_an_insignificant_supervisor_ends_alone(world):
    """OTP: significant_escalation."""
    inner = world.sub(
        "sub",
        *significant(world, "a"),
        auto_shutdown=AutoShutdown.ANY,
        as_child={"restart": Restart.TRANSIENT},
    )
    world.start(world.child("z"), inner, auto_shutdown=AutoShutdown.ANY)
    world.leave("sub/a")
    world.shows("+z +a -a")
    assert world.states() == {"z": "running", "sub": "stopped"}
    assert not world.exits()


@everywhere
@pytest.mark.parametrize("after", ALWAYS)
@pytest.mark.parametrize("before", SOMETIMES)
def test_new_rules_decide_who_ends_whom(world, before, after):
    """OTP: significant_upgrade_any_never, significant_upgrade_any_all, significant_upgrade_all_any.

    Also significant_upgrade_all_never.
    """
    children = significant(world, "a b")
    world.start(*children, auto_shutdown=before)
    # Those no longer listed stay, significant as they are.
    assert world.ask(ReplaceSpec(spec=world.spec(auto_shutdown=after))) is Outcome.OK
    world.leave("a")
    if after is AutoShutdown.ANY:
        world.shows("+a +b -a -b")
        assert world.exit().kind is ExitKind.SHUTDOWN
        return
    world.shows("+a +b -a")
    assert not world.exits()
    world.leave("b")
    world.shows("+a +b -a -b")
    if after is AutoShutdown.ALL:
        assert world.exit().kind is ExitKind.SHUTDOWN
        return
    assert world.ask(RestartChild(id="a")) is Outcome.OK


@everywhere
@pytest.mark.parametrize("becomes", [True, False])
def test_a_child_may_become_significant_and_cease_to_be(world, becomes):
    """OTP: significant_upgrade_child."""
    before, after = (
        world.child("a", restart=Restart.TRANSIENT, significant=value)
        for value in (not becomes, becomes)
    )
    world.start(before, world.child("z"), auto_shutdown=AutoShutdown.ANY)
    replaced = world.spec(after, auto_shutdown=AutoShutdown.ANY)
    assert world.ask(ReplaceSpec(spec=replaced)) is Outcome.OK
    world.leave("a")
    world.shows("+a +z -a -z" if becomes else "+a +z -a")
    assert bool(world.exits()) is becomes
