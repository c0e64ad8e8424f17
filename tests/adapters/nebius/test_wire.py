"""Whatever comes over the wire is read or refused; nothing raises, no credential stays in it."""

import contextlib
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.nebius.wire import RawAnswer, Unreadable, code_of, models_of, problem_of, reply_of
from state.advice.codes import Code
from tests.adapters.nebius.fakes import a_completion, raw

jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
KEYS = ("choices", "message", "content", "usage", "detail", "error", "data", "id", "pricing", "loc")
bodies = st.recursive(
    jsons,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=150)
@given(body=bodies, status=st.integers(100, 999), noise=st.binary(max_size=20))
def test_any_body_is_read_or_refused(body, status, noise):
    for content in (json.dumps(body).encode(), noise):
        answer = RawAnswer(status=status, headers={}, body=content)
        assert isinstance(problem_of(answer), str)
        assert isinstance(code_of(status), Code)
        for read in (models_of, lambda one: reply_of(one, "text", 1)):
            with contextlib.suppress(Unreadable):  # Anything else would be a fault of ours.
                read(answer)


def test_usage_that_makes_no_sense_is_unknown_and_unknown_keys_are_taken():
    for usage in (None, 7, {}, {"prompt_tokens": -1, "completion_tokens": 5}, {"prompt_tokens": 1}):
        body = a_completion() | {"usage": usage, "kv_transfer_params": None, "new": {"a": 1}}
        assert reply_of(raw(200, body), "text", 1).usage is None


def test_reasoning_is_counted_and_never_read_as_an_answer():
    body = a_completion()
    body["choices"][0]["message"] |= {"content": None, "reasoning_content": '{"action": "buy"}'}
    body["choices"][0]["finish_reason"] = "length"
    body["usage"]["completion_tokens_details"] = {"reasoning_tokens": 900}
    reply = reply_of(raw(200, body), "text", 1)
    assert reply.content is None
    assert reply.usage is not None
    assert reply.usage.reasoning_tokens == 900


def test_a_problem_is_told_in_both_styles_cut_and_without_a_credential():
    fields = [{"loc": ["body", "messages"], "msg": "Field required", "input": "v1.canarycanary.x"}]
    assert problem_of(raw(422, {"detail": fields})) == "body.messages: Field required"
    assert problem_of(raw(400, {"error": {"message": "bad", "code": 1}})) == "bad"
    echoed = problem_of(raw(401, {"detail": "no such key v1.canarycanary.canary " + "x" * 900}))
    assert "canary" not in echoed
    assert len(echoed) <= 300
    assert problem_of(raw(502, b"<html>secret</html>")) == ""
