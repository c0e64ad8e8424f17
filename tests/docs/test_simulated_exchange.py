"""docs/simulated-exchange.md is true: its commands and programs run, and its tables are whole."""

import re
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click import Option

from adapters.simulated.building import build_venue
from adapters.simulated.core.switches import Switches
from adapters.simulated.faults import CATALOGUE, FaultName, FaultPlan
from adapters.simulated.options import ExchangeOptions
from adapters.simulated.rate_limits import RateLimits
from adapters.simulated.scenarios import SCENARIOS
from adapters.simulated.server.application import application
from adapters.simulated.server.exchange import Exchange
from scripts.proofs.faults import BEGIN, END, PAGE
from supervisor.commands.exchange import exchange
from tests.adapters.simulated.venues import NOON
from tests.docs.console import PORT, Session

TEXT = PAGE.read_text(encoding="utf-8")


def table(heading: str) -> dict[str, list[str]]:
    """Return the rows of the first table below a heading, by what their first cell names."""
    lines = TEXT[TEXT.index(f"\n{heading}\n") :].splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("|---"))
    rows = {}
    for line in lines[first + 1 :]:
        if not line.startswith("|"):
            break
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        rows[name.strip("`")] = cells
    return rows


def programs() -> list[str]:
    """Return the Python programs of the page."""
    return re.findall(r"^```python\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_its_commands_and_programs_run_as_shown(tmp_path: Path):
    session = Session(tmp_path)
    shown: list[dict[str, Any]] = [{}, {}]
    try:
        assert session.run(PAGE) == []
        for program, names in zip(programs(), shown, strict=True):
            exec(program.replace(PORT, session.port), names)  # noqa: S102 - that is the test
    finally:
        session.close()
        official, independent = shown
        official["spot"].api_client.close()
        official["spot"].api_client.rest_client.pool_manager.clear()
        independent["client"].session.close()


def test_the_table_of_faults_is_the_catalogue_as_it_was_tried():
    made = TEXT[TEXT.index(BEGIN) : TEXT.index(END)]
    rows = [line.strip("|").split("|") for line in made.splitlines() if line.startswith("| `")]
    assert [row[0].strip(" `") for row in rows] == list(FaultName)
    for name, does, struck, _, _, lost in rows:
        assert does.strip() == CATALOGUE[FaultName(name.strip(" `"))].text
        assert int(struck.split("x")[0]) > 0
        assert lost.strip() == "nothing"


def test_every_scenario_is_told_in_its_own_words():
    told = {name: cells[0] for name, cells in table("## Scenarios").items()}
    assert told == {name.value: scenario.text for name, scenario in SCENARIOS.items()}


def test_every_switch_is_told_and_no_other():
    assert list(table("## Switches")) == list(Switches.__struct_fields__)


def test_every_option_is_told():
    for parameter in exchange.params:
        assert isinstance(parameter, Option)
        assert any(f"`{name}" in TEXT for name in (*parameter.opts, *parameter.secondary_opts))


async def test_every_control_call_is_told_and_no_other():
    venue = build_venue(ExchangeOptions(pairs=("BTC_USDT",)), NOON)
    app = application(Exchange(venue, FaultPlan((), Random(1)), RateLimits()))
    served = {
        f"{route.method} {route.resource.canonical}"
        for route in app.router.routes()
        if route.resource is not None
        and route.resource.canonical.startswith("/control/")
        and route.method != "HEAD"
    }
    assert set(table("## Control calls")) == served
