"""From what a model wrote to a `Recommendation`: nothing is guessed, nothing mended. Pure.

Prose is never searched for JSON: whatever stands around the one object refuses it.
"""

import json
import math
import re
from typing import Any, NoReturn

import msgspec

from state.advice.codes import Code
from state.advice.contract import (
    ABSTAIN_REASONS,
    ANSWER_BYTES_MAX,
    CITED_MAX,
    EVIDENCE_MAX,
    HORIZONS_MIN,
    INVALIDATION_MAX,
    RATIONALE_MAX,
)
from state.messages.advice import Action, ChatReplied, Recommendation

DEPTH_MAX = 5
_THOUGHTS = re.compile(r"\A\s*<think(?:ing)?>.*?</think(?:ing)?>\s*", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"\A```(?:json)?[ \t]*\n(.*)\n```\Z", re.DOTALL)
_ENTRY_KINDS = ("market", "limit")
_WEIGHS = ("for", "against")
_REFUSALS = ("content_filter", "refusal", "safety")


class Unusable(Exception):
    """An answer that ends in abstaining.

    Args:
        code: Its end.
        detail: What exactly, for people and for the repair; it holds no text of the answer.
    """

    def __init__(self, code: Code, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


def content_of(reply: ChatReplied) -> str:
    """Return the text to read.

    Raises:
        Unusable: It was cut off, refused, empty or too long.
    """
    if reply.refusal or reply.finish in _REFUSALS:
        raise Unusable(Code.REFUSED, "the model declined")
    content = _THOUGHTS.sub("", reply.content or "", count=1).strip()
    if reply.finish == "length":
        # A reasoning model that thought its whole allowance away has said nothing at all.
        if not content:
            raise Unusable(Code.NO_CONTENT, "the allowance was used up before the answer")
        raise Unusable(Code.TRUNCATED, "it was cut off")
    if reply.finish != "stop":
        raise Unusable(Code.UNEXPECTED_FINISH, f"finish_reason {reply.finish[:40]!r}")
    if not content:
        raise Unusable(Code.NO_CONTENT, "it is empty")
    if len(content.encode("utf-8", "surrogatepass")) > ANSWER_BYTES_MAX:
        raise Unusable(Code.TOO_LONG, f"more than {ANSWER_BYTES_MAX} bytes")
    return content


def recommendation_of(content: str) -> Recommendation:
    """Return what `content` recommends, complete and of the right form for its action.

    Raises:
        Unusable: Its form is not the contract's.
    """
    fence = _FENCE.match(content)
    value = _object(fence[1] if fence else content)
    try:
        said = msgspec.convert(value, Recommendation)
    except msgspec.ValidationError as error:
        raise Unusable(Code.SCHEMA, _without_values(str(error))) from None
    _check_values(said)
    _check_matrix(said)
    return said


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text, object_pairs_hook=_pairs, parse_constant=_constant)
    except RecursionError:
        raise Unusable(Code.TOO_DEEP, "nested too deep") from None
    except ValueError:
        raise Unusable(Code.MALFORMED, "not exactly one JSON object") from None
    if not isinstance(value, dict):
        raise Unusable(Code.MALFORMED, "not a JSON object")
    if _depth(value) > DEPTH_MAX:
        raise Unusable(Code.TOO_DEEP, f"nested deeper than {DEPTH_MAX}")
    if _holds_half_a_character(value):
        raise Unusable(Code.MALFORMED, "half a character")
    if _holds_infinity(value):
        raise Unusable(Code.NOT_A_NUMBER, "a number is infinite")
    return value


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Unusable(Code.DUPLICATE_KEY, "a key occurs twice")
    return found


def _constant(name: str) -> NoReturn:
    raise Unusable(Code.NOT_A_NUMBER, f"{name} is not a number of JSON")


def _depth(value: Any) -> int:
    deepest, level = 0, [value]
    while level:
        deepest += 1
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                inner += one.values()
            elif isinstance(one, list):
                inner += one
        level = [one for one in inner if isinstance(one, dict | list)]
        if deepest > DEPTH_MAX:
            break
    return deepest


