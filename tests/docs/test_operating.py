"""docs/operating.md is true: each of its commands is run, and every method and file is in it."""

import sqlite3
import time
from pathlib import Path

import gate_api
import pytest

from actors.operations.admin import TOPICS
from actors.operations.admin_requests import METHODS
from adapters.simulated.options import DEMO_KEY, DEMO_SECRET
from scripts.proofs.processes import ROOT, control
from state.config import Endpoints
from supervisor.__main__ import COMMANDS
from supervisor.doctor.here import own_exchange
from tests.docs.console import Session, blocks

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

OPERATING = ROOT / "docs" / "operating.md"
NEEDS_TESTNET, NEEDS_SYSTEMD = "needs Gate's testnet", "needs root and systemd"


def its_exchange(session: Session) -> Endpoints:
    """Return the exchange that the house brought along."""
    pid = int((session.data_dir / "simulated" / "lock").read_text())
    where = own_exchange(pid)
    assert where is not None
    return where


def take_away(session: Session) -> None:
    """Let money go for a reason that nobody knows."""
    gone = {"account": "demo", "currency": "BTC", "change": "-0.0001", "type": "unheard_of"}
    control(its_exchange(session).rest.removesuffix("/api/v4"), "funds", gone)
    session.call("reconcile")


def trade_by_hand(session: Session) -> None:
    """Buy on the account of the house without the house."""
    where = its_exchange(session)
    configuration = gate_api.Configuration(host=where.rest, key=DEMO_KEY, secret=DEMO_SECRET)
    client = gate_api.ApiClient(configuration)
    spot = gate_api.SpotApi(client)
    order = gate_api.Order(
        currency_pair="BTC_USDT",
        side="buy",
        type="market",
        amount="100",
        text="t-by-hand",
        time_in_force="ioc",
    )
    assert spot.create_order(order).status == "closed"
    client.close()
    client.rest_client.pool_manager.clear()
    session.call("reconcile")
    deadline = time.monotonic() + 60
    while "external:foreign" not in {one["account"] for one in accounts(session)}:
        assert time.monotonic() < deadline, "what was traded by hand is not booked"


def accounts(session: Session) -> list[dict[str, str]]:
    """Return the house's double entry."""
    told: list[dict[str, str]] = session.call("balances")["accounts"]
    return told


def damage(session: Session) -> None:
    """Change what the third record says, when nobody has the database open any more."""
    assert session.ended() == 0
    connection = sqlite3.connect(session.data_dir / "simulated" / "gatehouse.db")
    with connection:
        connection.execute("UPDATE events SET payload = replace(payload, 'e', 'x') WHERE seq = 3")
    connection.close()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Run the whole document; return its data directory and what was left out."""
    session = Session(
        tmp_path_factory.mktemp("operating"),
        {"trade_by_hand": trade_by_hand, "take_away": take_away, "damage": damage},
    )
    try:
        return session.data_dir, session.run(OPERATING)
    finally:
        session.close()


def test_what_the_document_shows_happens(told):
    _, left_out = told
    needing = ("testnet", "TESTNET", "_FILE=", "sudo ", "systemctl ", "journalctl ")
    for command in left_out:
        assert any(word in command for word in needing), (
            f"{NEEDS_TESTNET} or {NEEDS_SYSTEMD}? {command}"
        )


def test_every_file_of_the_data_directory_is_described(told):
    data_dir, _ = told
    described = OPERATING.read_text()
    for path in (data_dir / "simulated").iterdir():
        assert path.name.removesuffix("-wal").removesuffix("-shm") in described
    for path in (data_dir / "simulated" / "logs").iterdir():
        assert f"logs/{path.name}" in described


def test_every_method_is_called():
    called = {
        command.text.split()[1]
        for block in blocks(OPERATING)
        for command in block.commands
        if command.text.startswith("scripts/control.py ")
    }
    assert called == METHODS


def test_every_topic_and_every_command_is_listed():
    text = OPERATING.read_text()
    for name in (*TOPICS, *COMMANDS):
        assert f"`{name}`" in text
