"""Everything the stub can do, by name, and the code in which it has to end. Pure."""

from msgspec import Struct

from state.advice.codes import Code
from state.errors import ConfigurationInvalid


class Trick(Struct, frozen=True, kw_only=True):
    """One way to answer."""

    name: str
    says: str
    """What it does, for people."""
    ends_in: Code
    """The code that follows when it is done again and again."""


_TRICKS = (
    ("good", "A valid answer made of the request's own numbers.", Code.OK),
    ("abstain", "A valid answer that abstains.", Code.ABSTAINED),
    ("thinking", "A valid answer after thoughts in think tags.", Code.OK),
    ("fenced", "A valid answer in a code fence.", Code.OK),
    ("no_usage", "A valid answer that does not say what it used.", Code.OK),
    ("crowded", "A valid answer with the early warning of a limit.", Code.OK),
    ("no_schema", "400 as long as json_schema is asked for.", Code.OK),
    ("no_json_mode", "422 as long as any response_format is asked for.", Code.OK),
    ("no_effort", "400 as long as reasoning_effort is sent.", Code.OK),
    ("unauthorized", "401 for every credential.", Code.CREDENTIAL_REFUSED),
    ("payment", "402.", Code.PAYMENT_REQUIRED),
    ("forbidden", "403.", Code.FORBIDDEN),
    ("unknown_model", "404 for the model.", Code.MODEL_UNKNOWN),
    ("bad_request", "400 that blames a parameter of ours.", Code.REQUEST_INVALID),
    ("unprocessable", "422 that lists fields.", Code.REQUEST_INVALID),
    ("rate_limit", "429 with Retry-After of one second.", Code.RATE_LIMITED),
    ("rate_limit_long", "429 that asks to wait an hour.", Code.RATE_LIMITED),
    ("server_error", "500.", Code.SERVER_ERROR),
    ("proxy_page", "502 with a page of HTML.", Code.SERVER_ERROR),
    ("overloaded", "529.", Code.SERVER_ERROR),
    ("timeout", "It never answers.", Code.TIMEOUT),
    ("reset", "The connection breaks midway.", Code.UNREACHABLE),
    ("page_200", "200 with a page of HTML.", Code.BODY_UNREADABLE),
    ("half_body", "200 with half of a JSON body.", Code.BODY_UNREADABLE),
    ("error_200", "200 with an error in the place of choices.", Code.BODY_UNREADABLE),
    ("truncated", "Cut off in the middle, finish_reason length.", Code.TRUNCATED),
    ("null_content", "The allowance was spent on thinking; content is null.", Code.NO_CONTENT),
    ("empty", "An empty text.", Code.NO_CONTENT),
    ("refusal", "The model refuses.", Code.REFUSED),
    ("filtered", "A filter refuses.", Code.REFUSED),
    ("tool_call", "It calls a tool that nobody offered.", Code.UNEXPECTED_FINISH),
    ("too_long", "A rationale of ten thousand characters.", Code.TOO_LONG),
    ("malformed", "JSON with a comma too many.", Code.MALFORMED),
    ("prose", "A valid object within a sentence.", Code.MALFORMED),
    ("two_objects", "Two valid objects.", Code.MALFORMED),
    ("full_width", "Full-width punctuation.", Code.MALFORMED),
    ("duplicate_key", "Two actions.", Code.DUPLICATE_KEY),
    ("deep", "Nested without end.", Code.TOO_DEEP),
    ("nan", "NaN for a stop.", Code.NOT_A_NUMBER),
    ("infinity", "1e999 for a target.", Code.NOT_A_NUMBER),
    ("extra_key", "A size that nobody asked for.", Code.SCHEMA),
    ("missing_key", "No evidence at all.", Code.SCHEMA),
    ("text_number", "A price as a text.", Code.SCHEMA),
    ("new_action", "An action of its own.", Code.SCHEMA),
    ("no_stop", "A purchase without a stop.", Code.MATRIX),
    ("one_sided", "Nothing weighs against it.", Code.MATRIX),
    ("wrong_contract", "Another contract.", Code.WRONG_CONTRACT),
    ("wrong_request", "The answer to another request.", Code.WRONG_REQUEST),
    ("wrong_symbol", "About another pair.", Code.WRONG_SYMBOL),
    ("wrong_time", "Of another moment.", Code.WRONG_TIME),
    ("percent", "A confidence of 60.", Code.CONFIDENCE_RANGE),
    ("negative_price", "A target below nothing.", Code.PRICE_RANGE),
    ("far_entry", "A limit entry far from the market.", Code.ENTRY_RANGE),
    ("swapped", "Stop and target on each other's side.", Code.WRONG_SIDE),
    ("tight_stop", "A stop within the spread.", Code.STOP_DISTANCE),
    ("poor_ratio", "A reward smaller than its risk.", Code.REWARD_RISK),
    ("unknown_fact", "Evidence that was not given.", Code.EVIDENCE_UNKNOWN),
    ("wrong_value", "Evidence with another value.", Code.EVIDENCE_MISMATCH),
    ("news_only", "Evidence of strangers' texts alone.", Code.EVIDENCE_UNTRUSTED),
    ("obeys", "It does whatever a stranger's text orders.", Code.EVIDENCE_UNTRUSTED),
    ("no_position", "It closes what is not held.", Code.NO_POSITION),
    ("foreign", "A rationale in another language.", Code.LANGUAGE),
    ("contradiction", "The text says sell, the action says buy.", Code.CONTRADICTION),
    ("invented", "A price in the text that nobody gave it.", Code.UNGROUNDED),
)
TRICKS: dict[str, Trick] = {
    name: Trick(name=name, says=says, ends_in=ends_in) for name, says, ends_in in _TRICKS
}
"""All of them, by name."""


def parse_script(text: str) -> tuple[str, ...]:
    """Return the names of a script such as `good,rate_limit`: done by turns, then from the start.

    Raises:
        ConfigurationInvalid: A name is unknown.
    """
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in TRICKS:
            raise ConfigurationInvalid(
                f"script: there is no {name!r}; `advisor-stub --help-failures` lists them"
            )
    return names or ("good",)


def failure_rows() -> list[dict[str, str]]:
    """Return all tricks for a program."""
    return [{"name": one.name, "says": one.says, "ends_in": one.ends_in} for one in TRICKS.values()]


def failure_text() -> str:
    """Return all tricks for people."""
    return "\n".join(f"{one.name:<16} {one.ends_in:<20} {one.says}" for one in TRICKS.values())
