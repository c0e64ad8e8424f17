"""Whether a text invents numbers, argues for the opposite, or is no English. Pure.

What cannot be checked is refused: a good answer can always be phrased so that it can be.
"""

import math
import re
from collections.abc import Iterable

from state.advice.codes import Code
from state.advice.prompt import PRICE, value_text
from state.advice.reading import Unusable
from state.messages.advice import Action, Fact, Question, Recommendation

_NUMBER = re.compile(
    r"(?<![\d.,])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?(?:(?:k|m|bn)\b)?(%?)"
)
"""Also one that is glued to letters: `USD49321` is a price like any other."""
_NAME = re.compile(r"[A-Za-z_]\w*\d\w*")
"""A word that holds a digit: `rsi14_5m`, `f3`; or an invention of the model's."""
_SCALES = {"k": 1e3, "m": 1e6, "bn": 1e9}
_TIMEFRAME = re.compile(r"\b(?:1s|10s|1m|5m|15m|1h|4h|1d)\b")
_WORD = re.compile(r"[A-Za-z']+")
_COMMON = re.compile(
    r"\b(?:the|an?|is|are|was|in|on|of|to|and|or|but|at|with|for|from|by|as|its?|this|that|no|not"
    r"|above|below|over|under|near|while|than|has|have|be)\b",
    re.IGNORECASE,
)
_RELATIVE = 0.005
"""A cited value may differ by so much of itself."""
_WORDS_MIN = 8
"""Words from which a text without one common English word counts as another language."""
_FOREIGN_MAX = 0.05
"""Share of letters beyond ASCII."""

_NEGATED = (
    r"(?:do\s+not|don't|not|no|never|rather\s+than|instead\s+of|without|against)\s+(?:\w+\s+)?"
)
_VERDICT = r"(?:recommend(?:ation)?|verdict|action|conclusion|decision|signal|advice|opinion)"
_BUY = r"(?:buy(?:ing)?|go(?:ing)?\s+long|open(?:ing)?\s+a\s+long|long\s+entry|accumulat\w+)"
_SELL = r"(?:sell(?:ing)?|go(?:ing)?\s+short|open(?:ing)?\s+a\s+short|short\s+entry|exit(?:ing)?)"
_OF_THE_BOOK = r"(?!\s+(?:pressure|side|wall|volume|orders?|off))"
"""What a book shows is no advice: `buy orders`, `sell pressure`."""
_SAYS = {
    1: re.compile(rf"(?<!\w)({_NEGATED})?\b{_BUY}\b{_OF_THE_BOOK}", re.IGNORECASE),
    -1: re.compile(rf"(?<!\w)({_NEGATED})?\b{_SELL}\b{_OF_THE_BOOK}", re.IGNORECASE),
}
_IS_VERDICT = re.compile(
    rf"\b{_VERDICT}\b\W{{0,3}}(?:is|to|:)?\W{{0,3}}(?:a\s+|to\s+)?(\w+)", re.IGNORECASE
)
_VERDICT_SIGNS = {
    "buy": 1, "buying": 1, "long": 1, "bullish": 1,
    "sell": -1, "selling": -1, "short": -1, "bearish": -1,
}  # fmt: skip
_LEANS = {
    1: re.compile(r"\bbullish\b", re.IGNORECASE),
    -1: re.compile(r"\bbearish\b", re.IGNORECASE),
}


def check_evidence(said: Recommendation, question: Question) -> None:
    """Hold that everything cited is there, with that value, and not all of it strangers' talk.

    Raises:
        Unusable: It is not.
    """
    cited: list[Fact] = []
    for one in said.evidence:
        fact = next((each for each in question.facts if each.id == one.input_id), None)
        if fact is None:
            raise Unusable(Code.EVIDENCE_UNKNOWN, "it cites an input that was not given")
        cited.append(fact)
        if not fact.untrusted and not _cites(one.value, fact, question.terms.tick):
            raise Unusable(Code.EVIDENCE_MISMATCH, f"it cites {fact.id} with another value")
    if cited and all(fact.untrusted for fact in cited):
        raise Unusable(Code.EVIDENCE_UNTRUSTED, "it rests on untrusted text alone")


def check_text(said: Recommendation, question: Question) -> None:
    """Hold that the text is English, argues for its action and invents no number.

    Raises:
        Unusable: It does not.
    """
    text = f"{said.rationale}\n{said.invalidation or ''}"
    if not all(map(_is_english, (said.rationale, said.invalidation or ""))):
        raise Unusable(Code.LANGUAGE, "rationale and invalidation must be English")
    if _contradicts(said.rationale, said.action):
        raise Unusable(Code.CONTRADICTION, f"the text argues against {said.action}")
    invented = _ungrounded(text, said, question)
    if invented is not None:
        raise Unusable(Code.UNGROUNDED, f"{invented} is no number of the request")


