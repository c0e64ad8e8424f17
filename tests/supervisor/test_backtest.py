"""Backtests over candles: nothing is known before it closed, and every unit is accounted for."""

import json
from decimal import Decimal

import numpy as np
import pytest
from click.testing import CliRunner

from adapters.history.kinds import Table, candles
from adapters.history.store import HistoryStore
from state.config import Config
from state.messages.market import Timeframe
from state.values import NS_PER_S, Side
from supervisor.backtest import Bars, CandleRun, Model, Result, against, together
from supervisor.backtest.result import drawdown
from supervisor.commands.backtest import backtest
from tests.actors.examples import BTC

COUNT = 700
MODEL = Model(capital=Decimal(10_000))


def some_bars(seed=7, count=COUNT) -> Bars:
    chance = np.random.default_rng(seed)
    closes = 50_000 * np.exp(np.cumsum(chance.normal(0.00002, 0.0012, count)))
    opens = np.concatenate([[50_000.0], closes[:-1]])
    wick = np.abs(chance.normal(0, 0.0004, count))
    start = 1_700_006_400 * NS_PER_S
    return Bars(
        start + np.arange(count, dtype=np.int64) * 60 * NS_PER_S,
        opens,
        np.maximum(opens, closes) * (1 + wick),
        np.minimum(opens, closes) * (1 - wick),
        closes,
        np.full(count, 3.0),
    )


@pytest.fixture(scope="module")
def whole():
    return CandleRun(BTC, Config(), MODEL).run(some_bars())


def test_it_decides_and_pays_for_it(whole):
    assert whole.entries > 3
    assert abs(whole.entries - whole.exits) <= 1
    assert whole.fees > 0
    assert len(whole.equity) == COUNT


def test_with_the_rest_of_the_bars_cut_off_it_decides_the_same_until_there(whole):
    for count in (COUNT // 3, COUNT // 2):
        cut = CandleRun(BTC, Config(), MODEL).run(some_bars().first(count))
        until = int(some_bars().open_ns[count - 1]) + 60 * NS_PER_S
        assert cut.decisions == [one for one in whole.decisions if one[0] <= until]
        assert cut.equity == whole.equity[:count]


def test_without_costs_a_flat_market_neither_gains_nor_loses():
    bars = some_bars(count=200)
    flat = np.full(200, 100.0)
    still = Bars(bars.open_ns, flat, flat, flat, flat, bars.volume)
    run = CandleRun(BTC, Config(), Model(fee=Decimal(0), spread_bps=Decimal(0)))
    found = run.run(still).figures()
    assert found.profit_percent == pytest.approx(0.0, abs=1e-9)
    assert found.hold_percent == 0.0


def test_dearer_fills_leave_less(whole):
    dear = CandleRun(BTC, Config(), Model(fee=Decimal("0.01"))).run(some_bars())
    assert dear.figures().profit_percent < whole.figures().profit_percent


def test_what_other_settings_would_have_traded_is_said_by_entry():
    # Worked by hand: one entry in common, one filtered that lost 3, one added that earned 2.
    def of(*trades):
        found = Result(pair=BTC, capital=Decimal(100), equity=[99.0], closes=[1.0])
        for at_ns, profit in trades:
            found.fill(at_ns, Side.BUY, Decimal(50), Decimal(1))
            found.fill(at_ns + 1, Side.SELL, Decimal(52 + profit), Decimal(1))
        return found

    found = against(of((10, 5), (30, 2)), of((10, 5), (20, -3)))
    assert (found.same, found.filtered, found.filtered_profit) == (1, 1, -3.0)
    assert (found.added, found.added_profit) == (1, 2.0)
    assert found.profit_percent == pytest.approx(-1.0)


def test_the_profit_of_all_trades_is_what_the_capital_gained(whole):
    *closed, last = whole.trades
    assert len(closed) == whole.exits == whole.entries - 1
    assert last.proceeds is None
    before = next(
        worth
        for worth, open_ns in zip(whole.equity, some_bars().open_ns, strict=True)
        if open_ns + 60 * NS_PER_S == last.opened_ns
    )
    gained = before - float(MODEL.capital)
    assert sum(float(one.profit) for one in closed) == pytest.approx(gained)


def test_the_deepest_fall_is_from_the_highest_before_it():
    # Worked by hand: 120 to 90 is a quarter; 130 to 110 is less.
    assert drawdown(np.array([100.0, 120.0, 90.0, 130.0, 110.0])) == pytest.approx(0.25)


def test_all_pairs_together_are_their_capital_spread_evenly(whole):
    found = together([whole, whole])
    assert found.profit_percent == pytest.approx(whole.figures().profit_percent)
    assert found.hold_percent == pytest.approx(whole.figures().hold_percent)


def test_the_command_reads_the_history_and_says_what_it_does_not_claim(tmp_path):
    bars = some_bars(count=120)
    table: Table = {
        "ts_open_ns": bars.open_ns,
        "open": bars.open,
        "high": bars.high,
        "low": bars.low,
        "close": bars.close,
        "volume": bars.volume,
        "quote_volume": bars.volume * bars.close,
        "trades": np.full(120, 5, dtype=np.int64),
    }
    store = HistoryStore(tmp_path)
    store.append(BTC, candles(Timeframe.M1), table)
    store.close()
    told = CliRunner().invoke(backtest, ["--history", str(tmp_path), "--json"])
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert [one["pair"] for one in found["pairs"]] == [BTC]
    assert found["pairs"][0]["bars"] == 120
    assert "No claim" in found["note"]
    asked = ["--against", "decision.confirmation=required", "--against", "decision.enter_at=1"]
    told = CliRunner().invoke(backtest, ["--history", str(tmp_path), "--json", *asked])
    assert told.exit_code == 0, told.output
    against = json.loads(told.stdout)["against"]
    assert against["set"] == ["decision.confirmation=required", "decision.enter_at=1"]
    assert [one["filtered"] for one in against["pairs"]] == [0]
    assert [one["added"] for one in against["pairs"]] == [found["pairs"][0]["entries"]]


def test_without_candles_it_says_what_brings_them(tmp_path):
    told = CliRunner().invoke(backtest, ["--history", str(tmp_path / "none")])
    assert told.exit_code == 3
    assert "data import" in told.stderr
