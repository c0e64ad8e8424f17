"""What the client does about each answer, in time that takes none: retry, wait, degrade, end."""

from random import Random
from urllib.parse import parse_qs, urlsplit

import pytest

from adapters.nebius.chat import Address
from adapters.nebius.durations import seconds, wait_s
from adapters.nebius.pace import Pace
from adapters.nebius.transport import NoAnswer
from state.advice.codes import Code
from state.messages.advice import ChatFailed, ChatReplied
from tests.adapters.nebius.fakes import (
    START_NS,
    FakeTime,
    FakeWire,
    a_chat,
    a_completion,
    a_request,
    raw,
)


class Scene:
    """A client whose wire gives these answers in turn, the last one for ever."""

    def __init__(self, *answers, keys=("v1.key.one",), takes_s=0.0, **line):
        self.clock = FakeTime()
        self.wire = FakeWire(self._answer, self.clock, takes_s)
        self.chat = a_chat(self.wire, self.clock, *keys, **line)
        self._answers = list(answers)

    def _answer(self, sent):
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def complete(self, **changes):
        return await self.chat.complete(a_request(**changes))


OK = raw(200, a_completion())


async def test_a_request_carries_schema_limit_and_credential():
    scene = Scene(OK, efforts={"m": "low"})
    scene.chat._line.address = Address(base_url="https://api.example/v1/", project="p-1")
    reply = await scene.complete()
    [sent] = scene.wire.sent
    url = urlsplit(sent.url)
    assert (url.path, parse_qs(url.query)) == ("/v1/chat/completions", {"ai_project_id": ["p-1"]})
    assert sent.credential == "v1.key.one"
    body = sent.json
    assert body["response_format"]["json_schema"]["strict"] is True
    assert (body["temperature"], body["max_tokens"], body["reasoning_effort"]) == (0, 900, "low")
    assert isinstance(reply, ChatReplied)
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.form, reply.tries) == (10, "json_schema", 1)


@pytest.mark.parametrize(
    ("answer", "code", "requests"),
    [
        (raw(401, {"detail": "bad key"}), Code.CREDENTIAL_REFUSED, 1),
        (raw(402, {"detail": "no money"}), Code.PAYMENT_REQUIRED, 1),
        (raw(403, {}), Code.FORBIDDEN, 1),
        (raw(404, {"detail": "no model"}), Code.MODEL_UNKNOWN, 1),
        (raw(405, {}), Code.REQUEST_INVALID, 1),
        (raw(400, {"error": {"message": "temperature"}}), Code.REQUEST_INVALID, 1),
        (raw(422, {"detail": [{"loc": ["body", "n"], "msg": "bad"}]}), Code.REQUEST_INVALID, 1),
        (raw(409, {}), Code.REQUEST_INVALID, 2),
        (raw(500, b"<html>"), Code.SERVER_ERROR, 3),
        (raw(529, {}), Code.SERVER_ERROR, 3),
        (raw(429, {}, retry_after="1"), Code.RATE_LIMITED, 4),
        (raw(200, b"<html>"), Code.BODY_UNREADABLE, 2),
        (raw(200, {"error": {"message": "upstream"}}), Code.BODY_UNREADABLE, 2),
        (NoAnswer(Code.TIMEOUT, "", sent=True), Code.TIMEOUT, 2),
        (NoAnswer(Code.UNREACHABLE, "", sent=False), Code.UNREACHABLE, 2),
    ],
)
async def test_each_failure_ends_in_its_code_after_so_many_requests(answer, code, requests):
    scene = Scene(answer)
    failed = await scene.complete()
    assert isinstance(failed, ChatFailed)
    assert (failed.code, len(scene.wire.sent), failed.tries) == (code, requests, requests)


@pytest.mark.parametrize(
    ("headers", "waits"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "1m2s"}, 62.0),
        ({"retry_after": "250ms"}, 0.25),
        ({"retry_after": "Mon, 21 Sep 2026 14:13:29 GMT"}, 9.0),
        ({"x_ratelimit_reset_requests": "2s", "x_ratelimit_reset_tokens": "5s"}, 5.0),
    ],
)
async def test_retry_after_is_honoured_to_the_second_in_every_form(headers, waits):
    scene = Scene(raw(429, {}, **headers), OK)
    assert isinstance(await scene.complete(within_s=120.0), ChatReplied)
    assert scene.clock.slept == [pytest.approx(waits)]


async def test_nobody_waits_beyond_the_deadline():
    scene = Scene(raw(429, {}, retry_after="20"))
    failed = await scene.complete()
    assert failed.code is Code.RATE_LIMITED
    assert scene.clock.slept == []


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (NoAnswer(Code.UNREACHABLE, "cut off", sent=True), Code.UNREACHABLE),
        (raw(500, {}), Code.SERVER_ERROR),
        (raw(200, b"<html>"), Code.BODY_UNREADABLE),
    ],
)
async def test_who_wakes_too_late_to_try_again_tells_what_failed_before(answer, code):
    scene = Scene(answer)
    scene.clock.oversleeps_s = 60.0
    failed = await scene.complete(within_s=20.0)
    assert (failed.code, failed.tries) == (code, 1)
    assert len(scene.clock.slept) == 1


