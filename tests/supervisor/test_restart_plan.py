"""The promise: from a death to who is stopped and who is started, in which order."""

import pytest

from actors.kernel import ExitKind
from supervisor.child_spec import Restart, Strategy
from supervisor.restart_plan import Plan, is_restarted, restart_plan

ORDER = ("a", "b", "c", "d")


@pytest.mark.parametrize(
    ("strategy", "dead", "stops", "starts"),
    [
        (Strategy.ONE_FOR_ONE, "b", "", "b"),
        (Strategy.ONE_FOR_ALL, "b", "dca", "abcd"),
        (Strategy.ONE_FOR_ALL, "d", "cba", "abcd"),
        (Strategy.REST_FOR_ONE, "a", "dcb", "abcd"),
        (Strategy.REST_FOR_ONE, "b", "dc", "bcd"),
        (Strategy.REST_FOR_ONE, "d", "", "d"),
    ],
)
def test_stops_go_right_to_left_and_starts_left_to_right(strategy, dead, stops, starts):
    assert restart_plan(strategy, ORDER, dead) == Plan(tuple(stops), tuple(starts))


@pytest.mark.parametrize(
    ("restart", "restarted_after"),
    [
        (Restart.PERMANENT, set(ExitKind)),
        (Restart.TRANSIENT, {ExitKind.ERROR, ExitKind.FENCED}),
        (Restart.TEMPORARY, set()),
    ],
)
def test_the_restart_type_and_the_kind_of_end_decide(restart, restarted_after):
    assert {kind for kind in ExitKind if is_restarted(restart, kind)} == restarted_after
