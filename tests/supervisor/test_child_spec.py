"""The promise: a spec that contradicts itself is refused as it is made, and says what is wrong."""

import dataclasses
from math import inf, nan
from typing import Any

import pytest

from actors.kernel import Actor, Birthright
from supervisor.child_spec import (
    BRUTAL,
    INFINITY,
    AutoShutdown,
    Boot,
    ChildSpec,
    Restart,
    SpecInvalid,
    Strategy,
    SupervisorSpec,
    worker,
)
from supervisor.supervisor import addresses, supervisor

A = worker("a", Actor)


def rules(**changes: Any) -> SupervisorSpec:
    return SupervisorSpec(**{"intensity": 1, "period_s": 5.0} | changes)


def test_defaults_are_filled_in():
    """OTP: sup_start_map."""
    assert (A.restart, A.start_s, A.stop_s) == (Restart.PERMANENT, 5.0, 5.0)
    assert (A.significant, A.supervises, A.backoff) == (False, False, None)
    sub = supervisor("sub", rules())
    assert (sub.start_s, sub.stop_s, sub.supervises) == (INFINITY, INFINITY, True)
    assert (rules().strategy, rules().auto_shutdown) == (Strategy.ONE_FOR_ONE, AutoShutdown.NEVER)
    assert rules().boot is Boot.STRICT


def test_no_intensity_is_assumed():
    with pytest.raises(TypeError):
        SupervisorSpec(period_s=5.0)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        SupervisorSpec(intensity=1)  # type: ignore[call-arg]


def test_a_spec_never_changes():
    with pytest.raises(dataclasses.FrozenInstanceError):
        A.id = "b"  # type: ignore[misc]


@pytest.mark.parametrize("stop_s", [BRUTAL, 1, INFINITY])
@pytest.mark.parametrize("restart", list(Restart))
def test_every_sensible_combination_is_accepted(restart, stop_s):
    """OTP: child_specs."""
    worker("a", Actor, restart=restart, stop_s=stop_s)
    if restart is not Restart.PERMANENT:
        child = worker("a", Actor, restart=restart, significant=True)
        rules(children=(child,), auto_shutdown=AutoShutdown.ANY)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"id": ""}, "child id ''"),
        ({"id": "a/b"}, "without '/'"),
        ({"restart": "prmanent"}, "a: restart 'prmanent': expected permanent, transient or"),
        ({"stop_s": -10}, "stop_s"),
        ({"stop_s": nan}, "stop_s"),
        ({"start_s": 0}, "start_s"),
        ({"start_s": nan}, "start_s"),
        ({"significant": True}, "a permanent child is always restarted"),
        ({"birth": Birthright(make=Actor, dispatcher="pol")}, "dispatcher 'pol'"),
    ],
)
def test_a_faulty_child_spec_is_refused(changes, complaint):
    """OTP: child_specs, child_specs_map, sup_start_map_faulty_specs."""
    good: dict[str, Any] = {"id": "a", "birth": Birthright(make=Actor)}
    with pytest.raises(SpecInvalid, match=complaint):
        ChildSpec(**good | changes)


def test_unknown_settings_are_refused():
    """OTP: child_specs_map, sup_flags, which ignore them."""
    with pytest.raises(TypeError, match="silly"):
        worker("a", Actor, silly=True)
    with pytest.raises(TypeError, match="silly"):
        rules(silly=True)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"strategy": "none_for_one"}, "strategy 'none_for_one'"),
        ({"auto_shutdown": "sometimes"}, "auto_shutdown 'sometimes'"),
        ({"boot": "maybe"}, "boot 'maybe'"),
        ({"intensity": -1}, "intensity -1"),
        ({"intensity": inf}, "intensity inf"),
        ({"period_s": 0}, "in 0 s"),
        ({"period_s": inf}, "in inf s"),
        ({"children": (A, A)}, "a: two children with this id"),
        ({"children": (worker("a", Actor, restart=Restart.TEMPORARY, significant=True),)}, "never"),
        ({"template": worker, "children": (A,)}, "no children of its own"),
        ({"template": worker, "auto_shutdown": AutoShutdown.ALL}, "automatically"),
        ({"template": worker, "strategy": Strategy.ONE_FOR_ALL}, "one for one"),
    ],
)
def test_faulty_rules_are_refused(changes, complaint):
    """OTP: sup_flags, child_specs, significant_simple."""
    with pytest.raises(SpecInvalid, match=complaint):
        rules(**changes)


def test_the_addresses_of_a_tree_are_told_in_start_order():
    tree = (A, supervisor("b", rules(children=(worker("d", Actor), worker("c", Actor)))))
    assert addresses(tree) == ["a", "b", "b/d", "b/c"]
    assert addresses(tree, "top") == ["top/a", "top/b", "top/b/d", "top/b/c"]
