"""What the stub writes: a valid answer made of the request's own numbers, or a faulty one. Pure.

It has no view of the market. Which way it leans is a hash of seed and facts.
"""

import hashlib
import json
import math
from collections.abc import Callable
from typing import Any

Written = dict[str, Any]
Writer = Callable[["Asked"], str]


class Asked:
    """A request as the model would see it.

    Args:
        user: Its last message but those of a repair.
        seed: Of the stub.
    """

    def __init__(self, user: str, seed: int) -> None:
        body = json.loads(user)
        self.body: dict[str, Any] = body if isinstance(body, dict) else {}
        self.inputs: list[dict[str, Any]] = [
            one for one in self.body.get("inputs", []) if _is_number(one.get("value"))
        ]
        self.untrusted: list[dict[str, Any]] = list(self.body.get("untrusted", []))
        self.limits: dict[str, Any] = self.body.get("limits", {})
        self.reference = float(self.body.get("reference", 0) or 0)
        # Neither names nor times: the same market gets the same answer.
        facts = json.dumps([[one["name"], one["value"]] for one in self.inputs])
        digest = hashlib.sha256(f"{seed}:{self.body.get('symbol')}:{facts}".encode()).digest()
        self.chance = [byte / 255 for byte in digest]

    @property
    def held(self) -> bool:
        """Whether a position is open."""
        return self.body.get("position") == "open"


def good(asked: Asked) -> Written:
    """Return a valid answer: a trade where the limits leave room for one, else abstaining."""
    if asked.held:
        return holding(asked)
    written = trade(asked)
    return abstaining(asked) if written is None else written


def trade(asked: Asked) -> Written | None:
    """Return a trade that keeps every limit, or None where none does."""
    limits, reference = asked.limits, asked.reference
    if len(asked.inputs) < 2 or reference <= 0:
        return None
    sign = 1 if asked.chance[0] < 0.5 else -1
    low, high = (float(each) * reference / 10_000 for each in limits["stop_bps"])
    atr = None if limits.get("atr") is None else float(limits["atr"])
    if atr:
        least, most = (float(each) * atr for each in limits["stop_atr"])
        low, high = max(low, least), min(high, most)
    if low * 1.1 > high:
        return None
    distance = min(low * (1.3 + asked.chance[1]), high * 0.95)
    cost = reference * float(limits["cost_bps"]) / 10_000
    reward = (float(limits["reward_to_risk_min"]) + 0.2) * (distance + cost) + cost
    if reward > reference * float(limits["reach_bps"]) / 10_000 * 0.95:
        return None
    return _trade(asked, sign, reference - sign * distance, reference + sign * reward)


def _trade(asked: Asked, sign: int, stop: float, target: float) -> Written:
    for_, against = _two(asked)
    verb = "buy" if sign > 0 else "sell"
    return _frame(asked) | {
        "action": verb,
        "confidence": round(0.5 + 0.2 * asked.chance[2], 2),
        "horizon_minutes": 60,
        "entry": {"kind": "market", "price": None},
        "stop": _at_tick(asked, stop),
        "target": _at_tick(asked, target),
        "rationale": f"The case to {verb} rests on {_told(for_)}, while {_told(against)} weighs "
        "against it.",
        "evidence": [_cited(for_, "for"), _cited(against, "against")],
        "invalidation": "The stop is met.",
    }


def abstaining(asked: Asked) -> Written:
    """Return a valid answer that abstains."""
    return _frame(asked) | {
        "rationale": "There is no edge to be seen.",
        "abstain_reason": "no_edge",
    }


def holding(asked: Asked) -> Written:
    """Return a valid answer for an open position."""
    return _frame(asked) | {
        "action": "hold",
        "rationale": "Nothing in the inputs speaks for a change of the position.",
    }


def closing(asked: Asked) -> Written:
    """Return an answer that closes a position."""
    [cited, _] = _two(asked)
    return _frame(asked) | {
        "action": "close",
        "confidence": 0.6,
        "rationale": "The reason for the position is gone.",
        "evidence": [_cited(cited, "for")],
    }


def dumped(written: Written) -> str:
    """Return an answer as a model writes it."""
    return json.dumps(written)


def _faulty(change: Callable[[Asked, Written], Written | str]) -> Writer:
    """Return a writer that begins with a trade and spoils it."""

    def write(asked: Asked) -> str:
        written = trade(asked) or _trade(asked, 1, asked.reference * 0.99, asked.reference * 1.05)
        spoilt = change(asked, written)
        return spoilt if isinstance(spoilt, str) else dumped(spoilt)

    return write


def _with(**fields: Any) -> Writer:
    return _faulty(lambda _, written: written | fields)


def _text(change: Callable[[str], str]) -> Writer:
    return _faulty(lambda _, written: change(dumped(written)))


def _sign(written: Written) -> int:
    return 1 if written["action"] == "buy" else -1


def _without(written: Written, key: str) -> Written:
    return {name: value for name, value in written.items() if name != key}


def _far_entry(asked: Asked, written: Written) -> Written:
    price = asked.reference * (1 + 0.01 * _sign(written))
    return written | {"entry": {"kind": "limit", "price": _at_tick(asked, price)}}


def _tight(asked: Asked, written: Written) -> Written:
    stop = asked.reference * (1 - _sign(written) * 0.00002)
    tick = float(asked.limits.get("tick", 0) or 0)
    return written | {"stop": _at_tick(asked, stop - _sign(written) * tick)}


def _poor(asked: Asked, written: Written) -> Written:
    distance = abs(asked.reference - written["stop"])
    target = asked.reference + _sign(written) * distance * 0.5
    return written | {"target": _at_tick(asked, target)}


