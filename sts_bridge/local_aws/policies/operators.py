"""The condition operators: each compares one value of a policy with one value of a request."""

import base64
import ipaddress
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from sts_bridge.local_aws.policies.patterns import Pattern, fits, plain

# The policy's value, then the request's; nothing where the policy's own value is no such value.
Comparison = Callable[[Pattern, str], bool | None]

_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{1,9})?", re.ASCII)
_DATE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?",
    re.ASCII,
)
_ARN_PARTS = 6


def _string_like(wanted: Pattern, value: str) -> bool:
    return fits(wanted, value)


def _string_equals(wanted: Pattern, value: str) -> bool:
    return plain(wanted) == value


def _string_equals_ignore_case(wanted: Pattern, value: str) -> bool:
    return plain(wanted).casefold() == value.casefold()


def _arn_like(wanted: Pattern, value: str) -> bool:
    """Each of the six parts is compared alone: a `*` does not reach over a colon."""
    patterns, parts = _arn_parts(wanted), value.split(":", _ARN_PARTS - 1)
    if len(patterns) != _ARN_PARTS or len(parts) != _ARN_PARTS:
        return False
    return all(fits(pattern, part) for pattern, part in zip(patterns, parts, strict=True))


def _bool(wanted: Pattern, value: str) -> bool | None:
    text = plain(wanted).lower()
    return text == value.lower() if text in {"true", "false"} else None


def _ip_address(wanted: Pattern, value: str) -> bool | None:
    try:
        network = ipaddress.ip_network(plain(wanted), strict=False)
    except ValueError:
        return None
    try:
        return ipaddress.ip_address(value) in network
    except ValueError:
        return False


def _binary(wanted: Pattern, value: str) -> bool | None:
    """The policy has its octets in base64, the request as they are."""
    try:
        return base64.b64decode(plain(wanted), validate=True) == value.encode()
    except ValueError:
        return None


def _ordered(read: Callable[[str], Decimal | None], holds: Callable[[Decimal, Decimal], bool]) -> Comparison:
    def compare(wanted: Pattern, value: str) -> bool | None:
        bound, given = read(plain(wanted)), read(value)
        if bound is None:
            return None
        return given is not None and holds(given, bound)

    return compare


def _read_number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _read_date(text: str) -> Decimal | None:
    """Give the seconds since 1970 of a date in ISO 8601 or of such a number itself."""
    number = _read_number(text)
    if number is not None or not _DATE.fullmatch(text):
        return number
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return Decimal(str((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()))


def _arn_parts(pattern: Pattern) -> list[Pattern]:
    parts: list[list[str]] = [[]]
    for sign in pattern:
        if sign == ":" and len(parts) < _ARN_PARTS:
            parts.append([])
        else:
            parts[-1].append(sign)
    return [tuple(part) for part in parts]


_ORDERS: Final[dict[str, Callable[[Decimal, Decimal], bool]]] = {
    "equals": lambda given, bound: given == bound,
    "lessthan": lambda given, bound: given < bound,
    "lessthanequals": lambda given, bound: given <= bound,
    "greaterthan": lambda given, bound: given > bound,
    "greaterthanequals": lambda given, bound: given >= bound,
}

COMPARISONS: Final[dict[str, Comparison]] = {
    "stringequals": _string_equals,
    "stringequalsignorecase": _string_equals_ignore_case,
    "stringlike": _string_like,
    "arnequals": _arn_like,
    "arnlike": _arn_like,
    "binaryequals": _binary,
    "bool": _bool,
    "ipaddress": _ip_address,
    **{f"numeric{name}": _ordered(_read_number, holds) for name, holds in _ORDERS.items()},
    **{f"date{name}": _ordered(_read_date, holds) for name, holds in _ORDERS.items()},
}
NEGATED: Final = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
    "notipaddress": "ipaddress",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
}
