"""The cast: people and groups of a made-up company, as data and as LDIF with fixed identifiers.

Also the standard cast of the tests. What people must see in AWS stands in `expected_roles`, written by
hand: it is what the product's own answer is compared with.
"""

import uuid
from dataclasses import KW_ONLY, dataclass

BASE = "dc=example,dc=test"
IDENTIFIERS = uuid.UUID("5f1d8e0a-3f0e-4c57-9a58-0d2f3b7a6c11")
DISABLED_FOR_GOOD = "000001010000Z"
SERVICE_PASSWORD = "reads-people-and-groups"


@dataclass(frozen=True, slots=True)
class Person:
    """One entry below ou=people; a line of the table below gives the first five."""

    uid: str
    given_name: str
    surname: str
    department: str
    cost_center: str
    _: KW_ONLY
    disabled: bool = False
    common_name: str = ""

    @property
    def cn(self) -> str:
        """The name people call them by."""
        return self.common_name or f"{self.given_name} {self.surname}"

    @property
    def mail(self) -> str:
        """Their address."""
        return f"{self.uid}@example.test"


@dataclass(frozen=True, slots=True)
class Group:
    """One entry below ou=groups; members are people's uids and other groups' names."""

    name: str
    people: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    unit: str = ""


TABLE = """
jane|Jane|Doe|Payments|4711
omar|Omar|Haddad|Payments|4711
lena|Lena|Fischer|Payments|4711
raj|Raj|Patel|Payments|4711
sofia|Sofia|Rossi|Payments|4711
kenji|Kenji|Tanaka|Payments|4711
maria|Maria|Garcia|Platform|4720
piotr|Piotr|Nowak|Platform|4720
chloe|Chloe|Martin|Platform|4720
david|David|Cohen|Platform|4720
aisha|Aisha|Khan|Platform|4720
tom|Tom|Baker|Platform|4720
ines|Ines|Silva|Data|4730
viktor|Viktor|Petrov|Data|4730
nora|Nora|Lind|Data|4730
hugo|Hugo|Bernard|Data|4730
mei|Mei|Chen|Data|4730
anders|Anders|Berg|Security|4740
fatima|Fatima|Zahra|Security|4740
george|George|Papadakis|Security|4740
helen|Helen|Moore|Audit|4750
ivan|Ivan|Horvat|Audit|4750
julia|Julia|Weber|Finance|4760
karl|Karl|Schmidt|Finance|4760
laura|Laura|Bianchi|Finance|4760
marc|Marc|Dubois|Support|4770
nina|Nina|Jansen|Support|4770
oscar|Oscar|Lopez|Support|4770
paula|Paula|Santos|Support|4770
quentin|Quentin|Moreau|Support|4770
rosa|Rosa|Alvarez|Web|4780
stefan|Stefan|Ionescu|Web|4780
tara|Tara|Singh|Web|4780
ulrich|Ulrich|Bauer|Web|4780
vera|Vera|Kovacs|Web|4780
william|William|Jones|Research|4790
xenia|Xenia|Popova|Research|4790
yusuf|Yusuf|Demir|Research|4790
zoe|Zoe|Clark|Research|4790
alice|Alice|Young|Identity|4795
bob|Bob|Turner|Interns|4799
mallory|Mallory|Reed|Marketing|4798
nils|Nils|Lonely|Reception|4797
"""
PEOPLE = (
    *(Person(*line.split("|")) for line in TABLE.split()),
    Person("eve", "Eve", "Left", "Payments", "4711", disabled=True),
    Person(
        "juergen",
        "Jürgen",
        "Müller-Lüdenscheidt",
        "Finance",
        "4760",
        common_name="Müller-Lüdenscheidt, Jürgen",
    ),
)

