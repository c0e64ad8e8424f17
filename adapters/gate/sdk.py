"""Gate's own SDK, and the only module that knows it: typed calls in, bytes out.

The SDK knows paths, parameters and headers and builds each request. Three things it does
differently from us are replaced here, through the two methods it lets a subclass override:

- `gen_sign` takes the system's clock; ours is corrected by the exchange's.
- `request` retries, follows redirects (a `POST` too) and has no limit on how long or how large an
  answer may be; an order must reach the wire at most once, and a thread must come back.
- Its models are not used: they refuse a whole answer for one value they have not heard of.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
import urllib3
from msgspec import Struct

from adapters.gate.sdk_parts import AccountApi, ApiClient, Configuration, SpotApi
from adapters.gate.signing import Credentials, rest_signature

_BODY_BYTES_MAX = 64 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_CONNECTIONS_KEPT = 8


class Timeouts(Struct, frozen=True, kw_only=True):
    """How long one call may take, in seconds."""

    connect_s: float = 3.0
    read_s: float = 5.0
    """Longest silence while the answer is awaited."""
    total_s: float = 10.0
    """From the first byte sent to the last byte read."""


class Reply(Struct, frozen=True, kw_only=True):
    """An HTTP answer, whatever it says."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def getheader(self, name: str) -> str | None:
        """Return a header: the SDK asks for the content type before it hands the answer on."""
        return self.headers.get(name.lower())


class NoReply(Exception):
    """No complete answer came; the text says how far the call got."""