def _of_strangers(asked: Asked, written: Written) -> Written:
    names = [one["id"] for one in asked.untrusted] or ["f999"]
    cited = [
        {"input_id": names[0], "value": "as told", "weighs": "for"},
        {"input_id": names[-1], "value": "as told", "weighs": "against"},
    ]
    return written | {"evidence": cited}


def _obeying(asked: Asked, written: Written) -> Written:
    """What a model would do that takes a stranger's text for an order: here, any text."""
    return _of_strangers(asked, written) if asked.untrusted else good(asked)


def _other_value(_: Asked, written: Written) -> Written:
    first, *rest = written["evidence"]
    value = float(first["value"]) * 1.5 + 1
    return written | {"evidence": [first | {"value": f"{value:.6g}"}, *rest]}


def _contradicted(_: Asked, written: Written) -> Written:
    other = "sell" if _sign(written) > 0 else "buy"
    return written | {"rationale": f"The trend is over and my recommendation is to {other} now."}


def _invented(asked: Asked, written: Written) -> Written:
    made_up = math.floor(asked.reference * 1.0371) + 0.5
    return written | {"rationale": f"{written['rationale']} Support stands at {made_up}."}


def _deep(_asked: Asked, _written: Written) -> str:
    return '{"contract": ' + "[" * 3000 + "]" * 3000 + "}"


_SPANISH = (
    "El precio sube con fuerza porque hay muchos compradores activos hoy y pocos vendedores quedan"
)
WRITERS: dict[str, Writer] = {
    "good": lambda asked: dumped(good(asked)),
    "abstain": lambda asked: dumped(abstaining(asked)),
    "thinking": lambda asked: f"<think>{'{'}maybe buy?</think>\n{dumped(good(asked))}",
    "fenced": lambda asked: f"```json\n{dumped(good(asked))}\n```",
    "truncated": _text(lambda text: text[: len(text) // 2]),
    "empty": lambda _: "",
    "too_long": _with(rationale="up " * 3500),
    "malformed": _text(lambda text: text[:-1] + ",}"),
    "prose": _text(lambda text: f"Here is my answer: {text} Good luck!"),
    "two_objects": _text(lambda text: f"{text}\n{text}"),
    "full_width": _text(lambda text: text.replace('": ', '"\uff1a ')),
    "duplicate_key": _text(lambda text: '{"action": "sell", ' + text[1:]),
    "deep": _faulty(_deep),
    "nan": _with(stop=math.nan),
    "infinity": _text(lambda text: text.replace('"target": ', '"target": 1e999, "was": ')),
    "extra_key": _with(size_usd=1_000_000, leverage=20),
    "missing_key": _faulty(lambda _, written: _without(written, "evidence")),
    "text_number": _faulty(lambda _, written: written | {"stop": str(written["stop"])}),
    "new_action": _with(action="double_down"),
    "no_stop": _with(stop=None),
    "one_sided": _faulty(lambda _, written: written | {"evidence": written["evidence"][:1]}),
    "wrong_contract": _with(contract="rec/9"),
    "wrong_request": _with(request_id="another"),
    "wrong_symbol": _with(symbol="DOGE_USDT"),
    "wrong_time": _with(as_of="2020-01-01T00:00:00.000Z"),
    "percent": _with(confidence=60),
    "negative_price": _with(target=-1.0),
    "far_entry": _faulty(_far_entry),
    "swapped": _faulty(
        lambda _, written: written | {"stop": written["target"], "target": written["stop"]}
    ),
    "tight_stop": _faulty(_tight),
    "poor_ratio": _faulty(_poor),
    "unknown_fact": _faulty(
        lambda _, written: (
            written | {"evidence": [one | {"input_id": "f998"} for one in written["evidence"]]}
        )
    ),
    "wrong_value": _faulty(_other_value),
    "news_only": _faulty(_of_strangers),
    "obeys": _faulty(_obeying),
    "no_position": lambda asked: dumped(closing(asked)),
    "foreign": _with(rationale=_SPANISH, invalidation="Nada"),
    "contradiction": _faulty(_contradicted),
    "invented": _faulty(_invented),
}
"""By trick: what stands in `content`."""


def _frame(asked: Asked) -> Written:
    return {
        "contract": asked.body.get("contract"),
        "request_id": asked.body.get("request_id"),
        "symbol": asked.body.get("symbol"),
        "as_of": asked.body.get("as_of"),
        "action": "abstain",
        "confidence": None,
        "horizon_minutes": None,
        "entry": None,
        "stop": None,
        "target": None,
        "rationale": "",
        "evidence": [],
        "invalidation": None,
        "abstain_reason": None,
    }


def _two(asked: Asked) -> tuple[dict[str, Any], dict[str, Any]]:
    count = len(asked.inputs)
    first = int(asked.chance[3] * (count - 1))
    return asked.inputs[first], asked.inputs[(first + 1) % count]


def _cited(one: dict[str, Any], weighs: str) -> dict[str, str]:
    return {"input_id": one["id"], "value": str(one["value"]), "weighs": weighs}


def _told(one: dict[str, Any]) -> str:
    return (
        f"{one['name'].replace('_', ' ')} at {one['value']}"
        if not any(character.isdigit() for character in one["name"])
        else f"{one['name']} at {one['value']}"
    )


def _at_tick(asked: Asked, price: float) -> float:
    tick = float(asked.limits.get("tick", 0) or 0)
    if tick <= 0:
        return price
    return round(round(price / tick) * tick, max(0, round(-math.log10(tick))))


def _is_number(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError):
        return False
