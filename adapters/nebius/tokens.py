"""Which credential a request carries, and what happens when it is refused.

`KeyRing` holds keys that can only be changed for one another. `IdentityTokens` holds one that is
renewed: ahead of its end, and when it is refused, with one exchange under way at most, however
many wait for it. One loop's thread only.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from loguru import logger

from adapters.nebius.credentials import expiry_ns, expiry_warning
from adapters.nebius.durations import date_ns
from adapters.nebius.identity import (
    Granted,
    Identity,
    RefusedGrant,
    assertion,
    exchange_body,
    granted,
)
from adapters.nebius.token_file import KeptToken, TokenFile
from adapters.nebius.transport import NoAnswer, Transport
from adapters.ports import Clock
from state.advice.codes import Code
from state.config.secret import Secret
from state.values import NS_PER_S, TimeNs

RENEW_AT = 0.9
"""Share of its life after which a token is renewed."""
MARGIN_S = 60.0
"""A token that lives no longer than this is not used."""
EXCHANGE_S = 5.0
PAUSE_S, PAUSE_GROWTH, PAUSE_MAX_S = 1.0, 1.5, 60.0
SKEW_NOTICED_S = 20.0
"""Differences of the clocks from which the provider's is believed."""
AGAIN_AFTER_S = 30.0
"""A token this young that is refused is not the fault of its age: no other is asked for."""


class NoCredential(Exception):
    """There is nothing to send a request with.

    Args:
        code: `CREDENTIAL_MISSING` or `CREDENTIAL_REFUSED`.
        detail: For people; holds no credential.
    """

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class CredentialSource(Protocol):
    """Where credentials come from."""

    async def current(self) -> Secret:
        """Return what to send.

        Raises:
            NoCredential: There is nothing.
        """
        ...

    async def instead_of(self, refused: Secret) -> Secret | None:
        """Return what to send after `refused` was; None where there is nothing else."""
        ...

    def warning(self) -> str:
        """Return what an operator should know: that a key ends soon."""
        ...


class KeyRing:
    """Keys that were given: the current one, and its successor once that is refused.

    Args:
        keys: In the order in which they are tried.
        clock: To warn in time.
        expires_ns: When the console said that the key ends.
    """

    def __init__(
        self, *keys: Secret | None, clock: Clock, expires_ns: TimeNs | None = None
    ) -> None:
        self._keys = [key for key in keys if key is not None]
        self._place = 0
        self._clock = clock
        self._expires_ns = expires_ns

    async def current(self) -> Secret:
        """Return the key in use.

        Raises:
            NoCredential: There is none.
        """
        if not self._keys:
            raise NoCredential(Code.CREDENTIAL_MISSING, "set NEBIUS_API_KEY or NEBIUS_API_KEY_FILE")
        return self._keys[self._place]

    async def instead_of(self, refused: Secret) -> Secret | None:
        """Return the next key, once; a caller that was overtaken gets the one in use."""
        if self._keys[self._place] != refused:
            return self._keys[self._place]
        if self._place + 1 == len(self._keys):
            return None
        self._place += 1
        logger.warning("the advisor's key was refused; its successor is used from now on")
        return self._keys[self._place]

    def warning(self) -> str:
        """Return whether the key in use ends soon, by its own claim or by what was told."""
        if not self._keys:
            return ""
        ends = self._expires_ns or expiry_ns(self._keys[self._place])
        return expiry_warning(ends, self._clock.now_ns())


