"""The stub without sockets: from a request's parts to an answer's. Pure but for its own counts.

It checks what the service is known to check: credential, fields, model, the shape of
`response_format`. What nobody knows of the service, it takes.
"""

import json
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs

import jwt
import msgspec
from msgspec import Struct

from adapters.simulated.advisor.answers import WRITERS, Asked
from state.values import NS_PER_S, TimeNs

KEY = "v1.stub.gatehouse-demo"
"""Opens nothing but this stub."""
AUDIENCE = "token-service.iam.new.nebiuscloud.net"
SKEW_S = 60
EFFORTS = ("none", "minimal", "low", "medium", "high")
_PRICES = {
    "Qwen/Qwen3-235B-A22B-Instruct-2507": ("0.0000002", "0.0000006"),
    "Qwen/Qwen3-30B-A3B-Instruct-2507": ("0.0000001", "0.0000003"),
    "openai/gpt-oss-120b": ("0.00000015", "0.0000006"),
    "deepseek-ai/DeepSeek-V4-Flash-0731": ("0.00000014", "0.00000028"),
}
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


class StubAnswer(Struct, frozen=True, kw_only=True):
    """What the stub sends."""

    status: int
    body: bytes
    headers: dict[str, str] = {}
    content_type: str = "application/json"
    hang: bool = False
    """It never sends it."""
    cut: bool = False
    """It breaks the connection instead."""


