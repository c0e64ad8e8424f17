"""README.md is true: its tour runs, its tree is the tree, its links lead somewhere."""

from pathlib import Path
from typing import Any

import pytest

from scripts.proofs.processes import ROOT, House
from tests.docs.console import Session

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

README = ROOT / "README.md"
NOT_RUN = {
    "sudo apt install python3 python3-venv": "installs; tests/scripts holds that it is advised",
    "scripts/run": "run a few lines further on",
    "scripts/test": "runs this test; tests/scripts starts it",
}


def pictured(document: Path) -> list[str]:
    """Return the paths of the tree drawn in a document, in its order."""
    lines = document.read_text(encoding="utf-8").splitlines()
    paths: list[str] = []
    above: list[str] = []
    for line in lines[lines.index("root") + 1 : lines.index("```", lines.index("root"))]:
        drawn, _, rest = line.partition("── ")
        depth = len(drawn) // 4
        above = [*above[:depth], rest.split()[0]]
        paths.append("/".join(above))
    return paths


def grown(nodes: list[dict[str, Any]]) -> list[str]:
    """Return the paths of a living tree, in its order."""
    return [path for node in nodes for path in (node["address"], *grown(node["children"]))]


def test_the_tour_runs_as_shown(tmp_path):
    session = Session(tmp_path)
    try:
        assert set(session.run(README)) == set(NOT_RUN)
    finally:
        session.close()


def test_the_tree_is_the_one_that_grows(tmp_path):
    with House(tmp_path, options=["--pairs", "BTC_USDT"]) as house:
        house.until_ready()
        assert pictured(README) == grown(house.call("tree"))
