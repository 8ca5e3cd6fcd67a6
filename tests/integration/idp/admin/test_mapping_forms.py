"""Forms of rules and roles: what is saved could be applied, what could not is told beside its field."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, override_settings

from deploy.demo import company as cast
from idp.domain.workload import Workload
from idp.models import Account, AuditRecord, MappingVersion, Role, Rule
from idp.services.rules import current_rules
from tests.integration.idp.admin.forms import EMPTY, read_only, save
from tests.integration.idp.services.mappings import AWS_UNIT, PATTERN
from tests.servers.slapd import directory_gone

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "field",
    [
        {"group": cast.group_id("auditors")},
        {"group_by_hand": cast.group_id("auditors").upper()},
        {"group_by_hand": "CN=Auditors, ou=groups,dc=example,dc=test"},
        {"group": cast.group_id("interns"), "group_by_hand": cast.group_dn("auditors")},
    ],
)
def test_a_group_is_kept_as_the_directory_knows_it(admin: Client, field: dict[str, str]) -> None:
    """Found or typed by hand, as identifier or name: identifier and name are the directory's own."""
    assert save(admin, "rule", **EMPTY | field | {"role": read_only()}) == {}
    rule = Rule.objects.get()
    assert (rule.group_id, rule.group_dn) == (cast.group_id("auditors"), cast.group_dn("auditors"))
    assert [rule.name for rule in current_rules().rules] == ["a rule"]


def test_a_pattern_rule_is_saved(admin: Client) -> None:
    """Pattern and base, and what the pattern leaves open."""
    account = str(Account.objects.get().pk)
    assert (
        save(admin, "rule", **EMPTY | {"pattern": PATTERN, "base": AWS_UNIT, "duration_seconds": "3600"})
        == {}
    )
    one_literal = {"name": "b", "pattern": "(?P<role>.+)", "base": AWS_UNIT, "account": account}
    assert save(admin, "rule", **EMPTY | one_literal) == {}
    assert len(current_rules().rules) == 2


@pytest.mark.parametrize(
    ("form", "field", "words"),
    [
        ({}, "__all__", "A rule names either one group, or a pattern"),
        ({"group": cast.group_id("auditors")}, "role", "An exact rule needs a role."),
        ({"group": "0f8fad5b-d9cb-469f-a165-70867728950e", "role": "R"}, "group", "no such group"),
        ({"group": "*", "role": "R"}, "group", "not the identifier of a group"),
        ({"group_by_hand": "cn=auditors,ou=people,dc=x", "role": "R"}, "group_by_hand", "no such group"),
        ({"group_by_hand": "cn=,dc=x", "role": "R"}, "group_by_hand", "not a distinguished name"),
        (
            {"group": cast.group_id("auditors"), "pattern": PATTERN, "base": AWS_UNIT},
            "__all__",
            "one of these and no more",
        ),
        ({"pattern": PATTERN}, "base", "A pattern rule needs a base DN"),
        ({"pattern": PATTERN, "base": "aws"}, "base", "not a distinguished name"),
        ({"pattern": "(", "base": AWS_UNIT}, "pattern", "cannot be read (RE2): missing )"),
        ({"pattern": "(?=x)(?P<account>.)(?P<role>.)", "base": AWS_UNIT}, "pattern", "cannot be read (RE2)"),
        ({"pattern": "x", "base": AWS_UNIT}, "pattern", "must either capture (?P<account>...)"),
        ({"pattern": PATTERN, "base": AWS_UNIT, "role": "R"}, "pattern", "must either capture"),
        ({"pattern": PATTERN, "base": AWS_UNIT, "role_name": "a b"}, "role_name", "no name of an IAM role"),
        (
            {"pattern": PATTERN, "base": AWS_UNIT, "duration_seconds": "899"},
            "duration_seconds",
            "greater than or equal",
        ),
        (
            {"pattern": PATTERN, "base": AWS_UNIT, "duration_seconds": "43201"},
            "duration_seconds",
            "less than or equal",
        ),
        (
            {
                "pattern": PATTERN,
                "base": AWS_UNIT,
                "starts_at_0": "2026-03-02",
                "starts_at_1": "00:00",
                "ends_at_0": "2026-03-01",
                "ends_at_1": "00:00",
            },
            "ends_at",
            "would end before it starts",
        ),
        (
            {"pattern": PATTERN, "base": AWS_UNIT, "effect": "permit"},
            "effect",
            "not one of the available choices",
        ),
        ({"pattern": PATTERN, "base": AWS_UNIT, "name": ""}, "name", "required"),
    ],
)
def test_a_mistake_is_told_beside_its_field_and_nothing_is_saved(
    admin: Client, form: dict[str, str], field: str, words: str
) -> None:
    """The same checks as everywhere else, in words, where one looks for them."""
    version, records = MappingVersion.current(), AuditRecord.objects.count()
    sent = {name: read_only() if value == "R" else value for name, value in form.items()}
    errors = save(admin, "rule", **EMPTY | sent)
    assert list(errors) == [field]
    assert words in " ".join(errors[field])
    assert not Rule.objects.exists()
    assert (MappingVersion.current(), AuditRecord.objects.count()) == (version, records)


