"""How an exchange with the advisor can end: stable names, each with its meaning. Pure.

Every code but `OK` means that the advisor abstains. docs/advisor.md lists them all.
"""

from enum import StrEnum


class Code(StrEnum):
    """How it ended."""

    OK = "OK"

    # Nobody was asked.
    NOT_ASKED_YET = "NOT_ASKED_YET"
    NOT_READY = "NOT_READY"
    UNCHANGED = "UNCHANGED"
    BUDGET = "BUDGET"
    BREAKER_OPEN = "BREAKER_OPEN"

    # There was no answer.
    CREDENTIAL_MISSING = "CREDENTIAL_MISSING"
    CREDENTIAL_REFUSED = "CREDENTIAL_REFUSED"
    FORBIDDEN = "FORBIDDEN"
    PAYMENT_REQUIRED = "PAYMENT_REQUIRED"
    MODEL_UNKNOWN = "MODEL_UNKNOWN"
    REQUEST_INVALID = "REQUEST_INVALID"
    RATE_LIMITED = "RATE_LIMITED"
    SERVER_ERROR = "SERVER_ERROR"
    TIMEOUT = "TIMEOUT"
    UNREACHABLE = "UNREACHABLE"
    BODY_UNREADABLE = "BODY_UNREADABLE"
    CLOSING = "CLOSING"

    # There was an answer, and not one of the contract's form.
    TRUNCATED = "TRUNCATED"
    REFUSED = "REFUSED"
    NO_CONTENT = "NO_CONTENT"
    UNEXPECTED_FINISH = "UNEXPECTED_FINISH"
    TOO_LONG = "TOO_LONG"
    MALFORMED = "MALFORMED"
    DUPLICATE_KEY = "DUPLICATE_KEY"
    TOO_DEEP = "TOO_DEEP"
    NOT_A_NUMBER = "NOT_A_NUMBER"
    SCHEMA = "SCHEMA"
    MATRIX = "MATRIX"

    # It kept the form, and says what may not be said.
    WRONG_CONTRACT = "WRONG_CONTRACT"
    WRONG_REQUEST = "WRONG_REQUEST"
    WRONG_SYMBOL = "WRONG_SYMBOL"
    WRONG_TIME = "WRONG_TIME"
    LATE = "LATE"
    NO_REFERENCE = "NO_REFERENCE"
    PRICE_MOVED = "PRICE_MOVED"
    CONFIDENCE_RANGE = "CONFIDENCE_RANGE"
    PRICE_RANGE = "PRICE_RANGE"
    ENTRY_RANGE = "ENTRY_RANGE"
    WRONG_SIDE = "WRONG_SIDE"
    STOP_DISTANCE = "STOP_DISTANCE"
    REWARD_RISK = "REWARD_RISK"
    EVIDENCE_UNKNOWN = "EVIDENCE_UNKNOWN"
    EVIDENCE_MISMATCH = "EVIDENCE_MISMATCH"
    EVIDENCE_UNTRUSTED = "EVIDENCE_UNTRUSTED"
    NO_POSITION = "NO_POSITION"
    LANGUAGE = "LANGUAGE"
    CONTRADICTION = "CONTRADICTION"
    UNGROUNDED = "UNGROUNDED"

    ABSTAINED = "ABSTAINED"


