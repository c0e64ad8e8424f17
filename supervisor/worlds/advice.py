"""Who advises a house: Nebius, a stub of ours, or nobody."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from loguru import logger

from adapters.clock import SystemClock
from adapters.loop import LoopThread
from adapters.nebius.chat import Address, Line, shape_hint
from adapters.nebius.client import NebiusChatModel
from adapters.nebius.identity import identity_from
from adapters.nebius.pace import Pace
from adapters.nebius.token_file import NAME, TokenFile
from adapters.nebius.tokens import CredentialSource, IdentityTokens, KeyRing
from adapters.nebius.transport import Transport
from adapters.ports import ChatModel
from adapters.stub_chat import StubChatModel, StubListening
from state.config import AdvisorCredential, AdvisorProvider, AdvisorSettings, Config, Secret
from state.config.advisor import ReasoningEffort
from state.errors import ConfigurationInvalid
from state.messages.advice import Provider
from state.values import NS_PER_S, TimeNs, Venue

if TYPE_CHECKING:
    from adapters.nebius.http_transport import HttpTransport


@dataclass(frozen=True, kw_only=True)
class Advice:
    """A language model and how to leave it."""

    chat: ChatModel | None
    close: Callable[[], None]


def advice(
    config: Config, *, loop: LoopThread, folder: Path, hide: Callable[[Secret], None]
) -> Advice:
    """Return who advises; nothing is connected or started before somebody asks.

    Args:
        config: Whom it wants.
        loop: Owns the sockets.
        folder: Where a token and a stub's log go.
        hide: Told of every credential, so that no log shows it.

    Raises:
        ConfigurationInvalid: What it wants lacks a credential.
    """
    match provider_of(config):
        case Provider.NEBIUS:
            return _nebius(config, loop, folder, hide)
        case Provider.STUB:
            return _stub(config, loop, folder, hide)
        case _:
            return Advice(chat=None, close=_nothing)


def provider_of(config: Config) -> Provider:
    """Return who advises by this configuration."""
    settings = config.advisor
    match settings.provider:
        case AdvisorProvider.NEBIUS:
            return Provider.NEBIUS
        case AdvisorProvider.STUB:
            return Provider.STUB
        case AdvisorProvider.OFF:
            return Provider.OFF
        case _:
            pass
    has_identity = settings.credential is AdvisorCredential.IDENTITY
    if config.secrets.nebius_api_key is not None or has_identity:
        return Provider.NEBIUS
    return Provider.STUB if config.venue is Venue.SIMULATED else Provider.OFF


def _nebius(
    config: Config, loop: LoopThread, folder: Path, hide: Callable[[Secret], None]
) -> Advice:
    settings, transport = config.advisor, _transport()
    _refuse_in_the_clear("advisor.base_url", settings.base_url)
    credentials = _credentials(config, transport, folder, hide)
    address = Address(base_url=settings.base_url, project=settings.project)
    chat = _client(config, loop, address, credentials, transport, Provider.NEBIUS)
    return Advice(chat=chat, close=chat.close)


def _credentials(
    config: Config, transport: Transport, folder: Path, hide: Callable[[Secret], None]
) -> CredentialSource:
    settings, clock = config.advisor, SystemClock()
    if settings.credential is AdvisorCredential.IDENTITY:
        if settings.identity_file is None:
            raise ConfigurationInvalid(
                "advisor.identity_file: the credential `identity` needs the service account's file"
            )
        _refuse_in_the_clear("advisor.identity_url", settings.identity_url)
        identity = identity_from(Path(settings.identity_file), settings.identity_audience)
        return IdentityTokens(
            identity,
            settings.identity_url,
            transport=transport,
            clock=clock,
            file=TokenFile(folder / NAME, identity.service_account),
            hide=hide,
        )
    key = config.secrets.nebius_api_key
    if key is None:
        raise ConfigurationInvalid(
            "advisor.provider: nebius needs a key: set NEBIUS_API_KEY, or NEBIUS_API_KEY_FILE "
            "naming a file of mode 0600"
        )
    logger.info("the advisor asks {} with {}", settings.base_url, shape_hint(key))
    following = config.secrets.nebius_api_key_next
    return KeyRing(key, following, clock=clock, expires_ns=_day_ns(settings.key_expires))


def _stub(config: Config, loop: LoopThread, folder: Path, hide: Callable[[Secret], None]) -> Advice:
    settings = config.advisor

    def connect(base_url: str, key: Secret) -> NebiusChatModel:
        hide(key)
        credentials = KeyRing(key, clock=SystemClock())
        address = Address(base_url=base_url)
        return _client(config, loop, address, credentials, _transport(), Provider.STUB)

    if settings.stub_url is not None:
        from adapters.simulated.advisor.service import KEY  # noqa: PLC0415 (few come here)

        # Never a real key: nobody knows who listens there.
        chat = connect(settings.stub_url, Secret(KEY))
        return Advice(chat=chat, close=chat.close)

    def listening(there: StubListening) -> NebiusChatModel:
        return connect(there.base_url, Secret(there.key))

    stub = StubChatModel(
        seed=config.seed, script=settings.stub_script, folder=folder, connect=listening
    )
    return Advice(chat=stub, close=stub.close)


def _transport() -> "HttpTransport":
    # With a stub nobody waits for this: it is started beside the house, at the first question.
    from adapters.nebius.http_transport import HttpTransport  # noqa: PLC0415

    return HttpTransport()


def _client(
    config: Config,
    loop: LoopThread,
    address: Address,
    credentials: CredentialSource,
    transport: "HttpTransport",
    provider: Provider,
) -> NebiusChatModel:
    settings = config.advisor
    line = Line(
        address=address,
        credentials=credentials,
        transport=transport,
        clock=SystemClock(),
        sleep=asyncio.sleep,
        chance=Random(f"{config.seed}:advisor"),  # noqa: S311 - spreads retries, hides nothing
        pace=Pace(settings.requests_per_minute),
        efforts=_efforts(settings),
    )
    return NebiusChatModel(loop, line, transport, provider)


def _refuse_in_the_clear(setting: str, address: str) -> None:
    """Refuse to send a credential where anybody on the way could read it."""
    url = urlsplit(address)
    if url.scheme != "https" and url.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise ConfigurationInvalid(f"{setting}: a credential is sent by https only")


def _efforts(settings: AdvisorSettings) -> dict[str, str]:
    wanted = {settings.model: settings.reasoning_effort}
    if settings.model_secondary is not None:
        wanted[settings.model_secondary] = settings.reasoning_effort_secondary
    return {
        model: effort.value
        for model, effort in wanted.items()
        if effort is not ReasoningEffort.UNSET
    }


def _day_ns(day: str | None) -> TimeNs | None:
    """Return the beginning of a UTC day."""
    if day is None:
        return None
    try:
        at = datetime.fromisoformat(day).replace(tzinfo=UTC)
    except ValueError:
        raise ConfigurationInvalid(f"advisor.key_expires: {day} is no day") from None
    return TimeNs(int(at.timestamp()) * NS_PER_S)


def _nothing() -> None:
    pass
