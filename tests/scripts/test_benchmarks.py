"""The benchmarks of a living house run, end, and say what they promise to say."""

import json
import subprocess
import sys

import pytest

from scripts.proofs.processes import ROOT, environment

pytestmark = pytest.mark.slow


def measured(part, trials):
    """Return a part's figures by name."""
    command = [sys.executable, "-m", "scripts.benchmarks", part, "--json"]
    told = subprocess.run(
        [*command, "--trials", str(trials)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert told.returncode == 0, told.stderr[-4000:]
    return {figure["name"]: figure for figure in json.loads(told.stdout)}


def test_an_emergency_stop_in_a_flood_leaves_nothing_at_the_exchange():
    figures = measured("stop", 3)
    assert figures["trials"]["value"] == 3
    assert figures["orders resting when it was asked for"]["value"] > 0
    assert figures["orders left at the exchange"]["value"] == 0
    first = figures["command to first cancel on the wire, p50"]["value"]
    confirmed = figures["command to all cancels confirmed, p50"]["value"]
    assert 0 < first < confirmed


def test_an_order_is_durable_before_it_is_on_the_wire():
    figures = measured("orders", 20)
    durable = figures["proposed to durable, p50"]["value"]
    assert 0 < durable < figures["proposed to on the wire, p50"]["value"]
    assert figures["orders sustained, median burst"]["value"] > 0
