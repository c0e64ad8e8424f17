"""What the pages name exists: files, messages, settings, codes, links."""

import re
from pathlib import Path

import pytest

from actors.trading.risk.codes import Code
from scripts.proofs.processes import ROOT
from state.config.leaves import leaves
from tests.docs.console import blocks

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
FLOORS = ("state", "adapters", "actors", "supervisor", "scripts")

_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def code_of(page: Path) -> set[str]:
    """Return what a page sets in code, blocks left out."""
    text = re.sub(
        r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    return set(_CODE.findall(text))


def anchors(page: Path) -> set[str]:
    """Return where links into a page may point."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        found = page.parent / name if name else page
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_is_named_exists(page):
    for name in code_of(page):
        if re.fullmatch(rf"({'|'.join(FLOORS)}|docs|tests)/[\w./-]+", name):
            assert (ROOT / name).exists(), name


def test_every_message_of_the_architecture_exists():
    source = "\n".join(
        path.read_text(encoding="utf-8")
        for floor in FLOORS
        for path in (ROOT / floor).rglob("*.py")
    )
    for name in code_of(ROOT / "docs" / "architecture.md"):
        if re.fullmatch(r"([A-Z][a-z]+){2,}", name):
            assert re.search(rf"^class {name}\b", source, flags=re.MULTILINE), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_that_is_named_exists(page):
    known = leaves()
    tables = {key.partition(".")[0] for key in known if "." in key} - set(FLOORS)
    for name in code_of(page):
        is_file = name.endswith((".json", ".log"))
        if not is_file and re.fullmatch(rf"({'|'.join(tables)})\.[\w.]+", name):
            assert name in known, name


def test_every_risk_code_is_explained_and_no_other():
    page = ROOT / "docs" / "risk-codes.md"
    listed = set(
        re.findall(r"^\| `([A-Z_]+)` \|", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    )
    assert listed == set(Code)


def test_no_page_names_a_place_on_a_machine_of_ours():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert str(ROOT) not in text
        assert "/root/" not in text


def test_no_page_shows_a_command_that_nobody_runs():
    shown = {page.name for page in PAGES if any(True for _ in blocks(page))}
    assert shown == {
        "README.md",
        "market-data.md",
        "operating.md",
        "safety.md",
        "simulated-exchange.md",
    }
