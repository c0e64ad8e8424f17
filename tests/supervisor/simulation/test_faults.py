"""A seed means a list of faults, and every element of it by itself still means something."""

from collections import Counter

import pytest

from adapters.simulated.faults import CATALOGUE, FaultName, Site
from supervisor.simulation import HOUSE, ORDER_PATH, Fault, Options
from supervisor.simulation.faults import At, Kind, Plan, planned
from supervisor.simulation.options import Class
from supervisor.worlds.disk import DiskFault, Moment

SEEDS = range(200)


@pytest.mark.parametrize("profile", [HOUSE, ORDER_PATH], ids=lambda one: one.name)
def test_a_seed_means_the_same_whenever_it_is_asked(profile):
    for seed in SEEDS:
        options = Options.of(seed, profile)
        assert options == Options.of(seed, profile)
        assert planned(options, profile) == planned(options, profile)


def test_every_kind_of_fault_is_planned_for_some_seed():
    kinds = Counter(
        fault.kind for seed in SEEDS for fault in planned(Options.of(seed, ORDER_PATH), ORDER_PATH)
    )
    wanted = {*Kind, *DiskFault, *FaultName} - {FaultName.BALANCE_MISSING}
    assert set(kinds) == wanted


def test_each_class_is_off_in_a_good_part_of_the_seeds():
    on = Counter(name for seed in SEEDS for name in Options.of(seed, ORDER_PATH).classes)
    assert all(0.15 < on[name] / len(SEEDS) < 0.85 for name in Class)


def test_a_class_that_is_off_plans_nothing():
    off = Options.of(1, ORDER_PATH)
    assert planned(Options(**{**asdict(off), "classes": ()}), ORDER_PATH) == []


def asdict(options):
    return {name: getattr(options, name) for name in options.__struct_fields__}


def test_a_fault_strikes_at_its_occurrence_and_at_no_other():
    place = f"{At.BEFORE} operations/recorder"
    plan = Plan([Fault(place=place, nth=3, kind=Kind.CRASH)])
    struck = [plan.visit_two(At.BEFORE, "operations/recorder") for _ in range(5)]
    assert [one is not None for one in struck] == [False, False, True, False, False]
    assert plan.struck == plan.faults
    assert plan.visit(Moment.COMMIT) is None


def test_nothing_strikes_once_the_faulty_stretch_is_over():
    plan = Plan([Fault(place=Moment.COMMIT, nth=1, kind=Kind.KILL)])
    plan.over = True
    assert plan.visit(Moment.COMMIT) is None


def test_faults_of_the_exchange_become_exact_orders_to_it():
    place = f"{At.VENUE} POST /spot/orders"
    wanted = [Fault(place=place, nth=nth, kind=FaultName.ANSWER_LATE, value=200) for nth in (5, 2)]
    [order] = Plan(wanted).of_venue()
    assert (order.fault, order.match) == (FaultName.ANSWER_LATE, "POST /spot/orders")
    assert (order.occurrences, order.delay_ms, order.probability) == ((2, 5), 200, 0.0)


def test_what_the_exchange_is_to_do_wrong_can_happen_where_it_is_planned():
    for seed in SEEDS:
        for order in Plan(planned(Options.of(seed, HOUSE), HOUSE)).of_venue():
            entry = CATALOGUE[order.fault]
            is_request = order.match.partition(" ")[0] in {"GET", "POST", "DELETE", "PATCH"}
            assert is_request == (entry.site is Site.REQUEST)
            assert not entry.only or any(one in order.match for one in entry.only)
