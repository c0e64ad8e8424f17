"""Who signs, and the signatures."""

from msgspec import Struct

from adapters.gate.signatures import api_signature, channel_signature, rest_signature
from state.config.secret import Secret

__all__ = ["Credentials", "api_signature", "channel_signature", "rest_signature"]


class Credentials(Struct, frozen=True, kw_only=True):
    """An API key and its secret."""

    key: Secret
    secret: Secret
