"""What an account's key may do, in Gate's areas. Pure."""

from msgspec import Struct

_READ = ".read"


class KeyRights(Struct, frozen=True, kw_only=True):
    """Areas such as `spot`, `account`, `wallet`, `withdraw`."""

    acts_in: frozenset[str] = frozenset({"spot"})
    looks_at: frozenset[str] = frozenset({"account"})
    """Areas it may read and nothing else."""

    @classmethod
    def of(cls, text: str) -> "KeyRights":
        """Return what `spot+account.read+withdraw` says: an area to act in unless it ends so."""
        areas = frozenset(text.split("+"))
        looks_at = frozenset(one.removesuffix(_READ) for one in areas if one.endswith(_READ))
        return cls(acts_in=frozenset(one for one in areas if _READ not in one), looks_at=looks_at)
