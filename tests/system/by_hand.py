"""Orders on the house's account that somebody else placed, and what rests there."""

import gate_api

from adapters.simulated.options import DEMO_KEY, DEMO_SECRET
from scripts.proofs.processes import Exchange

OURS, FOREIGN = "t-gh-far-below-1", "t-by-hand"
"""The first carries our prefix: an order of a house that the journal has lost."""


def rest(exchange: Exchange, *texts: str) -> None:
    """Let orders rest below the market."""
    configuration = gate_api.Configuration(host=exchange.rest, key=DEMO_KEY, secret=DEMO_SECRET)
    client = gate_api.ApiClient(configuration)
    spot = gate_api.SpotApi(client)
    [ticker] = spot.list_tickers(currency_pair="BTC_USDT")
    price = f"{float(ticker.last) * 0.96:.1f}"
    for text in texts:
        spot.create_order(
            gate_api.Order(
                text=text, currency_pair="BTC_USDT", side="buy", amount="0.001", price=price
            )
        )
    client.close()
    client.rest_client.pool_manager.clear()


def resting(exchange: Exchange) -> set[str]:
    """Return the names of what rests."""
    orders = exchange.control("accounts/demo")["orders"]
    return {row["text"] for row in orders if row["status"] == "open"}
