"""Our names for orders: what Gate takes, the same for the same decision, and no other's."""

import re

from hypothesis import given
from hypothesis import strategies as st

from actors.execution.client_ids import client_order_id, is_ours
from state.values import DecisionId

text = st.text(max_size=60)
attempts = st.integers(1, 9999)


@given(account=text, decision=text, attempt=attempts)
def test_a_name_is_as_gate_wants_it(account, decision, attempt):
    name = client_order_id(account, DecisionId(decision), attempt)
    assert re.fullmatch(r"t-[0-9A-Za-z_.-]{1,28}", name)
    assert is_ours(name)


@given(account=text, decision=text, attempt=attempts)
def test_the_same_decision_gives_the_same_name(account, decision, attempt):
    names = {client_order_id(account, DecisionId(decision), attempt) for _ in range(2)}
    assert len(names) == 1


@given(decisions=st.sets(text, min_size=2, max_size=20), account=text)
def test_different_decisions_have_different_names(decisions, account):
    names = {client_order_id(account, DecisionId(one), 1) for one in decisions}
    assert len(names) == len(decisions)


def test_accounts_and_attempts_are_told_apart():
    names = {
        client_order_id(account, DecisionId("d"), attempt)
        for account in ("a", "b")
        for attempt in (1, 2)
    }
    assert len(names) == 4


def test_the_name_of_a_decision_never_changes_between_versions():
    """After a crash the next version must find the orders of this one."""
    name = client_order_id("simulated-1", DecisionId("BTC_USDT/trend/1/1.1"), 1)
    assert name == "t-gh-vikhxze5274hxf3a-1"


def test_the_names_of_others_are_not_ours():
    assert not any(is_ours(name) for name in ("", "apiv4", "web", "t-123", "gh-1"))
