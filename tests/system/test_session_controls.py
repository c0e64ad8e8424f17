"""What an operator may ask for over the socket, while the house trades."""

import time
from decimal import Decimal

import gate_api
import pytest

from adapters.admin_client import AdminClient, AdminError
from adapters.simulated.options import DEMO_KEY, DEMO_SECRET
from scripts.proofs.agreement import ALL, agreement
from scripts.proofs.processes import ACTIVE, SHORT_WINDOWS
from state.store import open_reader

pytestmark = pytest.mark.slow

SETTINGS = (*ACTIVE, *SHORT_WINDOWS)


def intents(house):
    """Return every order the journal knows, newest first."""
    reader = open_reader(house.database)
    rows = reader.orders(limit=ALL)
    reader.close()
    return rows


def held(house):
    """Return what could be sold: less than this is dust that no exchange takes."""
    marks = {pair["pair"]: pair["mid"] or 0 for pair in house.status()["pairs"]}
    positions = {row["pair"]: Decimal(row["quantity"]) for row in house.call("positions")}
    return {
        pair: quantity
        for pair, quantity in positions.items()
        if quantity * Decimal(marks.get(pair, 0)) > 5
    }


def until_more_books(house, more):
    """Wait until each book was measured so often again: time in which something could happen."""

    def handled():
        return {
            a["address"]: a["handled"] for a in house.status()["actors"] if "book" in a["address"]
        }

    before = house.until(lambda: len(told := handled()) == 2 and told, 30, "both books")
    house.until(
        lambda: all(now > before[name] + more for name, now in handled().items()),
        60,
        f"{more} more books",
    )


@pytest.fixture
def trading(houses, exchanges):
    """Give a house that trades, and its exchange."""
    exchange = exchanges()
    house = houses(exchange=exchange, settings=SETTINGS)
    house.until_ready()
    house.until_fills(1)
    return house, exchange


def test_paused_it_enters_nothing_and_still_leaves(trading, houses):
    house, exchange = trading
    house.until(lambda: held(house), 60, "something is held")
    assert house.call("pause", reason="lunch") == {"session": "paused"}
    newest = intents(house)[0]["intent_seq"]
    house.until(lambda: not held(house), 90, "what was held is sold")
    until_more_books(house, 30)
    after = [row for row in intents(house) if row["intent_seq"] > newest]
    assert {row["side"] for row in after} == {"sell"}

    house.kill()
    again = houses(exchange=exchange, settings=SETTINGS)
    again.until_session("paused")
    assert again.status()["reason"] == "lunch"
    assert again.call("resume") == {"session": "ready"}
    again.until_fills(1)
    assert again.terminate() == 0


def test_drained_it_holds_nothing_and_stops(trading):
    house, exchange = trading
    house.until(lambda: held(house), 60, "something is held")
    assert house.call("drain")["session"] in ("draining", "stopped")
    house.until_session("stopped", 60)
    assert held(house) == {}
    assert house.call("orders", open=True) == []
    assert exchange.control("status")["open_orders"] == 0
    assert house.terminate() == 0
    assert agreement(exchange.url, house.database).findings == ()


def test_after_an_emergency_stop_nothing_leaves_whatever_happens(trading, houses):
    house, exchange = trading
    assert house.call("emergency_stop", reason="smoke")["session"] == "emergency"
    stopped_ns = time.time_ns()
    house.until(lambda: house.call("orders", open=True) == [], 30, "nothing is open")
    until_more_books(house, 30)
    assert house.call("emergency_stop")["session"] == "emergency", "twice is harmless"
    with pytest.raises(AdminError, match="ends only by reset_emergency with a reason"):
        house.call("resume")

    house.kill()
    again = houses(exchange=exchange, settings=SETTINGS)
    again.until_session("emergency")
    until_more_books(again, 30)
    with pytest.raises(AdminError, match="reset_emergency needs reason=TEXT"):
        again.call("reset_emergency")
    theirs = exchange.control("accounts/demo")["orders"]
    assert [row for row in theirs if row["create_time_ms"] * 1_000_000 > stopped_ns] == []
    assert [row for row in intents(again) if row["intended_at_ns"] > stopped_ns] == []

    # A part may still be comparing with the exchange: then the house is starting until it has.
    told = again.call("reset_emergency", reason="only toast")["session"]
    assert told in ("paused", "starting")
    again.until_session("paused")
    assert again.call("resume") == {"session": "ready"}
    again.until_fills(1)
    assert again.terminate() == 0


