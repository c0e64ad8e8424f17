"""The promise: too many restarts in too short a time end the supervisor, as an error."""

import pytest

from actors.kernel import ExitKind
from supervisor.child_spec import (
    Parking,
    Restart,
    SpecInvalid,
    Strategy,
    SupervisorSpec,
    worker,
)
from supervisor.management import Outcome, RestartChild
from tests.supervisor.worlds import Recorded, everywhere, virtually


@everywhere
def test_one_restart_more_than_the_intensity_ends_the_supervisor(world):
    """OTP: one_for_one, the tail."""
    world.start(*world.children("a b"), intensity=2)
    world.crash("a")
    world.shows("+a +b !a +a")
    world.crash("a")
    world.shows("+a +b !a +a !a +a")
    world.crash("a")
    world.shows("+a +b !a +a !a +a !a -b")
    assert world.exit().kind is ExitKind.ERROR
    assert world.exit().reason.startswith("more than 2 restarts in 60 s, the last of a: ValueError")
    assert world.up() == ""


@everywhere
@pytest.mark.parametrize("strategy", list(Strategy))
def test_intensity_zero_means_never_restart(world, strategy):
    world.start(*world.children("a b c"), strategy=strategy, intensity=0)
    world.crash("b")
    world.shows("+a +b +c !b -c -a")
    assert world.exit().kind is ExitKind.ERROR


@everywhere
def test_restarts_wider_apart_than_the_period_never_add_up(world):
    """OTP: multiple_restarts."""
    world.start(world.child("a"), intensity=1, period_s=0.02)
    for life in range(2, 6):
        world.let_pass(0.03)
        world.crash("a")
        world.until(lambda life=life: world.life("a") == life and world.state("a") == "running")
    assert not world.exits()


@virtually
def test_a_restart_exactly_one_period_ago_still_counts(world):
    world.start(world.child("a"), intensity=1, period_s=2)
    world.crash("a")
    world.settle()
    world.let_pass(2)
    world.crash("a")
    assert world.exit().kind is ExitKind.ERROR


@everywhere
def test_siblings_share_one_window(world):
    world.start(*world.children("a b c"), intensity=2)
    world.crash("a", "b", "c")
    assert world.exit().kind is ExitKind.ERROR
    assert world.up() == ""


@everywhere
@pytest.mark.parametrize("start", ["fail", "unborn", "quit"])
@pytest.mark.parametrize("strategy", list(Strategy))
def test_each_failed_start_counts_as_one_restart(world, strategy, start):
    """OTP: one_for_one_escalation, one_for_all_escalation, rest_for_one_escalation."""
    world.start(*world.children("a b"), strategy=strategy, intensity=4)
    world.script("a").then = start
    world.crash("a")
    bystanders = "" if strategy is Strategy.ONE_FOR_ONE else "-b "
    rest = "-b" if strategy is Strategy.ONE_FOR_ONE else ""
    world.shows(f"+a +b !a {bystanders}xa xa xa xa {rest}")
    assert world.exit().kind is ExitKind.ERROR


@everywhere
@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_the_restart_of_a_group_counts_once(world, strategy):
    world.start(*world.children("a b c"), strategy=strategy, intensity=1)
    world.crash("a")
    world.shows("+a +b +c !a -c -b +a +b +c")
    assert not world.exits()
    world.crash("a")
    assert world.exit().kind is ExitKind.ERROR


@everywhere
def test_nested_intensities_multiply(world):
    """A leaf under intensities 1 and 2 may die (1 + 1) * (2 + 1) times: the last death is final."""
    world.start(world.sub("sub", world.child("a"), intensity=2), intensity=1)
    for deaths in range(1, 7):
        world.until(lambda: world.state("sub/a") == "running")
        assert not world.exits()
        world.crash("sub/a")
        world.until(lambda deaths=deaths: world.history.count("!a") == deaths)
        world.settle()
    assert world.exit().kind is ExitKind.ERROR
    assert world.up() == ""


@everywhere
def test_a_transient_supervisor_that_gave_up_is_restarted(world):
    """OTP differs: there giving up is `shutdown`, and a transient supervisor stays down."""
    transient = world.sub(
        "sub", *world.children("a b"), intensity=0, as_child={"restart": Restart.TRANSIENT}
    )
    world.start(transient)
    world.crash("sub/a")
    world.shows("+a +b !a -b +a +b")
    assert "more than 0 restarts" in world.which()["sub"].last_error
    assert world.life("sub") == 2


# A budget of one's own.


@everywhere
def test_a_child_that_may_park_stays_down_and_the_others_go_on(world):
    parking = Parking(intensity=2, period_s=60)
    world.start(world.child("a", parking=parking), world.child("b"), intensity=1)
    for life in (2, 3):
        world.crash("a")
        world.until(lambda life=life: world.life("a") == life and world.state("a") == "running")
    world.crash("a")
    world.until(lambda: world.state("a") == "disabled")
    error = world.which()["a"].last_error
    assert error.startswith("parked: more than 2 restarts in 60 s, the last after ValueError")
    # Nothing of it was spent on its supervisor's account.
    world.crash("b")
    world.until(lambda: world.life("b") == 2 and world.state("b") == "running")
    assert world.states() == {"a": "disabled", "b": "running"}
    assert not world.exits()
    world.crash("b")
    assert world.exit().kind is ExitKind.ERROR


@everywhere
def test_one_that_is_parked_comes_back_when_it_is_asked_for(world):
    world.start(world.child("a", parking=Parking(intensity=0, period_s=60)), world.child("b"))
    world.crash("a")
    world.until(lambda: world.state("a") == "disabled")
    assert world.ask(RestartChild(id="a")) is Outcome.OK
    assert world.states() == {"a": "running", "b": "running"}


def test_only_where_children_restart_one_for_one_may_one_park():
    parked = worker("a", Recorded, parking=Parking(intensity=1, period_s=1))
    with pytest.raises(SpecInvalid, match="one for one"):
        SupervisorSpec(strategy=Strategy.ONE_FOR_ALL, intensity=1, period_s=1, children=(parked,))
