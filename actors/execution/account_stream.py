"""The account stream: what the exchange pushes about our account."""

from typing import Any

from actors import addresses
from actors.execution.client_ids import is_ours
from actors.kernel import Actor
from adapters.ports import AccountStream as AccountStreamPort
from state.messages.market import StreamLost, StreamOpened
from state.messages.operations import StreamStateWanted
from state.messages.venue import BalanceReport, OrderReport, TradeReport, TriggerMoved


class AccountStream(Actor):
    """One. Owns the private subscription; a restart opens it anew, and the router reconciles.

    Args:
        stream: The private stream.
    """

    def __init__(self, stream: AccountStreamPort) -> None:
        super().__init__()
        self._stream = stream
        self._state: StreamOpened | StreamLost = StreamLost(reason="not opened yet")

    def on_start(self) -> None:
        """Open the stream; until it is open, nobody may count on what it would say."""
        self.tell(addresses.ORDER_ROUTER, self._state)
        self._stream.open(self.inlet())

    def on_receive(self, message: Any) -> None:
        """Pass on what concerns orders to the router, what concerns money to the ledger keeper."""
        match message:
            case OrderReport() | TradeReport():
                self.tell(addresses.ORDER_ROUTER, message)
                if not is_ours(message.client_order_id):
                    # It may be what one of our trigger orders became: only their list can tell.
                    self.tell(addresses.TRIGGER_KEEPER, TriggerMoved(pair=message.pair))
            case TriggerMoved():
                self.tell(addresses.TRIGGER_KEEPER, message)
            case BalanceReport():
                self.tell(addresses.LEDGER_KEEPER, message)
            case StreamOpened() | StreamLost():
                self._state = message
                self.tell(addresses.ORDER_ROUTER, message)
                if isinstance(message, StreamOpened):
                    self.tell(addresses.LEDGER_KEEPER, message)
                self.tell(addresses.TRIGGER_KEEPER, message)
            case StreamStateWanted():
                self.tell(message.reply_to, self._state)
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")
