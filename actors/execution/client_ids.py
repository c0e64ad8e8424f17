"""Our names for orders. Pure.

A name is a function of account, decision and attempt, never of a clock or of chance: asked again
after a crash, the same decision gives the same name.
"""

import base64
import hashlib

from state.values import ClientOrderId, DecisionId

PREFIX = "t-gh-"
"""Gate wants `t-` and then at most 28 of `0-9 A-Z a-z _ - .`; ours go on with `gh-`."""


def client_order_id(account: str, decision: DecisionId, attempt: int) -> ClientOrderId:
    """Return the name of the `attempt`-th order (>= 1) of `decision`."""
    return ClientOrderId(f"{PREFIX}{parent_name(account, decision)}-{attempt}")


def parent_name(account: str, decision: DecisionId) -> str:
    """Return what the names of all orders of `decision` share: its worker lives under it."""
    digest = hashlib.blake2b(f"{account}|{decision}".encode(), digest_size=10).digest()
    return base64.b32encode(digest).decode().lower()


def is_ours(name: str) -> bool:
    """Return whether an order of this name was placed by Gatehouse."""
    return name.startswith(PREFIX)