def holdings(house):
    """Return what is held of each pair, without how it is protected at the moment."""
    return {row["pair"]: (row["quantity"], row["cost"]) for row in house.call("positions")}


def test_stopped_it_cancels_everything_and_keeps_what_it_holds(trading):
    house, exchange = trading
    house.call("stop")
    house.until(lambda: house.call("orders", open=True) == [], 30, "nothing is open")
    newest = intents(house)[0]["intent_seq"]
    held = holdings(house)
    until_more_books(house, 30)
    assert intents(house)[0]["intent_seq"] == newest
    assert holdings(house) == held
    assert exchange.control("status")["open_orders"] == 0


def test_what_somebody_else_trades_is_booked_and_our_position_left_alone(trading):
    house, exchange = trading
    configuration = gate_api.Configuration(host=exchange.rest, key=DEMO_KEY, secret=DEMO_SECRET)
    client = gate_api.ApiClient(configuration)
    [mid] = [pair["mid"] for pair in house.status()["pairs"] if pair["pair"] == "ETH_USDT"]
    bought = gate_api.SpotApi(client).create_order(
        gate_api.Order(
            currency_pair="ETH_USDT",
            side="buy",
            amount="0.5",
            price=f"{mid * 1.01:.2f}",
            time_in_force="ioc",
        )
    )
    client.close()
    client.rest_client.pool_manager.clear()
    assert Decimal(bought.filled_amount) > 0
    exchange.control("funds", {"account": "demo", "currency": "USDT", "change": "250"})
    house.call("reconcile")
    house.until(
        lambda: {"external:foreign", "external:deposit"} <= accounts_of(house).keys(),
        30,
        "what somebody else did is booked",
    )
    accounts = accounts_of(house)
    assert accounts["external:deposit"] == {"USDT": Decimal(-250)}
    assert accounts["external:foreign"]["ETH"] < 0 < accounts["external:foreign"]["USDT"]
    assert set(house.call("balances")["trial_balance"].values()) == {"0"}
    house.until_session("ready", 30)
    house.until_fills(1)
    house.call("stop")
    house.until(lambda: house.call("orders", open=True) == [], 30, "nothing is open")
    house.until(lambda: (house.equity() or {}).get("difference") == "0", 10, "equity adds up")
    assert house.terminate() == 0
    assert agreement(exchange.url, house.database).findings == ()


def test_what_nobody_can_explain_halts_trading_until_somebody_books_it(trading):
    house, exchange = trading
    gone = {"account": "demo", "currency": "ETH", "change": "-0.5", "type": "unheard_of"}
    exchange.control("funds", gone)
    house.call("reconcile")
    house.until_session("starting", 30)
    assert "the exchange shows other balances: ETH" in house.status()["reason"]
    # The journal is read, and the session's change overtakes what is being written.
    house.until(
        lambda: "ledger_mismatch" in {row["alert"] for row in house.call("alerts")},
        10,
        "the alert is in the journal",
    )
    assert house.call("metrics")["ledger_drift"]["by_currency"] == {"ETH": "-0.5"}

    house.call("reconcile", accept="I know where it went")
    house.until_session("ready", 30)
    house.until_fills(1)
    ledger = {row["currency"]: row for row in house.call("balances")["ledger"]}
    assert Decimal(ledger["ETH"]["moved"]) == Decimal("-0.5")
    house.call("stop")
    house.until(lambda: house.call("orders", open=True) == [], 30, "nothing is open")
    house.until(lambda: (house.equity() or {}).get("difference") == "0", 10, "equity adds up")
    assert house.terminate() == 0
    assert agreement(exchange.url, house.database).findings == ()


