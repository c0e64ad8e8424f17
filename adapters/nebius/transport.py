"""How requests leave for a language model: what is asked of whoever sends them."""

from collections.abc import Mapping
from typing import Protocol

from adapters.nebius.wire import RawAnswer
from state.advice.codes import Code


class NoAnswer(Exception):
    """Nothing readable came back.

    Args:
        code: `TIMEOUT`, `UNREACHABLE` or `BODY_UNREADABLE`.
        detail: For people.
        sent: Whether the request may have arrived, and be charged.
    """

    def __init__(self, code: Code, detail: str, *, sent: bool) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.sent = sent


class Transport(Protocol):
    """How requests leave."""

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout_s: float,
    ) -> RawAnswer:
        """Return the answer, whatever its status.

        Raises:
            NoAnswer: There is none.
        """
        ...
