"""Each planted bug is caught, by which oracle and how soon; the real house passes the same runs."""

from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from actors.execution.order_router import OrderRouter
from actors.execution.order_worker import OrderWorker
from actors.operations.recorder import Recorder
from actors.operations.session_keeper import SessionKeeper
from actors.trading.protection import Protector
from actors.trading.risk_guard import RiskGuard
from state.parent_order import ParentOrder
from supervisor.crash_points.exploration import Case, Plan, explore
from supervisor.crash_points.house import Cast
from supervisor.crash_points.instants import Fate, Site
from supervisor.crash_points.scenarios import (
    AMEND,
    CANCEL,
    HALT,
    LADDER,
    LATE,
    PARTS,
    RUSH,
    STOP,
    UNHEARD,
    Scenario,
)
from tests.mutants import planted

MOST = 60
"""Runs within which each has to be caught."""


class Hunt(NamedTuple):
    """Where a bug is looked for."""

    cast: Cast
    scenario: Scenario
    oracle: str
    """Beginning of what catches it."""
    plan: Plan
    """Which crashes are tried, one after the other."""
    patch: tuple[type, str, Any] | None = None
    """What else is broken, of something that is no actor."""


UNDISTURBED = Plan(share=0.0)
KILLS = Plan(fates=(Fate.KILL,))
HUNTS = {
    "sends before the journal": Hunt(
        {OrderRouter: planted.SendsBeforeTheJournal}, PARTS, "order never meant", KILLS
    ),
    "never syncs": Hunt(
        {Recorder: planted.NeverSyncs},
        PARTS,
        "order never meant",
        Plan(fates=(Fate.POWER,), sites=(Site.SENT, Site.RECEIVED)),
    ),
    "new order after a time-out": Hunt(
        {OrderRouter: planted.MakesANewOrderAfterATimeOut}, UNHEARD, "wish doubled", UNDISTURBED
    ),
    "not found taken for proof": Hunt(
        {OrderRouter: planted.TakesNotFoundForProof},
        PARTS,
        "wish doubled",
        Plan(first=(Fate.LATE,), fates=(Fate.KILL,), pairs=1.0),
    ),
    "no expiry": Hunt({OrderRouter: planted.SetsNoExpiry}, LATE, "wish doubled", UNDISTURBED),
    "unknown orders forgotten": Hunt(
        {OrderRouter: planted.ForgetsUnknownOrders}, LATE, "stuck", KILLS
    ),
    "a fill counted twice": Hunt(
        {OrderRouter: planted.CountsAFillTwice}, PARTS, "fill counted twice", UNDISTURBED
    ),
    "a hold released early": Hunt(
        {RiskGuard: planted.ReleasesHoldsEarly}, RUSH, "limit passed", UNDISTURBED
    ),
    "a halt forgotten": Hunt(
        {SessionKeeper: planted.ForgetsTheHalt},
        HALT,
        "sent while halted",
        Plan(fates=(Fate.KILL,), skip=400),
    ),
    "children exceed their parent": Hunt(
        {OrderWorker: planted.WantsTooMuch},
        LADDER,
        "wish exceeded",
        UNDISTURBED,
        (ParentOrder, "objection", planted.no_objection),
    ),
    "a stop not armed again": Hunt(
        {Protector: planted.ForgetsToArmAgain},
        STOP,
        "uncovered",
        Plan(fates=(Fate.KILL,), sites=(Site.SYNCED,), skip=1000),
    ),
    "an amendment applied blindly": Hunt(
        {OrderRouter: planted.TakesAmendmentsForMade},
        AMEND,
        "called amended by somebody else",
        Plan(fates=(Fate.LOST,), sites=(Site.HANDED,)),
    ),
    "a refused cancel is the end": Hunt(
        {OrderRouter: planted.TakesARefusedCancelForTheEnd}, CANCEL, "unsettled", UNDISTURBED
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("hunt", HUNTS.values(), ids=list(HUNTS))
def test_a_planted_bug_is_caught_and_the_real_house_passes_the_same_runs(
    hunt, record_property, monkeypatch
):
    with monkeypatch.context() as patched:
        if hunt.patch is not None:
            patched.setattr(*hunt.patch)
        cases = explore(hunt.scenario, replace(hunt.plan, until_caught=True, most=MOST), hunt.cast)

    caught = [case for case in cases if case.violations]
    assert len(cases) <= MOST + 2
    assert caught, f"not caught in {len(cases)} runs"
    record_property("runs", len(cases))
    record_property("caught", f"{caught[0].path}: {caught[0].violations[0]}")
    assert any(one.startswith(hunt.oracle) for one in caught[0].violations), caught[0]

    same = explore(hunt.scenario, replace(hunt.plan, most=len(cases) - 1))
    assert [_told(case) for case in same if case.violations] == []
    assert len(same) >= len(cases)


def _told(case: Case) -> str:
    return f"--case {case.path}: {'; '.join(case.violations)}"