@pytest.mark.parametrize("seed", range(30))
async def test_whatever_fails_the_whole_ends_by_its_deadline(seed):
    chance = Random(seed)
    answers = [
        chance.choice(
            [
                raw(500, {}),
                raw(429, {}, retry_after=str(chance.randrange(5))),
                raw(401, {}),
                NoAnswer(Code.TIMEOUT, "", sent=True),
                raw(400, {"detail": "response_format json_schema"}),
            ]
        )
        for _ in range(9)
    ]
    scene = Scene(*answers, keys=("v1.a.b", "v1.c.d"), takes_s=chance.uniform(0.1, 3.0))
    await scene.complete()
    # What is under way at the deadline ends by its own time-out, which is what was left.
    assert scene.clock.passed_ns / 1e9 <= 20.0 + scene.wire.takes_s
    assert all(one.timeout_s <= 15.0 for one in scene.wire.sent)


async def test_server_errors_back_off_with_full_jitter():
    pauses = set()
    for seed in range(20):
        scene = Scene(raw(503, {}), chance=Random(seed))
        await scene.complete()
        first, second = scene.clock.slept
        assert 0 <= first <= 1.0
        assert 0 <= second <= 2.0
        pauses.add(first)
    assert len(pauses) == 20


async def test_a_refused_key_gives_way_to_its_successor_for_good():
    scene = Scene(raw(401, {}), OK, keys=("v1.old.key", "v1.new.key"))
    assert isinstance(await scene.complete(), ChatReplied)
    assert isinstance(await scene.complete(), ChatReplied)
    assert [one.credential for one in scene.wire.sent] == ["v1.old.key"] + ["v1.new.key"] * 2


async def test_two_refused_keys_are_told_with_a_hint_and_without_a_key():
    scene = Scene(raw(401, {"detail": "who is v1.new.keyboard?"}), keys=("v1.old.k", "v1.new.k"))
    failed = await scene.complete()
    assert (failed.code, len(scene.wire.sent)) == (Code.CREDENTIAL_REFUSED, 2)
    assert "api.studio.nebius.ai" in failed.detail
    assert "v1.new" not in failed.detail


async def test_a_former_host_is_named_as_the_likely_cause():
    scene = Scene(raw(401, {}))
    scene.chat._line.address = Address(base_url="https://api.studio.nebius.ai/v1")
    assert "a former host" in (await scene.complete()).detail


async def test_what_a_model_refuses_is_asked_for_no_more():
    refuses = raw(400, {"detail": "json_schema is not supported"})
    scene = Scene(refuses, OK)
    assert (await scene.complete()).form == "json_object"
    assert (await scene.complete()).form == "json_object"
    assert len(scene.wire.sent) == 3
    scene = Scene(refuses, raw(422, {"detail": "response_format"}), OK)
    assert (await scene.complete()).form == "text"
    assert "response_format" not in scene.wire.sent[-1].json


async def test_a_model_that_knows_no_effort_is_sent_none_once_it_said_so():
    scene = Scene(raw(400, {"detail": "reasoning_effort: none is not allowed"}), OK,
                  efforts={"m": "none"})  # fmt: skip
    assert isinstance(await scene.complete(), ChatReplied)
    assert ["reasoning_effort" in one.json for one in scene.wire.sent] == [True, False]


async def test_a_repair_says_what_was_wrong_with_the_form_and_shows_no_bad_text():
    scene = Scene(OK)
    await scene.complete(repair="not exactly one JSON object")
    messages = scene.wire.sent[0].json["messages"]
    assert [one["role"] for one in messages] == ["system", "user", "user"]
    assert "not exactly one JSON object" in messages[-1]["content"]


async def test_our_own_pace_holds_and_halves_when_we_are_called_crowded():
    pace = Pace(60)
    assert [pace.take(0) for _ in range(12)] == [0.0] * 10 + [1.0, 2.0]
    pace = Pace(60)
    pace.crowded(0)
    assert [pace.take(0) for _ in range(11)][-1] == 2.0
    scene = Scene(OK, pace=Pace(60))
    for _ in range(11):
        await scene.complete()
    assert scene.clock.slept == [1.0]


async def test_the_list_of_models_gives_prices_and_survives_nonsense():
    rows = [
        {"id": "a", "pricing": {"prompt": "0.0000002", "completion": 6e-7}, "context_length": 9},
        {"id": "b", "pricing": {"prompt": "NaN", "completion": -1}},
        {"no": "id"},
        7,
    ]
    listed = await Scene(raw(200, {"object": "list", "data": rows})).chat.list_models()
    a, b = listed.models
    assert (str(a.price_in), str(a.price_out), a.context) == ("2E-7", "6E-7", 9)
    assert (b.price_in, b.price_out) == (None, None)
    assert (await Scene(raw(200, b"<html>")).chat.list_models()).code is Code.BODY_UNREADABLE
    assert (await Scene(raw(401, {})).chat.list_models()).code is Code.CREDENTIAL_REFUSED


@pytest.mark.parametrize("text", ["", "soon", "-3", "nan", "1x2s", "inf"])
def test_a_duration_that_is_none_is_none(text):
    assert seconds(text, START_NS) is None
    assert wait_s({"retry-after": text}, START_NS) is None
