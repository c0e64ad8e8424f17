"""What changes the house is journalled with its caller, then done, then answered; once."""

import pytest

from actors.kernel import Cycle, Drill, Fault
from actors.operations.admin import RESTART_PATIENCE_S, RESULTS_REMEMBERED
from actors.operations.admin_requests import INVALID_PARAMS, REFUSED, SESSIONS
from state.messages.advice import Authority, PromotionAnswer, PromotionWanted
from state.messages.journal import RecordDenied
from state.messages.operations import ReconcileWanted, SessionAnswer, SessionWanted
from state.messages.orders import OrdersSwept
from state.values import Session
from tests.actors.examples import a_call
from tests.actors.operations.desk_scene import ADMIN, FEED, Scene

WITH_REASON = {"reset_emergency": {"reason": "it was a drill"}}
PROMPT = {
    "shutdown": {},
    "set_config": {"changes": {"log.level": "debug"}},
    "reconcile": {},
}


@pytest.fixture
def scene(house, tmp_path):
    return Scene(house, tmp_path)


# Sessions.


@pytest.mark.parametrize("method", SESSIONS)
def test_a_session_is_wished_for_and_answered_when_the_keeper_has_answered(scene, method):
    scene.send(a_call(method, **WITH_REASON.get(method, {})))
    assert scene.unanswered()
    wish = scene.answer_wish(SESSIONS[method])
    how, result = scene.outcome()
    assert (how, result["session"]) == ("answered", SESSIONS[method])
    assert (wish.session, wish.caller) == (SESSIONS[method], "uid 1000")
    assert wish.resets_emergency == (method == "reset_emergency")
    assert wish.flattens == (method == "flatten")


def test_the_reason_goes_with_the_wish_and_is_the_method_where_none_was_given(scene):
    scene.send(a_call("pause", reason="lunch"))
    scene.send(a_call("resume"))
    assert [one.reason for one in scene.keeper.of(SessionWanted)] == ["lunch", "resume"]


def test_a_wish_that_was_refused_is_refused(scene):
    scene.send(a_call("resume"))
    scene.answer_wish(Session.EMERGENCY, refused="not now")
    assert scene.outcome() == ("refused", (REFUSED, "not now"))


@pytest.mark.parametrize("params", [{}, {"reason": ""}, {"reason": "  "}])
def test_a_reset_without_a_reason_is_refused_before_it_is_journalled(scene, params):
    assert scene.call("reset_emergency", **params) == INVALID_PARAMS
    assert scene.commands == []


# Journalled before it is done.


@pytest.mark.parametrize("method", [*SESSIONS, *PROMPT])
def test_a_command_is_journalled_with_its_caller_and_what_was_asked(scene, method):
    params = {**WITH_REASON.get(method, {}), **PROMPT.get(method, {})}
    scene.send(a_call(method, idempotency_key="k", **params))
    [command] = scene.commands
    assert (command.method, command.caller) == (method, "uid 1000")
    assert command.params == params
    assert command.idempotency_key == "k"


@pytest.mark.parametrize("method", [*sorted(SESSIONS.keys() - {"emergency_stop"}), "shutdown"])
def test_nothing_is_done_before_it_is_journalled(scene, method):
    scene.journal.patient = True
    scene.send(a_call(method, **WITH_REASON.get(method, {})))
    assert scene.keeper.of(SessionWanted) == []
    assert scene.shut_down == []
    scene.journal.write()
    assert scene.keeper.of(SessionWanted) or scene.shut_down


def test_an_emergency_stop_is_done_first_and_journalled_afterwards(scene):
    scene.journal.patient = True
    scene.send(a_call("emergency_stop", reason="fire"))
    scene.answer_wish(Session.EMERGENCY)
    how, result = scene.outcome()
    assert (how, result["session"]) == ("answered", Session.EMERGENCY)
    scene.journal.write()
    assert [one.method for one in scene.commands] == ["emergency_stop"]
    assert scene.unanswered()


def test_an_emergency_stop_is_done_on_the_sockets_thread_before_the_desk_hears_of_it(scene):
    scene.house.runtime.mailboxes[ADMIN].take_over()  # Nobody lives there any more.
    scene.server.call(a_call("emergency_stop", reason="fire"))
    scene.server.call(a_call("pause"))
    assert scene.halted == [("fire", "uid 1000")]


def test_an_emergency_stop_overtakes_what_the_desk_has_to_do(scene):
    for method in ("pause", "emergency_stop"):
        scene.server.call(a_call(method))
    scene.house.settle()
    assert scene.keeper.of(SessionWanted)[0].session is Session.EMERGENCY


