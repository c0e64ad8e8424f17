"""Nebius IAM: a service account's signed token against a short-lived access token.

Source: RFC 8693 with the fields of the `nebius` SDK 0.6.29 (`service_account.py`,
`token/exchangeable.py`). The HTTPS address and whether inference takes such tokens are not
confirmed by the provider's pages: both are settings.
"""

import os
import stat
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from adapters.nebius.wire import RawAnswer
from state.config.secret import Secret
from state.errors import ConfigurationInvalid
from state.values import NS_PER_S, TimeNs

LIFE_S = 60
"""Of the signed token, as in the SDK: it is used at once."""
_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS = "urn:ietf:params:oauth:token-type:access_token"
_JWT = "urn:ietf:params:oauth:token-type:jwt"
_FILE_BYTES_MAX = 65_536


class Identity(Struct, frozen=True, kw_only=True):
    """A service account and its key."""

    service_account: str
    key_id: str
    private_key: Secret
    """PEM of an RSA key."""
    audience: str


class Granted(Struct, frozen=True, kw_only=True):
    """What an exchange gave."""

    token: Secret
    life_s: float


class RefusedGrant(Exception):
    """The exchange answered, and not with a token we can use."""


def identity_from(path: Path, audience: str) -> Identity:
    """Return the identity of a credentials file.

    Raises:
        ConfigurationInvalid: It is missing, open to others, or not such a file.
    """
    where = f"advisor.identity_file: {path}"
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(_FILE_BYTES_MAX)
    except OSError as error:
        raise ConfigurationInvalid(f"{where}: cannot be read: {error.strerror}") from None
    if mode & 0o077:
        raise ConfigurationInvalid(
            f"{where}: can be used by others (mode {mode:04o}); mend it: chmod 600 {path}"
        )
    try:
        subject = msgspec.json.decode(content)["subject-credentials"]
        alg, key = subject["alg"], subject["private-key"]
        key_id, issuer, owner = subject["kid"], subject["iss"], subject["sub"]
    except (msgspec.DecodeError, KeyError, TypeError):
        # What exactly is wrong could quote the key.
        raise ConfigurationInvalid(f"{where}: is no file of subject-credentials") from None
    if alg != "RS256" or issuer != owner:
        raise ConfigurationInvalid(f"{where}: needs alg RS256, and iss equal to sub")
    identity = Identity(
        service_account=owner, key_id=key_id, private_key=Secret(key), audience=audience
    )
    import jwt  # noqa: PLC0415 (it brings a library of cryptography; few have an identity)

    try:
        assertion(identity, TimeNs(0))
    except (ValueError, TypeError, jwt.PyJWTError):
        raise ConfigurationInvalid(f"{where}: its private key is no RSA key in PEM") from None
    return identity


def assertion(identity: Identity, now_ns: TimeNs) -> Secret:
    """Return the signed token that asks for access, valid for a minute from `now_ns`."""
    issued = int(now_ns // NS_PER_S)
    claims = {
        "iss": identity.service_account,
        "sub": identity.service_account,
        "aud": identity.audience,
        "iat": issued,
        "exp": issued + LIFE_S,
    }
    key = identity.private_key.reveal()
    headers = {"typ": "JWT", "kid": identity.key_id}
    import jwt  # noqa: PLC0415 (as above)

    return Secret(jwt.encode(claims, key, algorithm="RS256", headers=headers))


def exchange_body(signed: Secret) -> bytes:
    """Return the form that exchanges a signed token."""
    form = {
        "grant_type": _GRANT,
        "requested_token_type": _ACCESS,
        "subject_token": signed.reveal(),
        "subject_token_type": _JWT,
    }
    return urlencode(form).encode()


def granted(answer: RawAnswer) -> Granted:
    """Return what an exchange gave; snake_case and camelCase are both read.

    Raises:
        RefusedGrant: It gave nothing usable; the text holds no credential.
    """
    if answer.status != 200:
        raise RefusedGrant(f"the identity exchange answered {answer.status}")
    try:
        body = msgspec.json.decode(answer.body)
    except msgspec.DecodeError:
        raise RefusedGrant("the identity exchange sent no JSON") from None
    if not isinstance(body, dict):
        raise RefusedGrant("the identity exchange sent no object")
    token = _either(body, "access_token", "accessToken")
    kind = _either(body, "token_type", "tokenType")
    life = _either(body, "expires_in", "expiresIn")
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise RefusedGrant("the identity exchange sent no token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise RefusedGrant("the identity exchange sent a token that is not Bearer")
    try:
        life_s = float(life)
    except (TypeError, ValueError):
        raise RefusedGrant("the identity exchange did not say how long its token lives") from None
    if not 0 < life_s <= 10 * 86_400:
        raise RefusedGrant("the identity exchange sent a token without a life")
    return Granted(token=Secret(token), life_s=life_s)


def _either(body: dict[str, Any], *names: str) -> Any:
    return next((body[name] for name in names if name in body), None)
