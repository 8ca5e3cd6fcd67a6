"""The mapping as a file: read strictly, taken over whole, written out without loss."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db import connection

from deploy.demo import company as cast
from deploy.demo.slapd import Slapd
from idp.domain.errors import DirectoryUnavailable, Malformed
from idp.domain.events import AuditEvent
from idp.models import Account, AuditRecord, MappingVersion, Role, Rule
from idp.services.entitlements import current_rules
from idp.services.mapping import MappingUnreadable, export_mapping
from tests.integration.idp.services.mappings import (
    ACCOUNT,
    ADMIN,
    AWS_UNIT,
    PATTERN,
    READ,
    auditors,
    by_name,
    document,
    group,
    take_over,
)
from tests.servers.slapd import directory_gone, settings_changed

pytestmark = pytest.mark.django_db

DEMO = Path(__file__).resolve().parents[4] / "deploy/demo/mapping.yaml"
EXAMPLE = Path(__file__).with_name("handbook_example.yaml").read_text()
EVERYTHING = (
    auditors(
        duration="90m",
        **{"from": "2026-01-01", "until": "2026-06-30T18:00:00+02:00"},
        note="two\nlines: #1 'é'",
    ),
    auditors(name="ünïcode: [x]", effect="deny", enabled=False),
    by_name(duration="3600s"),
    by_name(name="literal", pattern="team-a", role=READ),
    by_name(name="one literal", pattern="(?P<role>.+)-1", account="111122223333"),
    by_name(name="other literal", pattern="x-(?P<account>[0-9]{12})", role_name="Admin"),
)


def problems(octets: bytes) -> list[str]:
    before = (MappingVersion.current(), export_mapping(), AuditRecord.objects.count())
    with pytest.raises(Malformed) as refusal:
        take_over(octets)
    assert (MappingVersion.current(), export_mapping(), AuditRecord.objects.count()) == before
    return refusal.value.told.splitlines()[1:]


def test_the_example_of_the_handbook_is_accepted_as_it_stands(company: Slapd) -> None:
    """Durations, dates, null, flow mappings and the pattern with its braces."""
    assert company
    report = take_over(EXAMPLE.replace("GROUP", cast.group_id("auditors").upper()).encode())
    assert report.warnings == ()
    rule = Rule.objects.get(name="auditors read")
    assert (rule.group_id, rule.duration_seconds) == (cast.group_id("auditors"), 7_200)
    assert (str(rule.starts_at), rule.ends_at) == ("2026-01-01 00:00:00+00:00", None)
    assert len(current_rules().rules) == 2
    assert Role.objects.get().tags == ["CostCenter"]


def test_what_is_written_out_reads_as_the_same(company: Slapd) -> None:
    """A round trip loses nothing and changes nothing, not even the version."""
    assert company
    for octets in (document(*EVERYTHING), DEMO.read_bytes()):
        take_over(octets)
        text, version = export_mapping(), MappingVersion.current()
        assert take_over(text.encode()).changes == ()
        assert (export_mapping(), MappingVersion.current()) == (text, version)
        rules = current_rules().rules
        for model in (Rule, Role, Account):
            model.objects.all().delete()
        take_over(text.encode())
        assert export_mapping() == text
        assert [rule.name for rule in current_rules().rules] == [rule.name for rule in rules]


def test_what_the_file_says_is_what_the_tables_hold(company: Slapd) -> None:
    """Every field of every form of rule arrives."""
    assert company
    take_over(document(*EVERYTHING))
    rows = {row.name: row for row in Rule.objects.all()}
    first = rows["auditors read"]
    assert (first.duration_seconds, first.note) == (5_400, "two\nlines: #1 'é'")
    assert str(first.ends_at) == "2026-06-30 16:00:00+00:00"
    assert (rows["ünïcode: [x]"].effect, rows["ünïcode: [x]"].enabled) == ("deny", False)
    assert rows["literal"].role is not None
    assert (rows["one literal"].account, rows["other literal"].role_name) == (Account.objects.get(), "Admin")
    assert Account.objects.get().colour == "grey"


def test_the_file_replaces_the_state_and_rules_keep_their_numbers(company: Slapd) -> None:
    """What the file leaves out is gone, what it keeps keeps its number, and one row records it."""
    assert company
    take_over(document(auditors(), by_name()))
    number = Rule.objects.get(name="by name").pk
    report = take_over(document(by_name(duration="2h"), auditors(name="new"), roles=[{"arn": READ}]))
    assert {(change.kind, change.what, change.name) for change in report.changes} == {
        ("changed", "role", READ),
        ("removed", "role", ADMIN),
        ("changed", "rule", "by name"),
        ("added", "rule", "new"),
        ("removed", "rule", "auditors read"),
    }
    assert Rule.objects.get(name="by name").pk == number
    assert list(Rule.objects.values_list("name", flat=True)) == ["by name", "new"]
    record = AuditRecord.objects.first()
    assert record is not None
    assert record.event == AuditEvent.MAPPING_IMPORTED
    assert record.person == "operator"
    assert (record.details["added"], record.details["changed"], record.details["removed"]) == (1, 2, 2)
    assert "removed rule auditors read" in record.details["names"]


def test_a_dry_run_tells_and_changes_nothing(company: Slapd) -> None:
    """The same changes are told as the import then makes."""
    assert company
    take_over(document(auditors()))
    before = (export_mapping(), MappingVersion.current(), AuditRecord.objects.count())
    told = take_over(document(by_name(), accounts=[ACCOUNT | {"name": "Renamed"}]), dry_run=True)
    assert (export_mapping(), MappingVersion.current(), AuditRecord.objects.count()) == before
    assert take_over(document(by_name(), accounts=[ACCOUNT | {"name": "Renamed"}])).changes == told.changes


def test_rules_added_by_file_and_by_hand_do_not_collide(company: Slapd) -> None:
    """The table goes on counting where the file left off."""
    assert company
    take_over(document(auditors(), by_name()))
    added = Rule.objects.create(name="by hand", group_id="g1", role=Role.objects.get(name="ReadOnly"))
    assert added.pk > Rule.objects.get(name="by name").pk


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
        ({"group": group("auditors")}, "rules[1]: A rule names either one group or a pattern"),
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


def test_a_group_by_name_only_is_found_by_the_directory(company: Slapd) -> None:
    """The identifier is looked up and kept; a name that the directory does not have is refused."""
    assert company
    named = {"dn": "CN=Auditors, OU=groups,dc=example,dc=test"}
    take_over(document(auditors(group=named)))
    assert Rule.objects.get().group_id == cast.group_id("auditors")
    found = problems(document(auditors(group={"dn": "cn=gone,ou=groups,dc=example,dc=test"})))
    assert found == ["rules[0].group.dn: the directory has no group cn=gone,ou=groups,dc=example,dc=test"]
    with directory_gone(), pytest.raises(DirectoryUnavailable):
        take_over(document(auditors(name="other", group=named)))
    assert Rule.objects.get().name == "auditors read"


def test_a_group_by_identifier_only_gets_its_name(company: Slapd) -> None:
    """What people read comes from the directory; the identifier stays."""
    assert company
    take_over(document(auditors(group={"id": cast.group_id("auditors")})))
    assert Rule.objects.get().group_dn == cast.group_dn("auditors")


def test_where_name_and_identifier_disagree_the_identifier_decides_and_it_is_told(company: Slapd) -> None:
    """A renamed group is warned of, an unknown one too; the file is taken over as it stands."""
    assert company
    moved = group("auditors") | {"dn": "cn=old-name,ou=groups,dc=example,dc=test"}
    report = take_over(document(auditors(group=moved)))
    assert len(report.warnings) == 1
    assert report.warnings[0].startswith("rules[0].group: the identifier decides")
    assert Rule.objects.get().group_id == cast.group_id("auditors")
    report = take_over(document(auditors(group={"id": "0f8fad5b-d9cb-469f-a165-70867728950e"})))
    assert "concerns nobody" in report.warnings[0]


def test_without_the_directory_a_complete_file_is_taken_over_with_a_warning(company: Slapd) -> None:
    """Nothing needs to be asked where every identifier is there."""
    assert company
    with directory_gone():
        report = take_over(document(auditors(), auditors(name="two"), by_name()))
    assert len(report.warnings) == 1
    assert report.warnings[0].startswith("groups were not compared")
    assert Rule.objects.count() == 3


def test_a_tag_that_the_settings_do_not_allow_is_refused_there_only(company: Slapd) -> None:
    """The allow-list is the settings', not the file's."""
    assert company
    octets = document(roles=[{"arn": READ, "tags": ["Team"]}])
    assert problems(octets)
    with settings_changed(DRAWBRIDGE_SESSION_TAGS={"Team": "ou"}):
        assert take_over(octets).changes


def test_a_row_that_cannot_be_read_is_never_left_out_of_a_file(company: Slapd) -> None:
    """Writing out the rest would lose it: refused, naming the row."""
    assert company
    take_over(document(by_name()))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE idp_rule SET pattern = '('")
    with pytest.raises(MappingUnreadable, match="by name"):
        export_mapping()


def test_a_large_file_is_taken_over_in_few_statements(
    company: Slapd, django_assert_max_num_queries: type
) -> None:
    """Two thousand rules are some dozens of statements."""
    assert company
    rules = [
        by_name(name=f"rule {number}", pattern=f"{PATTERN}{number}", base=AWS_UNIT) for number in range(2_000)
    ]
    octets = yaml.dump(yaml.safe_load(document(*rules)), Dumper=yaml.CSafeDumper).encode()
    with django_assert_max_num_queries(60):
        take_over(octets)
    assert Rule.objects.count() == 2_000
