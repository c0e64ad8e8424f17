"""What the tree needs from outside, whatever the outside is."""

from collections.abc import Callable
from dataclasses import dataclass

from actors.operations.admin import Desk
from adapters.ports import (
    AccountStream,
    ChatModel,
    Exchange,
    HaltLatch,
    MarketHistory,
    MarketStream,
    ProcessMeter,
)
from state.store import Store


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything the tree needs from outside."""

    exchange: Exchange
    market: MarketStream
    account: AccountStream
    latch: HaltLatch
    meter: ProcessMeter
    open_store: Callable[[], Store]
    desk: Desk | None
    """What the operator's desk needs; None where there is no operator."""
    process: str
    """Names this process in decision ids; no other process of this database has the same."""
    account_name: str
    """Names the account in client order ids."""
    open_history: Callable[[], MarketHistory] | None = None
    """Opens the market's history; None where none is kept."""
    chat: ChatModel | None = None
    """Whom the advisor asks; None where nobody is asked."""
