"""The pulse of the tree: it beats while every supervisor that should answer does."""

from typing import Any

import pytest

from actors.kernel import Actor, Birthright, ChildReport
from actors.kernel.virtual import VirtualRuntime
from supervisor.management import CountChildren
from supervisor.pulse import PATIENCE_S, Pulse
from supervisor.tree import ROOT


class Answering(Actor):
    def on_receive(self, message: Any) -> Any:
        assert isinstance(message, CountChildren)
        return {}


@pytest.fixture
def runtime():
    made = VirtualRuntime(seed=0)
    for address in (ROOT, "market"):
        birth = Birthright(make=Answering, snapshot_every_s=None)
        made.spawn(address, birth, parent=None)
    report(made, "market", ROOT)
    report(made, "market/BTC_USDT", "market")
    made.settle()
    return made


def report(runtime, address, supervisor, state="running"):
    runtime.report(
        ChildReport(
            address=address,
            supervisor=supervisor,
            state=state,
            incarnation=1,
            restarts=0,
            last_error="",
            since_ns=0,
        )
    )


def beats(runtime, pulse, times):
    told = []
    for _ in range(times):
        told.append(pulse.beats())
        runtime.run(for_s=PATIENCE_S / 4)
    return told


def test_it_beats_while_everybody_answers(runtime):
    assert all(beats(runtime, Pulse(runtime), 20))


def test_it_ends_when_one_of_them_is_silent(runtime):
    pulse = Pulse(runtime)
    assert all(beats(runtime, pulse, 2))
    runtime.fence("market")  # Cut off, and nobody has noticed.
    report(runtime, "market", ROOT)
    told = beats(runtime, pulse, 8)
    assert told[0]
    assert not told[-1]


@pytest.mark.parametrize("state", ["backoff", "starting", "stopped"])
def test_one_that_is_being_restarted_is_not_waited_for(runtime, state):
    pulse = Pulse(runtime)
    runtime.fence("market")
    report(runtime, "market", ROOT, state)
    assert all(beats(runtime, pulse, 10))


def test_and_it_beats_again_when_that_one_answers(runtime):
    pulse = Pulse(runtime)
    runtime.fence("market")
    report(runtime, "market", ROOT)
    assert not beats(runtime, pulse, 8)[-1]
    runtime.spawn("market", Birthright(make=Answering, snapshot_every_s=None), parent=None)
    runtime.settle()
    assert beats(runtime, pulse, 3)[-1]
