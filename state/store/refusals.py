"""What the store refuses while it runs."""

from state.errors import StoreRefused


class RecordRefused(StoreRefused):
    """These entries contradict what is known, so none of them was written; others still can be."""


class EpochStale(StoreRefused):
    """A later opening has taken over: this writer is fenced and has to end."""


class EventsPruned(StoreRefused):
    """The events asked for were retired; begin from `Store.base()` instead."""
