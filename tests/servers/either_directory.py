"""OpenLDAP or Active Directory behind the same verbs: what a company does with people and groups."""

import struct
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

import ldap

from tests.servers.samba import BASE as AD_BASE
from tests.servers.samba import DISABLED, NEVER_EXPIRES, NORMAL_ACCOUNT, AdPeople, active_directory_settings
from tests.servers.samba import RIGHT_PASSWORD as AD_PASSWORD
from tests.servers.slapd import RIGHT_PASSWORD, Newcomers, directory_settings

BEGIN_OF_FILE_TIME = datetime(1601, 1, 1, tzinfo=UTC)


def environment(settings: Mapping[str, object]) -> dict[str, str]:
    """Django's settings as the variables that set them."""
    return {
        name: ",".join(value) if isinstance(value, tuple) else str(value) for name, value in settings.items()
    }


class EitherDirectory(Protocol):
    """What both can do."""

    password: str
    group_base: str

    def environment(self) -> dict[str, str]:
        """The variables that lead our site to it."""

    def person(self, name: str) -> str:
        """The person exists; gives the distinguished name."""

    def group(self, name: str, *members: str) -> str:
        """The group exists; gives the distinguished name."""

    def disable(self, dn: str) -> None:
        """The account is switched off."""

    def expire(self, dn: str) -> None:
        """The account's end has come."""

    def lock(self, dn: str) -> None:
        """Somebody's wrong passwords have locked the account for a while."""

    def remove(self, dn: str) -> None:
        """The entry is gone."""

    def take_out(self, group_dn: str, dn: str) -> None:
        """The person is in the group no more."""


class OnSlapd:
    """The verbs on OpenLDAP."""

    password = RIGHT_PASSWORD

    def __init__(self, made: Newcomers) -> None:
        """Whoever made `made` takes everything away again."""
        self.made = made
        self.group_base = f"ou=groups,{made.slapd.base}"

    def environment(self) -> dict[str, str]:
        """The variables that lead our site to it."""
        return environment(directory_settings(self.made.slapd))

    def person(self, name: str) -> str:
        """The person exists; gives the distinguished name."""
        return self.made.person(name)

    def group(self, name: str, *members: str) -> str:
        """The group exists; gives the distinguished name."""
        return self.made.group(name, f"cn=nobody,ou=people,{self.made.slapd.base}", *members)

    def disable(self, dn: str) -> None:
        """The account is switched off."""
        self.made.disable(dn)

    def expire(self, dn: str) -> None:
        """The account's end has come."""
        self.made.change(dn, f"replace: pwdEndTime\npwdEndTime: {datetime.now(UTC):%Y%m%d%H%M%SZ}")

    def lock(self, dn: str) -> None:
        """Somebody's wrong passwords have locked the account for a while."""
        self.made.disable(dn, since=f"{datetime.now(UTC):%Y%m%d%H%M%SZ}")

    def remove(self, dn: str) -> None:
        """The entry is gone."""
        self.made.remove(dn)

    def take_out(self, group_dn: str, dn: str) -> None:
        """The person is in the group no more."""
        self.made.change(group_dn, f"delete: member\nmember: {dn}")


class OnSamba:
    """The verbs on Active Directory."""

    password = AD_PASSWORD
    group_base = AD_BASE

    def __init__(self, made: AdPeople) -> None:
        """Whoever made `made` takes everything away again."""
        self.made = made

    def environment(self) -> dict[str, str]:
        """The variables that lead our site to it."""
        return environment(active_directory_settings(self.made.dc))

    def person(self, name: str) -> str:
        """The person exists; gives the distinguished name."""
        return self.made.person(name)

    def group(self, name: str, *members: str) -> str:
        """The group exists; gives the distinguished name."""
        return self.made.group(name, *members)

    def sid(self, dn: str) -> str:
        """The group's security identifier, as text."""
        (octets,) = self.made.read(dn, "objectSid")["objectSid"]
        parts = struct.unpack(f"<{octets[1]}I", octets[8:])
        return "-".join(("S-1", str(int.from_bytes(octets[2:8])), *map(str, parts))).lower()

    def disable(self, dn: str) -> None:
        """The account is switched off."""
        self.made.change(dn, userAccountControl=str(NORMAL_ACCOUNT | NEVER_EXPIRES | DISABLED))

    def lock(self, dn: str) -> None:
        """Somebody's wrong passwords have locked the account for a while."""
        since = int((datetime.now(UTC) - BEGIN_OF_FILE_TIME).total_seconds() * 10_000_000)
        self.made.dc.force(dn, lockoutTime=str(since))

    def expire(self, dn: str) -> None:
        """The account's end has come."""
        at = -10_000_000 + int((datetime.now(UTC) - BEGIN_OF_FILE_TIME).total_seconds() * 10_000_000)
        self.made.change(dn, accountExpires=str(at))

    def remove(self, dn: str) -> None:
        """The entry is gone."""
        self.made.remove(dn)

    def take_out(self, group_dn: str, dn: str) -> None:
        """The person is in the group no more."""
        self.made.link.modify_s(group_dn, [(ldap.MOD_DELETE, "member", [dn.encode()])])