class IdentityTokens:
    """Tokens of an identity, renewed at 90 % of their life.

    Args:
        identity: Whose.
        url: Where they are exchanged.
        transport: How requests leave.
        clock: Life is measured by its monotonic side, so no step of the wall clock ends a token.
        file: Keeps the token over restarts.
        sleep: Lets time pass.
        hide: Told of each token, so that no log shows it.
    """

    def __init__(
        self,
        identity: Identity,
        url: str,
        *,
        transport: Transport,
        clock: Clock,
        file: TokenFile,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        hide: Callable[[Secret], None] = lambda _: None,
    ) -> None:
        self._identity = identity
        self._url = url
        self._transport = transport
        self._clock = clock
        self._file = file
        self._sleep = sleep
        self._hide = hide
        self._token: Secret | None = None
        self._ends_ns = 0
        """By the monotonic clock."""
        self._renew_ns = 0
        self._born_ns = 0
        self._offset_ns = 0
        """The provider's clock minus ours, once it was found to matter."""
        self._renewing: asyncio.Task[Secret] | None = None
        self._pause_s = PAUSE_S
        self._not_before_ns = 0
        self.exchanges = 0
        """Requests for a token, for whoever counts."""
        self._recall()

    async def current(self) -> Secret:
        """Return a token that lives for a minute at least.

        One that is due is used while another is fetched behind it; only without a usable one
        anybody waits.

        Raises:
            NoCredential: There is none, and none can be had now.
        """
        now_ns = self._clock.monotonic_ns()
        if self._token is not None and now_ns < self._ends_ns - MARGIN_S * NS_PER_S:
            if now_ns >= self._renew_ns and now_ns >= self._not_before_ns:
                self._renewal()
            return self._token
        if now_ns < self._not_before_ns and self._renewing is None:
            raise NoCredential(Code.CREDENTIAL_REFUSED, "the identity exchange failed a moment ago")
        return await self._renewed()

    async def instead_of(self, refused: Secret) -> Secret | None:
        """Return another token; whoever comes later with the same refused one gets that as well."""
        if self._token is not None and self._token != refused:
            return self._token
        now_ns = self._clock.monotonic_ns()
        if self._renewing is None:
            if self._token is not None and now_ns - self._born_ns < AGAIN_AFTER_S * NS_PER_S:
                return None
            if now_ns < self._not_before_ns:
                return None
        try:
            return await self._renewed()
        except NoCredential:
            return None

    def warning(self) -> str:
        """Return nothing: such tokens renew themselves."""
        return ""

    async def _renewed(self) -> Secret:
        # Shielded: who gives up waiting must not end it for all the others.
        return await asyncio.shield(self._renewal())

    def _renewal(self) -> "asyncio.Task[Secret]":
        if self._renewing is None:
            self._renewing = asyncio.get_running_loop().create_task(self._renew())
            self._renewing.add_done_callback(self._on_renewed)
        return self._renewing

    def _on_renewed(self, task: "asyncio.Task[Secret]") -> None:
        self._renewing = None
        if not task.cancelled():
            task.exception()  # Looked at, so that one nobody waits for is no complaint.

    async def _renew(self) -> Secret:
        try:
            grant = await self._exchanged()
        except (RefusedGrant, NoAnswer) as error:
            self._not_before_ns = self._clock.monotonic_ns() + int(self._pause_s * NS_PER_S)
            self._pause_s = min(PAUSE_MAX_S, self._pause_s * PAUSE_GROWTH)
            raise NoCredential(Code.CREDENTIAL_REFUSED, str(error)) from None
        self._pause_s, self._not_before_ns = PAUSE_S, 0
        self._hide(grant.token)
        self._take(grant.token, grant.life_s, grant.life_s)
        self._born_ns = self._clock.monotonic_ns()
        expires_ns = TimeNs(self._clock.now_ns() + int(grant.life_s * NS_PER_S))
        self._file.write(KeptToken(token=grant.token, expires_ns=expires_ns, life_s=grant.life_s))
        return grant.token

    async def _exchanged(self) -> Granted:
        """Exchange once; a second time by the provider's clock where ours is wrong."""
        for again in (False, True):
            self.exchanges += 1
            signed = assertion(self._identity, TimeNs(self._clock.now_ns() + self._offset_ns))
            answer = await self._transport.send(
                "POST",
                self._url,
                headers={"content-type": "application/x-www-form-urlencoded"},
                body=exchange_body(signed),
                timeout_s=EXCHANGE_S,
            )
            told_ns = date_ns(answer.headers)
            offset_ns = 0 if told_ns is None else told_ns - self._clock.now_ns()
            is_off = abs(offset_ns - self._offset_ns) > SKEW_NOTICED_S * NS_PER_S
            if again or answer.status not in (400, 401, 403) or not is_off:
                return granted(answer)
            logger.warning(
                "our clock and the identity exchange's differ by {:.0f} s; its own is used",
                offset_ns / NS_PER_S,
            )
            self._offset_ns = offset_ns
        raise AssertionError("the second answer is always returned")

    def _take(self, token: Secret, left_s: float, life_s: float) -> None:
        now_ns = self._clock.monotonic_ns()
        self._token = token
        self._ends_ns = now_ns + int(left_s * NS_PER_S)
        self._renew_ns = self._ends_ns - int(life_s * (1 - RENEW_AT) * NS_PER_S)

    def _recall(self) -> None:
        kept = self._file.read()
        if kept is None:
            return
        left_s = (kept.expires_ns - self._clock.now_ns()) / NS_PER_S
        if max(MARGIN_S, kept.life_s * (1 - RENEW_AT)) < left_s <= kept.life_s:
            self._hide(kept.token)
            self._take(kept.token, left_s, kept.life_s)
            self._born_ns = self._clock.monotonic_ns() - int(AGAIN_AFTER_S * NS_PER_S)
