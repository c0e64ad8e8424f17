"""A question as the model sees it: one canonical JSON object of numbered, dated facts. Pure.

Equal questions give equal bytes. Numbers have at most six significant digits, prices the decimals
of their tick; nothing is left for the model to compute.
"""

import hashlib
import math
from decimal import Decimal
from functools import lru_cache

import msgspec
import numpy as np

from state.advice.contract import HORIZONS_MIN, VERSION
from state.advice.outside_text import fenced
from state.messages.advice import Fact, Question
from state.values import TimeNs, plain

PRICE = "quote"
"""Unit of a fact that is a price."""
_encode = msgspec.json.Encoder(order="sorted").encode


@lru_cache(maxsize=256)
def moment(at_ns: TimeNs) -> str:
    """Return a moment as the request writes it: UTC, whole milliseconds."""
    return f"{np.datetime_as_string(np.datetime64(int(at_ns), 'ns'), unit='ms')}Z"


def price_text(value: float, tick: float) -> str:
    """Return a price with the decimals of its tick."""
    decimals = max(0, -math.floor(math.log10(tick) + 1e-9)) if tick > 0 else 8
    return plain(Decimal(f"{value:.{min(decimals, 12)}f}"))


def number_text(value: float) -> str:
    """Return a measure with at most six significant digits, without an exponent."""
    return plain(Decimal(f"{value:.6g}"))


def value_text(fact: Fact, tick: float) -> str:
    """Return a fact's value as the request writes it and an answer has to cite it."""
    if isinstance(fact.value, str):
        return fact.value
    return price_text(fact.value, tick) if fact.unit == PRICE else number_text(fact.value)


def prompt(question: Question) -> str:
    """Return the user message of `question`."""
    tick, terms = question.terms.tick, question.terms
    inputs, untrusted = [], []
    for fact in question.facts:
        row = {"id": fact.id, "as_of": moment(fact.as_of_ns), "name": fact.name}
        if fact.untrusted:
            row["text"] = fenced(fact.number, str(fact.value))
            untrusted.append(row)
        else:
            row["unit"] = fact.unit
            row["value"] = value_text(fact, tick)
            inputs.append(row)
    return _encode(
        {
            "contract": VERSION,
            "request_id": question.request_id,
            "symbol": question.pair,
            "as_of": moment(question.as_of_ns),
            "answer_before": moment(question.deadline_ns),
            "horizons_minutes": list(HORIZONS_MIN),
            "reference": price_text(question.reference, tick),
            "position": "open" if question.held else "none",
            "limits": {
                "tick": plain(Decimal(repr(tick))),
                "cost_bps": number_text(terms.cost_bps),
                "reward_to_risk_min": number_text(terms.reward_risk_min),
                "stop_bps": [number_text(terms.stop_bps_min), number_text(terms.stop_bps_max)],
                "stop_atr": [number_text(terms.stop_atr_min), number_text(terms.stop_atr_max)],
                "entry_atr_max": number_text(terms.entry_atr_max),
                "reach_bps": number_text(terms.reach_bps),
                "atr": None if question.atr is None else price_text(question.atr, tick / 100),
            },
            "inputs": inputs,
            "untrusted": untrusted,
        }
    ).decode()


def state_hash(question: Question) -> str:
    """Return what tells states apart: the facts without times, measures to three digits."""
    state = [
        (fact.name, fact.value if isinstance(fact.value, str) else f"{fact.value:.3g}")
        for fact in question.facts
    ]
    held = "held" if question.held else "flat"
    return hashlib.sha256(_encode([question.pair, held, state])).hexdigest()[:16]


def repair_text(complaint: str) -> str:
    """Return the one message that asks for the form to be mended; never what was wrong."""
    return (
        f"An earlier answer to this broke the contract's form: {complaint}. "
        "Answer again, complete, with exactly one JSON object of the schema."
    )
