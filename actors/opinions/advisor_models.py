"""Whom the advisor may ask: the models of its settings, and what the provider's list says of them.

Pure but for the list it remembers.
"""

from decimal import Decimal

from state.config.advisor import AdvisorSettings
from state.messages.advice import ModelRow, Provider

_PER_TOKEN = Decimal(1_000_000)


class Models:
    """One house's.

    Args:
        settings: Which, and the prices that are taken for one that is not listed.
        provider: Who answers.
    """

    def __init__(self, settings: AdvisorSettings, provider: Provider) -> None:
        self._is_stub = provider is Provider.STUB
        self._dearest = (settings.price_in_max / _PER_TOKEN, settings.price_out_max / _PER_TOKEN)
        self._listed: dict[str, ModelRow] = {}
        self.first = settings.model
        self.second = settings.model_secondary
        """Asked where the first fails; None where nobody is."""

    @property
    def all(self) -> tuple[str, ...]:
        """All of them, in the order in which they are asked."""
        return (self.first,) if self.second is None else (self.first, self.second)

    @property
    def first_name(self) -> str:
        """Of the first, as it is recorded: authority is its own."""
        return self.name(self.first)

    def name(self, model: str) -> str:
        """Return how a model is recorded: what the stub does counts for no real model."""
        return f"stub:{model}" if self._is_stub else model

    def take(self, listed: tuple[ModelRow, ...]) -> None:
        """Take a new list; an empty one says nothing."""
        if listed:
            self._listed = {one.id: one for one in listed}

    def prices(self, model: str) -> tuple[Decimal, Decimal]:
        """Return US dollars per token in and out; of an unlisted model the dearest known."""
        dearest_in, dearest_out = self._dearest
        row = self._listed.get(model)
        if row is None:
            return self._dearest
        return (
            dearest_in if row.price_in is None else row.price_in,
            dearest_out if row.price_out is None else row.price_out,
        )
