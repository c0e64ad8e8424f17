"""What an operator may ask to see, and what the desk says to what makes no sense."""

from decimal import Decimal
from typing import Any

import pytest

from actors.operations.admin import GUARD_PATIENCE_S, TOPICS
from actors.operations.admin_requests import (
    INVALID_PARAMS,
    LATER,
    METHOD_NOT_FOUND,
    METHODS,
    NOT_AVAILABLE,
    ROWS_MAX,
)
from actors.operations.admin_requests import REFUSED as CODE_REFUSED
from state.messages.accounts import BalancesCompared, PositionChanged, PositionWanted
from state.messages.held import ForeignOrders
from state.messages.market import BookState, FeedChanged, Timeframe
from state.messages.operations import AdminHungUp, SessionSought
from state.messages.orders import Refusal
from state.messages.signals import IndicatorsUpdated, TrendMeasured
from state.values import Session
from tests.actors.examples import (
    BTC,
    ETH,
    NOW,
    a_call,
    a_health,
    a_measure,
    a_position,
    an_order_report,
)
from tests.actors.operations.desk_scene import ADMIN, FEED, Scene
from tests.state.advice.examples import an_advisor, an_exchange
from tests.state.examples import a_mark, an_alert

READING: dict[str, dict[str, Any]] = {
    "status": {},
    "tree": {},
    "metrics": {},
    "config": {},
    "balances": {},
    "positions": {},
    "orders": {},
    "fills": {},
    "decisions": {},
    "alerts": {},
    "advice": {},
    "opinions": {},
    "signals": {"pair": "BTC_USDT"},
    "flow": {"pair": "BTC_USDT"},
    "advisor": {},
    "explain": {"id": "d-1"},
    "why_not": {"pair": "BTC_USDT"},
    "subscribe": {"topics": ["session"]},
}


@pytest.fixture
def scene(house, tmp_path):
    return Scene(house, tmp_path)


@pytest.mark.parametrize("method", READING)
def test_every_question_is_answered_and_none_is_journalled(scene, method):
    assert not isinstance(scene.call(method, **READING[method]), int)
    assert scene.records == []


def test_the_methods_are_those_of_the_design():
    promised = (
        "status tree pause resume drain stop flatten emergency_stop reset_emergency shutdown "
        "restart drill balances positions orders fills decisions explain why_not config "
        "set_config reconcile alerts acknowledge metrics subscribe"
    )
    since = "opinions signals flow advice advisor promote_advisor"
    assert {*promised.split(), *since.split()} == METHODS


def test_the_newest_signals_are_shown(scene):
    trend = TrendMeasured(
        pair=BTC,
        event_time_ns=NOW,
        timeframes=(),
        missing=(),
        bias=0.5,
        agreement=None,
        confirmed=None,
    )
    hours = [
        IndicatorsUpdated(
            pair=BTC,
            event_time_ns=NOW,
            timeframe=Timeframe.H1,
            open_time_ns=NOW,
            close=close,
            bars=1,
        )
        for close in (99.0, 100.0)
    ]
    scene.house.publish(trend, *hours)
    shown = scene.call("signals", pair=BTC)[BTC]
    assert (shown.trend, shown.indicators) == (trend, {Timeframe.H1: hours[1]})
    assert list(scene.call("signals")) == [BTC, ETH]


def test_a_method_there_is_not_is_said_so(scene):
    scene.send(a_call("sing"))
    assert scene.outcome() == ("refused", (METHOD_NOT_FOUND, "no method 'sing'"))


@pytest.mark.parametrize("method", LATER)
def test_what_comes_later_says_so(scene, method):
    scene.send(a_call(method))
    assert scene.outcome() == ("refused", (NOT_AVAILABLE, f"{method} is not available yet"))


# What is shown.


def test_status_shows_the_newest_of_everything(scene):
    scene.be(Session.READY)
    scene.house.publish(
        a_mark(equity=Decimal(12_345)),
        a_health(threads=9),
        FeedChanged(pair=BTC, state=BookState.LIVE, reason="", at_ns=NOW),
        a_measure(mid=101.5),
        a_position("0.25"),
    )
    scene.house.pass_time(1.5)
    status = scene.call("status")
    assert (status["session"], status["venue"], status["uptime_s"]) == ("ready", "simulated", 1.5)
    assert status["equity"]["equity"] == "12345"
    assert status["health"].threads == 9
    assert [one.address for one in status["actors"]] == [FEED, "operations", ADMIN]
    btc, eth = status["pairs"]
    assert (btc["book"], btc["mid"], btc["position"]) == ("live", 101.5, "0.25")
    assert btc["last_event_age_ms"] == 1500.0
    assert (eth["pair"], eth["book"]) == (ETH, "syncing")


