"""docs/market-data.md is true: its commands run as shown, and its tables are whole."""

import pytest

from adapters.history.layouts import Layout
from scripts.proofs.processes import ROOT
from tests.docs.console import Session

PAGE = ROOT / "docs" / "market-data.md"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_its_commands_run_as_shown(tmp_path):
    session = Session(tmp_path)
    (tmp_path / "var").mkdir()
    try:
        assert session.run(PAGE) == []
    finally:
        session.close()
    chart = (tmp_path / "var" / "btc.html").read_text(encoding="utf-8")
    assert "LightweightCharts" in chart
    assert (tmp_path / "var" / "btc.png").read_bytes().startswith(b"\x89PNG")


def test_every_layout_is_described():
    text = PAGE.read_text(encoding="utf-8")
    for layout in Layout:
        assert layout is Layout.AUTO or f"| `{layout.value}` |" in text
