"""We import less of Gate's SDK than there is, and nobody else has to notice."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_sdk_is_imported_in_part_and_whoever_wants_all_of_it_gets_it():
    code = """
import sys
import adapters.gate.sdk_parts as parts
assert not [name for name in sys.modules if name.split(".")[0] == "gate_api"]
import gate_api
assert gate_api.Order(currency_pair="BTC_USDT", side="buy", amount="1").currency_pair == "BTC_USDT"
assert gate_api.SpotApi is not parts.SpotApi
assert gate_api.SpotApi.list_tickers.__doc__ == parts.SpotApi.list_tickers.__doc__
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