GROUPS = (
    Group("payments-team", ("omar", "lena", "raj", "sofia", "kenji"), ("payments-leads",)),
    Group("payments-leads", ("jane",)),
    Group("payments-on-call", ("lena", "raj")),
    Group("platform-team", ("piotr", "chloe", "david", "aisha", "tom"), ("platform-leads",)),
    Group("platform-leads", ("maria",)),
    Group("platform-on-call", ("piotr", "aisha")),
    Group("data-team", ("ines", "viktor", "nora", "hugo", "mei")),
    Group("data-stewards", ("ines",)),
    Group("web-team", ("rosa", "stefan", "tara", "ulrich", "vera")),
    Group("research-team", ("william", "xenia", "yusuf", "zoe")),
    Group("support-team", ("marc", "nina", "oscar", "paula", "quentin")),
    Group("security-team", ("anders", "fatima", "george")),
    Group("auditors", ("helen", "ivan", "juergen")),
    Group("finance-team", ("julia", "karl", "laura", "juergen")),
    Group("interns", ("bob",)),
    Group("marketing", ("mallory",)),
    # Three levels: engineering holds teams, which hold their leads.
    Group("engineering", (), ("payments-team", "platform-team", "data-team", "web-team", "research-team")),
    Group("all-staff", ("jane",), ("engineering", "support-team", "security-team", "finance-team")),
    Group("drawbridge-admins", ("alice", "maria")),
    # A loop, as grown directories have them.
    Group("project-phoenix", ("tom",), ("project-ashes",)),
    Group("project-ashes", ("zoe",), ("project-phoenix",)),
    Group("AWS-111122223333-ReadOnly", ("jane", "helen"), ("payments-on-call",), unit="aws"),
    Group("AWS-222233334444-Developer", (), ("payments-team",), unit="aws"),
    Group("AWS-333344445555-Developer", (), ("engineering",), unit="aws"),
    Group("AWS-555566667777-Analyst", (), ("data-team",), unit="aws"),
    Group("AWS-666677778888-Publisher", ("rosa",), unit="aws"),
    Group("AWS-999900001111-Nowhere", ("jane",), unit="aws"),
    # Look-alikes where somebody else may create groups: they must give nothing.
    Group("AWS-111122223333-Administrator", ("mallory",), unit="self-service"),
    Group("auditors", ("mallory",), unit="self-service"),
)
UNITS = ("aws", "self-service")

# Who may do what, said by hand; everybody else in the table sees nothing.
PRODUCTION = "arn:aws:iam::111122223333:role/"
STAGING = "arn:aws:iam::222233334444:role/"
SANDBOX = "arn:aws:iam::333344445555:role/"
PLATFORM = "arn:aws:iam::444455556666:role/"
DATA = "arn:aws:iam::555566667777:role/"
WEB = "arn:aws:iam::666677778888:role/"
AUDIT = "arn:aws:iam::777788889999:role/"
GOVERNMENT = "arn:aws-us-gov:iam::888899990000:role/"
ACCOUNTS = (PRODUCTION, STAGING, SANDBOX, PLATFORM, DATA, WEB, AUDIT)

PAYMENTS_TEAM = ("jane", "omar", "lena", "raj", "sofia", "kenji")
PLATFORM_TEAM = ("maria", "piotr", "chloe", "david", "aisha", "tom")
DATA_TEAM = ("ines", "viktor", "nora", "hugo", "mei")
WEB_TEAM = ("rosa", "stefan", "tara", "ulrich", "vera")
RESEARCH_TEAM = ("william", "xenia", "yusuf", "zoe")
ENGINEERING = (*PAYMENTS_TEAM, *PLATFORM_TEAM, *DATA_TEAM, *WEB_TEAM, *RESEARCH_TEAM)

GRANTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (f"{PRODUCTION}ReadOnly", ("jane", "helen", "lena", "raj")),
    (f"{PRODUCTION}Operator", ("lena", "raj")),
    (f"{PRODUCTION}Administrator", ("jane",)),
    (f"{STAGING}Developer", PAYMENTS_TEAM),
    (f"{STAGING}Administrator", ("jane",)),
    (f"{SANDBOX}Developer", ENGINEERING),
    (f"{PLATFORM}platform/ClusterAdmin", ("maria",)),
    (f"{PLATFORM}platform/ClusterOperator", ("piotr", "aisha")),
    (f"{PLATFORM}ReadOnly", PLATFORM_TEAM),
    (f"{DATA}Analyst", DATA_TEAM),
    (f"{DATA}Steward", ("ines",)),
    (f"{DATA}Experiment", ("tom",)),
    (f"{WEB}Publisher", ("rosa",)),
    (f"{WEB}Deployer", WEB_TEAM),
    (f"{AUDIT}LogReader", ("anders", "fatima", "george", "helen", "ivan", "juergen")),
    (f"{AUDIT}Billing", ("julia", "karl", "laura", "juergen")),
    *((f"{account}SecurityAudit", ("anders", "fatima", "george")) for account in ACCOUNTS),
    (f"{GOVERNMENT}ReadOnly", ("maria",)),
)