@pytest.mark.parametrize(
    ("swept", "told"),
    [
        (None, (None, None, None)),
        (OrdersSwept(cancelled=3, resting=0, uncertain=0, took_ms=41.26), (3, 0, 41.3)),
        (OrdersSwept(cancelled=1, resting=1, uncertain=2, took_ms=3000.0), (1, 3, 3000.0)),
    ],
)
def test_the_answer_to_an_emergency_stop_says_what_became_of_the_orders(scene, swept, told):
    scene.send(a_call("emergency_stop", reason="fire"))
    [wish] = scene.keeper.take(SessionWanted)
    scene.house.tell(
        ADMIN,
        SessionAnswer(
            request=wish.request, session=Session.EMERGENCY, swept=swept, is_journalled=True
        ),
    )
    _, result = scene.outcome()
    cancelled, resting, took_ms = told
    assert result == {
        "session": Session.EMERGENCY,
        "cancelled": cancelled,
        "resting": resting,
        "took_ms": took_ms,
        "journalled": True,
    }


def test_what_the_journal_refuses_is_not_done(scene):
    scene.journal.patient = True
    scene.send(a_call("pause"))
    [record] = scene.records
    scene.house.tell(ADMIN, RecordDenied(request=record.request, reason="the disk says no"))
    assert scene.outcome() == ("refused", (REFUSED, "the disk says no"))
    assert scene.keeper.of(SessionWanted) == []


def test_a_refusal_of_something_else_is_no_answer_to_anybody(scene):
    scene.house.tell(ADMIN, RecordDenied(request=7, reason="?"))
    assert scene.unanswered()


def test_a_new_recorder_is_told_again_what_was_not_answered(scene):
    scene.journal.patient = True
    scene.send(a_call("pause"))
    scene.journal.lose()
    scene.journal.patient = False
    scene.journal.reopen()
    assert len(scene.commands) == 1
    scene.answer_wish(Session.PAUSED)
    assert scene.outcome() == ("answered", {"session": Session.PAUSED})


# Once.


def test_a_command_repeated_with_its_key_is_answered_alike_and_not_done_again(scene):
    first = scene.call("set_config", changes={"log.level": "debug"}, idempotency_key="k")
    scene.config.clear()
    again = scene.call("set_config", changes={"log.level": "debug"}, idempotency_key="k")
    assert again == first
    assert scene.config == {}
    assert len(scene.commands) == 1


def test_after_a_restart_a_repeated_command_is_known_by_the_journal(scene):
    scene.call("set_config", changes={"log.level": "debug"}, idempotency_key="k")
    scene.house.crash(ADMIN)
    scene.config.clear()
    again = scene.call("set_config", changes={"log.level": "debug"}, idempotency_key="k")
    assert again["repeated"]
    assert scene.config == {}
    assert len(scene.commands) == 1


def test_commands_without_a_key_are_done_each_time(scene):
    for _ in range(2):
        scene.call("reconcile")
    assert len(scene.ledger.of(ReconcileWanted)) == 2
    assert len(scene.commands) == 2


def test_an_emergency_stop_is_done_although_its_key_was_used_before(scene):
    for method in ("pause", "emergency_stop", "emergency_stop"):
        scene.send(a_call(method, idempotency_key="k"))
        scene.answer_wish(SESSIONS[method])
        scene.outcome()
    assert [one.method for one in scene.commands] == [
        "pause",
        "emergency_stop",
        "emergency_stop",
    ]


def test_only_the_newest_results_are_remembered(scene):
    for number in range(RESULTS_REMEMBERED + 1):
        scene.call("reconcile", idempotency_key=f"k-{number}")
    done = len(scene.ledger.of(ReconcileWanted))
    assert scene.call("reconcile", idempotency_key="k-1") == {"reconciling": True}
    # The oldest result is forgotten, but the journal still knows that it was done.
    assert scene.call("reconcile", idempotency_key="k-0")["repeated"]
    assert len(scene.ledger.of(ReconcileWanted)) == done


# Changing and reconciling.


def test_settings_are_changed_by_the_desk(scene):
    assert scene.call("set_config", changes={"log.level": "debug"}) == {"changed": ["log.level"]}
    assert scene.config["log.level"] == "debug"


def test_settings_may_be_given_as_parameters(scene):
    scene.send(a_call("set_config", **{"log.level": "debug", "idempotency_key": "k"}))
    assert scene.outcome() == ("answered", {"changed": ["log.level"]})


def test_a_setting_that_cannot_be_changed_is_refused_with_the_reason(scene):
    scene.send(a_call("set_config", seed=7))
    message = "seed cannot be changed while the house runs"
    assert scene.outcome() == ("refused", (INVALID_PARAMS, message))


@pytest.mark.parametrize("params", [{}, {"changes": {}}, {"changes": "all"}])
def test_changing_nothing_is_refused_before_it_is_journalled(scene, params):
    assert scene.call("set_config", **params) == INVALID_PARAMS
    assert scene.commands == []


def test_a_reconciliation_is_handed_to_the_ledger_keeper(scene):
    assert scene.call("reconcile") == {"reconciling": True}
    scene.call("reconcile", accept="I withdrew it")
    assert scene.ledger.of(ReconcileWanted) == [
        ReconcileWanted(),
        ReconcileWanted(accept="I withdrew it"),
    ]


