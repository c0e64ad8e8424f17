"""A canary in the place of each secret: it must be heard nowhere."""

import json
import signal
from pathlib import Path

import pytest

from scripts.proofs.processes import ACTIVE, SHORT_WINDOWS

CANARIES = ("canary0key0of0gate", "canary0secret0of0gate", "canary0key0of0nebius")


@pytest.mark.slow
@pytest.mark.parametrize("from_file", [False, True], ids=["variable", "file"])
def test_no_secret_is_seen_in_any_file_answer_or_command_line(
    houses, exchanges, tmp_path, from_file
):
    key, secret, nebius = CANARIES
    account = f"demo:{key}:{secret}:USDT=100000,BTC=1,ETH=20"
    exchange = exchanges(options=["--account", account])
    environ = {"GATE_API_KEY": key, "GATE_API_SECRET": secret, "NEBIUS_API_KEY": nebius}
    if from_file:
        for name, value in environ.items():
            file = tmp_path / name
            file.write_text(value)
            file.chmod(0o600)
        environ = {f"{name}_FILE": str(tmp_path / name) for name in environ}
    # The advisor has the key of somebody real and asks where nobody listens.
    environ["GATEHOUSE_ADVISOR__PROVIDER"] = "nebius"
    asking = ["advisor.base_url=http://127.0.0.1:9/v1", "advisor.begin_after_s=0"]
    asking += ["advisor.every_s=5", "advisor.within_s=1"]
    house = houses(
        exchange=exchange,
        settings=[*ACTIVE, *SHORT_WINDOWS, *asking],
        options=["--log-level", "trace"],
        environ=environ,
    )
    house.until_ready()
    house.until_fills(1)
    house.until(lambda: house.call("advice", limit=1), 60, "the advisor asks")
    heard = [
        json.dumps(house.call(method, **params))
        for method, params in (
            ("status", {}),
            ("config", {}),
            ("metrics", {}),
            ("tree", {}),
            ("orders", {}),
            ("fills", {}),
            ("decisions", {}),
            ("alerts", {}),
            ("balances", {}),
            ("advisor", {}),
            ("advice", {}),
            # Where things go wrong, most is said: stacks, arguments, answers of the exchange.
            ("drill", {"actor": "execution/order_router", "fault": "crash"}),
            ("drill", {"actor": "execution/account_stream", "fault": "hang"}),
        )
    ]
    assert '"set (env GATE_API_' in heard[1]
    exchange.control("faults", [{"fault": "server_error", "match": "GET", "probability": 1}])
    house.call("reconcile")
    house.until(lambda: house.session() == "starting", 30, "the exchange's errors are noticed")
    exchange.control("faults", [])
    house.until_ready()
    heard.append(Path(f"/proc/{house.pid}/cmdline").read_text())
    house.signal(signal.SIGTERM)
    assert house.ended() == 0
    heard.append(house.said())
    assert house.process.stdout is not None
    heard.append(house.process.stdout.read().decode())
    files = [path for path in house.data_dir.rglob("*") if path.is_file()]
    assert {"gatehouse.db", "gatehouse.log"} <= {path.name for path in files}
    heard += [path.read_bytes().decode(errors="replace") for path in files]
    for canary in CANARIES:
        for text in heard:
            assert canary not in text, text[max(0, text.index(canary) - 200) :][:400]