MEANINGS: dict[Code, str] = {
    Code.OK: "A valid answer: an opinion was published, with the authority it has.",
    Code.NOT_ASKED_YET: "The pair's first question is not due yet.",
    Code.NOT_READY: "A fact that every question needs is not known yet: a live book, a candle.",
    Code.UNCHANGED: "The facts are those of the last question: nobody is asked twice the same.",
    Code.BUDGET: "A cap of the day is reached; rules only until 00:00 UTC, one alert a day.",
    Code.BREAKER_OPEN: "Every model has failed too often of late; each is tried again later.",
    Code.CREDENTIAL_MISSING: "There is no key: set NEBIUS_API_KEY.",
    Code.CREDENTIAL_REFUSED: "401 with every key we have, after one refresh where one is possible.",
    Code.FORBIDDEN: "403: the key may not use this project or model.",
    Code.PAYMENT_REQUIRED: "402: the provider's balance or budget is used up.",
    Code.MODEL_UNKNOWN: "404: the model or the path does not exist (any more).",
    Code.REQUEST_INVALID: "400, 405 or 422: the provider does not take what we send; our fault.",
    Code.RATE_LIMITED: "429, and no room before the deadline.",
    Code.SERVER_ERROR: "5xx, also after the retries.",
    Code.TIMEOUT: "No answer before the deadline.",
    Code.UNREACHABLE: "No connection: name, TLS, refused, reset.",
    Code.BODY_UNREADABLE: "200 with a body that is not the API's: a proxy's page, half a body.",
    Code.CLOSING: "The house is going down.",
    Code.TRUNCATED: "The answer was cut off (`finish_reason` length).",
    Code.REFUSED: "The model or its filter declined to answer.",
    Code.NO_CONTENT: "An empty answer: a reasoning model can think its whole allowance away.",
    Code.UNEXPECTED_FINISH: "It ended in another way, such as a call of a tool we do not offer.",
    Code.TOO_LONG: "The answer, or a text in it, is longer than the contract allows.",
    Code.MALFORMED: "Not exactly one JSON object.",
    Code.DUPLICATE_KEY: "A JSON key occurs twice: which one is meant?",
    Code.TOO_DEEP: "Nested deeper than the contract.",
    Code.NOT_A_NUMBER: "NaN or infinity.",
    Code.SCHEMA: "A key is missing, unknown or of another type.",
    Code.MATRIX: "The fields do not fit the action, such as a purchase without a stop.",
    Code.WRONG_CONTRACT: "Another version of the contract.",
    Code.WRONG_REQUEST: "The answer to another request.",
    Code.WRONG_SYMBOL: "About another pair than asked; no answer can name a pair of its own.",
    Code.WRONG_TIME: "Of another moment than asked.",
    Code.LATE: "It came after the deadline, or its horizon is over; kept for the record only.",
    Code.NO_REFERENCE: "The book is not live any more: no price to judge it by.",
    Code.PRICE_MOVED: "The price has moved too far since the question was put.",
    Code.CONFIDENCE_RANGE: "The confidence is not a probability between 0 and 1.",
    Code.PRICE_RANGE: "A price is not positive, or too far from the market.",
    Code.ENTRY_RANGE: "A limit entry is too far away or on the wrong side of the market.",
    Code.WRONG_SIDE: "Stop and target are not on the sides the action needs.",
    Code.STOP_DISTANCE: "The stop is too near or too far.",
    Code.REWARD_RISK: "Reward to risk after costs, by our own sum, is too small.",
    Code.EVIDENCE_UNKNOWN: "It cites a fact that the request does not have.",
    Code.EVIDENCE_MISMATCH: "It cites a fact with another value than it has.",
    Code.EVIDENCE_UNTRUSTED: "It rests on texts of strangers alone.",
    Code.NO_POSITION: "Close or hold where nothing is held.",
    Code.LANGUAGE: "Its text is not English: nobody here could check it.",
    Code.CONTRADICTION: "Its text recommends the opposite of its action.",
    Code.UNGROUNDED: "Its text holds a number that no fact and no field of the answer has.",
    Code.ABSTAINED: "The model itself abstains, which is a good answer.",
}
"""What each means."""

UNASKED = frozenset(
    {Code.NOT_ASKED_YET, Code.NOT_READY, Code.UNCHANGED, Code.BUDGET, Code.BREAKER_OPEN}
)
"""Ends of questions that never left."""

NO_ANSWER = frozenset(
    {
        Code.CREDENTIAL_MISSING,
        Code.CREDENTIAL_REFUSED,
        Code.FORBIDDEN,
        Code.PAYMENT_REQUIRED,
        Code.MODEL_UNKNOWN,
        Code.REQUEST_INVALID,
        Code.RATE_LIMITED,
        Code.SERVER_ERROR,
        Code.TIMEOUT,
        Code.UNREACHABLE,
        Code.BODY_UNREADABLE,
        Code.CLOSING,
    }
)
"""The provider's failures: they concern its breaker and not the model's quality."""

FAILS_OVER = frozenset(
    {
        Code.CREDENTIAL_REFUSED,
        Code.MODEL_UNKNOWN,
        Code.SERVER_ERROR,
        Code.UNREACHABLE,
        Code.BODY_UNREADABLE,
        Code.NO_CONTENT,
    }
)
"""What another model might do better. Our own faults and used-up budgets would follow us."""

REPAIRABLE = frozenset(
    {
        Code.MALFORMED,
        Code.DUPLICATE_KEY,
        Code.TOO_DEEP,
        Code.NOT_A_NUMBER,
        Code.SCHEMA,
        Code.MATRIX,
    }
)
"""Faults of form, for which one repair is asked. To ask again until a content passes would make
of the guard a decoration."""

JUDGED_WELL = frozenset({Code.OK, Code.ABSTAINED, Code.LATE, Code.PRICE_MOVED, Code.NO_REFERENCE})
"""Answers that kept the contract, whether or not they could be used."""

KEY_FAULTS = frozenset({Code.CREDENTIAL_MISSING, Code.CREDENTIAL_REFUSED, Code.FORBIDDEN})
"""Ends that a person has to mend: the credential is missing or refused."""
