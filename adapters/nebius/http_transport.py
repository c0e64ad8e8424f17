"""One HTTP request over aiohttp. It retries nothing and judges nothing.

Imported by whoever is about to ask: aiohttp takes a while.
"""

import ssl
from collections.abc import Mapping

import aiohttp
import certifi

from adapters.nebius.transport import NoAnswer
from adapters.nebius.wire import RawAnswer
from state.advice.codes import Code

CONNECT_S = 3.0
BODY_BYTES_MAX = 1 << 20
"""More than any list of models; an answer of another size is none."""


class HttpTransport:
    """The `Transport` over sockets; to be used on one loop only."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout_s: float,
    ) -> RawAnswer:
        """Return the answer, whatever its status; no redirect is followed.

        Raises:
            NoAnswer: There is none.
        """
        timeout = aiohttp.ClientTimeout(total=timeout_s, connect=min(CONNECT_S, timeout_s))
        try:
            async with self._opened().request(
                method, url, headers=headers, data=body, timeout=timeout, allow_redirects=False
            ) as answer:
                content = await _whole(answer)
                told = {name.lower(): value for name, value in answer.headers.items()}
                return RawAnswer(status=answer.status, headers=told, body=content)
        except aiohttp.ConnectionTimeoutError:
            raise NoAnswer(Code.UNREACHABLE, "no connection in time", sent=False) from None
        except TimeoutError:
            raise NoAnswer(Code.TIMEOUT, f"no answer within {timeout_s:.1f} s", sent=True) from None
        except aiohttp.ClientConnectorError as error:
            # Its text would name the address, which may have been set with a secret in it.
            reason = type(error).__name__
            raise NoAnswer(Code.UNREACHABLE, f"no connection ({reason})", sent=False) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = type(error).__name__
            raise NoAnswer(Code.UNREACHABLE, f"cut off ({reason})", sent=True) from None

    async def close(self) -> None:
        """Give up the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            context = ssl.create_default_context(cafile=certifi.where())
            # Names are asked for once in minutes: no threads of their own that wait for answers.
            resolver = aiohttp.ThreadedResolver()
            connector = aiohttp.TCPConnector(limit=8, ssl=context, resolver=resolver)
            self._session = aiohttp.ClientSession(connector=connector, trust_env=False)
        return self._session


async def _whole(answer: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for chunk in answer.content.iter_chunked(65_536):
        content += chunk
        if len(content) > BODY_BYTES_MAX:
            raise NoAnswer(Code.BODY_UNREADABLE, "the body is too large", sent=True)
    return bytes(content)
