"""Gate's error labels with the status each is served with (gate-protocol.md section 6)."""

from state.errors import VenueRefused

_STATUS = {
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "NOT_ACCEPTABLE": 406,
    "INVALID_CREDENTIALS": 401,
    "INVALID_KEY": 401,
    "INVALID_SIGNATURE": 401,
    "AUTHENTICATION_FAILED": 401,
    "IP_FORBIDDEN": 403,
    "READ_ONLY": 403,
    "ACCOUNT_LOCKED": 403,
    "FORBIDDEN": 403,
    "REQUEST_EXPIRED": 403,
    "ORDER_NOT_FOUND": 404,
    "CLIENT_ID_NOT_FOUND": 404,
    "TOO_MANY_REQUESTS": 429,
    "INTERNAL": 500,
    "SERVER_ERROR": 500,
    "INTERNAL_SERVER_ERROR": 500,
    "TOO_BUSY": 503,
    "TIMEOUT": 504,
    "SERVER_TIMEOUT": 504,
}


def refusal(label: str, message: str) -> VenueRefused:
    """Return the refusal with `label`, its status from the protocol page (400 unless listed)."""
    return VenueRefused(label, message, _STATUS.get(label, 400))


def invalid_parameter(name: str, value: object) -> VenueRefused:
    """Return Gate's refusal of one request parameter."""
    return refusal("INVALID_PARAM_VALUE", f"Invalid request parameter `{name}` value: {value}")


def missing_parameter(name: str) -> VenueRefused:
    """Return Gate's refusal of a request that lacks a parameter."""
    return refusal("MISSING_REQUIRED_PARAM", f"Missing required parameter: {name}")
