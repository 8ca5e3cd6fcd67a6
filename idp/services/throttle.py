"""Count tries to sign in per name, per account and per address, for every door alike.

A try is counted before anything is asked and given back when it was a good one: however many come at
the same moment, no more than the limit reach the directory. Names are counted whether or not anybody
has them, so that being throttled tells nothing.
"""

import hashlib
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from idp.domain.errors import Throttled
from idp.models import SignInCounter

WINDOW = timedelta(minutes=15)
TRIES_PER_NAME = 5
TRIES_PER_ADDRESS = 10 * TRIES_PER_NAME


def name_key(username: str) -> str:
    """The counter of a typed name; spellings that a directory takes for the same are counted together."""
    return f"name:{digest(normal_name(username))}"


def normal_name(username: str) -> str:
    """The name with case, width and blanks folded."""
    return " ".join(unicodedata.normalize("NFKC", username).casefold().split())


def account_key_of(account_key: str) -> str:
    """The counter of an account, whatever name it was tried under."""
    return f"account:{digest(account_key)}"


def address_key(address: str) -> str:
    """The counter of a client's address."""
    return f"address:{digest(address)}"


def digest(text: str) -> str:
    """What the table and the audit hold in the place of a typed name, which may be a password gone astray."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


@dataclass(slots=True)
class Try:
    """One try that has been counted; what becomes of it is told to exactly one of the verbs below."""

    username: str
    address: str
    now: datetime
    keys: list[str] = field(default_factory=list)

    def claim(self) -> None:
        """The try is counted under its name and its address; refuses with Throttled beyond the limit."""
        self._claim({name_key(self.username): TRIES_PER_NAME, address_key(self.address): TRIES_PER_ADDRESS})

    def found(self, account_key: str) -> None:
        """The try is counted under the account too, now that it is known; refuses with Throttled likewise."""
        self._claim({account_key_of(account_key): TRIES_PER_NAME})

    def succeeded(self) -> None:
        """Name and account begin at nothing again; the address, which many share, gets this try back."""
        self._settle(cleared=[key for key in self.keys if not key.startswith("address:")])

    def does_not_count(self) -> None:
        """As if it had not been made: it was nobody's fault."""
        self._settle(cleared=[])

    def _settle(self, *, cleared: list[str]) -> None:
        if self.keys:
            SignInCounter.objects.settle(self.keys, cleared=cleared, now=self.now)
        self.keys = []

    def _claim(self, limits: dict[str, int]) -> None:
        claimed = SignInCounter.objects.claim(limits, window=WINDOW, now=self.now)
        self.keys += [key for key in limits if key in claimed]
        full = [key for key in limits if key not in claimed]
        if full:
            self.does_not_count()
            raise Throttled(
                f"counted-out:{full[0].partition(':')[0]}", retry_after=self._seconds_until_free(full)
            )

    def _seconds_until_free(self, full: list[str]) -> int:
        ends = SignInCounter.objects.filter(key__in=full).values_list("expires_at", flat=True)
        wait = max((end - self.now for end in ends), default=WINDOW)
        return max(1, int(wait.total_seconds()) + 1)
