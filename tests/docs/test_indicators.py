"""The page of indicators lists those that there are, with the rules they follow."""

from scripts.proofs.processes import ROOT
from state.analysis.features import CHART_PATTERNS
from state.indicators.catalogue import catalogue
from state.trend import WEIGHTS

PAGE = (ROOT / "docs" / "indicators.md").read_text(encoding="utf-8")


def test_the_table_is_the_catalogue():
    rows = [
        f"| {', '.join(f'`{one}`' for one in spec.outputs)} | {spec.source} | {spec.warm_up} |"
        for spec in catalogue()
    ]
    told = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert told == rows


def test_the_weights_and_patterns_are_those_of_the_code():
    assert ", ".join(f"{one} {weight:.2f}" for one, weight in WEIGHTS.items()) in PAGE
    lower = PAGE.lower()
    for name in CHART_PATTERNS:
        first, *_ = name.split("_")
        assert first in lower, name
