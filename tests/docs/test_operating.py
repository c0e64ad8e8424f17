"""docs/operating.md is true: each of its commands is run, and every method and file is in it."""

import sqlite3
from pathlib import Path

import gate_api
import pytest

from actors.operations.admin import METHODS, TOPICS
from adapters.simulated.options import DEMO_KEY, DEMO_SECRET
from scripts.proofs.processes import ROOT
from supervisor.__main__ import COMMANDS
from supervisor.doctor.here import own_exchange
from tests.docs.console import Session, blocks

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

OPERATING = ROOT / "docs" / "operating.md"
NEEDS_TESTNET, NEEDS_SYSTEMD = "needs Gate's testnet", "needs root and systemd"


def trade_by_hand(session: Session) -> None:
    """Buy on the account of the house without the house."""
    pid = int((session.data_dir / "simulated" / "lock").read_text())
    where = own_exchange(pid)
    assert where is not None
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
        tmp_path_factory.mktemp("operating"), {"trade_by_hand": trade_by_hand, "damage": damage}
    )
    try:
        return session.data_dir, session.run(OPERATING)
    finally:
        session.close()


def test_what_the_document_shows_happens(told):
    _, left_out = told
    for command in left_out:
        assert any(
            word in command for word in ("testnet", "TESTNET", "_FILE=", "sudo ", "systemctl ")
        ), f"{NEEDS_TESTNET} or {NEEDS_SYSTEMD}? {command}"


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