def test_an_answer_of_the_keeper_to_an_earlier_life_is_no_answer_to_anybody(scene):
    scene.house.tell(ADMIN, SessionAnswer(request="session 9.9", session=Session.READY))
    assert scene.unanswered()


def test_a_shutdown_is_answered_before_the_house_goes_down(scene):
    assert scene.call("shutdown") == {"shutting_down": True}
    assert scene.shut_down == ["uid 1000"]


# Restarts and drills.


def test_a_restart_is_asked_of_the_supervisor_and_answered_when_the_actor_runs_again(scene):
    scene.send(a_call("restart", actor=FEED))
    assert scene.supervisor == [Cycle(child=FEED)]
    scene.report(FEED, "market", state="stopping")
    scene.report(FEED, "market", state="starting", incarnation=2)
    assert scene.unanswered()
    scene.report(FEED, "market", incarnation=2, restarts=1, last_error="told to")
    assert scene.outcome() == (
        "answered",
        {"actor": FEED, "incarnation": 2, "restarts": 1, "last_error": "told to"},
    )


@pytest.mark.parametrize("fault", Fault)
def test_a_drill_strikes_the_actor_and_is_answered_when_it_runs_again(scene, fault):
    scene.send(a_call("drill", actor=FEED, fault=fault.value))
    assert scene.waiting_for_feed() == [Drill(fault=fault)]
    assert scene.unanswered()
    scene.report(FEED, "market", incarnation=2)
    how, result = scene.outcome()
    assert (how, result["incarnation"]) == ("answered", 2)


def test_an_actor_that_does_not_come_back_is_said_so(scene):
    scene.send(a_call("restart", actor=FEED))
    scene.house.pass_time(RESTART_PATIENCE_S - 0.1)
    assert scene.unanswered()
    scene.house.pass_time(0.2)
    how, (code, message) = scene.outcome()
    assert (how, code) == ("refused", REFUSED)
    assert message == f"{FEED} did not come back within 15 s; see status"


def test_the_patience_for_one_command_is_not_that_for_the_next(scene):
    scene.send(a_call("restart", actor=FEED))
    scene.report(FEED, "market", incarnation=2)
    scene.outcome()
    scene.house.pass_time(RESTART_PATIENCE_S - 1.0)
    scene.send(a_call("restart", actor=FEED))
    scene.house.pass_time(2.0)
    assert scene.unanswered()


def test_two_who_restart_the_same_actor_are_both_answered(scene):
    scene.send(a_call("restart", actor=FEED))
    scene.send(a_call("restart", actor=FEED))
    scene.report(FEED, "market", incarnation=2)
    assert len(scene.server.answers) == 2


@pytest.mark.parametrize("actor", [ADMIN, "operations"])
def test_a_restart_of_the_desk_itself_is_answered_while_it_can_be(scene, actor):
    """Who lives here next knows nothing of the request."""
    scene.send(a_call("restart", actor=actor))
    how, result = scene.outcome()
    assert (how, result["actor"]) == ("answered", actor)
    assert scene.operations.of(Cycle) or scene.root.of(Cycle)


@pytest.mark.parametrize(
    ("method", "params", "told"),
    [
        ("restart", {}, "restart needs actor=TEXT"),
        ("restart", {"actor": "nobody"}, "no actor 'nobody'; status lists them"),
        ("restart", {"actor": "feed"}, f"no actor 'feed'; did you mean {FEED}?"),
        ("drill", {"actor": FEED}, "drill needs fault=TEXT"),
        (
            "drill",
            {"actor": FEED, "fault": "flood"},
            "fault: expected one of crash, hang, start_failure",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_before_it_is_journalled(scene, method, params, told):
    scene.send(a_call(method, **params))
    assert scene.outcome() == ("refused", (INVALID_PARAMS, told))
    assert scene.commands == []


def test_a_promotion_is_journalled_then_asked_for_and_answered_by_the_advisor(scene):
    scene.send(a_call("promote_advisor", to="veto", reason="its record"))
    [command] = scene.commands
    assert (command.method, command.params) == (
        "promote_advisor",
        {"to": "veto", "reason": "its record"},
    )
    [wish] = scene.advisor.take(PromotionWanted)
    assert (wish.authority, wish.reason, wish.caller) == (
        Authority.VETO,
        "its record",
        command.caller,
    )
    assert scene.unanswered()
    refused = PromotionAnswer(request=wish.request, authority=Authority.SHADOW, refused="too few")
    scene.house.tell(ADMIN, refused)
    assert scene.outcome() == ("refused", (REFUSED, "too few"))


@pytest.mark.parametrize(
    "params", [{}, {"to": "king", "reason": "r"}, {"to": "veto"}, {"to": "veto", "reason": " "}]
)
def test_a_promotion_needs_a_rung_and_a_reason(scene, params):
    assert scene.call("promote_advisor", **params) == INVALID_PARAMS
    assert scene.commands == []
