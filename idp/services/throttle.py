"""The budget of wrong passwords, for every door alike: per person, per address, per network and in total.

A try is counted before anything is asked and given back when it was a good one: however many come at
the same moment, no more than the budget reach the directory. Names are counted whether or not anybody
has them, so that being throttled tells nothing. What is let through per person stays below the number at
which the directory locks the account, and a part of it is kept for browsers that the person has signed in
with: a stranger who tries all the rest does not keep them out. Several people may go by one name, and one of
them may be a stranger to the others: each account, also a local administrator's, has a counter of its own.
"""

import hashlib
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, lru_cache
from ipaddress import ip_address, ip_network

from idp.conf.access import throttle_config
from idp.directory.errors import AccountSpared
from idp.directory.port import FoundAccount
from idp.domain.errors import Throttled
from idp.domain.password_policy import Budget, Lockout, budget
from idp.models import SignInCounter
from idp.models.throttle import Limit
from idp.services.known_browsers import KnownBrowser

FIRST_WAIT = timedelta(seconds=2)
WAIT_GROWS = 4
UNITS = ((86_400, "days"), (3_600, "hours"), (60, "minutes"), (1, "seconds"))
TOTAL = "total"
# Whose own success clears them.
OF_PERSON = ("known:", "name:", "account:")
# An IPv6 host has a /64 to itself, and a customer a /48.
ADDRESS_LENGTH = {4: 32, 6: 64}
NETWORK_LENGTH = {4: 24, 6: 48}


def name_key(username: str) -> str:
    """The counter of a typed name; spellings that a directory takes for the same are counted together."""
    return f"name:{digest(folded_name(username))}"


def normal_name(username: str) -> str:
    """The name with case, width and blanks folded."""
    return " ".join(unicodedata.normalize("NFKC", username).casefold().split())


def folded_name(username: str) -> str:
    """The name as no directory tells names apart: without domain, diacritics, invisible signs and end marks.

    Two people whose names fold to the same share this counter and nothing else.
    """
    name = normal_name(username).rpartition("\\")[2]
    name = name.partition("@")[0] or name
    plain = unicodedata.normalize("NFKD", name.replace("\N{LATIN SMALL LETTER DOTLESS I}", "i"))
    kept = "".join(sign for sign in plain if unicodedata.category(sign) not in {"Mn", "Cf", "Cc"})
    return kept.casefold().strip(". ")


def known_key(holder: str, username: str) -> str:
    """The counter of a typed name in the browsers that this account's holder has signed in with under it."""
    return f"known:{digest(f'{holder}:{folded_name(username)}')}"


def account_key_of(account_key: str) -> str:
    """The counter of an account, whatever name it was tried under."""
    return f"account:{digest(account_key)}"


@lru_cache(maxsize=4_096)
def address_key(address: str) -> str:
    """The counter of a client's address, which of IPv6 is the /64 that one host has."""
    return f"address:{digest(_part(address, ADDRESS_LENGTH))}"


@lru_cache(maxsize=4_096)
def network_key(address: str) -> str:
    """The counter of the network around a client's address: its /24, or of IPv6 its /48."""
    return f"network:{digest(network_of(address))}"


def host_of(address: str) -> str:
    """The address as one client's: of IPv6 the /64 that one host has, and may change in every second."""
    return address if ":" not in address else _part(address, ADDRESS_LENGTH)


def network_of(address: str) -> str:
    """The network around a client's address: its /24, or of IPv6 its /48."""
    return _part(address, NETWORK_LENGTH)


def _part(address: str, lengths: dict[int, int]) -> str:
    # A link-local address may name the interface it was heard on.
    plain = address.partition("%")[0]
    try:
        return str(ip_network(f"{plain}/{lengths[ip_address(plain).version]}", strict=False))
    except ValueError:
        return address


