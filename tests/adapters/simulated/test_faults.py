"""Faults strike what they name, when they say, the same way for the same seed."""

from random import Random

import pytest

from adapters.simulated.faults import (
    CATALOGUE,
    FaultName,
    FaultOrder,
    FaultPlan,
    Site,
    catalogue_rows,
    help_text,
    read_faults,
)
from state.errors import ConfigurationInvalid

LOST = FaultName.PUSH_LOST


def struck(plan, subjects, site=Site.PUSH):
    return [plan.strike(site, subject, 0) is not None for subject in subjects]


def test_exact_occurrences_count_only_what_matches():
    plan = FaultPlan([FaultOrder(fault=LOST, match="trades", occurrences=(1, 3))], Random(1))
    subjects = ["spot.trades A_B", "spot.orders A_B", "spot.trades A_B", "spot.trades C_D"]

    assert struck(plan, subjects) == [True, False, False, True]
    assert (plan.armed[0].seen, plan.armed[0].struck) == (3, 2)


def test_a_fault_strikes_at_its_site_only():
    plan = FaultPlan([FaultOrder(fault=LOST, probability=1)], Random(1))
    assert plan.strike(Site.REQUEST, "GET /spot/time", 0) is None
    assert plan.strike(Site.PUSH, "spot.trades A_B", 0) is not None


def test_a_gap_concerns_book_updates_only():
    plan = FaultPlan([FaultOrder(fault=FaultName.BOOK_GAP, probability=1)], Random(1))
    assert struck(plan, ["spot.trades A_B", "spot.order_book_update A_B"]) == [False, True]


def test_it_strikes_at_most_so_often():
    plan = FaultPlan([FaultOrder(fault=LOST, probability=1, most=2)], Random(1))
    assert struck(plan, ["x"] * 4) == [True, True, False, False]


def test_the_first_that_strikes_wins_and_all_count():
    first = FaultOrder(fault=LOST, occurrences=(2,))
    second = FaultOrder(fault=FaultName.PUSH_TWICE, occurrences=(1, 2))
    plan = FaultPlan([first, second], Random(1))

    assert plan.strike(Site.PUSH, "x", 0) is second
    assert plan.strike(Site.PUSH, "x", 0) is first
    assert [armed.seen for armed in plan.armed] == [2, 2]


def test_the_same_seed_strikes_the_same_way():
    orders = [FaultOrder(fault=LOST, probability=0.3)]
    runs = [struck(FaultPlan(orders, Random(seed)), ["x"] * 500) for seed in (7, 7, 8)]

    assert runs[0] == runs[1] != runs[2]
    assert 100 < sum(runs[0]) < 200


def test_a_storm_strikes_everything_that_matches_until_it_is_over():
    storm = FaultOrder(
        fault=FaultName.RATE_LIMIT_STORM, match="GET", occurrences=(2,), delay_ms=1_000, most=1
    )
    plan = FaultPlan([storm], Random(1))
    times_ms = [0, 100, 200, 1_099, 1_100, 1_200]
    subjects = ["GET /a", "GET /b", "POST /c", "GET /d", "GET /e", "GET /f"]
    strikes = [
        plan.strike(Site.REQUEST, subject, at_ms * 1_000_000) is not None
        for subject, at_ms in zip(subjects, times_ms, strict=True)
    ]

    assert strikes == [False, True, False, True, False, False]
    assert plan.armed[0].struck == 2


@pytest.mark.parametrize(
    ("name", "concerned", "other"),
    [
        (FaultName.BOOK_GAP, "spot.obu A_B", "spot.trades A_B"),
        (FaultName.BOOK_STALE, "GET /spot/order_book", "GET /spot/trades"),
        (FaultName.BALANCE_MISSING, "GET /spot/accounts", "GET /spot/account_book"),
        (FaultName.ORDER_HIDDEN, "GET /spot/open_orders", "POST /spot/orders"),
        (FaultName.TRADE_REPEATED, "spot.usertrades A_B", "spot.orders A_B"),
    ],
)
def test_a_fault_of_one_thing_leaves_the_others_alone(name, concerned, other):
    plan = FaultPlan([FaultOrder(fault=name, probability=1)], Random(1))
    site = CATALOGUE[name].site
    assert plan.strike(site, other, 0) is None
    assert plan.strike(site, concerned, 0) is not None


def test_replacing_begins_anew():
    plan = FaultPlan([FaultOrder(fault=LOST, occurrences=(1,))], Random(1))
    assert struck(plan, ["x", "x"]) == [True, False]
    plan.replace([FaultOrder(fault=LOST, occurrences=(1,))])
    assert struck(plan, ["x"]) == [True]
    plan.replace([])
    assert struck(plan, ["x"]) == [False]


def test_a_delay_is_the_orders_or_the_catalogues():
    assert FaultOrder(fault=FaultName.ANSWER_LATE).delay_ns == 1_000_000_000
    assert FaultOrder(fault=FaultName.ANSWER_LATE, delay_ms=0).delay_ns == 0


def test_every_fault_is_in_the_catalogue_and_in_the_help():
    assert set(CATALOGUE) == set(FaultName)
    assert all(name.value in help_text() for name in FaultName)
    assert [row["fault"] for row in catalogue_rows()] == list(FaultName)


def test_faults_are_read_from_json_and_toml(tmp_path):
    as_json, as_toml = tmp_path / "faults.json", tmp_path / "faults.toml"
    as_json.write_text('[{"fault": "push_lost", "occurrences": [1]}]')
    as_toml.write_text('[[faults]]\nfault = "push_lost"\noccurrences = [1]\n')

    assert (
        read_faults(as_json) == read_faults(as_toml) == [FaultOrder(fault=LOST, occurrences=(1,))]
    )


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[", "truncated"),
        ('[{"fault": "bad_luck"}]', "bad_luck"),
        ('[{"fault": "push_lost", "chance": 1}]', "chance"),
        ('[{"fault": "push_lost", "probability": 2}]', "probability"),
        ('[{"fault": "push_lost", "occurrences": [0]}]', "occurrences"),
    ],
)
def test_a_bad_file_is_named_with_the_place(tmp_path, content, complaint):
    path = tmp_path / "faults.json"
    path.write_text(content)
    with pytest.raises(ConfigurationInvalid, match=complaint) as caught:
        read_faults(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigurationInvalid, match="No such file"):
        read_faults(tmp_path / "none.json")