def accounts_of(house) -> dict[str, dict[str, Decimal]]:
    accounts: dict[str, dict[str, Decimal]] = {}
    for row in house.call("balances")["accounts"]:
        accounts.setdefault(row["account"], {})[row["currency"]] = Decimal(row["amount"])
    return accounts


def test_a_repeated_key_gives_the_first_result_and_does_nothing_twice(trading):
    house, _ = trading
    first = house.call("restart", actor="trading/risk_guard", idempotency_key="r-1")
    assert house.call("restart", actor="trading/risk_guard", idempotency_key="r-1") == first
    life = house.actor("trading/risk_guard")["incarnation"]
    assert life == first["incarnation"]
    house.call("drill", actor="operations/admin", fault="crash")
    house.until(lambda: house.status() is not None, 30, "the desk is back")
    repeated = house.call("restart", actor="trading/risk_guard", idempotency_key="r-1")
    assert repeated["repeated"] is True
    assert house.actor("trading/risk_guard")["incarnation"] == life
    reader = open_reader(house.database)
    commands = [row for row in reader.events(0, 100_000) if row.type == "OperatorCommanded"]
    reader.close()
    assert sum(row.event.method == "restart" for row in commands) == 1
    assert all("uid=" in row.event.caller for row in commands)


def test_two_drills_of_one_actor_are_both_answered(trading):
    house, _ = trading
    with AdminClient(house.socket) as one, AdminClient(house.socket) as other:
        for client in (one, other, one):
            answer = client.call("drill", {"actor": "trading/risk_guard", "fault": "crash"}, 20)
            assert answer["actor"] == "trading/risk_guard"


def test_the_configuration_is_shown_and_the_log_level_can_be_changed(trading):
    house, _ = trading
    shown = {row["key"]: row for row in house.call("config")}
    assert shown["strategy.trend.entry_bps"]["value"] == "0.0"
    assert shown["strategy.trend.entry_bps"]["origin"].startswith("option")
    assert shown["risk.order_notional_max"]["origin"] == "default"
    assert house.call("set_config", **{"log.level": "debug"})["levels"][""] == "debug"
    with pytest.raises(AdminError, match=r"risk.order_notional_max cannot be changed while"):
        house.call("set_config", changes={"risk.order_notional_max": "1"})
    with pytest.raises(AdminError, match="loud"):
        house.call("set_config", **{"log.level": "loud"})


def test_subscribers_hear_of_what_happens_in_order(trading):
    house, _ = trading
    with AdminClient(house.socket) as client:
        seen: list[str] = []
        for topic, payload in client.subscribe(["orders", "decisions", "positions"], 60):
            assert topic in ("orders", "decisions", "positions")
            seen.append(payload["type"])
            if {"DecisionMade", "OrderFilled", "PositionChanged"} <= set(seen):
                break
    with AdminClient(house.socket) as client, pytest.raises(AdminError, match="there are: actors"):
        next(client.subscribe(["weather"]))


def test_an_order_can_be_explained_from_the_decision_to_the_fill(trading):
    house, _ = trading
    [fill] = house.call("fills", limit=1)
    told = house.call("explain", id=fill["trade_id"])
    assert [row["verdict"] for row in told["decisions"]] == ["allow"]
    [order] = told["orders"]
    assert order["client_order_id"] == fill["client_order_id"]
    assert fill["trade_id"] in {row["trade_id"] for row in told["fills"]}
    kinds = [row["type"] for row in told["events"]]
    assert kinds.index("DecisionMade") < kinds.index("OrderIntended") < kinds.index("OrderFilled")
    assert house.call("why_not", pair="BTC_USDT")["session"]["session"] == "ready"
    with pytest.raises(AdminError, match=r"DOGE_USDT is not traded here; traded: BTC_USDT"):
        house.call("why_not", pair="DOGE_USDT")