class GateSdk:
    """One call for each endpoint we use. Blocks; any thread may call.

    Every method returns the answer whatever its status, and raises `NoReply` when there was none.
    """

    def __init__(
        self,
        *,
        rest_url: str,
        credentials: Credentials | None,
        venue_time_s: Callable[[], float],
        timeouts: Timeouts,
        account: str = "spot",
    ) -> None:
        """Prepare the calls; nothing is sent yet.

        Args:
            rest_url: With `/api/v4`, without a slash at the end.
            credentials: None allows the public calls only.
            venue_time_s: Unix seconds by the exchange's clock, which signatures carry.
            timeouts: Of every call.
            account: Gate's name for the account; `spot` is what every call is about by itself.
        """
        configuration = Configuration(
            host=rest_url,
            # The SDK signs only where it has both; the real ones stay with us.
            key="" if credentials else None,
            secret="" if credentials else None,
        )
        configuration.retries = False
        configuration.connection_pool_maxsize = _CONNECTIONS_KEPT
        client = _Client(configuration, credentials, venue_time_s, timeouts)
        self._account = {} if account == "spot" else {"account": account}
        self._client = client
        self._spot = SpotApi(client)

    def place(self, order: dict[str, str], *, expires_ms: int) -> Reply:
        """POST /spot/orders."""
        return self._reply(self._spot.create_order, order, x_gate_exptime=str(expires_ms))

    def amend(self, order: str, pair: str, changes: dict[str, str], *, expires_ms: int) -> Reply:
        """PATCH /spot/orders/{order}, by the exchange's id or ours."""
        return self._reply(
            self._spot.amend_order,
            order,
            changes,
            currency_pair=pair,
            x_gate_exptime=str(expires_ms),
            **self._account,
        )

    def cancel(self, order: str, pair: str, *, expires_ms: int | None) -> Reply:
        """DELETE /spot/orders/{order}, by the exchange's id or ours."""
        expiry = {} if expires_ms is None else {"x_gate_exptime": str(expires_ms)}
        return self._reply(self._spot.cancel_order, order, pair, **expiry, **self._account)

    def countdown(self, timeout_s: int) -> Reply:
        """POST /spot/countdown_cancel_all, for all pairs."""
        return self._reply(self._spot.countdown_cancel_all_spot, {"timeout": timeout_s})

    def place_trigger(self, trigger: dict[str, Any]) -> Reply:
        """POST /spot/price_orders; Gate lets it carry no expiry of its request."""
        return self._reply(self._spot.create_spot_price_triggered_order, trigger)

    def cancel_trigger(self, trigger: str) -> Reply:
        """DELETE /spot/price_orders/{trigger}."""
        return self._reply(self._spot.cancel_spot_price_triggered_order, trigger)

    def triggers(self, pair: str, status: str, *, limit: int, offset: int) -> Reply:
        """GET /spot/price_orders of one pair; `status` is `open` or `finished`."""
        call = self._spot.list_spot_price_triggered_orders
        return self._reply(call, status, market=pair, limit=limit, offset=offset)

    def order(self, order: str, pair: str) -> Reply:
        """GET /spot/orders/{order}, by the exchange's id or ours."""
        return self._reply(self._spot.get_order, order, pair, **self._account)

    def open_orders(self, *, page: int, limit: int) -> Reply:
        """GET /spot/open_orders: `limit` orders of each pair."""
        call = self._spot.list_all_open_orders
        return self._reply(call, page=page, limit=limit, **self._account)

    def finished_orders(self, pair: str, *, page: int, limit: int, from_s: int) -> Reply:
        """GET /spot/orders?status=finished."""
        span = {"page": page, "limit": limit, "_from": from_s}
        return self._reply(self._spot.list_orders, pair, "finished", **span, **self._account)

    def own_trades(self, pair: str, *, page: int, limit: int, from_s: int, to_s: int) -> Reply:
        """GET /spot/my_trades."""
        return self._reply(
            self._spot.list_my_trades,
            currency_pair=pair,
            page=page,
            limit=limit,
            _from=from_s,
            to=to_s,
        )

    def account_book(self, *, page: int, limit: int, from_s: int, to_s: int) -> Reply:
        """GET /spot/account_book, every currency and kind."""
        call = self._spot.list_spot_account_book
        return self._reply(call, page=page, limit=limit, _from=from_s, to=to_s)

    def balances(self) -> Reply:
        """GET /spot/accounts."""
        return self._reply(self._spot.list_spot_accounts)

    def key_rights(self) -> Reply:
        """GET /account/main_keys: what the key that asks may do."""
        return self._reply(AccountApi(self._client).get_account_main_keys)

    def pair(self, pair: str) -> Reply:
        """GET /spot/currency_pairs/{pair}."""
        return self._reply(self._spot.get_currency_pair, pair)

    def pairs(self) -> Reply:
        """GET /spot/currency_pairs."""
        return self._reply(self._spot.list_currency_pairs)

    def book(self, pair: str, *, limit: int) -> Reply:
        """GET /spot/order_book with its update id."""
        # "true" in words: Python's True would be sent as True.
        return self._reply(self._spot.list_order_book, pair, limit=limit, with_id="true")

    def candles(self, pair: str, interval: str, *, from_s: int, to_s: int) -> Reply:
        """GET /spot/candlesticks that open in [from_s, to_s]."""
        call = self._spot.list_candlesticks
        return self._reply(call, pair, interval=interval, _from=from_s, to=to_s)

    def clock(self) -> Reply:
        """GET /spot/time."""
        return self._reply(self._spot.get_system_time)

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._client.rest_client.pool_manager.clear()

    def _reply(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> Reply:
        reply: Reply = call(*arguments, **options, _preload_content=False)
        return reply


class _Client(ApiClient):  # type: ignore[misc]  # the SDK has no types
    """The SDK's client with our clock, our signature and our transport rules."""

    def __init__(
        self,
        configuration: Any,
        credentials: Credentials | None,
        venue_time_s: Callable[[], float],
        timeouts: Timeouts,
    ) -> None:
        super().__init__(configuration)
        self._credentials = credentials
        self._venue_time_s = venue_time_s
        self._timeouts = timeouts

    def gen_sign(
        self, method: str, url: str, query_string: str | None = None, body: Any = None
    ) -> dict[str, str]:
        """Return the headers that sign a request; the SDK calls it."""
        assert self._credentials is not None, "the SDK signs only when it was given a key"
        timestamp = f"{self._venue_time_s():.3f}"
        sign = rest_signature(
            self._credentials.secret.reveal(),
            method=method,
            path=url,
            query=query_string or "",
            body=_encoded(body),
            timestamp=timestamp,
        )
        return {"KEY": self._credentials.key.reveal(), "Timestamp": timestamp, "SIGN": sign}

    def request(
        self,
        method: str,
        url: str,
        query_params: list[tuple[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
        body: Any = None,
        **_unused: Any,
    ) -> Reply:
        """Send once and return what came back; the SDK calls it."""
        deadline = time.monotonic() + self._timeouts.total_s
        try:
            response = self.rest_client.pool_manager.request(
                method,
                f"{url}?{urlencode(query_params)}" if query_params else url,
                body=_encoded(body) or None,
                headers=headers,
                timeout=urllib3.Timeout(
                    connect=self._timeouts.connect_s, read=self._timeouts.read_s
                ),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            return _read(response, deadline)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise NoReply(f"{type(error).__name__}: {error}") from None


def _encoded(body: Any) -> bytes:
    return b"" if body is None else msgspec.json.encode(body)


def _read(response: Any, deadline: float) -> Reply:
    chunks: list[bytes] = []
    try:
        while chunk := response.read1(_CHUNK_BYTES):
            chunks.append(chunk)
            _bound(sum(map(len, chunks)), deadline)
    except BaseException:
        # Half-read, the connection can serve nobody else.
        response.close()
        raise
    response.release_conn()
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(status=response.status, headers=headers, body=b"".join(chunks))


def _bound(size: int, deadline: float) -> None:
    """Refuse to read on: `read_s` limits each wait for more, only this limits their sum."""
    if time.monotonic() > deadline:
        raise NoReply(f"the answer was still coming after {size} bytes")
    if size > _BODY_BYTES_MAX:
        raise NoReply(f"the answer is longer than {_BODY_BYTES_MAX} bytes")
