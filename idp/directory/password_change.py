"""A password changed in place, and the directory's own policy explained where it refuses the new one.

Every connection is encrypted (`options.encryption`); no write right is needed but everybody's to change a
password whose old value they know. Active Directory takes old and new value together on our service
connection ([MS-ADTS] 3.1.1.3.1.5); other servers take the password-modify operation (RFC 3062) from the person.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime

import ldap
from ldap.controls.ppolicy import PasswordPolicyControl

from idp.directory.account_state import LAST_SET, Attributes, file_times, words
from idp.directory.binding import diagnostic_of, policy_of_error
from idp.directory.credentials import sendable_password
from idp.directory.errors import (
    AccountLocked,
    NewPasswordRefused,
    PasswordNotChangeable,
    UnsendablePassword,
    WrongPassword,
)
from idp.directory.links import Link
from idp.directory.searches import RawEntry
from idp.domain.password_policy import PasswordRules

UNICODE_PASSWORD = "unicodePwd"  # noqa: S105 - an attribute's name
# A global catalog and a read-only controller refer to one that may write.
NOT_ALLOWED = (ldap.REFERRAL, ldap.INSUFFICIENT_ACCESS, ldap.STRONG_AUTH_REQUIRED, ldap.PROTOCOL_ERROR)
# [MS-ERREF] 2.2, the number that Active Directory's text begins with
windows_error = re.compile(r"\s*([0-9A-Fa-f]{8}):", re.ASCII)
WRONG_OLD_PASSWORD, ACCESS_DENIED, LOCKED_OUT = 0x56, 0x5, 0x775
# draft-behera-ldap-password-policy section 6.2
NO_CHANGES, TOO_SIMPLE, TOO_SHORT, TOO_YOUNG, IN_HISTORY, TOO_LONG = 3, 5, 6, 7, 8, 9
# What Active Directory counts as parts of a name that a password must not hold.
name_parts = re.compile(r"[,.\-_ #\t]+")
SHORTEST_NAME_PART = 3
KINDS_OF_SIGNS = 3
GENERALLY = (
    "It may be too short or too simple, one that you have had before, or the last change may be too recent."
)


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """One person's change from a password to a new one; `rules` are those of their policy, where it can be read."""

    old: str = field(repr=False)
    new: str = field(repr=False)
    rules: PasswordRules
    now: datetime

    def as_person(self, link: Link, dn: str) -> None:
        """The new one holds; the connection is bound as the person, just now and with the old one."""
        try:
            link.passwd_s(dn, self.old, self.new, serverctrls=[PasswordPolicyControl()])
        except NOT_ALLOWED as error:
            raise PasswordNotChangeable(diagnostic_of(error)) from error
        except (ldap.CONSTRAINT_VIOLATION, ldap.UNWILLING_TO_PERFORM, ldap.INVALID_CREDENTIALS) as error:
            policy = policy_of_error(error)
            code = policy.error if policy else None
            if code == NO_CHANGES or (code is None and isinstance(error, ldap.UNWILLING_TO_PERFORM)):
                raise PasswordNotChangeable(f"policy error {code}: {diagnostic_of(error)}") from error
            raise NewPasswordRefused(
                f"policy error {code}: {diagnostic_of(error)}", sentence=told(self._of_openldap(code))
            ) from error

    def as_service(self, link: Link, entry: RawEntry) -> None:
        """The new one holds; the controller has compared the old one itself."""
        dn, attributes = entry
        try:
            link.modify_s(
                dn,
                [
                    (ldap.MOD_DELETE, UNICODE_PASSWORD, [quoted(self.old)]),
                    (ldap.MOD_ADD, UNICODE_PASSWORD, [quoted(self.new)]),
                ],
            )
        except NOT_ALLOWED as error:
            raise PasswordNotChangeable(diagnostic_of(error)) from error
        except (ldap.CONSTRAINT_VIOLATION, ldap.UNWILLING_TO_PERFORM) as error:
            said = windows_error.match(diagnostic_of(error))
            number = int(said[1], 16) if said else 0
            if number == WRONG_OLD_PASSWORD:
                raise WrongPassword("it was another one a moment ago") from error
            if number == LOCKED_OUT:
                raise AccountLocked from error
            if number in {0, ACCESS_DENIED}:
                raise PasswordNotChangeable(diagnostic_of(error)) from error
            broken = " ".join(self._broken_rules(attributes))
            raise NewPasswordRefused(diagnostic_of(error), sentence=told(broken)) from error

    def _of_openldap(self, code: int | None) -> str:
        rules = self.rules
        return {
            TOO_SIMPLE: "It is too simple.",
            TOO_SHORT: f"It needs at least {rules.shortest} characters."
            if rules.shortest
            else "It is too short.",
            TOO_LONG: "It is too long.",
            TOO_YOUNG: self._wait(),
            IN_HISTORY: remembered(rules),
        }.get(code or 0, "")

    def _broken_rules(self, attributes: Attributes) -> list[str]:
        """Active Directory only says no: which of its rules the new password breaks, as far as we can tell."""
        broken = []
        if len(self.new) < self.rules.shortest:
            broken.append(f"It needs at least {self.rules.shortest} characters.")
        if self.rules.complex and not is_complex(self.new, attributes):
            broken.append(
                "It needs signs of three kinds - capital letters, small letters, digits, others - "
                "and must not hold your name."
            )
        changes = file_times(attributes, LAST_SET)
        if any(changed and changed + self.rules.youngest > self.now for changed in changes):
            broken.append(self._wait())
        if not broken and self.rules.remembered:
            broken.append(remembered(self.rules))
        return broken

    def _wait(self) -> str:
        hours = -(-self.rules.youngest.total_seconds() // 3_600)
        span = f"{hours:.0f} hours" if hours > 1 else "an hour"
        return (
            f"The last change is less than {span} ago: please wait."
            if hours
            else "The last change is too recent."
        )


def sendable_new_password(password: str) -> str:
    """The same password; refuses one that no directory could hold."""
    try:
        return sendable_password(password)
    except UnsendablePassword as problem:
        raise NewPasswordRefused(problem.cause, sentence=told("It is empty, or far too long.")) from problem


def told(why: str) -> str:
    """The refusal with its explanation, as the person reads it."""
    return f"{NewPasswordRefused.sentence} {why or GENERALLY}"


def remembered(rules: PasswordRules) -> str:
    """Why a password of before is refused."""
    if rules.remembered:
        return f"It must not be one of your last {rules.remembered} passwords."
    return "You have had it before."


def is_complex(password: str, attributes: Attributes) -> bool:
    """Whether it is as mixed as Active Directory asks for, and holds no part of the person's names."""
    kinds = {kind_of(sign) for sign in password}
    folded = password.casefold()
    account = [name for name in words(attributes, "sAMAccountName") if len(name) >= SHORTEST_NAME_PART]
    parts = [part for name in words(attributes, "displayName") for part in name_parts.split(name)]
    held = [*account, *(part for part in parts if len(part) >= SHORTEST_NAME_PART)]
    return len(kinds) >= KINDS_OF_SIGNS and not any(part.casefold() in folded for part in held)


def kind_of(sign: str) -> str:
    """Which of the kinds that Active Directory tells apart this sign is of."""
    category = unicodedata.category(sign)
    kinds = {"Lu": "capital", "Ll": "small", "Nd": "digit"}
    return kinds.get(category, "letter" if category.startswith("L") else "other")


def quoted(password: str) -> bytes:
    """The password as `unicodePwd` takes it."""
    return f'"{password}"'.encode("utf-16-le")
