"""The interface's requests and answers: what is sent, and what an answer means. Pure.

Unknown keys are accepted everywhere, missing ones wherever an answer still makes sense.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeGuard

import msgspec
from msgspec import Struct

from adapters.nebius.credentials import redacted
from state.advice.codes import Code
from state.advice.prompt import repair_text
from state.messages.advice import ChatReplied, ChatRequest, ModelRow, Usage

FORMS = ("json_schema", "json_object", "text")
"""How JSON is asked for, best first: what a model refuses is not tried again."""
_FORM_WORDS = ("response_format", "json_schema", "json_object", "guided", "structured", "schema")
_TEXT_MAX = 300


class RawAnswer(Struct, frozen=True, kw_only=True):
    """What came over the wire."""

    status: int
    headers: Mapping[str, str]
    """Names in small letters."""
    body: bytes


class Unreadable(Exception):
    """A body that is not the interface's."""


def chat_body(request: ChatRequest, form: str, effort: str | None) -> dict[str, Any]:
    """Return the body of a chat completion.

    Args:
        request: What is asked.
        form: One of `FORMS`; the schema stands in the system message as well.
        effort: Value of `reasoning_effort`; None leaves the field out.
    """
    messages = [
        {"role": "system", "content": request.system},
        {"role": "user", "content": request.user},
    ]
    if request.repair is not None:
        # What was wrong with the form, and not the bad text: nothing of it may be carried on.
        messages.append({"role": "user", "content": repair_text(request.repair)})
    body: dict[str, Any] = {
        "model": request.model,
        "messages": messages,
        "temperature": 0,
        "max_tokens": request.max_tokens,
    }
    if form == "json_schema":
        schema = {"name": request.schema_name, "strict": True, "schema": request.schema}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif form == "json_object":
        body["response_format"] = {"type": "json_object"}
    if effort is not None:
        body["reasoning_effort"] = effort
    return body


def reply_of(answer: RawAnswer, form: str, tries: int) -> ChatReplied:
    """Return what a 200 says.

    Raises:
        Unreadable: It is not a chat completion.
    """
    body = _decoded(answer)
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise Unreadable(problem_of(answer) or "no choices")
    choice = choices[0]
    message = choice.get("message")
    if not isinstance(message, dict):
        raise Unreadable("no message")
    content, refusal = message.get("content"), message.get("refusal")
    return ChatReplied(
        model=str(body.get("model") or ""),
        content=content if isinstance(content, str) else None,
        finish=str(choice.get("finish_reason") or ""),
        refusal=refusal if isinstance(refusal, str) and refusal else None,
        usage=_usage(body.get("usage")),
        form=form,
        tries=tries,
        support=support_of(answer),
        crowded=answer.headers.get("x-ratelimit-over-limit", "").strip().lower() == "yes",
    )


def models_of(answer: RawAnswer) -> tuple[ModelRow, ...]:
    """Return the list of models.

    Raises:
        Unreadable: It is not one.
    """
    rows = _decoded(answer).get("data")
    if not isinstance(rows, list):
        raise Unreadable("no list of models")
    return tuple(
        _model(row) for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)
    )


def problem_of(answer: RawAnswer) -> str:
    """Return what an error says: FastAPI's `detail`, OpenAI's `error`, or nothing of an HTML page.

    It is cut, and nothing that looks like a credential is left in it.
    """
    try:
        body = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, RecursionError):
        return ""
    if not isinstance(body, dict):
        return ""
    detail = body.get("detail")
    if isinstance(detail, list):
        parts = [_field(one) for one in detail[:5] if isinstance(one, dict)]
        text = "; ".join(parts)
    elif isinstance(detail, str):
        text = detail
    else:
        error = body.get("error")
        text = str(error.get("message", "")) if isinstance(error, dict) else str(error or "")
    return redacted(text)[:_TEXT_MAX]


def code_of(status: int) -> Code:
    """Return what a status other than 200 means."""
    known = {
        401: Code.CREDENTIAL_REFUSED,
        402: Code.PAYMENT_REQUIRED,
        403: Code.FORBIDDEN,
        404: Code.MODEL_UNKNOWN,
        408: Code.TIMEOUT,
        429: Code.RATE_LIMITED,
    }
    if status in known:
        return known[status]
    return Code.SERVER_ERROR if status >= 500 else Code.REQUEST_INVALID


def blames_form(problem: str) -> bool:
    """Whether a 400 or 422 is about the way JSON was asked for."""
    return any(word in problem.lower() for word in _FORM_WORDS)


def blames_effort(problem: str) -> bool:
    """Whether a 400 or 422 is about `reasoning_effort`."""
    return "reasoning_effort" in problem.lower() or "reasoning effort" in problem.lower()


def support_of(answer: RawAnswer) -> str:
    """Return the provider's ids of a request."""
    names = ("x-request-id", "x-inference-id")
    return " ".join(answer.headers[name][:80] for name in names if name in answer.headers)


def _decoded(answer: RawAnswer) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, RecursionError):
        raise Unreadable("the body is not JSON") from None
    if not isinstance(body, dict):
        raise Unreadable("the body is not an object")
    return body


def _usage(usage: Any) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not _is_count(prompt) or not _is_count(completion):
        return None
    details = usage.get("completion_tokens_details")
    thought = details.get("reasoning_tokens") if isinstance(details, dict) else 0
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        reasoning_tokens=thought if _is_count(thought) else 0,
    )


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9


def _model(row: dict[str, Any]) -> ModelRow:
    pricing = row.get("pricing")
    prices = pricing if isinstance(pricing, dict) else {}
    context = row.get("context_length")
    return ModelRow(
        id=row["id"],
        context=context if _is_count(context) else None,
        price_in=_price(prices.get("prompt")),
        price_out=_price(prices.get("completion")),
    )


def _price(value: Any) -> Decimal | None:
    """Return US dollars per token, from a text or a number; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        price = Decimal(str(value))
    except InvalidOperation:
        return None
    return price if price.is_finite() and 0 <= price < 1 else None


def _field(one: dict[str, Any]) -> str:
    place = one.get("loc")
    where = ".".join(map(str, place)) if isinstance(place, list) else ""
    return f"{where}: {one.get('msg', '')}"
