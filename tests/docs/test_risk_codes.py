"""The page of risk codes leaves no limit of the configuration unexplained."""

import pytest

from actors.trading.risk.codes import Code
from scripts.proofs.processes import ROOT
from state.config.leaves import leaves

PAGE = (ROOT / "docs" / "risk-codes.md").read_text(encoding="utf-8")


def test_there_are_enough_of_them():
    assert len(Code) >= 30


@pytest.mark.parametrize("key", [key for key in leaves() if key.startswith("risk.")])
def test_every_limit_is_explained(key):
    assert f"`{key}`" in PAGE


@pytest.mark.parametrize(
    "table", sorted({key.rpartition(".")[0] for key in leaves() if key.startswith("protections.")})
)
def test_every_protection_is_explained(table):
    assert f"`[{table}]`" in PAGE