class StubService:
    """One stub.

    Args:
        seed: With the request's facts it gives the whole answer.
        script: Names of `failures.TRICKS`, done by turns.
        now_ns: The stub's clock.
        keys: Credentials it takes beside the tokens it has issued.
        token_life_s: Of those.
        public_key: PEM that signed tokens are verified with; None only reads their claims.
    """

    def __init__(
        self,
        *,
        seed: int,
        script: tuple[str, ...],
        now_ns: Callable[[], int],
        keys: tuple[str, ...] = (KEY,),
        token_life_s: float = 3600.0,
        public_key: str | None = None,
    ) -> None:
        self._seed = seed
        self._now_ns = now_ns
        self.keys = set(keys)
        self._life_s = token_life_s
        self._public_key = public_key
        self._tokens: dict[str, TimeNs] = {}
        self.script = script
        self._turn = 0
        self.counts: dict[str, int] = {"chat": 0, "models": 0, "exchange": 0, "unauthorized": 0}
        """Requests by kind."""

    def set_script(self, script: tuple[str, ...]) -> None:
        """Do this from the next request on."""
        self.script, self._turn = script, 0

    def models(self, headers: Mapping[str, str], *, verbose: bool) -> StubAnswer:
        """Answer `GET /v1/models`."""
        self.counts["models"] += 1
        refused = self._refusal(headers)
        if refused is not None:
            return refused
        rows: list[dict[str, Any]] = []
        for name, (price_in, price_out) in _PRICES.items():
            row: dict[str, Any] = {
                "id": name,
                "object": "model",
                "created": 1_790_000_000,
                "owned_by": "gatehouse-stub",
            }
            if verbose:
                row["context_length"] = 131_072
                row["architecture"] = {"modality": "text->text"}
                row["pricing"] = {"prompt": price_in, "completion": price_out}
            rows.append(row)
        return _json(200, {"object": "list", "data": rows})

    def chat(self, headers: Mapping[str, str], raw: bytes) -> StubAnswer:
        """Answer `POST /v1/chat/completions`."""
        self.counts["chat"] += 1
        refused = self._refusal(headers)
        if refused is not None:
            return refused
        try:
            body = json.loads(raw)
            request = _checked(body)
        except _Invalid as fault:
            return _json(fault.status, {"detail": fault.detail})
        except ValueError:
            return _json(422, {"detail": [_blame("body", "JSON decode error")]})
        trick = self.script[self._turn % len(self.script)]
        answer = _FAILURES.get(trick)
        if trick == "no_schema" and request.form == "json_schema":
            return _json(400, {"detail": "response_format json_schema is not supported here"})
        if trick == "no_json_mode" and request.form:
            return _json(422, {"detail": [_blame("response_format", "not supported")]})
        if trick == "no_effort" and "reasoning_effort" in body:
            return _json(400, {"detail": "reasoning_effort: expected one of low, medium, high"})
        self._turn += 1
        if answer is not None:
            if answer.status == 401:
                self.counts["unauthorized"] += 1
            return answer
        return self._written(trick, request, body)

    def exchange(self, raw: bytes) -> StubAnswer:
        """Answer `POST /oauth2/token/exchange`: a signed token against an access token."""
        self.counts["exchange"] += 1
        form = {name: values[0] for name, values in parse_qs(raw.decode()).items()}
        if form.get("grant_type") != _EXCHANGE:
            return _json(400, {"error": "unsupported_grant_type"}, self._dated())
        try:
            claims = self._claims(form.get("subject_token", ""))
        except jwt.PyJWTError as error:
            told = {"error": "invalid_grant", "error_description": type(error).__name__}
            return _json(401, told, self._dated())
        if claims is None:
            return _json(401, {"error": "invalid_grant"}, self._dated())
        token = f"ne1stub{self.counts['exchange']:06d}.{self._seed}"
        self._tokens[token] = TimeNs(self._now_ns() + int(self._life_s * NS_PER_S))
        granted = {
            "access_token": token,
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "token_type": "Bearer",
            "expires_in": self._life_s,
        }
        return _json(200, granted, self._dated())

    def expire_tokens(self) -> None:
        """Take no token any more that was issued until now."""
        self._tokens.clear()

    def _claims(self, signed: str) -> dict[str, Any] | None:
        """Return a signed token's claims, None where they are not as they must be."""
        verify = self._public_key is not None
        claims = jwt.decode(
            signed,
            self._public_key or "",
            algorithms=["RS256"],
            options={
                "verify_signature": verify,
                # Its times are held against the stub's clock, below.
                "verify_exp": False,
                "verify_iat": False,
                "verify_aud": False,
            },
        )
        header = jwt.get_unverified_header(signed)
        now_s = self._now_ns() / NS_PER_S
        holds = (
            header.get("alg") == "RS256"
            and bool(header.get("kid"))
            and claims.get("iss") == claims.get("sub") != None  # noqa: E711 - both, and something
            and claims.get("aud") == AUDIENCE
            and claims.get("iat", 0) - SKEW_S / 2 <= now_s <= claims.get("exp", 0)
        )
        return claims if holds else None

    def _refusal(self, headers: Mapping[str, str]) -> StubAnswer | None:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        known = token in self.keys or self._tokens.get(token, 0) > self._now_ns()
        if scheme == "Bearer" and known:
            return None
        self.counts["unauthorized"] += 1
        return _json(401, {"detail": "Couldn't authenticate: the key is unknown or has expired"})

    def _written(self, trick: str, request: "_Request", body: dict[str, Any]) -> StubAnswer:
        writer = WRITERS.get(trick, WRITERS["good"])
        content: str | None = writer(Asked(request.user, self._seed))
        finish, refusal, calls = "stop", None, []
        match trick:
            case "truncated":
                finish = "length"
            case "null_content":
                content, finish = None, "length"
            case "refusal":
                content, refusal = None, "I cannot help with that."
            case "filtered":
                content, finish = None, "content_filter"
            case "tool_call":
                content, finish = None, "tool_calls"
                calls = [{"id": "call_1", "function": {"name": "order", "arguments": "{}"}}]
            case _:
                pass
        used = {
            "prompt_tokens": sum(len(str(one.get("content"))) for one in body["messages"]) // 4,
            "completion_tokens": len(content or "") // 4 or body["max_tokens"],
            "completion_tokens_details": None,
        }
        used["total_tokens"] = (used["prompt_tokens"] or 0) + (used["completion_tokens"] or 0)
        told = {
            "id": f"chatcmpl-stub-{self.counts['chat']}",
            "object": "chat.completion",
            "created": self._now_ns() // NS_PER_S,
            "model": request.model,
            "system_fingerprint": "gatehouse-stub",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": finish,
                    "logprobs": None,
                    "message": {
                        "role": "assistant",
                        "content": content,
                        "refusal": refusal,
                        "tool_calls": calls,
                        "reasoning": None,
                    },
                }
            ],
            "usage": None if trick == "no_usage" else used,
        }
        headers = {"x-request-id": f"stub-{self.counts['chat']}"}
        if trick == "crowded":
            headers["x-ratelimit-over-limit"] = "yes"
        return _json(200, told, headers)

    def _dated(self) -> dict[str, str]:
        # The web server would date it by its own clock, which a test may have moved ours from.
        return {"Date": _http_date(self._now_ns())}


