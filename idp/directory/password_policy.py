"""The password policies of one directory: read when first needed, kept for minutes, and never guessed too high.

Active Directory has one for the domain and fine-grained ones for some people, whose names the entry shows; a
password policy of OpenLDAP is an entry too, and which one is the default only the server's configuration
tells: the strictest of those that can be read stands for it.
"""

import logging
import time
from collections.abc import Sequence
from datetime import timedelta

import ldap
from ldap.dn import escape_dn_chars

from idp.conf.directories import DirectoryConfig
from idp.directory import searches
from idp.directory.account_state import (
    BESIDE_ALL_SETS,
    POLICY_SUBENTRY,
    RESULTANT_POLICY,
    Attributes,
    numbers,
    words,
)
from idp.directory.deadline import NO_DEADLINE, Deadline
from idp.directory.pool import Pool
from idp.directory.searches import RawEntry
from idp.domain.errors import DirectoryUnavailable, Malformed
from idp.domain.groups import split_dn
from idp.domain.password_policy import Lockout, PasswordPolicy, PasswordRules, strictest

logger = logging.getLogger("drawbridge.directory")

KEPT_FOR = 300.0
DEFAULT = ""
# In the place of the name where the entry would not show it.
UNSEEN = "of people whose properties we may not read"

OF_DOMAIN = (
    "lockoutThreshold", "lockOutObservationWindow", "lockoutDuration",
    "minPwdLength", "pwdHistoryLength", "pwdProperties", "minPwdAge",
)  # fmt: skip
FINE_GRAINED = (
    "msDS-LockoutThreshold", "msDS-LockoutObservationWindow", "msDS-LockoutDuration",
    "msDS-MinimumPasswordLength", "msDS-PasswordHistoryLength", "msDS-PasswordComplexityEnabled",
    "msDS-MinimumPasswordAge",
)  # fmt: skip
OF_OPENLDAP = (
    "pwdAttribute", "pwdLockout", "pwdMaxFailure", "pwdFailureCountInterval", "pwdLockoutDuration",
    "pwdMinLength", "pwdInHistory", "pwdMinAge",
)  # fmt: skip
# [MS-ADTS] 6.1.1.4.11 and 3.1.1.3.2: DOMAIN_PASSWORD_COMPLEX; spans are negative hundreds of nanoseconds.
COMPLEX = 0x1
UNTIL_UNLOCKED = -0x8000_0000_0000_0000


class Policies:
    """The policies of one directory; `assumed` stands for what cannot be read."""

    def __init__(self, config: DirectoryConfig, service: Pool, *, assumed: Lockout) -> None:
        """Nothing is read yet."""
        self._config = config
        self._service = service
        self._assumed = PasswordPolicy(assumed, is_read=False)
        # Under which nobody has more than one wrong password: for accounts that have not been tried yet.
        self.least = Lockout(threshold=2, window=assumed.window)
        self._kept: dict[str, tuple[PasswordPolicy, float]] = {}

    def known(self, attributes: Attributes | None = None) -> PasswordPolicy:
        """What is known of the policy for this entry, or of the default one, without asking."""
        policy, _ = self._kept.get(self._name_in(attributes), (self._assumed, 0.0))
        return policy

    def is_kept(self, attributes: Attributes) -> bool:
        """Whether the policy for this entry has been read, or found to be hidden."""
        return self._name_in(attributes) in self._kept

    def of(self, attributes: Attributes, deadline: Deadline = NO_DEADLINE) -> PasswordPolicy:
        """The policy for this entry, read if it has not been read yet."""
        if not self.is_kept(attributes):
            self._read(self._name_in(attributes), deadline)
        return self.known(attributes)

    def renew(self, attributes: Attributes | None, deadline: Deadline) -> None:
        """The policy for this entry, or the default one, is some minutes old at most, if it can be read now."""
        name = self._name_in(attributes)
        _, read_at = self._kept.get(name, (None, 0.0))
        if name in self._kept and time.monotonic() - read_at < KEPT_FOR:
            return
        self._read(name, deadline)

    def _name_in(self, attributes: Attributes | None) -> str:
        """The name of the policy that holds for the entry; the default's where it shows none and would show one."""
        if attributes is None:
            return DEFAULT
        named = (*words(attributes, RESULTANT_POLICY), *words(attributes, POLICY_SUBENTRY))
        is_unseen = self._config.is_active_directory and not words(attributes, BESIDE_ALL_SETS)
        return next(iter(named), UNSEEN if is_unseen else DEFAULT)

    def _read(self, name: str, deadline: Deadline) -> None:
        """What cannot be read keeps nobody from signing in: the strictest that is known stands for it."""
        if name == UNSEEN:
            self._read(DEFAULT, deadline)
            if DEFAULT not in self._kept:
                return
        try:
            found = [] if name == UNSEEN else self._ask(name, deadline)
        except DirectoryUnavailable as problem:
            logger.info("directory.policy.not-read", extra={"facts": {"cause": problem.cause}})
            if not isinstance(problem.__cause__, ldap.LDAPError):
                # Nobody answered: asked again next time.
                return
            found = []
        read = [policy for _, attributes in found if (policy := policy_in(attributes)) is not None]
        if read:
            policy = PasswordPolicy(strictest([one.lockout for one in read]), rules=read[0].rules)
        else:
            logger.warning("directory.policy.hidden", extra={"facts": {"policy": name or "default"}})
            policy = PasswordPolicy(strictest([self._assumed.lockout, self.known().lockout]), is_read=False)
        self._kept[name] = (policy, time.monotonic())

    def _ask(self, name: str, deadline: Deadline) -> list[RawEntry]:
        if name:
            base, scope, wanted = name, ldap.SCOPE_BASE, "(objectClass=*)"
            attributes: tuple[str, ...] = (*FINE_GRAINED, *OF_OPENLDAP)
        elif self._config.is_active_directory:
            base, scope, wanted = suffix_of(self._config.user_base), ldap.SCOPE_BASE, "(objectClass=*)"
            attributes = OF_DOMAIN
        else:
            base, scope = suffix_of(self._config.user_base), ldap.SCOPE_SUBTREE
            wanted, attributes = "(objectClass=pwdPolicy)", OF_OPENLDAP
        seconds = self._config.operation_seconds
        return self._service.until(deadline).run(
            lambda link: searches.search(link, base, scope, wanted, attributes, seconds=seconds)
        )


