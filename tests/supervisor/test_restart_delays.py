"""The promise: what fails repeatedly is started ever more slowly, and a good life forgets it."""

import pytest

from actors.kernel import ExitKind
from supervisor.backoff import Backoff
from supervisor.child_spec import Boot, Strategy
from supervisor.management import Outcome, RestartChild, TerminateChild
from tests.supervisor.worlds import Say, SlowStarter, everywhere, virtually

DELAYS = Backoff(min_s=0.1, max_s=0.4, jitter=0.0, reset_after_s=10.0)


def delays(world, fails, count):
    """Return how long each of the next `count` failing starts of `a` was waited for."""
    clock, seen = world.runtime.clock, []
    for _ in range(count):
        tries = world.history.count(fails)
        before = clock.monotonic_ns()
        world.until(lambda tries=tries: world.history.count(fails) > tries)
        seen.append(round((clock.monotonic_ns() - before) / 1e9, 6))
    return seen


@virtually
@pytest.mark.parametrize("fails", ["fail", "unborn", "quit"])
def test_delays_double_up_to_the_cap_while_starts_fail(world, fails):
    """Found here: a failing `__init__` was taken for a long life, so delays never grew."""
    world.start(world.child("a", backoff=DELAYS), world.child("b"))
    world.script("a").then = fails
    world.crash("a")
    world.settle()
    assert world.states() == {"a": "backoff", "b": "running"}
    assert delays(world, "xa", 5) == [0.1, 0.2, 0.4, 0.4, 0.4]


@virtually
def test_delays_grow_while_starts_hang(world):
    """Found here: waiting for a start that hung was taken for a long life."""
    quick = Backoff(min_s=0.1, max_s=0.4, jitter=0.0)
    world.start(world.child("a", SlowStarter, backoff=quick, start_s=1.0), intensity=100)
    world.script("a").then = "hang"
    world.crash("a")
    lives, seen = world.life("a"), []
    for _ in range(4):
        world.until(lambda: world.state("a") == "backoff")
        before = world.runtime.clock.monotonic_ns()
        world.until(lambda: world.state("a") == "starting")
        seen.append(round((world.runtime.clock.monotonic_ns() - before) / 1e9, 6))
    assert seen == [0.1, 0.2, 0.4, 0.4]
    assert world.life("a") > lives


@virtually
def test_a_crash_soon_after_the_start_goes_on_doubling_and_a_good_life_begins_anew(world):
    world.start(world.child("a", backoff=DELAYS))
    for after_s, delay_s in ((0, 0.1), (1, 0.2), (9, 0.4), (10, 0.1), (0, 0.2), (60, 0.1)):
        world.let_pass(after_s)
        world.crash("a")
        world.until(lambda: world.state("a") == "backoff")
        before = world.runtime.clock.monotonic_ns()
        world.until(lambda: world.state("a") == "running")
        assert round((world.runtime.clock.monotonic_ns() - before) / 1e9, 6) == delay_s


@virtually
def test_jitter_differs_between_supervisors(world):
    jittered = Backoff(min_s=0.1, max_s=0.4, jitter=0.5)
    subs = [world.sub(f"s{n}", world.child("a", name=f"a{n}", backoff=jittered)) for n in "12"]
    world.start(*subs)
    world.crash("s1/a", "s2/a")
    world.settle()
    before = world.runtime.clock.monotonic_ns()
    seen = []
    for n in "12":
        world.until(
            lambda n=n: world.history.count("+a1") + world.history.count("+a2") > 2 + int(n) - 1
        )
        seen.append((world.runtime.clock.monotonic_ns() - before) / 1e9)
    assert all(0.1 <= delay < 0.15 for delay in seen)
    assert seen[0] != seen[1]


@everywhere
def test_mail_waits_while_its_actor_waits_to_be_restarted(world):
    world.start(world.child("a", backoff=Backoff(min_s=0.02, max_s=0.02)))
    world.crash("a")
    world.until(lambda: world.state("a") == "backoff")
    for number in range(5):
        assert world.tell("a", Say(number))
    world.until(lambda: len(world.heard) == 5)
    assert world.heard == [("a", 2, number) for number in range(5)]


@everywhere
def test_terminating_a_child_calls_its_pending_restart_off(world):
    world.start(world.child("a", backoff=Backoff(min_s=0.02, max_s=0.02)))
    world.crash("a")
    world.until(lambda: world.state("a") == "backoff")
    assert world.ask(TerminateChild(id="a")) is Outcome.OK
    world.let_pass(0.05)
    world.shows("+a !a")
    assert world.ask(RestartChild(id="a")) is Outcome.OK
    world.shows("+a !a +a")


@everywhere
def test_a_supervisor_ends_at_once_while_a_child_waits(world):
    world.start(world.child("a", backoff=Backoff(min_s=60, max_s=60)), world.child("b"))
    world.crash("a")
    world.until(lambda: world.state("a") == "backoff")
    world.shut_down()
    assert world.exit().kind is ExitKind.SHUTDOWN
    world.shows("+a +b !a -b")


@everywhere
@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_a_group_that_waits_is_down_meanwhile_and_comes_back_in_order(world, strategy):
    delayed = world.child("b", backoff=Backoff(min_s=0.03, max_s=0.03))
    world.start(world.child("a"), delayed, world.child("c"), strategy=strategy)
    world.crash("b")
    stopped = "-c -a" if strategy is Strategy.ONE_FOR_ALL else "-c"
    started = "+a +b +c" if strategy is Strategy.ONE_FOR_ALL else "+b +c"
    world.until(lambda: world.state("b") == "backoff")
    world.settle()
    world.shows(f"+a +b +c !b {stopped} {started}")


@everywhere
def test_siblings_that_die_while_their_group_waits_count_no_second_restart(world):
    """Found here: with a delay, two that crashed together cost two restarts."""
    children = world.children("a b c", backoff=Backoff(min_s=0.02, max_s=0.02))
    world.start(*children, strategy=Strategy.ONE_FOR_ALL, intensity=1)
    world.script("b").when_asked_to_stop = "spiteful"
    world.crash("a")
    world.shows("+a +b +c !a -c !b +a +b +c")
    assert not world.exits()


@virtually
def test_each_attempt_counts_however_long_it_was_waited_for(world):
    world.start(world.child("a", backoff=DELAYS), intensity=3, period_s=60)
    world.script("a").then = "fail"
    world.crash("a")
    assert world.exit().kind is ExitKind.ERROR
    assert world.history == ["+a", "!a", "xa", "xa", "xa"]


@everywhere
def test_a_boot_that_retries_waits_as_well(world):
    world.script("a").starts.extend(["fail", "fail"])
    delayed = world.child("a", backoff=Backoff(min_s=0.01, max_s=0.02))
    world.start(delayed, world.child("b"), boot=Boot.RETRY)
    world.until(lambda: world.state("a") == "running")
    world.settle()
    assert world.history == ["xa", "+b", "xa", "+a"]
    assert world.announced()
