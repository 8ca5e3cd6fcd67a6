"""Attributes whose values come in portions: Active Directory gives at most 1,500 of them in one answer.

The attribute itself then comes empty, and its values under a name such as `member;range=0-1499`
([MS-ADTS] 3.1.1.3.1.3.3): whoever reads the plain name only sees a group without members.
"""

import re
from collections.abc import Callable

from idp.directory.account_state import Attributes
from idp.domain.errors import DirectoryUnavailable

name_grammar = re.compile(r"([^;]+)(?:;range=([0-9]{1,9})-([0-9]{1,9}|\*))?", re.ASCII | re.IGNORECASE)

ReadAttribute = Callable[[str], Attributes]


def every_value(attribute: str, read: ReadAttribute, *, begun: Attributes | None = None) -> list[bytes]:
    """All values of the attribute, asked for until the last portion; `begun` is what has been read already.

    Unavailable where a portion is missing: fewer values are no answer.
    """
    values: list[bytes] = []
    answer = read(attribute) if begun is None else begun
    while True:
        portion, last = _portion(attribute, answer, expected=len(values))
        values += portion
        if last is None:
            return values
        if last != len(values) - 1:
            raise DirectoryUnavailable(f"{attribute} up to value {last} came with {len(values)} values")
        answer = read(f"{attribute};range={len(values)}-*")


def _portion(attribute: str, answer: Attributes, *, expected: int) -> tuple[list[bytes], int | None]:
    """The values in this answer, and the number of the last one if there are more; None if there are not."""
    plain: list[bytes] = []
    for name, values in answer.items():
        found = name_grammar.fullmatch(name)
        if found is None or found[1].lower() != attribute.lower():
            continue
        if found[2] is None:
            plain = values
            continue
        if int(found[2]) != expected or not values:
            raise DirectoryUnavailable(f"{attribute} goes on at value {found[2]} instead of {expected}")
        return values, None if found[3] == "*" else int(found[3])
    if expected:
        raise DirectoryUnavailable(f"{attribute} breaks off after {expected} values")
    return plain, None
