"""One REST call as its handler sees it, and how its parameters are read. Pure."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qsl

import msgspec

from adapters.simulated.core.ledger import Account
from adapters.simulated.core.refusals import invalid_parameter, missing_parameter, refusal
from adapters.simulated.core.venue import Venue
from adapters.simulated.rate_limits import LimitClass
from state.errors import VenueRefused
from state.values import NS_PER_MS, NS_PER_S, Side

T = TypeVar("T")
_LONGEST_SPAN_S = 30 * 86_400
_FAR_S = 1 << 40


class Call(msgspec.Struct, kw_only=True):
    """One request, already authenticated where its route asks for it."""

    venue: Venue
    now_ns: int
    query: Mapping[str, str]
    path: Mapping[str, str]
    """Members of the path, such as `order_id`."""
    headers: Mapping[str, str]
    body: bytes
    client: str
    """The address it came from."""
    signer: Account | None = None
    ahead_ns: int = 0
    """How far the clock that its sender sees is ahead of `now_ns`."""
    default_text: str = "apiv4"
    """What an order without a client id shows: it says by which door it came."""

    @property
    def account(self) -> Account:
        """Who asks."""
        assert self.signer is not None, "only a signed route has an account"
        return self.signer

    def required(self, name: str) -> str:
        """Return a query parameter.

        Raises:
            VenueRefused: `MISSING_REQUIRED_PARAM`.
        """
        value = self.query.get(name)
        if not value:
            raise missing_parameter(name)
        return value

    def number(self, name: str, default: int, *, least: int = 0, most: int | None = None) -> int:
        """Return an integer query parameter within [`least`, `most`].

        Raises:
            VenueRefused: `INVALID_PARAM_VALUE`.
        """
        text = self.query.get(name)
        if not text:
            return default
        if not text.isdecimal() or not text.isascii() or len(text) > 18:
            raise invalid_parameter(name, text)
        value = int(text)
        if value < least or (most is not None and value > most):
            raise invalid_parameter(name, text)
        return value

    def optional_number(self, name: str) -> int | None:
        """Return an integer query parameter, None when absent."""
        return self.number(name, 0) if self.query.get(name) else None

    def span(self) -> tuple[int, int]:
        """Return the query parameters `from` and `to`, seconds, as ns; all of time when absent.

        Raises:
            VenueRefused: `INVALID_PARAM_VALUE`, also when they are more than 30 days apart.
        """
        since, until = self.optional_number("from"), self.optional_number("to")
        if since is not None and until is not None and until - since > _LONGEST_SPAN_S:
            raise refusal("INVALID_PARAM_VALUE", "from and to are more than 30 days apart")
        until = _FAR_S if until is None else until
        return (since or 0) * NS_PER_S, until * NS_PER_S + NS_PER_S - 1

    def flag(self, name: str) -> bool:
        """Return a boolean query parameter, False when absent."""
        return self.query.get(name, "").lower() in ("true", "1")

    def side(self) -> Side | None:
        """Return the query parameter `side`, None when absent."""
        text = self.query.get("side")
        if not text:
            return None
        if text not in (Side.BUY, Side.SELL):
            raise invalid_parameter("side", text)
        return Side(text)

    def expires_ms(self) -> int | None:
        """Return the header `x-gate-exptime` by the venue's own clock, None when absent."""
        text = self.headers.get("x-gate-exptime")
        if not text:
            return None
        if not text.isdecimal() or len(text) > 18:
            raise invalid_parameter("x-gate-exptime", text)
        return int(text) - self.ahead_ns // NS_PER_MS

    def decoded(self, kind: type[T]) -> T:
        """Return the JSON body as `kind`.

        Raises:
            VenueRefused: `INVALID_REQUEST_BODY`, `MISSING_REQUIRED_PARAM`, `INVALID_PARAM_VALUE`.
        """
        return decoded(self.body, kind)

    def inquired(self, kind: type[T]) -> T:
        """Return the query as `kind`; see `decoded`."""
        try:
            return msgspec.convert(dict(self.query), kind, strict=False)
        except msgspec.ValidationError as problem:
            raise _in_gates_words(str(problem)) from None


def decoded(body: bytes, kind: type[T]) -> T:
    """Return the JSON text `body` as `kind`; see `Call.decoded`."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as problem:
        raise _in_gates_words(str(problem)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise refusal("INVALID_REQUEST_BODY", "request body is not valid JSON") from None


def _in_gates_words(problem: str) -> VenueRefused:
    what, _, where = problem.partition(" - at `$")
    if what.startswith("Object missing required field"):
        return missing_parameter(what.rsplit("`", 2)[1])
    if where:
        return refusal("INVALID_PARAM_VALUE", f"Invalid request parameter `{where[1:-1]}`: {what}")
    return refusal("INVALID_REQUEST_BODY", what)


def query_of(raw: str) -> dict[str, str]:
    """Return the parameters of a raw query string; of a repeated one the last."""
    return dict(parse_qsl(raw, keep_blank_values=True))


def one_page(rows: list[T], page: int, limit: int) -> list[T]:
    """Return the `page`-th (from 1) `limit` rows."""
    return rows[(page - 1) * limit : page * limit]


Handler = Callable[[Call], Any]


class Route(NamedTuple):
    """One endpoint. Adding an endpoint is adding one of these."""

    method: str
    path: str
    """Without the prefix; members in braces."""
    handler: Handler
    signed: bool
    limit: LimitClass | None
    """None where calls are not counted."""
    status: int = 200


def signed_route(
    method: str,
    path: str,
    handler: Handler,
    limit: LimitClass = LimitClass.PRIVATE,
    status: int = 200,
) -> Route:
    """Return a route that only an account may call."""
    return Route(method, path, handler, signed=True, limit=limit, status=status)