def _holds_infinity(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_infinity, value.values()))
    if isinstance(value, list):
        return any(map(_holds_infinity, value))
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) > 10**15
    return isinstance(value, float) and not math.isfinite(value)


def _holds_half_a_character(value: Any) -> bool:
    """Whether a text has a lone surrogate, which JSON can write and no disk takes."""
    if isinstance(value, dict):
        return any(map(_holds_half_a_character, (*value, *value.values())))
    if isinstance(value, list):
        return any(map(_holds_half_a_character, value))
    return isinstance(value, str) and any("\ud800" <= each <= "\udfff" for each in value)


def _without_values(complaint: str) -> str:
    """Return a complaint without quoting what the model wrote: it may be sent back, and logged."""
    return re.sub(r"(Invalid enum value) .*?( - at |$)", r"\1\2", complaint)[:160]


def _check_values(said: Recommendation) -> None:
    """Hold what the types do not say."""
    if said.horizon_minutes is not None and said.horizon_minutes not in HORIZONS_MIN:
        raise Unusable(Code.SCHEMA, f"horizon_minutes is none of {HORIZONS_MIN}")
    if said.entry is not None and said.entry.kind not in _ENTRY_KINDS:
        raise Unusable(Code.SCHEMA, "entry.kind is neither market nor limit")
    if said.abstain_reason is not None and said.abstain_reason not in ABSTAIN_REASONS:
        raise Unusable(Code.SCHEMA, "abstain_reason is none of the contract's")
    lengths = (
        ("rationale", len(said.rationale), RATIONALE_MAX),
        ("invalidation", len(said.invalidation or ""), INVALIDATION_MAX),
        ("evidence", len(said.evidence), EVIDENCE_MAX),
        ("evidence.value", max((len(one.value) for one in said.evidence), default=0), CITED_MAX),
    )
    for name, length, most in lengths:
        if length > most:
            raise Unusable(Code.TOO_LONG, f"{name} is longer than {most}")
    for evidence in said.evidence:
        if evidence.weighs not in _WEIGHS:
            raise Unusable(Code.SCHEMA, "evidence.weighs is neither for nor against")


def _check_matrix(said: Recommendation) -> None:
    """Hold that each action has what it needs and nothing else."""
    opens = said.action in (Action.BUY, Action.SELL)
    abstains = said.action is Action.ABSTAIN
    _needs(
        "confidence",
        said.confidence,
        wanted=opens or said.action is Action.CLOSE,
        forbidden=abstains,
    )
    _needs("horizon_minutes", said.horizon_minutes, wanted=opens, forbidden=not opens)
    _needs("entry", said.entry, wanted=opens, forbidden=not opens)
    _needs("stop", said.stop, wanted=opens, forbidden=not opens)
    _needs("target", said.target, wanted=opens, forbidden=not opens)
    _needs(
        "invalidation",
        said.invalidation,
        wanted=opens,
        forbidden=said.action is Action.CLOSE or abstains,
    )
    _needs("abstain_reason", said.abstain_reason, wanted=abstains, forbidden=not abstains)
    weighs = [one.weighs for one in said.evidence]
    if opens and not {"for", "against"} <= set(weighs):
        raise Unusable(Code.MATRIX, "evidence needs one for and one against at least")
    if said.action is Action.CLOSE and not weighs:
        raise Unusable(Code.MATRIX, "close needs evidence")
    if said.entry is not None:
        _needs("entry.price", said.entry.price, wanted=said.entry.kind == "limit", forbidden=True)


def _needs(name: str, value: object, *, wanted: bool, forbidden: bool) -> None:
    if wanted and value is None:
        raise Unusable(Code.MATRIX, f"{name} is missing for this action")
    if not wanted and forbidden and value is not None:
        raise Unusable(Code.MATRIX, f"{name} must be null for this action")