def policy_in(attributes: Attributes) -> PasswordPolicy | None:
    """The policy that this entry is; None where it shows none."""
    for names in (OF_DOMAIN, FINE_GRAINED):
        if (threshold := _number(attributes, names[0])) is not None:
            return _of_active_directory(attributes, names, threshold)
    if words(attributes, "pwdAttribute"):
        return _of_openldap(attributes)
    return None


def _of_active_directory(attributes: Attributes, names: Sequence[str], threshold: int) -> PasswordPolicy:
    _, window, lasts, shortest, remembered, complexity, youngest = names
    spelled = words(attributes, complexity)
    return PasswordPolicy(
        Lockout(threshold, _span(attributes, window), _span(attributes, lasts)),
        PasswordRules(
            shortest=_number(attributes, shortest) or 0,
            remembered=_number(attributes, remembered) or 0,
            complex=spelled == ["TRUE"] or bool((_number(attributes, complexity) or 0) & COMPLEX),
            youngest=_span(attributes, youngest) or timedelta(0),
        ),
    )


def _of_openldap(attributes: Attributes) -> PasswordPolicy:
    """draft-behera-ldap-password-policy 5.2: of a span, 0 means for good."""
    locks = words(attributes, "pwdLockout") == ["TRUE"]
    interval = _number(attributes, "pwdFailureCountInterval") or 0
    lasts = _number(attributes, "pwdLockoutDuration") or 0
    return PasswordPolicy(
        Lockout(
            threshold=(_number(attributes, "pwdMaxFailure") or 0) if locks else 0,
            window=timedelta(seconds=interval) if interval else None,
            lasts=timedelta(seconds=lasts) if lasts else None,
        ),
        PasswordRules(
            shortest=_number(attributes, "pwdMinLength") or 0,
            remembered=_number(attributes, "pwdInHistory") or 0,
            youngest=timedelta(seconds=_number(attributes, "pwdMinAge") or 0),
        ),
    )


def _number(attributes: Attributes, name: str) -> int | None:
    return next(iter(numbers(attributes, name)), None)


def _span(attributes: Attributes, name: str) -> timedelta | None:
    """A span of Active Directory; None for none, and for until somebody opens it."""
    value = _number(attributes, name)
    if not value or value == UNTIL_UNLOCKED:
        return None
    return timedelta(microseconds=abs(value) // 10)


def suffix_of(base: str) -> str:
    """The top of the tree in which this base lies: its domain components, or its last name."""
    try:
        parts = split_dn(base)
    except Malformed:
        return base
    domain = [part for part in parts if part[0][0].lower() == "dc"]
    return ",".join(f"{part[0][0]}={escape_dn_chars(part[0][1])}" for part in (domain or parts[-1:]))