def digest(text: str) -> str:
    """What the table and the audit hold in the place of a typed name, which may be a password gone astray."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def budget_below(lockout: Lockout) -> Budget:
    """The budget of one person under this policy."""
    config = throttle_config()
    return budget(lockout, tries=config.per_person, reserve=config.per_person_known, window=config.window)


@cache
def waits_of(tries: int) -> tuple[tuple[int, timedelta], ...]:
    """From the middle of the budget on each failure makes the next try wait, four times as long as the last."""
    first = (tries + 1) // 2
    return tuple(
        (count, FIRST_WAIT * WAIT_GROWS ** (count - first)) for count in range(first, tries) if count > 1
    )


def throttled(counter: str, seconds: int) -> Throttled:
    """The refusal for a counter that is full, or wants its next try later."""
    unit, name = next((unit, name) for unit, name in UNITS if seconds >= 2 * unit or unit == 1)
    count = -(-seconds // unit)
    wait = f"{count} {name}" if count > 1 else f"{count} {name.removesuffix('s')}"
    return Throttled(
        f"counted-out:{counter}",
        retry_after=seconds,
        sentence=f"Too many tries. Please wait {wait} and try again.",
    )


class Total:
    """Until when all failures together are too many, as far as this process has seen.

    Only a failure touches the row that all share, and learns of it: good sign-ins need not queue for it.
    """

    def __init__(self) -> None:
        """Nothing has been seen yet."""
        self.full_until: datetime | None = None


total = Total()


@dataclass(slots=True)
class Try:
    """One try that has been counted; what becomes of it is told to exactly one of the verbs below.

    `account_key` tells whose name it is, once that has been found; `is_known` whether the browser is taken for
    one of theirs.
    """

    username: str
    address: str
    now: datetime
    lockout: Lockout
    browser: KnownBrowser = field(default_factory=KnownBrowser)
    account_key: str = ""
    is_known: bool = False
    keys: list[str] = field(default_factory=list)

    def claim(self) -> None:
        """The try is counted under its name, address and network; refuses with Throttled beyond.

        For a browser that is known under this name only that which was tried in such browsers counts.
        """
        config, holder = throttle_config(), self.browser.holder_of(folded_name(self.username))
        self.is_known = bool(holder)
        if not self.is_known:
            self._claim_as_stranger()
            return
        # The account decides how many: the name may have been used up at a door with a larger budget.
        most, window = config.per_person + config.per_person_known, budget_below(self.lockout).window
        own = Limit(known_key(holder, self.username), most, window, slides=True)
        self._refuse_if(self._claim([own]))

    def found(self, account: FoundAccount | None) -> None:
        """The try is counted under the account too, now that it is known; refuses with Throttled likewise.

        Refuses with AccountSpared where unknown names may still be tried: outside that is a wrong password.
        A name that nobody has is counted once more, for the time that takes. A browser that is known for
        another account of this name is a stranger's.
        """
        if self.is_known and not (account and self.browser.knows_account(account.account_key)):
            self.is_known = False
            self._claim_as_stranger()
        if account is None:
            person = budget_below(self.lockout)
            key = account_key_of(f"nobody:{folded_name(self.username)}")
            self._claim([Limit(key, person.tries, person.window, slides=True)])
            return
        self.account_key = account.account_key
        person = budget_below(account.lockout)
        known = self.browser.knows_account(account.account_key)
        most, seen = (person.known_tries, person.known_seen) if known else (person.tries, person.seen)
        if seen is not None and account.failures >= seen:
            raise AccountSpared(
                f"{account.failures} failures seen",
                account_key=account.account_key,
                username=account.username,
            )
        full = self._claim([Limit(account_key_of(account.account_key), most, person.window, slides=True)])
        if full and most < budget_below(self.lockout).tries:
            raise AccountSpared(
                f"{most} failures here", account_key=account.account_key, username=account.username
            )
        self._refuse_if(full)

    def succeeded(self) -> None:
        """Name and account begin at nothing again; what others share gets this try back.

        Others may go by the name too: their passwords are guarded by the counters of their accounts.
        """
        if self.is_known:
            # Before the account, as everywhere.
            self.keys.insert(1, name_key(self.username))
        self._settle(cleared=[key for key in self.keys if key.startswith(OF_PERSON)])

    def failed(self) -> None:
        """What was counted stays counted, and counts in total too, unless the person's own browser did it."""
        self.keys = []
        if self.is_known:
            return
        config = throttle_config()
        limit = Limit(TOTAL, config.in_total - 1, config.window)
        if not SignInCounter.objects.claim([limit], now=self.now):
            total.full_until = SignInCounter.objects.get(key=TOTAL).expires_at

    def does_not_count(self) -> None:
        """As if it had not been made: it was nobody's fault."""
        self._settle(cleared=[])

    def was_not_answered(self) -> None:
        """The account keeps it, for the directory may have counted it; otherwise as if it had not been made."""
        self.keys = [key for key in self.keys if not key.startswith("account:")]
        self.does_not_count()

    def _claim_as_stranger(self) -> None:
        config, person = throttle_config(), budget_below(self.lockout)
        waits = waits_of(person.tries)
        self._refuse_while_total_is_full()
        self._refuse_if(
            self._claim(
                [
                    Limit(name_key(self.username), person.tries, person.window, slides=True, waits=waits),
                    Limit(address_key(self.address), config.per_address, config.window),
                    Limit(network_key(self.address), config.per_network, config.window),
                ]
            )
        )

    def _refuse_while_total_is_full(self) -> None:
        if total.full_until is not None and self.now < total.full_until:
            self.does_not_count()
            raise throttled("total", int((total.full_until - self.now).total_seconds()) + 1)

    def _settle(self, *, cleared: list[str]) -> None:
        if self.keys:
            SignInCounter.objects.settle(self.keys, cleared=cleared, now=self.now)
        self.keys = []

    def _claim(self, limits: list[Limit]) -> list[Limit]:
        """Count under each of these; gives those that were full already."""
        claimed = SignInCounter.objects.claim(limits, now=self.now)
        self.keys += [limit.key for limit in limits if limit.key in claimed]
        return [limit for limit in limits if limit.key not in claimed]

    def _refuse_if(self, full: list[Limit]) -> None:
        if full:
            wait = self._seconds_until_free(full)
            self.does_not_count()
            raise throttled(full[0].key.partition(":")[0], wait)

    def _seconds_until_free(self, full: list[Limit]) -> int:
        rows = {row.key: row for row in SignInCounter.objects.filter(key__in=[limit.key for limit in full])}
        ends = [
            row.retry_at if row.retry_at and row.failures < limit.most else row.expires_at
            for limit in full
            if (row := rows.get(limit.key))
        ]
        wait = max((end - self.now for end in ends), default=throttle_config().window)
        return max(1, int(wait.total_seconds()) + 1)
