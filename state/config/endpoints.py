"""Which hosts belong to which venue: orders meant for one must never reach another. Pure."""

import ipaddress
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from state.config.settings import Config
from state.values import Venue

_GATE_DOMAINS = ("gateio.ws", "gate.com", "gate.io", "gateapi.io", "gateeu.com")


class Endpoints(Struct, frozen=True, kw_only=True):
    """Where an exchange listens."""

    rest: str
    """Without a slash at the end: `https://api.gateio.ws/api/v4`."""
    ws: str
    ws_more: tuple[str, ...] = ()
    """Tried in their order when one fails."""

    @property
    def streams(self) -> tuple[str, ...]:
        """Every WebSocket address, in the order in which they are tried."""
        return (self.ws, *self.ws_more)


_LIVE = Endpoints(rest="https://api.gateio.ws/api/v4", ws="wss://api.gateio.ws/ws/v4/")
_TESTNET = Endpoints(
    rest="https://api-testnet.gateapi.io/api/v4", ws="wss://ws-testnet.gate.com/v4/ws/spot"
)


def endpoints(config: Config) -> Endpoints | None:
    """Return where `config` says the exchange listens.

    None means the simulated exchange that starts together with the house. An `exchange_url`
    without a path gets Gate's. Only the testnet has its streams on a host of their own.
    """
    found = _endpoints(config)
    return None if found is None else replace(found, ws_more=config.stream_urls)


def _endpoints(config: Config) -> Endpoints | None:
    if config.exchange_url is None:
        return {Venue.LIVE: _LIVE, Venue.TESTNET: _TESTNET, Venue.SIMULATED: None}[config.venue]
    url = urlsplit(config.exchange_url)
    rest = f"{url.scheme}://{url.netloc}{url.path.rstrip('/') or '/api/v4'}"
    if config.venue is Venue.TESTNET:
        return Endpoints(rest=rest, ws=_TESTNET.ws)
    scheme = "wss" if url.scheme == "https" else "ws"
    return Endpoints(rest=rest, ws=f"{scheme}://{url.netloc}/ws/v4/")


def mismatch(config: Config) -> str | None:
    """Return why `exchange_url` cannot belong to the venue, or None where it can."""
    if config.exchange_url is None:
        return None
    return _mismatch(config.venue, config.exchange_url, "https")


def stream_mismatch(config: Config) -> str | None:
    """Return why one of `stream_urls` cannot belong to the venue, or None where all can."""
    reasons = (_mismatch(config.venue, url, "wss") for url in config.stream_urls)
    return next(filter(None, reasons), None)


def _mismatch(venue: Venue, address: str, scheme: str) -> str | None:
    url = urlsplit(address)
    owner = _owner(url)
    if venue is Venue.SIMULATED:
        if owner is None:
            return None
        return f"the host {url.hostname} is Gate's {owner}, but the venue is simulated"
    if owner is not venue:
        is_what = f"Gate's {owner}" if owner else _stranger(url)
        return f"the host {url.hostname} is {is_what}, but the venue is {venue}"
    if url.scheme != scheme:
        return f"the venue {venue} is reached by {scheme} only"
    return None


def _owner(url: SplitResult) -> Venue | None:
    host = (url.hostname or "").rstrip(".")
    if not any(host == domain or host.endswith(f".{domain}") for domain in _GATE_DOMAINS):
        return None
    return Venue.TESTNET if "testnet" in host else Venue.LIVE


def _stranger(url: SplitResult) -> str:
    host = url.hostname or ""
    try:
        is_here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_here = host == "localhost"
    return "this machine" if is_here else "not one of Gate's"
