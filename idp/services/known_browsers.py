"""Browsers that somebody has signed in with: a signed mark tells for whom, so that strangers do not keep them out.

The mark opens nothing. It lets this browser use the part of a person's wrong passwords that is kept for it.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from django.core import signing

SALT = "drawbridge.known-browser"
KNOWN_FOR = timedelta(days=180)
# One computer may serve a few people, or one person with two accounts.
MOST_PEOPLE = 4
LONGEST_MARK = 2_048
LENGTH = 32


@dataclass(frozen=True, slots=True)
class KnownBrowser:
    """For whom a browser is known: hashes of account and of the name that was typed, the latest first."""

    people: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, mark: str) -> Self:
        """What a mark says; one that we did not make, or that is too old, says nothing."""
        if not mark or len(mark) > LONGEST_MARK:
            return cls()
        try:
            people = signing.loads(mark, salt=SALT, max_age=KNOWN_FOR)
        except signing.BadSignature:
            return cls()
        return cls(tuple((str(account), str(name)) for account, name in people))

    def holder_of(self, name: str) -> str:
        """The hash of the account whose holder has signed in here under this folded name; empty if none has."""
        return next((account for account, known in self.people if known == short(name)), "")

    def knows_account(self, account_key: str) -> bool:
        """Whether the holder of this account has signed in here."""
        return any(known == short(account_key) for known, _ in self.people)

    def mark_with(self, account_key: str, name: str) -> str:
        """The mark of this browser now that the account's holder has signed in under this folded name."""
        latest = (short(account_key), short(name))
        others = [person for person in self.people if person[0] != latest[0]]
        return signing.dumps([latest, *others][:MOST_PEOPLE], salt=SALT)


def short(text: str) -> str:
    """A name as the mark holds it: it says nothing to whoever finds it."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:LENGTH]
