"""Every request that ccxt is recorded to send for Gate is read as it was meant."""

import json
from pathlib import Path
from urllib.parse import urlsplit

from adapters.simulated.core.switches import PriceBand, Switches
from adapters.simulated.options import parse_account
from tests.adapters.simulated.serving import serving
from tests.state.tapes import tape

WEALTH = "USDT=10000,BTC=1,LTC=10"


def recorded():
    """Return (name, method, path, query, body) of each recorded request."""
    file = Path(tape("gate-fixtures", "requests_spot.json"))
    for name, requests in json.loads(file.read_bytes())["methods"].items():
        for each in requests:
            parts = urlsplit(each["url"])
            path = parts.path.removeprefix("/api/v4")
            body = each.get("output", "").encode() if each["http"] != "GET" else b""
            yield f"{name}: {each['description']}", each["http"], path, parts.query, body


async def test_every_recorded_request_is_understood():
    """Those that name an order do so in vain: it lived at another exchange, years ago."""
    accounts = (
        parse_account(f"classic:classic:secret:{WEALTH}"),
        parse_account(f"unified:unified:secret:{WEALTH}:unified"),
    )
    problems, understood = [], 0
    async with serving(
        pairs=("BTC_USDT", "LTC_USDT"),
        accounts=accounts,
        switches=Switches(price_band=PriceBand.OFF),
    ) as served:
        for name, method, path, query, body in recorded():
            served.key = "unified" if "unified" in f"{path}{query}{body!r}" else "classic"
            status, answer, _ = await served.send(method, path, query, body or None, signed=True)
            rows = answer if isinstance(answer, list) else [answer]
            labels = {row.get("label") for row in rows if isinstance(row, dict)}
            if (status < 300 or status == 404) and labels <= {None, "", "ORDER_NOT_FOUND"}:
                understood += 1
            else:
                problems.append((name, status, answer))
    assert problems == []
    assert understood > 40