def test_without_the_directory_the_form_says_so(admin: Client) -> None:
    """A new group cannot be checked: an error beside the field, not a broken page; other fields can be changed."""
    with directory_gone():
        errors = save(admin, "rule", **EMPTY | {"group": cast.group_id("auditors"), "role": read_only()})
        assert "cannot be reached" in errors["group"][0]
        assert "was not saved" in errors["group"][0]
    assert save(admin, "rule", **EMPTY | {"group": cast.group_id("auditors"), "role": read_only()}) == {}
    rule = Rule.objects.get()
    with directory_gone():
        form = EMPTY | {"group": rule.group_id, "role": read_only(), "note": "changed"}
        assert save(admin, "rule", rule, **form) == {}
    rule.refresh_from_db()
    assert (rule.note, rule.group_dn) == ("changed", cast.group_dn("auditors"))


def role_form(**changes: Any) -> dict[str, Any]:
    account = str(Account.objects.get().pk)
    return {
        "account": account, "path": "/", "name": "New", "longest_seconds": "3600", "road": "saml",
    } | changes  # fmt: skip


def test_a_role_is_checked_before_it_is_saved(admin: Client) -> None:
    """Lengths, names and tags that AWS or the settings would refuse are told beside their field."""
    for changes, field in (
        ({"longest_seconds": "60"}, "longest_seconds"),
        ({"name": "a b"}, "name"),
        ({"path": "x"}, "path"),
        ({"tags": ["Unheard"]}, "tags"),
        ({"transitive_tags": ["CostCenter"]}, "transitive_tags"),
        ({"name": "ReadOnly"}, "__all__"),
    ):
        assert list(save(admin, "role", **role_form(**changes))) == [field]
    assert save(admin, "role", **role_form(tags=["CostCenter"], transitive_tags=["CostCenter"])) == {}
    role = Role.objects.get(name="New")
    assert (role.tags, role.transitive_tags) == (["CostCenter"], ["CostCenter"])
    assert save(admin, "role", role, **role_form(longest_seconds="7200")) == {}
    role.refresh_from_db()
    assert (role.longest_seconds, role.tags) == (7_200, [])


def test_what_makes_an_arn_stays_as_it_is(admin: Client) -> None:
    """Another number, partition, account or name would silently give people something else: not taken."""
    account, role = Account.objects.get(), Role.objects.get(name="ReadOnly")
    form = {
        "number": "999999999999",
        "partition": "aws-cn",
        "name": "Renamed",
        "environment": "x",
        "colour": "red",
        "provider": "p",
    }
    assert save(admin, "account", account, **form) == {}
    account.refresh_from_db()
    assert (account.number, account.partition, account.name) == ("111122223333", "aws", "Renamed")
    save(admin, "role", role, **role_form(name="Administrator"))
    role.refresh_from_db()
    assert role.name == "ReadOnly"


