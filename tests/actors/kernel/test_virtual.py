"""The promise: one seed, one run; time moves only when nothing else can."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from actors.kernel import Actor, Birthright
from actors.kernel.virtual import EPOCH_NS, NobodyAnswers, Policy, VirtualClock, VirtualRuntime
from tests.actors.kernel.worlds import Listener

ROOT = Path(__file__).parents[3]


class Gossip(Actor):
    """Passes what it hears on to somebody, sooner or later, and sometimes dies of it."""

    def __init__(self, others, heard):
        super().__init__()
        self.others = others
        self.heard = heard

    def on_receive(self, message):
        self.heard.append((self.address, message, self.now_ns()))
        if message and self.random.random() < 0.9:
            self.tell(self.random.choice(self.others), message - 1)
            self.after(self.random.random(), message - 1)
        if self.random.random() < 0.05:
            raise ValueError(message)


def run(seed, policy=Policy.RANDOM):
    runtime, heard = VirtualRuntime(seed=seed, policy=policy), []
    names = [f"gossip/{number}" for number in range(5)]
    for name in names:
        runtime.spawn(name, Birthright(make=Gossip, args=(names, heard)), parent=None)
    for name in names:
        runtime.tell(name, 6)
    runtime.run(for_s=20)
    return runtime.fingerprint, heard


@pytest.mark.parametrize("policy", list(Policy))
def test_the_same_seed_gives_the_same_run(policy):
    for seed in range(20):
        assert run(seed, policy) == run(seed, policy)


@pytest.mark.parametrize("policy", [Policy.RANDOM, Policy.PCT])
def test_different_seeds_explore_different_orders(policy):
    assert len({run(seed, policy)[0] for seed in range(20)}) == 20


def test_a_run_does_not_depend_on_the_hash_seed():
    code = "from tests.actors.kernel.test_virtual import run; print([run(s)[0] for s in range(5)])"
    prints = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for hash_seed in (1, 2, 3)
    }
    assert prints == {f"{[run(seed)[0] for seed in range(5)]}\n"}


def test_time_stands_still_while_somebody_has_mail():
    runtime, heard = VirtualRuntime(), list[object]()
    runtime.spawn("a", Birthright(make=Listener, args=(heard,)), parent=None)
    runtime.call_later(int(1e9), lambda: heard.append(runtime.clock.now_ns()))
    runtime.tell("a", "now")
    runtime.settle()
    assert (heard, runtime.clock.elapsed_ns) == (["now"], 0)
    runtime.run(for_s=0.5)
    assert (heard, runtime.clock.elapsed_ns) == (["now"], int(0.5e9))
    runtime.run(for_s=0.5)
    assert heard == ["now", EPOCH_NS + int(1e9)]


def test_the_wall_clock_may_step_and_the_monotonic_one_does_not():
    clock = VirtualClock()
    clock.elapsed_ns = 5
    clock.wall_offset_ns -= 10
    assert clock.now_ns() == EPOCH_NS - 5
    assert clock.monotonic_ns() == 5


def test_a_question_nobody_can_answer_is_reported_instead_of_hanging():
    runtime = VirtualRuntime()
    runtime.open("nobody")
    with pytest.raises(NobodyAnswers, match="no answer from nobody"):
        runtime.ask("nobody", "hello?", timeout_s=1)


def test_invariants_can_be_checked_after_every_step():
    runtime, heard, steps = VirtualRuntime(), [], []
    runtime.after_step = lambda: steps.append(len(heard))
    runtime.spawn("a", Birthright(make=Listener, args=(heard,)), parent=None)
    runtime.tell("a", 1)
    runtime.tell("a", 2)
    runtime.settle()
    assert steps == [0, 1, 2]


class Bomb:
    """A probe that goes off at one place."""

    def __init__(self, where):
        self.where = where

    def before(self, address, message):
        self._at("before")

    def sending(self, address, message):
        self._at("sending")

    def after(self, address, message):
        self._at("after")

    def _at(self, place):
        if place == self.where:
            self.where = None
            raise RuntimeError(f"injected {place}")


@pytest.mark.parametrize(
    ("where", "done", "sent"),
    [("before", [], []), ("sending", ["worked"], []), ("after", ["worked"], ["sent"])],
)
def test_faults_can_strike_before_inside_and_after_a_handler(where, done, sent):
    worked, heard = [], []

    class Busy(Actor):
        def on_receive(self, message):
            worked.append("worked")
            self.tell("sink", "sent")

    runtime = VirtualRuntime()
    runtime.probe = Bomb(where)
    runtime.spawn("busy", Birthright(make=Busy), parent=None)
    runtime.spawn("sink", Birthright(make=Listener, args=(heard,)), parent=None)
    runtime.tell("busy", "go")
    runtime.settle()
    assert (worked, heard) == (done, sent)
    assert runtime.mailboxes["busy"].inbox is None