class _Request(Struct, frozen=True, kw_only=True):
    model: str
    user: str
    form: str


class _Invalid(Exception):
    def __init__(self, status: int, detail: Any) -> None:
        super().__init__(str(detail))
        self.status = status
        self.detail = detail


def _checked(body: Any) -> _Request:
    """Return what a chat completion asks.

    Raises:
        _Invalid: With the status and detail of the refusal.
    """
    if not isinstance(body, dict):
        raise _Invalid(422, [_blame("body", "Input should be an object")])
    faults = []
    messages = body.get("messages")
    if not isinstance(body.get("model"), str):
        faults.append(_blame("model", "Field required"))
    if not isinstance(messages, list) or not messages:
        faults.append(_blame("messages", "at least one message"))
    if not isinstance(body.get("max_tokens", 8192), int):
        faults.append(_blame("max_tokens", "Input should be a valid integer"))
    form = ""
    asked = body.get("response_format")
    if asked is not None:
        form = str(asked.get("type")) if isinstance(asked, dict) else ""
        schema = asked.get("json_schema") if isinstance(asked, dict) else None
        if form == "json_schema" and not (
            isinstance(schema, dict) and schema.get("name") and "schema" in schema
        ):
            faults.append(_blame("response_format.json_schema.name", "Field required"))
        elif form not in ("json_schema", "json_object", "text"):
            faults.append(_blame("response_format.type", "Input should be json_schema"))
    effort = body.get("reasoning_effort")
    if effort is not None and effort not in EFFORTS:
        faults.append(_blame("reasoning_effort", "Input should be low, medium or high"))
    if faults:
        raise _Invalid(422, faults)
    if body["model"] not in _PRICES:
        raise _Invalid(404, f"The model `{body['model']}` does not exist.")
    users = [one for one in body["messages"] if isinstance(one, dict) and one.get("role") == "user"]
    if not users:
        raise _Invalid(400, "no user message")
    body.setdefault("max_tokens", 8192)
    return _Request(model=body["model"], user=str(users[0].get("content")), form=form)


def _blame(place: str, message: str) -> dict[str, Any]:
    return {
        "type": "value_error",
        "loc": ["body", *place.split(".")],
        "msg": message,
        "input": None,
    }


def _json(status: int, value: Any, headers: dict[str, str] | None = None) -> StubAnswer:
    return StubAnswer(status=status, body=msgspec.json.encode(value), headers=headers or {})


def _http_date(now_ns: int) -> str:
    return formatdate(now_ns / NS_PER_S, usegmt=True)


_FAILURES: dict[str, StubAnswer] = {
    "unauthorized": _json(401, {"detail": "Couldn't authenticate: the key was revoked"}),
    "payment": _json(402, {"detail": "The balance is used up"}),
    "forbidden": _json(403, {"detail": "No access to this project"}),
    "unknown_model": _json(404, {"detail": "The model does not exist."}),
    "bad_request": _json(400, {"error": {"message": "temperature is wrong", "type": "invalid"}}),
    "unprocessable": _json(422, {"detail": [_blame("temperature", "should be less")]}),
    "rate_limit": _json(429, {"detail": "Rate limit exceeded"}, {"Retry-After": "1"}),
    "rate_limit_long": _json(429, {"detail": "Rate limit exceeded"}, {"Retry-After": "3600"}),
    "server_error": _json(500, {"detail": "Internal server error"}),
    "proxy_page": StubAnswer(status=502, body=_PAGE, content_type="text/html"),
    "overloaded": _json(529, {"detail": "Overloaded"}),
    "timeout": StubAnswer(status=200, body=b"", hang=True),
    "reset": StubAnswer(status=200, body=b"", cut=True),
    "page_200": StubAnswer(status=200, body=_PAGE, content_type="text/html"),
    "half_body": StubAnswer(status=200, body=b'{"id": "chatcmpl-stub", "choices": [{"ind'),
    "error_200": _json(200, {"error": {"message": "upstream failed", "code": 500}}),
}
