"""Who owns what. Every unit that one account gains another one loses. Pure.

Two accounts are the venue's own: the street, which is everybody anonymous and may owe, and the fee
account. So the sum over all accounts stays what was deposited, to the last atom.
"""

from collections import defaultdict, deque
from collections.abc import Callable
from itertools import takewhile
from typing import Final, NamedTuple

from msgspec import Struct

from adapters.simulated.core.events import BalanceMoved
from adapters.simulated.core.fees import FeeMode
from adapters.simulated.core.key_rights import KeyRights
from adapters.simulated.core.refusals import refusal
from state.values import Currency

STREET: Final = "(street)"
FEES: Final = "(fees)"


_ENTRIES_KEPT = 200_000


class Entry(NamedTuple):
    """One change of a balance, as Gate's account book names it."""

    currency: Currency
    change: int
    type: str
    """The old, verbal code."""
    code: str
    text: str


class BookEntry(Struct, frozen=True, kw_only=True, gc=False):
    """One line of an account book; amounts in atoms."""

    id: int
    owner: str
    time_ns: int
    currency: Currency
    change: int
    balance: int
    type: str
    code: str
    text: str


class Balance:
    """One currency of one account, in atoms."""

    __slots__ = ("available", "locked", "update_id")

    def __init__(self, available: int = 0, locked: int = 0, update_id: int = 0) -> None:
        self.available = available
        self.locked = locked
        self.update_id = update_id

    @property
    def total(self) -> int:
        """Available and locked together."""
        return self.available + self.locked


class Account:
    """Whoever holds balances here."""

    def __init__(self, name: str, key: str, secret: str, user_id: int) -> None:
        self.name = name
        self.key = key
        self.secret = secret
        self.user_id = user_id
        self.maker_fee_ppm = 2000
        """Millionths of what is received."""
        self.taker_fee_ppm = 2000
        self.fee_mode = FeeMode.RECEIVED
        self.gt_maker_fee_ppm = 1800
        """The rates while it pays in GT."""
        self.gt_taker_fee_ppm = 1800
        self.stp_group = 0
        """Whose orders do not trade with one another; 0 is none."""
        self.unified = False
        self.rights = KeyRights()
        self.balances: defaultdict[Currency, Balance] = defaultdict(Balance)

    @property
    def wallets(self) -> tuple[str, ...]:
        """What `account` of a request may say, what it means by default first."""
        return ("unified", "spot") if self.unified else ("spot",)

    @property
    def internal(self) -> bool:
        """Whether it is the venue's own."""
        return not self.key


