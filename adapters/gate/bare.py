"""Gate's REST interface for a process that needs nothing but Python: what rests, and its end.

Speaks of our orders only: what does not carry our prefix is not even returned.
"""

import http.client
import json
import ssl
import time
import urllib.parse
from typing import Any, NamedTuple

from adapters.gate.signatures import rest_signature

PREFIX = "t-gh-"
"""Of our names; actors/execution/client_ids.py makes them, and a test holds the two together."""
_PAGE = 100
_PAGES_MAX = 100
_GONE = ("ORDER_NOT_FOUND", "ORDER_CLOSED", "ORDER_CANCELLED", "ORDER_FINISHED")


class Resting(NamedTuple):
    """An order of ours that rests."""

    id: str
    text: str
    pair: str


class Failed(Exception):
    """Nothing readable came, or a refusal; the text says which."""


class BareGate:
    """A blocking client of one account, for one thread.

    Args:
        rest_url: With `/api/v4`, without a slash at the end.
        key: API key.
        secret: That belongs to it.
        timeout_s: The longest that one answer may take.
    """

    def __init__(self, rest_url: str, key: str, secret: str, *, timeout_s: float = 3.0) -> None:
        self._url = urllib.parse.urlsplit(rest_url)
        self._key = key
        self._secret = secret
        self._timeout_s = timeout_s
        self._connection: http.client.HTTPConnection | None = None
        self._ahead_s: float | None = None
        """Their clock minus ours; None before it was asked for."""

    def resting(self) -> list[Resting]:
        """Return every order of ours that rests, of every pair.

        Raises:
            Failed: Nobody knows.
        """
        found = []
        for page in range(1, _PAGES_MAX + 1):
            groups = self._call("GET", "/spot/open_orders", f"page={page}&limit={_PAGE}")
            try:
                for group in groups:
                    for order in group["orders"]:
                        if str(order["text"]).startswith(PREFIX):
                            row = (str(order["id"]), str(order["text"]), order["currency_pair"])
                            found.append(Resting(*row))
                if all(len(group["orders"]) < _PAGE for group in groups):
                    break
            except (KeyError, TypeError) as error:
                raise Failed(f"an answer nobody can read: {error!r}") from None
        return found

    def cancel(self, order: Resting) -> bool:
        """Cancel an order; return whether it was still there.

        Raises:
            Failed: Nobody knows.
        """
        try:
            query = f"currency_pair={urllib.parse.quote(order.pair)}"
            self._call("DELETE", f"/spot/orders/{urllib.parse.quote(order.id)}", query)
        except Failed as failed:
            if any(label in str(failed) for label in _GONE):
                return False
            raise
        return True

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _call(self, method: str, path: str, query: str) -> Any:
        if self._ahead_s is None:
            asked_s = time.time()
            told = self._send("GET", "/spot/time", "", {})
            try:
                self._ahead_s = int(told["server_time"]) / 1000 - (asked_s + time.time()) / 2
            except (KeyError, TypeError, ValueError) as error:
                raise Failed(f"an answer nobody can read: {error!r}") from None
        timestamp = f"{time.time() + self._ahead_s:.3f}"
        sign = rest_signature(
            self._secret,
            method=method,
            path=self._url.path + path,
            query=urllib.parse.unquote(query),
            body=b"",
            timestamp=timestamp,
        )
        headers = {"KEY": self._key, "Timestamp": timestamp, "SIGN": sign}
        return self._send(method, path, query, headers)

    def _send(self, method: str, path: str, query: str, headers: dict[str, str]) -> Any:
        target = self._url.path + path + (f"?{query}" if query else "")
        try:
            if self._connection is None:
                self._connection = self._connected()
            self._connection.request(method, target, headers=headers | {"Accept": "*/*"})
            answer = self._connection.getresponse()
            body, status = answer.read(), answer.status
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Failed(f"{method} {path}: {type(error).__name__}: {error}") from None
        if status >= 300:
            raise Failed(f"{method} {path}: status {status}: {body[:200].decode(errors='replace')}")
        try:
            return json.loads(body)
        except ValueError as error:
            raise Failed(f"{method} {path}: an answer nobody can read: {error}") from None

    def _connected(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=context)
        return http.client.HTTPConnection(host, port, timeout=self._timeout_s)
