"""What a credential tells of itself, and texts from which credentials are gone. Pure.

A key is classified by its shape alone. Only the `eyJ` shape is a JWT; its payload is read without
verifying, for one use: to warn of its end. Nothing is decided by it.
"""

import base64
import json
import math
import re
from enum import StrEnum
from typing import Any

from state.config.secret import Secret
from state.values import NS_PER_S, TimeNs

WARN_DAYS = (14, 7, 1)
"""Days before its end on which an expiring key is warned of."""
_DAY_NS = 86_400 * NS_PER_S
_KNOWN = re.compile(r"\b(eyJ|v1\.|v0\.|ne1|nd1)[A-Za-z0-9_\-.]{6,}")
_BEARER = re.compile(r"(?i)(bearer\s+|authorization['\"]?\s*[:=]\s*['\"]?)(?!bearer)[^\s'\",}]+")
_NAMED = re.compile(
    r"(?i)\b(access_token|accessToken|subject_token|actor_token|api_key|private-key)"
    r"(['\"]?\s*[:=]\s*['\"]?)[^\s'\",&}]+"
)


class Shape(StrEnum):
    """What kind of credential it looks like."""

    JWT = "jwt"
    """`eyJ….….…`: header, payload and signature."""
    STATIC = "static key"
    """`v1.….…`: opaque; two dots do not make a JWT."""
    ACCESS = "access token"
    """`ne1…` or `v0.…`: short-lived, of Nebius IAM."""
    UNKNOWN = "unknown"


def shape_of(credential: Secret) -> Shape:
    """Return what kind of credential it looks like."""
    text = credential.reveal()
    if text.startswith("eyJ") and text.count(".") == 2:
        return Shape.JWT
    if text.startswith("v1."):
        return Shape.STATIC
    if text.startswith(("ne1", "v0.")):
        return Shape.ACCESS
    return Shape.UNKNOWN


def expiry_ns(credential: Secret) -> TimeNs | None:
    """Return when a JWT says that it ends; None for other shapes and what is unreadable."""
    claims = claims_of(credential)
    expires = claims.get("exp")
    if isinstance(expires, bool) or not isinstance(expires, int | float):
        return None
    if not math.isfinite(expires) or not 0 < expires < 10**11:
        return None
    return TimeNs(int(expires * NS_PER_S))


def claims_of(credential: Secret) -> dict[str, Any]:
    """Return a JWT's payload, unverified; empty where there is none to read."""
    if shape_of(credential) is not Shape.JWT:
        return {}
    payload = credential.reveal().split(".")[1].rstrip("=")
    try:
        decoded = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        claims = json.loads(decoded)
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def expiry_warning(expires_ns: TimeNs | None, now_ns: TimeNs) -> str:
    """Return what to say of an end that is known and near; empty where there is nothing to say."""
    if expires_ns is None:
        return ""
    left_ns = expires_ns - now_ns
    if left_ns <= 0:
        return "the key of the language model service has expired: put a new one in its place"
    days = left_ns / _DAY_NS
    if days > max(WARN_DAYS):
        return ""
    left = f"{days:.0f} days" if days >= 2 else f"{left_ns / NS_PER_S / 3600:.0f} hours"
    return f"the key of the language model service expires in {left}: make its successor"


def redacted(text: str, *secrets: Secret | None) -> str:
    """Return `text` without these secrets and without whatever looks like a credential."""
    for secret in secrets:
        if secret is not None and secret.reveal():
            text = text.replace(secret.reveal(), "[hidden]")
    text = _BEARER.sub(r"\1[hidden]", text)
    text = _NAMED.sub(r"\1\2[hidden]", text)
    return _KNOWN.sub(r"\1[hidden]", text)