@pytest.mark.attack("AW-05")
@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        (
            {"hub": "arn:aws:iam::888800001111:role/Hub"},
            "hub",
            "not among the roles and accounts that DRAWBRIDGE_HUBS",
        ),
        ({"hub": "Hub"}, "hub", "not the ARN of an IAM role"),
        ({"partition": "aws-cn"}, "partition", "Partition aws-cn is off"),
    ],
)
def test_an_account_stays_within_what_the_operator_allows(
    admin: Client, change: dict[str, str], field: str, words: str
) -> None:
    """No hub and no partition but those of the settings: told beside the field; with those, it is saved."""
    form = {
        "number": "555566667777",
        "name": "Another",
        "environment": "x",
        "colour": "red",
        "partition": "aws",
        "provider": "drawbridge",
        "hub": "arn:aws:iam::999900001111:role/Hub",
    }
    (told,) = save(admin, "account", **form | change)[field]
    assert words in str(told)
    assert not Account.objects.filter(number="555566667777").exists()
    assert save(admin, "account", **form) == {}
    assert Account.objects.get(number="555566667777").hub == form["hub"]


@pytest.fixture
def builds(tmp_path: Path) -> Iterator[str]:
    """An issuer of workloads that the operator has named."""
    issuer, file = "https://builds.example", tmp_path / "issuers.yaml"
    agreed = {"issuer": issuer, "audiences": ["us"], "is": "workload", "seen_from": ["192.0.2.1/32"]}
    file.write_text(json.dumps({"issuers": [agreed]}))
    with override_settings(DRAWBRIDGE_WEB_IDENTITY_ISSUERS=str(file)):
        yield issuer


@pytest.mark.attack("OI")
def test_a_rule_for_workloads_is_checked_before_it_is_saved(admin: Client, builds: str) -> None:
    """By subject or by claims, of an issuer of the file, to a role of the right road, and never of nobody's."""
    save(admin, "role", **role_form(name="Deploy", road="web-identity"))
    deploy = str(Role.objects.get(name="Deploy").pk)
    good = EMPTY | {"workload_issuer": builds, "workload_subject": "repo:acme/x:y", "role": deploy}
    for changes, field in (
        ({"workload_issuer": "https://unheard.example"}, "workload_issuer"),
        ({"workload_subject": "repo:acme/*"}, "workload_subject"),
        ({"workload_subject": ""}, "workload_subject"),
        ({"claims": "sub=repo:acme/.*"}, "workload_subject"),
        ({"workload_subject": "", "claims": "sub=repo:.*"}, "claims"),
        ({"workload_subject": "", "claims": "sub"}, "claims"),
        ({"workload_subject": "", "claims": "sub=a\nsub=b"}, "claims"),
        ({"role": read_only()}, "role"),
        ({"role": ""}, "role"),
        ({"workload_issuer": ""}, "workload_issuer"),
        ({"group": cast.group_id("auditors")}, "__all__"),
    ):
        assert (changes, list(save(admin, "rule", **good | changes))) == (changes, [field])
    assert save(admin, "rule", **good) == {}
    more = {"name": "more", "workload_subject": "", "claims": "sub = repo:acme/.*\n\nref=refs/heads/x=y"}
    assert save(admin, "rule", **good | more) == {}
    one, other = current_rules().rules
    assert one.workload == Workload(builds, "repo:acme/x:y")
    assert other.workload == Workload(builds, None, (("ref", "refs/heads/x=y"), ("sub", "repo:acme/.*")))
    page = admin.get(f"/admin/idp/rule/{other.number}/change/", secure=True).content.decode()
    assert "ref=refs/heads/x=y\nsub=repo:acme/.*" in page
    listed = admin.get("/admin/idp/rule/", secure=True).content.decode()
    assert f"repo:acme/x:y of {builds}" in listed
    record = AuditRecord.objects.filter(event="admin:mapping:changed").latest("pk")
    assert record.details["workload_issuer:new"] == builds