class Ledger:
    """All accounts of one venue.

    Args:
        tell: Receives every change of a client's balance.
    """

    def __init__(self, tell: Callable[[BalanceMoved], None]) -> None:
        self._tell = tell
        self.accounts: dict[str, Account] = {}
        self.by_key: dict[str, Account] = {}
        self.deposited: defaultdict[Currency, int] = defaultdict(int)
        self.dirty: set[tuple[str, Currency]] = set()
        """What changed since whoever persists balances looked last."""
        self.entries: deque[BookEntry] = deque(maxlen=_ENTRIES_KEPT)
        """The account book of everybody, oldest first."""
        self.next_entry_id = 1
        self.street = self.open(STREET, "", "")
        self.fees = self.open(FEES, "", "")

    def open(self, name: str, key: str, secret: str) -> Account:
        """Return the new account `name`, which holds nothing yet."""
        assert name not in self.accounts, f"account {name} exists"
        account = Account(name, key, secret, 10_000_000 + len(self.accounts))
        self.accounts[name] = account
        if key:
            self.by_key[key] = account
        return account

    def deposit(self, account: Account, currency: Currency, atoms: int) -> None:
        """Add `atoms` from outside the venue."""
        self.deposited[currency] += atoms
        account.balances[currency].available += atoms
        self.dirty.add((account.name, currency))

    def fund(
        self, account: Account, currency: Currency, atoms: int, now_ns: int, word: str = ""
    ) -> None:
        """Take `atoms` in from outside the venue, or let them out, and tell the account so.

        Args:
            account: Whose they are.
            currency: Of what.
            atoms: Below 0: they go.
            now_ns: The venue's time.
            word: What the account book calls it; a deposit or a withdrawal when empty.

        Raises:
            VenueRefused: `BALANCE_NOT_ENOUGH`; nothing changed.
        """
        if account.balances[currency].available + atoms < 0:
            raise refusal("BALANCE_NOT_ENOUGH", "Not enough balance")
        word = word or ("deposit" if atoms > 0 else "withdraw")
        self.deposited[currency] += atoms
        self._move(account, currency, atoms, 0, word, now_ns)
        self.note(account, Entry(currency, atoms, word, "", ""), 0, now_ns)

    def entries_since(self, owner: str, since_ns: int) -> list[BookEntry]:
        """Return the lines of an account at or after `since_ns`, oldest first."""
        newest_first = takewhile(lambda entry: entry.time_ns >= since_ns, reversed(self.entries))
        return [entry for entry in newest_first if entry.owner == owner][::-1]

    def lock(
        self,
        account: Account,
        currency: Currency,
        atoms: int,
        now_ns: int,
        change_type: str = "order-create",
    ) -> None:
        """Hold `atoms` back for an order.

        Raises:
            VenueRefused: `BALANCE_NOT_ENOUGH`; nothing changed.
        """
        if account.balances[currency].available < atoms:
            raise refusal("BALANCE_NOT_ENOUGH", "Not enough balance")
        self._move(account, currency, -atoms, atoms, change_type, now_ns)

    def unlock(self, account: Account, currency: Currency, atoms: int, now_ns: int) -> None:
        """Give `atoms` back that no order needs any more."""
        if atoms:
            self._move(account, currency, atoms, -atoms, "order-update", now_ns)

    def spend(self, account: Account, currency: Currency, atoms: int, now_ns: int) -> None:
        """Take locked `atoms` away: they were sold."""
        self._move(account, currency, 0, -atoms, "order-match", now_ns)

    def credit(self, account: Account, currency: Currency, atoms: int, now_ns: int) -> None:
        """Add `atoms` that were bought, or charged; negative only for the street."""
        self._move(account, currency, atoms, 0, "order-match", now_ns)

    def charge(self, account: Account, currency: Currency, atoms: int, now_ns: int) -> None:
        """Take a fee that does not come off what was received; the venue gets it."""
        self._move(account, currency, -atoms, 0, "trade-fee-deduct", now_ns)
        self.credit(self.fees, currency, atoms, now_ns)

    def note(self, account: Account, entry: Entry, later: int, now_ns: int) -> None:
        """Write into the account book what a trade changed.

        Args:
            account: Whose balance.
            entry: What changed.
            later: What changed of that balance since.
            now_ns: The venue's time.
        """
        total = account.balances[entry.currency].total
        self.entries.append(
            BookEntry(
                id=self.next_entry_id,
                owner=account.name,
                time_ns=now_ns,
                currency=entry.currency,
                change=entry.change,
                balance=total - later,
                type=entry.type,
                code=entry.code,
                text=entry.text,
            )
        )
        self.next_entry_id += 1

    def _move(
        self,
        account: Account,
        currency: Currency,
        available: int,
        locked: int,
        change_type: str,
        now_ns: int,
    ) -> None:
        balance = account.balances[currency]
        balance.available += available
        balance.locked += locked
        balance.update_id += 1
        self.dirty.add((account.name, currency))
        if account.internal:
            return
        assert balance.available >= 0, f"{account.name} owes {currency}"
        assert balance.locked >= 0, f"{account.name} locked less than nothing of {currency}"
        self._tell(
            BalanceMoved(
                owner=account.name,
                user_id=account.user_id,
                currency=currency,
                available=balance.available,
                locked=balance.locked,
                available_change=available,
                locked_change=locked,
                change_type=change_type,
                time_ns=now_ns,
            )
        )
