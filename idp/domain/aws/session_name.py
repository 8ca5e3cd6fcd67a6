"""A lawful role session name proposed from an attribute; that no two people share one is the table's business.

AWS: `[a-zA-Z_0-9+=,.@-]{2,64}`; SourceIdentity is the same value and may not begin with `aws:`
(which the grammar excludes, having no colon).
"""

import base64
import hashlib
import re
import unicodedata
from collections.abc import Iterator

from idp.domain.errors import Malformed

grammar = re.compile(r"[A-Za-z0-9_+=,.@-]{2,64}", re.ASCII)
unlawful = re.compile(r"[^A-Za-z0-9_+=,.@-]+", re.ASCII)
marked_grammar = re.compile(r".*-[A-Z2-7]{16}", re.ASCII | re.IGNORECASE)
LONGEST = 64
MARK_LENGTH = 8
LONGEST_MARK = 32


class UnlawfulSessionName(Malformed):
    """Not a session name that AWS accepts."""

    code = "unlawful-session-name"
    sentence = "A session name has 2 to 64 of the characters A-Z a-z 0-9 _ + = , . @ -"


def propose_session_name(attribute: str, *, account_key: str) -> str:
    """A lawful name near the attribute; where folding lost or cut something, the identifier's mark is added."""
    lawful = _lawful(attribute)
    if lawful == attribute and grammar.fullmatch(lawful):
        return lawful
    return marked_session_name(lawful, account_key=account_key)


def session_names(attribute: str, *, account_key: str) -> Iterator[str]:
    """The names to try in this order until the table takes one: as proposed, then ever longer marks.

    A longer mark is for the case that somebody's attribute spells this person's marked name.
    """
    proposed = propose_session_name(attribute, account_key=account_key)
    yield proposed
    for length in (MARK_LENGTH, 2 * MARK_LENGTH, LONGEST_MARK):
        marked = marked_session_name(_lawful(attribute), account_key=account_key, length=length)
        if marked != proposed:
            yield marked


def marked_session_name(
    name: str, *, account_key: str, length: int = MARK_LENGTH, longest: int = LONGEST
) -> str:
    """The name with `-` and base32 characters of the SHA-256 of the identifier: unlike any other person's."""
    digest = hashlib.sha256(account_key.encode()).digest()
    mark = base64.b32encode(digest).decode()[:length]
    return f"{name[: longest - length - 1]}-{mark}"


def short_session_name(name: str, *, account_key: str, longest: int) -> str:
    """The name where it is short enough; otherwise its beginning with the mark, so that cutting joins nobody.

    A short name that ends like a marked one is marked too: it might be spelt like what another's is cut to.
    """
    if len(name) <= longest and not marked_grammar.fullmatch(name):
        return name
    return marked_session_name(name, account_key=account_key, length=2 * MARK_LENGTH, longest=longest)


def _lawful(attribute: str) -> str:
    plain = unicodedata.normalize("NFKD", attribute).encode("ascii", "ignore").decode()
    return unlawful.sub("-", plain).strip("-")


def check_session_name(name: str) -> str:
    """The same name; refuses one that AWS would refuse."""
    if not grammar.fullmatch(name):
        raise UnlawfulSessionName(f"{name!r}")
    return name