# Whom `make bench` walks with: username, password, account, role.
BENCH_PERSON = ("jane", "demo-jane", "111122223333", "ReadOnly")


def password_of(uid: str) -> str:
    """The made-up password, also of the disabled person: it is the right one."""
    return f"demo-{uid}"


def identifier_of(kind: str, name: str) -> str:
    """The fixed entryUUID of a person or group, so that rules can name it."""
    return str(uuid.uuid5(IDENTIFIERS, f"{kind}/{name}"))


def group_id(name: str, unit: str = "") -> str:
    """The fixed entryUUID of a group."""
    return identifier_of("group", f"{unit}/{name}" if unit else name)


def person_dn(uid: str, base: str = BASE) -> str:
    """Where a person stands; a name with a comma is escaped as RFC 4514 says."""
    for one in PEOPLE:
        if one.uid == uid and one.common_name:
            return "cn={},ou=people,{}".format(one.common_name.replace(",", "\\,"), base)
    return f"uid={uid},ou=people,{base}"


def group_dn(name: str, unit: str = "", base: str = BASE) -> str:
    """Where a group stands."""
    return f"cn={name},ou={unit},ou=groups,{base}" if unit else f"cn={name},ou=groups,{base}"


def expected_roles(uid: str) -> list[str]:
    """The ARNs that this person must see, and no others."""
    return sorted(arn for arn, people in GRANTS if uid in people)


def ldif(base: str = BASE) -> str:
    """The whole directory as slapadd reads it, with memberOf, which no overlay writes at that time."""
    frame = [
        entry(
            base, objectClass=["dcObject", "organization"], dc=base.split(",", maxsplit=1)[0][3:], o="Example"
        ),
        *(unit_entry(name, base) for name in ("people", "groups", "services", "policies")),
        *(unit_entry(name, f"ou=groups,{base}") for name in UNITS),
        entry(
            f"cn=drawbridge,ou=services,{base}",
            objectClass="person",
            cn="drawbridge",
            sn="service account",
            userPassword=SERVICE_PASSWORD,
        ),
        entry(
            f"cn=default,ou=policies,{base}",
            objectClass=["person", "pwdPolicy"],
            cn="default",
            sn="policy",
            pwdAttribute="userPassword",
            pwdLockout="TRUE",
        ),
    ]
    places = {
        group.name: group_dn(group.name, group.unit, base) for group in GROUPS if group.unit != "self-service"
    }
    holders: dict[str, list[str]] = {}
    for group in GROUPS:
        for member in members_of(group, places, base):
            holders.setdefault(member, []).append(group_dn(group.name, group.unit, base))
    people = [person_entry(one, holders.get(person_dn(one.uid, base), []), base) for one in PEOPLE]
    groups = [
        entry(
            group_dn(group.name, group.unit, base),
            objectClass="groupOfNames",
            cn=group.name,
            member=members_of(group, places, base),
            memberOf=holders.get(group_dn(group.name, group.unit, base), []),
            entryUUID=group_id(group.name, group.unit),
        )
        for group in GROUPS
    ]
    return "\n".join((*frame, *people, *groups))


def members_of(group: Group, places: dict[str, str], base: str) -> list[str]:
    """The DNs of a group's direct members."""
    return [*(person_dn(uid, base) for uid in group.people), *(places[name] for name in group.groups)]


def person_entry(one: Person, member_of: list[str], base: str) -> str:
    """One person as LDIF."""
    return entry(
        person_dn(one.uid, base),
        objectClass="inetOrgPerson",
        uid=one.uid,
        cn=one.cn,
        givenName=one.given_name,
        sn=one.surname,
        mail=one.mail,
        departmentNumber=one.cost_center,
        ou=one.department,
        userPassword=password_of(one.uid),
        memberOf=member_of,
        entryUUID=identifier_of("person", one.uid),
        pwdAccountLockedTime=[DISABLED_FOR_GOOD] if one.disabled else [],
    )


def unit_entry(name: str, base: str) -> str:
    """One organisational unit as LDIF."""
    return entry(f"ou={name},{base}", objectClass="organizationalUnit", ou=name)


def entry(dn: str, **attributes: str | list[str]) -> str:
    """One entry as LDIF (RFC 2849); slapd 2.5 reads UTF-8 values as they are."""
    lines = [f"dn: {dn}"]
    for name, values in attributes.items():
        lines += [f"{name}: {value}" for value in ([values] if isinstance(values, str) else values)]
    return "\n".join((*lines, ""))
