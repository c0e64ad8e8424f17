"""docs/advisor.md explains every code and every failure of the stub, as they are."""

import re

from adapters.simulated.advisor.failures import TRICKS
from scripts.proofs.processes import ROOT
from state.advice.codes import MEANINGS
from state.config.leaves import leaves

PAGE = (ROOT / "docs" / "advisor.md").read_text(encoding="utf-8")


def test_every_code_is_explained_in_its_own_words():
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.+) \|$", PAGE, flags=re.MULTILINE))
    assert rows == {code.value: meaning for code, meaning in MEANINGS.items()}


def test_the_table_of_failures_is_the_catalogue_that_the_contract_holds():
    rows = re.findall(r"^\| `([a-z0-9_]+)` \| (.+) \| `([A-Z_]+)` \|$", PAGE, flags=re.MULTILINE)
    assert rows == [(one.name, one.says, one.ends_in.value) for one in TRICKS.values()]


def test_every_setting_of_the_advisor_says_what_it_means():
    ours = [leaf for key, leaf in leaves().items() if key.startswith("advisor.")]
    assert len(ours) > 30
    assert all(leaf.meaning.endswith(".") for leaf in ours)
