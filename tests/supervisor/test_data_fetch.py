"""`data fetch` at the command line: killed in the midst of it, it goes on and has nothing twice."""

import contextlib
import json
import signal
import subprocess

import pytest
from click.testing import CliRunner

from adapters.history.kinds import kind_named
from adapters.history.store import HistoryStore
from scripts.proofs.processes import ROOT, environment, python
from supervisor.commands.data import data
from tests.adapters.simulated.exchange_process import running_exchange

pytestmark = pytest.mark.slow

PAIRS = "BTC_USDT,ETH_USDT"
TURNS = 1_000
"""How often a fetch is looked at, a tenth of a second apart, until it has kept something."""


def fetched(*arguments):
    """Run the command here."""
    return CliRunner(env={"PYTHONPATH": None}).invoke(data, ["fetch", *arguments])


def test_a_fetch_that_is_killed_goes_on_and_has_nothing_twice(tmp_path):
    store = HistoryStore(tmp_path / "simulated" / "history")
    with running_exchange("--pairs", PAIRS, "--seed", "3") as exchange, contextlib.closing(store):
        at = ("--exchange-url", exchange.rest, "--data-dir", str(tmp_path), "--json")
        wanted = ("--timeframes", "1m,5m,15m,1h", "--from", "2d", "--pairs", PAIRS, *at)
        command = [*python("-m"), "supervisor", "data", "fetch", *wanted]
        first = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE)
        for _ in range(TURNS):
            with contextlib.suppress(subprocess.TimeoutExpired):
                first.wait(0.1)
            if store.holdings():
                break
        first.send_signal(signal.SIGKILL)
        first.communicate()
        kept = sum(one.rows for one in store.holdings())
        assert kept > 0
        assert store.verify() == (kept, [])

        result = fetched(*wanted)
        assert result.exit_code == 0, result.output
        told = json.loads(result.stdout)
        holdings = store.holdings()
        held = {(str(one.pair), one.kind): one.rows for one in holdings}
        assert told["new"] == sum(held.values()) - kept
        assert held["BTC_USDT", "candles-1m"] in range(2_870, 2_883)
        assert held["ETH_USDT", "candles-1h"] in (47, 48)
        assert store.verify() == (sum(held.values()), [])
        for one in holdings:
            assert store.gaps(one.pair, kind_named(one.kind), pause_ns=1) == []
        # A minute may have closed since; nothing else is left to ask for.
        assert json.loads(fetched(*wanted).stdout)["wanted"] <= 4

        no_pair = fetched("--pairs", "XXX_USDT", *at)
        assert no_pair.exit_code == 1
        assert "INVALID_CURRENCY_PAIR" in no_pair.stderr


def test_what_is_written_amiss_is_told_with_code_2(tmp_path):
    for arguments, told in (
        (("--timeframes", "1h,2h"), "unknown timeframe: 2h; there are 1s, 10s, 1m"),
        (("--from", "yesterday"), "no time: yesterday; expected 2026-04-01"),
        (("--from", "1d", "--to", "2d"), "--from is not before --to"),
        ((), "name one with --exchange-url"),
    ):
        result = fetched(*arguments, "--data-dir", str(tmp_path))
        assert result.exit_code == 2
        assert told in result.stderr
