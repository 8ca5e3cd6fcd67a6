"""Mistakes in a mapping file: each told with its place, and nothing changed."""

from typing import Any

import pytest

from deploy.demo.slapd import Slapd
from tests.integration.idp.services.mappings import (
    ACCOUNT,
    ADMIN,
    READ,
    auditors,
    by_name,
    document,
    group,
    problems,
    take_over,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"pattern": "("}, "rules[1].pattern: The pattern cannot be read (RE2)"),
        ({"pattern": "(?P<account>x)"}, "rules[1].pattern: The pattern must either capture (?P<role>...)"),
        ({"base": None}, "rules[1].base: A pattern rule needs a base DN"),
        ({"base": "aws"}, "rules[1].base: This is not a distinguished name"),
        ({"duration": "1h1"}, "rules[1].duration: must be a length such as"),
        ({"duration": 3600}, "rules[1].duration: must be a length such as"),
        ({"duration": "899s"}, "rules[1].duration: A length is 15 minutes to 12 hours"),
        ({"duration": "13h"}, "rules[1].duration: A length is 15 minutes to 12 hours"),
        ({"duration": ""}, "rules[1].duration: must be a length such as"),
        ({"effect": "permit"}, "rules[1].effect: is 'permit'; possible are allow, deny"),
        ({"effect": True}, "rules[1].effect: must be a text"),
        ({"enabled": "no way"}, "rules[1].enabled: must be true or false"),
        ({"from": "2026-02-30"}, "rules[1].from: 2026-02-30 is no moment of the calendar"),
        ({"from": 5}, "rules[1].from: must be a date"),
        ({"from": "soon"}, "rules[1].from: must be a date"),
        (
            {"from": "2026-01-02", "until": "2026-01-02"},
            "rules[1].until: The rule would end before it starts.",
        ),
        ({"name": ""}, "rules[1].name: is empty"),
        ({"name": None}, "rules[1].name: is missing"),
        ({"name": 7}, "rules[1].name: must be a text"),
        ({"name": "x" * 101}, "rules[1].name: has 101 characters, at most 100"),
        ({"name": "a\nb"}, "rules[1].name: holds control characters"),
        ({"name": "a\0b"}, "rules[1].name: holds control characters"),
        ({"name": "auditors read"}, "rules[1].name: 'auditors read' stands in the file twice"),
        ({"note": "x" * 2_001}, "rules[1].note: has 2001 characters"),
        (
            {"role": "arn:aws:iam::111122223333:role/Gone"},
            "rules[1].role: arn:aws:iam::111122223333:role/Gone is not among",
        ),
        (
            {"role": "arn:aws:iam::111122223333:role/path/ReadOnly"},
            "rules[1].role: arn:aws:iam::111122223333:role/path",
        ),
        ({"role": "ReadOnly"}, "rules[1].role: This is not the ARN"),
        ({"account": "999999999999"}, "rules[1].account: 999999999999 is not among"),
        ({"group": group("auditors")}, "rules[1]: A rule names either one group, or a pattern"),
        ({"group": "auditors"}, "rules[1].group: must be a mapping with the keys dn, id"),
        ({"colour": "red"}, "rules[1]: unknown key 'colour'"),
    ],
)
def test_a_mistake_in_a_rule_is_told_with_its_place_and_changes_nothing(
    changes: dict[str, Any], told: str, company: Slapd
) -> None:
    """The place, what is wrong and the line; without the mistake the same file is taken over."""
    assert company
    found = problems(document(auditors(), by_name(**changes)))
    assert len(found) == 1
    assert found[0].startswith(told)
    assert "(line " in found[0]
    assert take_over(document(auditors(), by_name())).changes


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"accounts": [ACCOUNT | {"id": 111122223333}]},
            "accounts[0].id: must be a text; put numbers and dates in quotes",
        ),
        ({"accounts": [ACCOUNT | {"id": "1111"}]}, "accounts[0].id: must be 12 digits in quotes"),
        ({"accounts": [ACCOUNT, dict(ACCOUNT)]}, "accounts[1].id: 111122223333 stands in the file twice"),
        (
            {"accounts": [ACCOUNT | {"partition": "moon"}]},
            "accounts[0].partition: is 'moon'; possible are aws, aws-cn",
        ),
        ({"accounts": [ACCOUNT | {"provider": "a b"}]}, "accounts[0].provider: must be 1 to 128 of"),
        ({"accounts": [ACCOUNT | {"colour": "pink"}]}, "accounts[0].colour: is 'pink'"),
        ({"accounts": [ACCOUNT | {"environment": None}]}, "accounts[0].environment: is missing"),
        ({"accounts": [ACCOUNT | {"region": "x"}]}, "accounts[0]: unknown key 'region'"),
        (
            {"accounts": [ACCOUNT | {"partition": "aws-cn"}]},
            "roles[0].arn: A role and its SAML provider are in one account",
        ),
        (
            {"roles": [{"arn": READ}, {"arn": READ}, {"arn": ADMIN}]},
            "roles[1].arn: role ReadOnly of account 111122223333 stands",
        ),
        (
            {"roles": [{"arn": READ}, {"arn": READ.replace("role/", "role/p/")}]},
            "roles[1].arn: role ReadOnly of account",
        ),
        ({"roles": [{"arn": READ, "longest": "5m"}]}, "roles[0].longest: A length is 15 minutes to 12 hours"),
        (
            {"roles": [{"arn": READ, "tags": ["Unheard"]}]},
            "roles[0].tags: tag key 'Unheard' is not allow-listed",
        ),
        ({"roles": [{"arn": READ, "tags": "CostCenter"}]}, "roles[0].tags: must be a list of texts"),
        (
            {"roles": [{"arn": READ, "transitive_tags": ["CostCenter"]}]},
            "roles[0].transitive_tags: Only what is a session tag",
        ),
        ({"roles": [{"arn": READ, "source_identity": 1}]}, "roles[0].source_identity: must be true or false"),
        ({"roles": [{"arn": READ, "road": "tunnel"}]}, "roles[0].road: is 'tunnel'"),
        (
            {"roles": [{"arn": READ.replace("1111", "9999")}]},
            "roles[0].arn: account 999922223333 is not among",
        ),
        ({"roles": [{}]}, "roles[0].arn: is missing"),
        ({"roles": {}}, "roles: is missing, or is no list"),
        ({"rules": None}, "rules: is missing, or is no list"),
        ({"extra": []}, "the file: unknown key 'extra'"),
    ],
)
def test_a_mistake_elsewhere_is_told_with_its_place_and_changes_nothing(
    changes: dict[str, Any], told: str, company: Slapd
) -> None:
    """Accounts, roles and the file itself are held to the same."""
    assert company
    assert any(line.startswith(told) for line in problems(document(**changes)))


