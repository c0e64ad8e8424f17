"""How the advisor is shown: where it stands, what it costs, what it is worth. Pure."""

from typing import Any

import msgspec

from state.messages.advice import AdvisorMarked, Scores
from state.values import plain


def advisor_line(marked: AdvisorMarked) -> dict[str, Any]:
    """Return the advisor's line of the status."""
    return {
        "provider": marked.provider.value,
        "label": marked.label,
        "authority": marked.authority.value,
        "rules_only": marked.spending.rules_only,
        "last": dict(marked.last),
        "usd_today": plain(marked.spending.usd),
    }


def advisor_view(marked: AdvisorMarked | None) -> dict[str, Any]:
    """Return all there is to say of the advisor; before it said anything, that."""
    if marked is None:
        return {"provider": "unknown", "label": "the advisor has not said anything yet"}
    spent = marked.spending
    return {
        **advisor_line(marked),
        "model": marked.model,
        "contract": marked.contract,
        "scores": None if marked.scores is None else scores_view(marked.scores),
        "eligible": marked.eligible,
        "lacks": list(marked.lacks),
        "spending": {
            "calls": spent.calls,
            "tokens": spent.tokens,
            "tokens_max": spent.tokens_max,
            "usd": plain(spent.usd),
            "usd_max": plain(spent.usd_max),
        },
        "codes": dict(marked.counts),
        "breakers": dict(marked.breakers),
        "texts_left_out": marked.quarantined,
        "at_ns": marked.at_ns,
    }


def scores_view(scores: Scores) -> dict[str, Any]:
    """Return a record as JSON shows it."""
    shown: dict[str, Any] = msgspec.to_builtins(scores)
    return shown
