"""The house may be crashed at any instant, and once more while it recovers: nothing is lost.

The whole grid is `python -m supervisor simulate crash-points`; here is a sample of it.
"""

from typing import Any

import pytest

from supervisor.crash_points.census import Census
from supervisor.crash_points.exploration import Case, Plan, explore
from supervisor.crash_points.house import House, undisturbed
from supervisor.crash_points.instants import Fate
from supervisor.crash_points.points import POINTS
from supervisor.crash_points.scenarios import SCENARIOS

ONLY_AFTER_A_CRASH = {8, 37}
"""Half a request, and the second crash of two: no undisturbed day has them."""


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=list(SCENARIOS))
def test_a_day_without_a_crash_leaves_nothing_to_complain_of(scenario):
    house = House(scenario, undisturbed)
    house.finish()

    assert house.violations == []
    assert house.is_over


def test_the_scripted_days_stand_at_every_point_of_the_grid():
    stood: set[int] = set()
    for scenario in SCENARIOS.values():
        house = House(scenario, lambda house, site, what: stood.update(house.points(site, what)))
        house.finish()

    wanted = {number for number, point in POINTS.items() if not point.elsewhere}
    assert wanted - stood == ONLY_AFTER_A_CRASH


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=list(SCENARIOS))
def test_no_sampled_crash_loses_doubles_or_forgets_anything(scenario):
    cases = explore(scenario, Plan(seed=1, share=0.004, pairs=0.0002))

    census = Census()
    census.add(cases)
    assert len(cases) > 1
    assert [_told(case) for case in census.violations] == []


@pytest.mark.slow
def test_each_pair_of_points_is_tried_that_can_be_and_hardly_one_of_them_twice():
    single: dict[str, Any] = {"seed": 0, "share": 0.0015, "fates": (Fate.KILL,)}
    everything = explore(SCENARIOS["place"], Plan(pairs=1.0, **single))
    each_once = explore(SCENARIOS["place"], Plan(each_pair=True, **single))

    possible = {pair for case in everything for pair in case.pairs}
    assert len(possible) > 5
    assert {pair for case in each_once for pair in case.pairs} == possible
    assert len(each_once) < len(everything) / 10
    assert not any(case.violations for case in (*everything, *each_once))


def _told(case: Case) -> str:
    return f"--case {case.path}: {'; '.join(case.violations)}"
