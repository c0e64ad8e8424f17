"""What an order asks for, and one amendment of it as a fold of what was journalled. Pure."""

from msgspec import Struct

from state.messages.orders import (
    AmendIntended,
    AmendNotMade,
    AmendRefused,
    AmendUnknown,
    OrderAmended,
)
from state.values import Price, Quantity

AmendFact = AmendIntended | OrderAmended | AmendRefused | AmendUnknown | AmendNotMade
"""Every kind of event an amendment is made of."""


class Shape(Struct, frozen=True):
    """What an order asks for."""

    quantity: Quantity
    """All of it, what is filled included."""
    price: Price


class Amendment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that is known of one amendment of an order."""

    number: int
    intent: AmendIntended | None = None
    made: OrderAmended | None = None
    refused: AmendRefused | None = None
    unknown: AmendUnknown | None = None
    not_made: AmendNotMade | None = None

    @property
    def is_open(self) -> bool:
        """Whether it may or may not have been made."""
        return self.made is None and self.refused is None and self.not_made is None

    @property
    def is_disowned(self) -> bool:
        """Whether it was made although it was said that it was not."""
        return self.made is not None and not (self.refused is None and self.not_made is None)

    @property
    def facts(self) -> list[AmendFact]:
        """What it is made of."""
        facts = (self.intent, self.made, self.refused, self.unknown, self.not_made)
        return [fact for fact in facts if fact is not None]
