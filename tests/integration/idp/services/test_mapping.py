"""The mapping as a file: read strictly, taken over whole, written out without loss."""

from pathlib import Path

import pytest
import yaml
from django.db import connection

from deploy.demo import company as cast
from deploy.demo.slapd import Slapd
from idp.domain.errors import DirectoryUnavailable
from idp.domain.events import AuditEvent
from idp.domain.workload import Workload
from idp.models import Account, AuditRecord, MappingVersion, Role, Rule
from idp.services.mapping import MappingUnreadable, export_mapping
from idp.services.rules import current_rules
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
    problems,
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


def test_rules_for_workloads_are_written_out_and_read_as_the_same(company: Slapd) -> None:
    """By subject and by claims, through the tables and back; another subject is one change."""
    assert company
    deploy = "arn:aws:iam::111122223333:role/Deploy"
    issuer = "https://builds.example"
    roles = [{"arn": deploy, "road": "web-identity"}]
    subject = {"name": "one", "workload": {"issuer": issuer, "subject": "repo:acme/x:y"}, "role": deploy}
    claims = {
        "name": "more",
        "workload": {"issuer": issuer, "claims": {"sub": "repo:acme/.*", "ref": "refs/heads/main"}},
        "role": deploy, "effect": "deny",
    }  # fmt: skip
    take_over(document(subject | {"effect": "allow"}, claims, roles=roles))
    one, more = current_rules().rules
    assert one.workload == Workload(issuer, "repo:acme/x:y")
    assert more.workload == Workload(issuer, None, (("ref", "refs/heads/main"), ("sub", "repo:acme/.*")))
    text = export_mapping()
    assert take_over(text.encode()).changes == ()
    Rule.objects.all().delete()
    take_over(text.encode())
    assert export_mapping() == text
    [change] = take_over(text.replace("acme/x:y", "acme/z:y").encode()).changes
    assert (change.kind, change.name) == ("changed", "one")


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
