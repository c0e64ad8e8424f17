"""What a key may do, judged: enough to trade, and nothing that moves money away. Pure."""

from collections.abc import Iterable

from state.messages.venue import KeyRights
from state.values import Pair
from supervisor.doctor.findings import Finding, fail, ok, warn

CHECK = "key_rights"
MOVE_MONEY = frozenset({"withdraw", "withdrawal", "wallet", "custody", "otc", "sub_accounts"})
"""Areas of Gate's in which whoever may act can take money away."""
NEEDED = "spot"
_NEW_KEY = (
    "make a new key at the exchange that may trade spot and nothing else, without withdrawal, "
    "bound to this machine's address, and delete this one"
)


def key_rights(told: KeyRights, pairs: Iterable[Pair]) -> Finding:
    """Return whether a key with these rights should trade `pairs`."""
    dangerous = sorted(area for area in told.acts_in if area in MOVE_MONEY or "withdraw" in area)
    found = f"may act in {_named(told.acts_in)}; may look at {_named(told.looks_at)}"
    if not told.is_active:
        return fail(CHECK, f"{found}; the key is locked", "unlock it at the exchange")
    if dangerous:
        return fail(CHECK, f"{found}: {_named(dangerous)} can move money away", _NEW_KEY)
    if NEEDED not in told.acts_in:
        return fail(CHECK, f"{found}: it cannot trade", "give the key permission to trade spot")
    closed = [pair for pair in pairs if told.pairs and pair not in told.pairs]
    if closed:
        mend = "add them to the key's list of pairs, or take them out of --pairs"
        return fail(CHECK, f"{found}; its list of pairs lacks {_named(closed)}", mend)
    more = sorted(told.acts_in - {NEEDED})
    if more:
        return warn(CHECK, f"{found}: {_named(more)} is never needed here", _NEW_KEY)
    if not told.addresses:
        return warn(CHECK, f"{found}; from any address", "bind the key to this machine's address")
    return ok(CHECK, f"{found}; from {_named(told.addresses)}")


def untold(why: str) -> Finding:
    """Return that the exchange does not say what the key may do."""
    mend = "look at the key's page at the exchange: withdrawal must not be allowed"
    return warn(CHECK, f"the exchange does not say: {why}", mend)


def _named(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