def test_the_tree_and_metrics_show_the_machine(scene):
    by_address = {node["address"]: node for node in scene.call("tree")}
    assert [one["address"] for one in by_address["operations"]["children"]] == [ADMIN]
    scene.house.runtime.tell("nowhere", "hello")
    metrics = scene.call("metrics")
    assert metrics["dead_letters"] == {"absent": 1}
    assert [(one.to, one.kind) for one in metrics["newest_dead_letters"]] == [("nowhere", "str")]


def test_rows_come_from_the_database(scene):
    assert [row["client_order_id"] for row in scene.call("orders")] == ["t-2", "t-1"]
    assert scene.call("orders", open=True) == []
    assert scene.call("orders", open="false", pair="ETH_USDT") == []
    assert [row["trade_id"] for row in scene.call("fills", limit=1)] == ["2"]
    assert [row["decision_id"] for row in scene.call("decisions", pair="BTC_USDT")] == [
        "d-2",
        "d-1",
    ]
    assert [row["pair"] for row in scene.call("positions")] == ["BTC_USDT"]
    assert [row["alert"] for row in scene.call("alerts")] == ["feed_stale"]
    assert scene.call("explain", id="t-1")["decisions"][0]["decision_id"] == "d-1"


def test_balances_come_with_the_newest_comparison(scene):
    assert scene.call("balances")["compared"] is None
    compared = BalancesCompared(at_ns=NOW, fills=3, differences=())
    scene.house.publish(compared)
    balances = scene.call("balances")
    assert {row["currency"] for row in balances["ledger"]} == {"USDT", "BTC"}
    assert balances["compared"] == compared


def test_orders_of_others_are_shown_beside_ours(scene):
    assert scene.call("orders", foreign=True) == ()
    theirs = an_order_report("apiv4", venue_order_id="x-1")
    scene.house.publish(ForeignOrders(orders=(theirs,)))
    assert scene.call("orders", foreign=True) == (theirs,)
    assert len(scene.call("orders")) == 2


def test_why_not_shows_what_bears_on_a_pair(scene):
    scene.be(Session.PAUSED)
    scene.house.publish(a_position("0.25"))
    told = scene.call("why_not", pair="BTC_USDT")
    assert told["session"].session is Session.PAUSED
    assert told["position"].quantity == Decimal("0.25")
    assert told["last_decision"]["decision_id"] == "d-2"
    assert scene.call("why_not", pair="ETH_USDT")["last_decision"] is None


def test_why_not_tells_what_the_risk_guard_would_say(scene):
    scene.send(a_call("why_not", pair="BTC_USDT"))
    assert scene.unanswered()
    scene.answer_limits(Refusal(code="DAILY_LOSS", limit="no lock", value="lost"))
    _, told = scene.outcome()
    assert told["risk"]["entry"].code == "DAILY_LOSS"
    assert told["risk"]["exit"] is None


def test_why_not_is_answered_also_while_the_risk_guard_is_silent(scene):
    scene.send(a_call("why_not", pair="BTC_USDT"))
    scene.house.pass_time(GUARD_PATIENCE_S)
    _, told = scene.outcome()
    assert told["risk"] == "the risk guard does not answer"
    assert told["last_decision"]["decision_id"] == "d-2"
    scene.answer_limits()
    assert scene.unanswered()


def test_why_not_names_the_pairs_that_are_traded(scene):
    scene.send(a_call("why_not", pair="XRP_USDT"))
    message = "XRP_USDT is not traded here; traded: BTC_USDT, ETH_USDT"
    assert scene.outcome() == ("refused", (INVALID_PARAMS, message))


def test_the_configuration_is_shown_as_the_desk_shows_it(scene):
    assert scene.call("config") == [{"key": "log.level"}]


# Parameters that make no sense.


