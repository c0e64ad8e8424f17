"""The error tree: callers choose by meaning, so each branch says what may be done about it.

GatehouseError
├── ConfigurationInvalid      mend the named setting; exit code 2
├── StoreRefused              the database is not ours to write; nothing was changed
│   ├── StoreNewer            written by a newer Gatehouse
│   ├── StoreForeign          written by another venue
│   ├── StoreBusy             another process holds it
│   └── StoreCorrupt          a record does not follow from the one before
├── HistoryRefused            a file or folder of market history cannot be used as it is
├── VenueError
│   ├── VenueRefused          the exchange answered no: it did not happen
│   ├── VenueUnreachable      no answer: whether it happened is unknown
│   └── VenueMalformed        an answer nobody can read: whether it happened is unknown
└── NotRunning                nothing listens at the admin socket; exit code 3
"""


class GatehouseError(Exception):
    """Root of everything Gatehouse raises for the world's faults, never for its own bugs."""


class ConfigurationInvalid(GatehouseError):
    """A setting is missing, misspelt or out of range; the text says where and how to mend it."""


class StoreRefused(GatehouseError):
    """The database cannot be used as it is; nothing was changed."""


class StoreNewer(StoreRefused):
    """The database has migrations this version does not know."""


class StoreForeign(StoreRefused):
    """The database belongs to another venue."""


class StoreBusy(StoreRefused):
    """Another process holds the data directory."""


class StoreCorrupt(StoreRefused):
    """A record's hash does not follow from the one before it."""


class HistoryRefused(GatehouseError):
    """Market history cannot be used as it is; the text names it, and how to mend it."""


class VenueError(GatehouseError):
    """Something went wrong between us and the exchange."""


class VenueRefused(VenueError):
    """The exchange answered no, so it did not happen.

    Args:
        label: Gate's error label, such as `BALANCE_NOT_ENOUGH`.
        message: Gate's sentence.
        status: The HTTP status, 0 where there was none.
    """

    def __init__(self, label: str, message: str, status: int = 0) -> None:
        super().__init__(f"{label}: {message}")
        self.label = label
        self.message = message
        self.status = status


class VenueUnreachable(VenueError):
    """No answer came: whether the request took effect is unknown."""


class VenueMalformed(VenueError):
    """An answer came that nobody can read: whether the request took effect is unknown."""


class NotRunning(GatehouseError):
    """Nothing listens at the admin socket."""
