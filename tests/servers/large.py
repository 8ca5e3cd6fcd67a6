"""Large directories: a hundred thousand people on OpenLDAP, thousands of groups in Active Directory.

Both hold somebody in 2,000 groups that are nested eight levels deep. They are loaded while the server
stands still, which takes seconds; over LDAP it would take minutes.
"""

import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

from deploy.demo.slapd import Slapd
from tests.servers.samba import (
    GROUPS,
    NEVER_EXPIRES,
    NORMAL_ACCOUNT,
    PEOPLE,
    RIGHT_PASSWORD,
    AdPeople,
    SambaDc,
    ldb_modules,
    quoted,
)

BASE = "dc=example,dc=test"
LEVELS = 8
GROUPS_OF_ONE = 2_000
PER_LEVEL = GROUPS_OF_ONE // LEVELS
BUSY = "busy"
MEMBERS_OF_THE_BIG_ONE = 1_600
# What one transaction of Samba's costs grows with what it has changed so far: many small ones take a third.
ENTRIES_AT_ONCE = 250


class LargeSlapd(Slapd):
    """A server whose service account may read everything, as the handbook says; others keep the usual limits."""

    def _write_configuration(self) -> None:
        super()._write_configuration()
        file = self.folder / "slapd.conf"
        limits = f'limits dn.exact="{self.bind_dn}" size=unlimited'
        file.write_text(file.read_text().replace("dbnosync", f"dbnosync\n{limits}"))


def large_company(people: int, groups: int) -> str:
    """So many people and groups as LDIF; each group has fifty members, every fourth a group among them."""
    return "\n".join(_company(people, groups))


def _company(people: int, groups: int) -> Iterator[str]:
    chance = random.Random(1)
    yield f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Large\ndc: example\n"
    for unit in ("people", "groups", "services"):
        yield f"dn: ou={unit},{BASE}\nobjectClass: organizationalUnit\nou: {unit}\n"
    yield (
        f"dn: cn=drawbridge,ou=services,{BASE}\nobjectClass: organizationalRole\n"
        "objectClass: simpleSecurityObject\ncn: drawbridge\nuserPassword: reads-people-and-groups\n"
    )
    for uid in (BUSY, *(f"u{number}" for number in range(people - 1))):
        yield (
            f"dn: uid={uid},ou=people,{BASE}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: Person {uid}\n"
            f"sn: {uid}\nmail: {uid}@example.test\nuserPassword: right-password\n"
        )
    for number in range(groups):
        members = [f"uid=u{one},ou=people,{BASE}" for one in chance.sample(range(people - 1), 49)]
        members.append(_inside(number, groups, chance))
        yield f"dn: cn=g{number},ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: g{number}"
        yield "\n".join(f"member: {member}" for member in dict.fromkeys(members)) + "\n"


def _inside(number: int, groups: int, chance: random.Random) -> str:
    if number < PER_LEVEL:
        return f"uid={BUSY},ou=people,{BASE}"
    if number < GROUPS_OF_ONE:
        return f"cn=g{number - PER_LEVEL},ou=groups,{BASE}"
    other = chance.randrange(GROUPS_OF_ONE, groups)
    return f"cn=g{other},ou=groups,{BASE}" if number % 4 == 0 and other != number else f"ou=people,{BASE}"


def load_large_domain(template: SambaDc, folder: Path, *, groups: int, address: str) -> SambaDc:
    """A controller that stands still and holds so many groups, one of them with more members than an answer."""
    dc = SambaDc(folder, template=template, address=address)
    dc.lay_out()
    entries = list(_domain(groups))
    for start in range(0, len(entries), ENTRIES_AT_ONCE):
        load(dc, "\n".join(entries[start : start + ENTRIES_AT_ONCE]))
    return dc


def let_in(dc: SambaDc) -> None:
    """The running controller lets the busy person in with the right password."""
    people = AdPeople(dc)
    people.change(f"CN={BUSY},{PEOPLE}", unicodePwd=quoted(RIGHT_PASSWORD))
    people.change(f"CN={BUSY},{PEOPLE}", userAccountControl=str(NORMAL_ACCOUNT | NEVER_EXPIRES))
    people.leave()


def _domain(groups: int) -> Iterator[str]:
    yield f"dn: CN={BUSY},{PEOPLE}\nobjectClass: user\nsAMAccountName: {BUSY}\nmail: {BUSY}@example.test\n"
    for number in range(groups):
        member = f"CN={BUSY},{PEOPLE}" if number < PER_LEVEL else f"CN=g{number - PER_LEVEL},{GROUPS}"
        line = f"member: {member}\n" if number < GROUPS_OF_ONE else ""
        yield f"dn: CN=g{number},{GROUPS}\nobjectClass: group\nsAMAccountName: g{number}\n{line}"
    for number in range(MEMBERS_OF_THE_BIG_ONE):
        yield f"dn: CN=contact-{number},{PEOPLE}\nobjectClass: contact\n"
    members = [BUSY, *(f"contact-{number}" for number in range(MEMBERS_OF_THE_BIG_ONE))]
    yield (
        f"dn: CN=big,{GROUPS}\nobjectClass: group\nsAMAccountName: big\n"
        + "\n".join(f"member: CN={member},{PEOPLE}" for member in members)
        + "\n"
    )


def load(dc: SambaDc, ldif: str) -> None:
    """These entries exist in the controller, which stands still."""
    subprocess.run(
        ["ldbadd", "-H", str(dc.folder / "private/sam.ldb")],
        env={**os.environ, "LDB_MODULES_PATH": ldb_modules()},
        input=ldif,
        text=True,
        check=True,
        capture_output=True,
    )