@pytest.mark.parametrize(
    ("method", "params", "told"),
    [
        ("explain", {}, "explain needs id=TEXT"),
        ("explain", {"id": "  "}, "explain needs id=TEXT"),
        ("explain", {"id": 7}, "explain needs id=TEXT"),
        ("why_not", {}, "why_not needs pair=TEXT"),
        ("orders", {"open": "maybe"}, "open: expected true or false, got 'maybe'"),
        ("orders", {"pair": ""}, "orders needs pair=TEXT"),
        ("fills", {"limit": 0}, f"limit: expected 1 to {ROWS_MAX} rows, got 0"),
        ("fills", {"limit": ROWS_MAX + 1}, f"limit: expected 1 to {ROWS_MAX} rows, got 1001"),
        ("alerts", {"limit": "many"}, f"limit: expected 1 to {ROWS_MAX} rows, got 'many'"),
        ("alerts", {"limit": None}, f"limit: expected 1 to {ROWS_MAX} rows, got None"),
        (
            "decisions",
            {"limit": float("inf")},
            f"limit: expected 1 to {ROWS_MAX} rows, got inf",
        ),
        ("subscribe", {}, "subscribe needs topics=NAME,NAME"),
        ("subscribe", {"topics": []}, "subscribe needs topics=NAME,NAME"),
        ("subscribe", {"topics": 7}, "subscribe needs topics=NAME,NAME"),
        (
            "subscribe",
            {"topics": "session,weather"},
            f"no topic 'weather'; there are: {', '.join(sorted(TOPICS))}",
        ),
    ],
)
def test_parameters_that_make_no_sense_are_named(scene, method, params, told):
    scene.send(a_call(method, **params))
    assert scene.outcome() == ("refused", (INVALID_PARAMS, told))


@pytest.mark.parametrize("limit", [1, "1", True], ids=["number", "text", "truth"])
def test_a_limit_may_be_written_in_any_way_that_counts(scene, limit):
    assert len(scene.call("orders", limit=limit)) == 1


def test_a_database_that_cannot_be_read_is_said_and_kills_nobody(house, tmp_path):
    scene = Scene(house, tmp_path, with_database=False)
    scene.send(a_call("orders"))
    how, (code, message) = scene.outcome()
    assert (how, code) == ("refused", CODE_REFUSED)
    assert "cannot be read" in message
    assert not isinstance(scene.call("status"), int)


# Subscriptions.


def test_a_subscriber_is_pushed_what_it_asked_for_and_nothing_else(scene):
    assert scene.call("subscribe", topics="session,positions") == {
        "subscribed": ["positions", "session"]
    }
    scene.be(Session.READY)
    scene.house.publish(a_position("1"), a_mark())
    topics = [(connection, topic) for connection, topic, _ in scene.server.notifications]
    assert topics == [(1, "session"), (1, "positions")]
    assert isinstance(scene.server.notifications[1][2], PositionChanged)


def test_journalled_facts_are_pushed_as_the_facts_they_are(scene):
    scene.call("subscribe", topics=["alerts"])
    scene.journal.append(an_alert())
    assert scene.server.notifications == [(1, "alerts", an_alert())]


def test_a_subscription_ends_with_its_connection(scene):
    scene.call("subscribe", topics=["session"])
    scene.server.hang_up(AdminHungUp(connection=1))
    scene.be(Session.PAUSED)
    assert scene.server.notifications == []


def test_every_topic_can_be_subscribed_to(scene):
    assert scene.call("subscribe", topics=",".join(TOPICS)) == {"subscribed": sorted(TOPICS)}


# Over restarts.


def test_a_restart_asks_for_what_is_not_told_by_itself(scene):
    scene.keeper.clear()
    scene.house.crash(ADMIN)
    assert scene.keeper == [SessionSought(reply_to=ADMIN)]
    assert scene.ledger == [PositionWanted(pair=pair, reply_to=ADMIN) for pair in (BTC, ETH)]
    assert not isinstance(scene.call("status"), int)


def test_stopped_in_good_order_it_closes_what_it_read(scene):
    scene.call("orders")
    scene.house.stop(ADMIN)
    assert not scene.house.is_alive(ADMIN)


def test_a_message_it_does_not_know_is_a_bug(scene):
    scene.house.tell(ADMIN, "nonsense")
    assert scene.house.deaths() == ["TypeError: operations/admin: unexpected str"]


# The advisor.


def test_the_advisor_is_shown_with_its_record_and_a_stub_as_one(scene):
    assert scene.call("advisor")["provider"] == "unknown"
    scene.house.publish(an_advisor(label="STUB, no real model (in process)"))
    told = scene.call("advisor")
    assert (told["authority"], told["codes"], told["spending"]["usd"]) == (
        "shadow",
        {"OK": 3},
        "0.5",
    )
    line = scene.call("status")["advisor"]
    assert line["label"].startswith("STUB")
    assert line["rules_only"] is False


def test_an_exchange_is_shown_whole_where_it_is_named(scene):
    scene.append(*an_exchange())
    [row] = scene.call("advice")
    assert (row["code"], row["won"], row["cost_usd"]) == ("OK", 1, "0.00045")
    assert "prompt" not in row
    [whole] = scene.call("advice", id="a-1")
    assert (whole["prompt"], whole["answer"], whole["system"]) == ("{}", "{}", "the rules")
    assert scene.call("explain", id="a-1")["advice"] == [whole]
    assert scene.call("advice", pair="ETH_USDT") == []