def test_every_mistake_is_told_at_once(company: Slapd) -> None:
    """One look is enough; nothing that is right is refused beside them."""
    assert company
    found = problems(document(auditors(duration="x", effect="y"), by_name(pattern="("), by_name(name="ok")))
    assert [line.split(":")[0] for line in found] == [
        "rules[0].effect",
        "rules[0].duration",
        "rules[1].pattern",
    ]


BOMB = "a: &a [x,x]\n" + "\n".join(f"b{n}: &b{n} [*a,*a]" for n in range(9))


@pytest.mark.parametrize(
    ("octets", "told"),
    [
        (b"", "the file is empty"),
        (b"# nothing\n", "the file is empty"),
        (b"[]", "the file: must be a mapping"),
        (b"text", "the file: must be a mapping"),
        (b"a: [", "the file is no YAML"),
        (b"a: 1\n---\nb: 2\n", "the file is no YAML"),
        (b"\xff\xfe", "the file is not UTF-8"),
        (b"a: \x07", "the file is no YAML"),
        (BOMB.encode(), "line 1: anchors and aliases are not read here"),
        (b"a: *x", "line 1: anchors and aliases are not read here"),
        (b"accounts: !!python/object/apply:os.system ['true']", "line 1: tags are not read here"),
        (b"accounts: !!str x", "line 1: tags are not read here"),
        (b"[" * 100_000, "line 1: nested deeper than"),
        (b"{a: " * 50_000, "line 1: nested deeper than"),
        (
            b"accounts: []\naccounts: []\nroles: []\nrules: []",
            "the file: the key 'accounts' stands here twice",
        ),
        (b"accounts: []\nroles: []", "rules: is missing, or is no list"),
        (b"<<: {rules: []}\naccounts: []\nroles: []\nrules: []", "the file: unknown key '<<'"),
        (b"accounts: []\nroles: []\nrules: []\n? [x]\n: y", "the file: unknown key '?'"),
        (b"x" * (16 << 20) + b"x", "the file has 16777217 octets"),
    ],
    ids=range(19),
)
def test_what_is_no_plain_file_is_refused_before_anything_is_built(octets: bytes, told: str) -> None:
    """Aliases, tags, depth, size, doubled keys: a clear sentence, and nothing is changed."""
    assert problems(octets)[0].startswith(told)


DEPLOY = "arn:aws:iam::111122223333:role/Deploy"
ROLES = [{"arn": READ}, {"arn": DEPLOY, "road": "web-identity"}]
WORKLOAD = {"issuer": "https://builds.example", "subject": "repo:acme/payments:environment:production"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"role": READ}, f"rules[0].role: {READ} has the road saml: workloads take roles by web-identity"),
        ({"group": group("auditors")}, "rules[0]: A rule names either one group, or a pattern, or workloads"),
        ({"workload": {"subject": "x"}}, "rules[0].workload.issuer: is missing"),
        (
            {"workload": WORKLOAD | {"issuer": "builds.example"}},
            "rules[0].workload.issuer: The issuer is an https",
        ),
        (
            {"workload": WORKLOAD | {"subject": "repo:acme/*"}},
            "rules[0].workload.subject: A subject is compared",
        ),
        (
            {"workload": WORKLOAD | {"claims": {"sub": "x"}}},
            "rules[0].workload.subject: A workload is named either",
        ),
        (
            {"workload": {"issuer": WORKLOAD["issuer"], "claims": {"sub": "repo:.*"}}},
            "rules[0].workload.claims: Anybody with a token of this issuer could meet",
        ),
        (
            {"workload": {"issuer": WORKLOAD["issuer"], "claims": {"repository_id": 7}}},
            "rules[0].workload.claims: must be a mapping of texts; put numbers",
        ),
        ({"workload": WORKLOAD | {"tenant": "x"}}, "rules[0].workload: unknown key 'tenant'"),
    ],
)
@pytest.mark.attack("OI")
def test_a_mistake_in_naming_a_workload_is_told_with_its_place(
    changes: dict[str, Any], told: str, company: Slapd
) -> None:
    """The place and what is wrong; without the mistake the same file is taken over."""
    assert company
    rule = {"name": "builds", "workload": WORKLOAD, "role": DEPLOY, "effect": "allow"}
    found = problems(document(rule | changes, roles=ROLES))
    assert len(found) == 1
    assert found[0].startswith(told)
    report = take_over(document(rule, roles=ROLES))
    assert [warning.split(": ")[0] for warning in report.warnings] == ["rules[0].workload.issuer"]