def _cites(cited: str, fact: Fact, tick: float) -> bool:
    shown = value_text(fact, tick)
    if isinstance(fact.value, str):
        return cited.strip().casefold() == shown.casefold()
    try:
        value = float(cited.strip().rstrip("%").replace(",", ""))
    except ValueError:
        return False
    if fact.unit == PRICE:
        return abs(value - fact.value) <= tick
    return _close(value, fact.value, cited)


def _close(value: float, true: float, written: str) -> bool:
    """Whether `value` is `true` within 0.5 %, or within half a unit of its last digit."""
    if not math.isfinite(value):
        return False
    fraction = written.rpartition(".")[2] if "." in written else ""
    digits = sum(character.isdigit() for character in fraction)
    half_unit = 0.5 * 10.0**-digits
    # Half a unit alone would let `0` or `1` stand for anything small.
    near = half_unit if abs(true) >= 10 * half_unit else 0.0
    return abs(value - true) <= max(_RELATIVE * abs(true), near, 1e-12)


def _ungrounded(text: str, said: Recommendation, question: Question) -> str | None:
    """Return the first number of `text` that nothing supports."""
    bare = text.replace(question.request_id, " ").replace(said.as_of, " ")
    bare = _TIMEFRAME.sub(" ", bare)
    if _NAME.search(bare):
        names = _names(question)
        bare = _NAME.sub(lambda found: " " if found[0].lower() in names else found[0], bare)
    if not _NUMBER.search(bare):
        return None
    prices, measures = _supports(said, question)
    for found in _NUMBER.finditer(bare):
        written = found[0].rstrip("%").rstrip(".")
        if not _is_grounded(
            written,
            percent=bool(found[1]),
            prices=prices,
            measures=measures,
            tick=question.terms.tick,
        ):
            return found[0]
    return None


def _names(question: Question) -> set[str]:
    """Return the names that are no numbers: `rsi14_5m` may be called RSI14."""
    names: set[str] = set()
    for fact in question.facts:
        names.update((fact.id, fact.name, *fact.name.split("_")))
    return names


def _supports(said: Recommendation, question: Question) -> tuple[list[float], list[float]]:
    prices = [question.reference]
    measures = [question.terms.cost_bps, question.terms.reward_risk_min]
    for fact in question.facts:
        if not isinstance(fact.value, str):
            (prices if fact.unit == PRICE else measures).append(fact.value)
    prices += [one for one in (said.stop, said.target) if one is not None]
    if said.entry is not None and said.entry.price is not None:
        prices.append(said.entry.price)
    if said.confidence is not None:
        measures += [said.confidence, said.confidence * 100]
    if said.horizon_minutes is not None:
        measures += [said.horizon_minutes, said.horizon_minutes / 60]
    return prices, measures


def _is_grounded(
    written: str,
    *,
    percent: bool,
    prices: Iterable[float],
    measures: Iterable[float],
    tick: float,
) -> bool:
    digits = written.replace(",", "")
    scale = 1.0
    for suffix, factor in _SCALES.items():
        if digits.casefold().endswith(suffix):
            digits, scale = digits[: -len(suffix)], factor
    try:
        value = float(digits) * scale
    except ValueError:
        return False
    # A sign in a sentence is as often a dash: the size is what was invented or not.
    if not percent and any(abs(abs(value) - price) <= tick for price in prices):
        return True
    if any(_close(abs(value), abs(one), digits) for one in measures):
        return True
    # A share may be written in percent.
    return percent and any(_close(abs(value), abs(one) * 100, digits) for one in measures)


def _is_english(text: str) -> bool:
    letters = [character for character in text if character.isalpha()]
    if not letters:
        return True
    if sum(not character.isascii() for character in letters) > _FOREIGN_MAX * len(letters):
        return False
    return len(_WORD.findall(text)) < _WORDS_MIN or _COMMON.search(text) is not None


def _contradicts(text: str, action: Action) -> bool:
    """Whether the text argues for the other side than `action`.

    A verdict in so many words decides. Else what it tells to do is counted, then which way it
    leans; texts that weigh both sides pass as long as they do not lean the wrong way.
    """
    signs = {_VERDICT_SIGNS[word.casefold()] for word in _IS_VERDICT.findall(text)
             if word.casefold() in _VERDICT_SIGNS}  # fmt: skip
    wanted = action.sign
    if action is Action.CLOSE:
        wanted = -1  # To close a position is to sell what is held.
    if signs:
        return signs != {wanted}
    told = {1: 0, -1: 0}
    for sign, pattern in _SAYS.items():
        for found in pattern.finditer(text):
            told[-sign if found[1] else sign] += 1
    if not any(told.values()) and wanted:
        told = {sign: len(pattern.findall(text)) for sign, pattern in _LEANS.items()}
    if wanted:
        return told[-wanted] > told[wanted]
    # Hold and abstain may weigh both sides; a text that only tells to trade is another answer.
    return (told[1] > 0) != (told[-1] > 0) and "but" not in text.casefold()
