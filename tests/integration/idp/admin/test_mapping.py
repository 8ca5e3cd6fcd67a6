"""Rules in the admin: what is saved could be applied, and every change is on record."""

import json

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from deploy.demo import company as cast
from idp.domain.events import AuditEvent
from idp.models import Account, AuditRecord, MappingVersion, Role, Rule
from idp.services.rules import current_rules
from tests.integration.idp.admin.forms import EMPTY, last_record, read_only, save
from tests.integration.idp.services.doors import enter
from tests.integration.idp.services.mappings import auditors, by_name, document, take_over
from tests.servers.slapd import directory_gone

pytestmark = pytest.mark.django_db


def test_every_change_is_recorded_with_old_and_new_values(admin: Client) -> None:
    """Who, from where, what, and each value that is different; a form that changes nothing leaves no trace."""
    form = EMPTY | {"group": cast.group_id("auditors"), "role": read_only(), "note": "first"}
    save(admin, "rule", **form)
    added, rule = last_record(), Rule.objects.get()
    assert added.event == AuditEvent.MAPPING_CHANGED
    assert (added.person, added.account_key) == ("root.two", "local:root.two")
    assert added.reference
    assert (added.details["kind"], added.details["what"], added.details["name"]) == (
        "added",
        "rule",
        "a rule",
    )
    assert added.details["role:new"] == "arn:aws:iam::111122223333:role/ReadOnly"
    version = MappingVersion.current()
    assert save(admin, "rule", rule, **form) == {}
    assert (last_record(), MappingVersion.current()) == (added, version)
    save(admin, "rule", rule, **form | {"note": "second", "effect": "deny"})
    changed = last_record()
    assert {name: value for name, value in changed.details.items() if ":" in name} == {
        "effect:old": "allow",
        "effect:new": "deny",
        "note:old": "first",
        "note:new": "second",
    }
    admin.post(reverse("admin:idp_rule_delete", args=[rule.pk]), {"post": "yes"}, secure=True)
    removed = last_record()
    assert (removed.details["kind"], removed.details["note:old"]) == ("removed", "second")
    assert not Rule.objects.exists()
    assert current_rules().rules == ()


def test_removing_several_at_once_records_each(admin: Client) -> None:
    """The action of the list is no way around the record."""
    take_over(document(auditors(), by_name()))
    numbers = [str(number) for number in Rule.objects.values_list("pk", flat=True)]
    form = {"action": "delete_selected", "_selected_action": numbers, "post": "yes"}
    admin.post(reverse("admin:idp_rule_changelist"), form, secure=True)
    assert not Rule.objects.exists()
    names = {
        record.details["name"] for record in AuditRecord.objects.filter(event=AuditEvent.MAPPING_CHANGED)
    }
    assert names == {"auditors read", "by name"}
    assert current_rules().rules == ()


def test_what_is_referred_to_cannot_be_removed(admin: Client) -> None:
    """A role with rules and an account with roles stay; without rules the role goes."""
    take_over(document(auditors()))
    for row in (Role.objects.get(name="ReadOnly"), Account.objects.get()):
        address = reverse(f"admin:idp_{row._meta.model_name}_delete", args=[row.pk])
        admin.post(address, {"post": "yes"}, secure=True)
        assert type(row).objects.filter(pk=row.pk).exists()
    role = Role.objects.get(name="Admin")
    admin.post(reverse("admin:idp_role_delete", args=[role.pk]), {"post": "yes"}, secure=True)
    assert not Role.objects.filter(pk=role.pk).exists()
    assert last_record().role_arn == "arn:aws:iam::111122223333:role/Admin"


def test_groups_are_found_while_one_types(admin: Client) -> None:
    """Identifier and name of each; nothing for an empty search; a directory that is down is an error, not a break."""
    address = reverse("admin:idp_rule_groups")
    answer = admin.get(address, {"term": "audit"}, secure=True)
    assert json.loads(answer.content) == {
        "results": [
            {"id": cast.group_id("auditors", unit), "text": f"auditors ({cast.group_dn('auditors', unit)})"}
            for unit in ("", "self-service")
        ],
        "pagination": {"more": False},
    }
    assert json.loads(admin.get(address, {"term": " "}, secure=True).content)["results"] == []
    assert json.loads(admin.get(address, {"term": "*)(cn=*"}, secure=True).content)["results"] == []
    with directory_gone():
        assert admin.get(address, {"term": "audit"}, secure=True).status_code == 503


def test_the_search_for_groups_is_for_staff_only(stranger: Client) -> None:
    """Whoever is not signed in, or no staff, learns nothing of the directory's groups."""
    address = reverse("admin:idp_rule_groups")
    assert stranger.get(address, {"term": "audit"}, secure=True).status_code == 302
    session = enter("jane", cast.password_of("jane"))
    stranger.cookies[settings.SESSION_COOKIE_NAME] = str(session.session_key)
    answer = stranger.get(address, {"term": "audit"}, secure=True)
    assert b"auditors" not in answer.content
    assert answer.status_code in {302, 403}


def test_lists_show_who_gets_what_and_whether_it_counts(admin: Client) -> None:
    """Group or pattern, role, length and state; search and filters narrow them."""
    take_over(
        document(
            auditors(duration="2h"),
            by_name(enabled=False),
            auditors(name="was", until="2020-01-01"),
            auditors(name="will be", **{"from": "2099-01-01"}),
        )
    )
    address = reverse("admin:idp_rule_changelist")
    page = admin.get(address, secure=True).content.decode()
    for words in (
        cast.group_dn("auditors"),
        "Payments production / ReadOnly",
        "2h",
        "in force",
        "switched off",
        "over",
    ):
        assert words in page
    assert "(by the name) / (by the name)" in page
    found = admin.get(address, {"q": "AWS-("}, secure=True).content.decode()
    assert "1 rule" in found
    for query in ({"effect__exact": "deny"}, {"pattern__isempty": "0"}, {"enabled__exact": "0"}):
        assert admin.get(address, query, secure=True).status_code == 200
    for model in ("account", "role"):
        assert (
            "111122223333"
            in admin.get(reverse(f"admin:idp_{model}_changelist"), secure=True).content.decode()
        )


def test_the_form_shows_the_group_and_searches_without_inline_scripts(admin: Client) -> None:
    """The chosen group by its name, the address of the search, and no script in the page itself."""
    take_over(document(auditors()))
    page = admin.get(
        reverse("admin:idp_rule_change", args=[Rule.objects.get().pk]), secure=True
    ).content.decode()
    assert f'data-ajax--url="{reverse("admin:idp_rule_groups")}"' in page
    assert (
        f'<option value="{cast.group_id("auditors")}" selected>{cast.group_dn("auditors")}</option>' in page
    )
    assert "admin/js/autocomplete.js" in page
    assert page.count("<script") == page.count("<script src=") + page.count('<script id="django-admin')
