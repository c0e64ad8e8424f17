"""The trial of the risk guard: it passes no limit, and a guard that errs is found out.

Each planted error is one that a guard could have: counting too little, forgetting too soon.
"""

import json

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from actors.execution.parent_table import ParentTable
from actors.trading import exposure
from actors.trading.risk import approvals, known, questions, rules
from actors.trading.risk.codes import Code
from state import standing
from state.instrument import TradingRules
from state.order import Order, OrderState
from state.rates import recent_of
from state.store import DataLock
from supervisor.__main__ import main
from supervisor.risk_proof import Verdict, prove
from tests.state.examples import a_risk_mark, an_intent
from tests.state.stores import a_day, append, opened


def test_no_schedule_passes_a_limit_and_most_limits_are_reached():
    proof = prove(10, seed=1)
    assert [(one.code, one.passed) for one in proof.passed] == []
    assert [one.code for one in proof.limits] == list(Code)
    reached = sum(one.verdict is Verdict.PROVEN for one in proof.limits)
    assert reached >= 30


def test_the_same_seed_gives_the_same_trial():
    assert prove(1, seed=5) == prove(1, seed=5)


def forget_approvals(monkeypatch):
    """What was approved counts only once its order is known."""

    def approve(self, decision, _reply_to):
        self._rates.add(recent_of(decision), self._monotonic_ns)

    monkeypatch.setattr(known.Known, "approve", approve)


def forget_the_unknown(monkeypatch):
    """An order of unknown fate counts for nothing."""
    of_all = exposure.of_all

    def only_the_known(orders, *others):
        return of_all((one for one in orders if one.state is not OrderState.UNKNOWN), *others)

    monkeypatch.setattr(known, "of_all", only_the_known)


def drop_the_fee(monkeypatch):
    """A purchase takes no more than its notional."""

    def without_fees(ledger, commitments, marks, pairs, _rates):
        return exposure.exposure(ledger, commitments, marks, pairs)

    monkeypatch.setattr(known, "exposure", without_fees)


def round_up(monkeypatch):
    """A bound is rounded to the nearest."""
    down = TradingRules.quantity_down

    def nearest(self, quantity):
        return down(self, quantity + self.quantity_step)

    monkeypatch.setattr(TradingRules, "quantity_down", nearest)


def overlook_the_day(monkeypatch):
    """What a day lost is not looked at."""
    monkeypatch.setattr(standing, "_with_day", lambda now, _limits: now)


def sell_twice(monkeypatch):
    """What is being sold may be sold once more."""
    counted = known.Known.exposure

    def everything_is_free(self, *others):
        held = {pair: self._ledger.position(pair).quantity for pair in self.pairs}
        return replace(counted(self, *others), free_base=held)

    monkeypatch.setattr(known.Known, "exposure", everything_is_free)


def forget_amendments(monkeypatch):
    """What an order may become by an amendment counts only once it has."""
    monkeypatch.setattr(approvals.Approvals, "shapes", lambda _: {})
    monkeypatch.setattr(Order, "amending", None)


def forget_parents(monkeypatch):
    """Of a parent order only the child that is out counts."""
    monkeypatch.setattr(ParentTable, "all", lambda _: {})


def trust_any_clock(monkeypatch):
    """A leap of the clock is not looked for."""
    monkeypatch.setattr(
        questions, "QUESTIONS", [one for one in questions.QUESTIONS if one.__name__ != "_clock"]
    )
    monkeypatch.setattr(rules, "QUESTIONS", questions.QUESTIONS)


MUTANTS = {
    forget_approvals: {Code.POSITION_MAX, Code.EXPOSURE_MAX, Code.BALANCE, Code.HOLDING},
    forget_the_unknown: {Code.POSITION_MAX, Code.EXPOSURE_MAX, Code.BALANCE, Code.HOLDING},
    drop_the_fee: {Code.BALANCE},
    round_up: {Code.POSITION_MAX, Code.ORDER_NOTIONAL_MAX, Code.HOLDING, Code.RISK_PER_TRADE},
    overlook_the_day: {Code.DAILY_LOSS},
    sell_twice: {Code.HOLDING},
    trust_any_clock: {Code.CLOCK_JUMP},
    forget_parents: {Code.POSITION_MAX, Code.EXPOSURE_MAX, Code.BALANCE, Code.HOLDING},
    forget_amendments: {Code.POSITION_MAX, Code.EXPOSURE_MAX, Code.BALANCE, Code.HOLDING},
}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: one.__name__)
def test_a_guard_that_errs_is_found_out(mutant, monkeypatch):
    mutant(monkeypatch)
    found: set[str] = set()
    for seed in range(30):
        found |= {one.code for one in prove(1, seed).passed}
        if found & MUTANTS[mutant]:
            return
    pytest.fail(f"not found out in 30 schedules; found {found}")


def test_the_command_tells_every_limit_and_exits_0(tmp_path):
    told = CliRunner().invoke(
        main,
        ["risk", "prove", "--schedules", "1", "--json", "--data-dir", str(tmp_path)],
    )
    assert told.exit_code == 0, told.output
    facts = json.loads(told.stdout)
    assert facts["ok"]
    assert len(facts["limits"]) == len(Code)
    assert {"limit", "worst", "margin", "verdict", "last_real"} <= set(facts["limits"][0])


def test_a_passed_limit_is_told_with_its_seed_and_exit_code_1(tmp_path, monkeypatch):
    forget_approvals(monkeypatch)
    arguments = ["risk", "prove", "--schedules", "6", "--data-dir", str(tmp_path)]
    told = CliRunner().invoke(main, arguments)
    assert told.exit_code == 1
    assert "PASSED" in told.output
    assert "seed " in told.output


def test_the_use_of_limits_is_shown_of_a_journal_that_nobody_writes(tmp_path):
    with DataLock(tmp_path / "simulated") as lock:
        store = opened(lock)
        append(store, *a_day(), a_risk_mark(), an_intent(client_order_id="t-open"))
        store.close()
    told = CliRunner().invoke(main, ["risk", "show", "--json", "--data-dir", str(tmp_path)])
    assert told.exit_code == 0, told.output
    facts = json.loads(told.stdout)
    used = {(row["code"], row["pair"]): row for row in facts["limits"]}
    # 0.998 BTC bought at 100 after fees, and an order for 2 more.
    assert used["POSITION_MAX", "BTC_USDT"]["used"] == "299.8"
    assert used["OPEN_ORDERS_MAX", None]["used"] == "1"
    assert used["DAILY_LOSS", "BTC_USDT"]["denies"]


def test_without_house_and_journal_there_is_nothing_to_show(tmp_path):
    told = CliRunner().invoke(main, ["risk", "show", "--data-dir", str(tmp_path)])
    assert told.exit_code == 3
