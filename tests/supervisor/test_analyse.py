"""`analyse` tells leaks by its exit code and bad files by their fault."""

import json

import duckdb
import pytest
from click.testing import CliRunner

from supervisor.__main__ import main
from tests.state.indicators.walks import walk


def run(*words: str):
    return CliRunner().invoke(main, ["analyse", *words])


@pytest.fixture
def candles(tmp_path):
    """A file of a random walk's candles."""
    bars = walk(9, 400)
    place = tmp_path / "candles.parquet"
    names = ("ts_open_ns", "open", "high", "low", "close", "volume")
    rows = dict(zip(names, bars, strict=True))
    columns = ", ".join(f"unnest($ {name}) as {name}".replace("$ ", "$") for name in names)
    with duckdb.connect() as duck:
        duck.execute(
            f"create table bars as select {columns}", {k: v.tolist() for k, v in rows.items()}
        )
        duck.execute(f"copy bars to '{place}'")
    return place


def test_a_feature_that_knows_the_future_ends_with_code_1(candles):
    leaky = "tests.state.analysis.test_analysis:centred"
    told = run("lookahead", "--file", str(candles), "--cuts", "2", "--feature", leaky)
    assert told.exit_code == 1, told.output
    assert "centred of bar" in told.stderr
    clean = run("lookahead", "--bars", "200", "--cuts", "2", "--json")
    assert clean.exit_code == 0, clean.output
    assert json.loads(clean.stdout)["ok"] is True


def test_warm_up_and_patterns_are_told_as_tables_and_as_facts(candles):
    warm = run("warmup", "--json")
    assert warm.exit_code == 0, warm.output
    assert len(json.loads(warm.stdout)["indicators"]) == 38
    table = run("patterns", "--file", str(candles), "--horizon", "5")
    assert table.exit_code == 0, table.output
    assert "CDLDOJI" in table.stdout
    facts = json.loads(run("patterns", "--file", str(candles), "--json").stdout)
    assert facts["bars"] == 400
    assert {"pattern", "rate", "low", "high", "base", "differs"} <= set(facts["patterns"][0])


def test_files_that_cannot_be_used_are_told_so(tmp_path, candles):
    assert run("patterns").exit_code == 2  # No candles at all.
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(candles.read_bytes()[:-100])
    for place, why in ((broken, "broken.parquet"), (tmp_path / "none.csv", "does not exist")):
        told = run("patterns", "--file", str(place))
        assert told.exit_code != 0
        assert why in told.stderr
    lacking = tmp_path / "lacking.csv"
    lacking.write_text("ts_open_ns,open,high,low\n1,1,1,1\n")
    told = run("patterns", "--file", str(lacking))
    assert (told.exit_code, "no column close, volume" in told.stderr) == (1, True)
    backwards = tmp_path / "twice.csv"
    backwards.write_text("ts_open_ns,open,high,low,close,volume\n" + "1,1,2,1,1,1\n" * 2)
    told = run("patterns", "--file", str(backwards))
    assert (told.exit_code, "does not follow" in told.stderr) == (1, True)
    assert run("patterns", "--file", str(candles), "--symbols", "ETHUSDT").exit_code == 1
