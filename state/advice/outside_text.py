"""What strangers wrote, made harmless: cleaned, capped, fenced, or left out. Pure."""

import html
import re
import unicodedata
from functools import partial

from msgspec import Struct

LENGTH_MAX = 160
"""Characters of one text."""
RAW_MAX = 4000
"""Characters looked at; the rest could only be padding."""
CHANGED_MAX = 0.1
"""A text of which cleaning removes a larger share was made to hide something."""

_compatible = partial(unicodedata.normalize, "NFKC")
_MARKUP = re.compile(r"<[^<>]{0,200}>")
_ADDRESS = re.compile(r"\b(?:https?://|www\.)\S+", re.IGNORECASE)
_FENCE = re.compile(r"[<>`{}\[\]|\\]+")
_SPACE = re.compile(r"\s+")
_ORDERS = re.compile(
    r"\b(ignore|disregard|forget|override|bypass)\b.{0,40}\b"
    r"(previous|prior|above|earlier|all|any|these|your|instructions?|rules?|prompt)\b"
    r"|\b(system|assistant|user|developer)\s*(prompt|message)?\s*:"
    r"|\byou\s+(are|must|should|will|have\s+to)\b"
    r"|\b(respond|reply|answer|output|return|print)\s+(only\s+)?(with|in|as)\b"
    r"|\b(act|behave)\s+as\b|\bnew\s+instructions?\b|\bjailbreak\b|\bdo\s+not\s+abstain\b",
    re.IGNORECASE,
)
_KEYS = re.compile(
    r"\b(input_id|horizon_minutes|abstain_reason|request_id|reward_risk|order_notional"
    r"|evidence|rationale|invalidation)\b[\"']?\s*[:=]",
    re.IGNORECASE,
)
_LATIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


class Cleaned(Struct, frozen=True, kw_only=True):
    """What is left of a text."""

    text: str
    """Fit to be shown to a model; empty when nothing is."""
    suspicion: str = ""
    """Why it is left out; empty when it is not."""


def cleaned(raw: str) -> Cleaned:
    """Return `raw` without anything that could act, and whether it should be left out."""
    raw = raw[:RAW_MAX]
    text = _compatible(html.unescape(raw))
    visible = "".join(character for character in text if _is_visible(character))
    hidden = len(text) - len(visible)
    # A link or a tag is usual in a headline; only what cannot be seen was put there to hide.
    plain = _SPACE.sub(" ", _FENCE.sub(" ", _ADDRESS.sub(" ", _MARKUP.sub(" ", visible)))).strip()
    if not plain:
        return Cleaned(text="", suspicion="nothing is left of it")
    if hidden > CHANGED_MAX * len(text):
        return Cleaned(text="", suspicion="it holds characters that nobody can see")
    if _mixes_scripts(visible):
        return Cleaned(text="", suspicion="it mixes scripts within a word")
    if _ORDERS.search(visible) or _ORDERS.search(plain) or _KEYS.search(visible):
        return Cleaned(text="", suspicion="it gives orders")
    return Cleaned(text=plain[:LENGTH_MAX])


def fenced(number: int, text: str) -> str:
    """Return a clean text between marks that it cannot hold itself."""
    return f"<<<f{number} {text} f{number}>>>"


def _is_visible(character: str) -> bool:
    category = unicodedata.category(character)
    # Control, format (zero width, direction, tags), private and unassigned.
    return character in "\n\t " or category not in ("Cc", "Cf", "Co", "Cn", "Cs")


def _mixes_scripts(text: str) -> bool:
    """Whether a word has Latin letters beside letters that only look like them."""
    for word in text.split():
        letters = [character for character in word if character.isalpha()]
        latin = sum(character in _LATIN for character in letters)
        others = sum(
            unicodedata.name(character, "").startswith(("CYRILLIC", "GREEK", "ARMENIAN"))
            for character in letters
        )
        if latin and others:
            return True
    return False
