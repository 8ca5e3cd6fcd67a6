"""Pages that were opened before somebody else's change: nothing is overwritten unseen, nothing typed is lost."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from threading import Event, Thread
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deploy.demo import company as cast
from idp.models import Account, AuditRecord, MappingVersion, Role, Rule, ServiceProvider
from idp.services import provider_metadata
from idp.services.provider_metadata import refresh_provider
from tests.integration.idp.admin.forms import as_sent, last_record, opened
from tests.integration.idp.services.mappings import auditors, document, take_over
from tests.metadata_documents import acs_service, metadata
from tests.providers import ACS, ENTITY_ID, a_row, certificate_text_of

pytestmark = pytest.mark.django_db

NEW_ACS = f"{ACS}/new"


def send(admin: Client, model: str, row: Any, form: dict[str, list[str]], **typed: str) -> Any:
    """The answer to the page's form with this typed into it."""
    return admin.post(reverse(f"admin:idp_{model}_change", args=[row.pk]), {**form, **typed}, secure=True)


def told(answer: Any) -> dict[str, tuple[str, bool]]:
    """Each field that was changed meanwhile: what it says now, and whether it was touched on this page too."""
    assert answer.status_code == 200, "it was saved"
    page = answer.content.decode()
    assert "nothing was saved" in page
    assert 'id="meanwhile"' in page
    return {one.label: (one.now, one.is_yours) for one in answer.context["adminform"].form.meanwhile}


def provider(**changes: Any) -> ServiceProvider:
    """A provider with metadata of its own."""
    row = a_row(**changes)
    row.metadata_url = "https://wiki.example.test/metadata"
    row.save()
    return row


def read_metadata(row: ServiceProvider, document: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider is as this document says."""
    monkeypatch.setattr(provider_metadata, "fetch_metadata", lambda *_: document)
    assert refresh_provider(ServiceProvider.objects.get(pk=row.pk), now=timezone.now())


def test_new_addresses_and_keys_are_not_written_back(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The metadata was read while the page was open: that is told, and stays."""
    row = provider(signing_certificates=(certificate_text_of("old"),))
    form = opened(admin, "serviceprovider", row)
    read_metadata(row, metadata(services=acs_service(location=NEW_ACS)), monkeypatch)
    refreshed = ServiceProvider.objects.get()
    records = AuditRecord.objects.count()
    answer = send(admin, "serviceprovider", row, form, note="typed here")
    assert told(answer) == {
        "Assertion consumer services": (f"0 {NEW_ACS} default", False),
        "Single logout services": ("", False),
        "Signing certificates": ("\n".join(refreshed.signing_certificates), False),
    }
    assert AuditRecord.objects.count() == records
    stored = ServiceProvider.objects.get()
    assert (stored.version, stored.note) == (refreshed.version, "")
    again = as_sent(answer, "serviceprovider")
    assert (again["note"], again["acs_text"]) == (["typed here"], [f"0 {NEW_ACS} default"])
    assert send(admin, "serviceprovider", row, again).status_code == 302
    stored = ServiceProvider.objects.get()
    assert (stored.acs, stored.signing_certificates) == (refreshed.acs, refreshed.signing_certificates)
    assert {name for name in last_record().details if ":" in name} == {"note:old", "note:new"}


def test_metadata_that_says_the_same_disturbs_nobody(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading it again changes no field of the page: what was typed is saved, and the reading is not forgotten."""
    row = provider()
    read_metadata(row, metadata(), monkeypatch)
    form = opened(admin, "serviceprovider", row)
    read_metadata(row, metadata(), monkeypatch)
    refreshed = ServiceProvider.objects.get()
    assert send(admin, "serviceprovider", row, form, note="typed here").status_code == 302
    stored = ServiceProvider.objects.get()
    assert (stored.note, stored.refreshed_at, stored.refresh_due_at) == (
        "typed here",
        refreshed.refreshed_at,
        refreshed.refresh_due_at,
    )


def test_a_row_that_says_the_same_in_fewer_words_counts_as_untouched(admin: Client) -> None:
    """Endpoints that were written without what goes without saying are not taken for typed on the page."""
    row = a_row()
    ServiceProvider.objects.update(acs=[{"location": ACS, "index": 0, "is_default": True}])
    form = opened(admin, "serviceprovider", row)
    call_command("service_provider", "change", ENTITY_ID, "--acs", NEW_ACS, stdout=StringIO())
    answer = send(admin, "serviceprovider", row, form, note="typed here")
    assert told(answer) == {"Assertion consumer services": (f"0 {NEW_ACS} default", False)}


def test_where_both_have_changed_one_field_the_person_decides(admin: Client) -> None:
    """What the other has written is shown, what was typed stays; saved again it replaces that."""
    row = a_row()
    form = opened(admin, "serviceprovider", row)
    call_command("service_provider", "change", ENTITY_ID, "--session", "600", "--everyone", stdout=StringIO())
    answer = send(admin, "serviceprovider", row, form, session_seconds="900")
    assert told(answer) == {"Session (seconds)": ("600", True)}
    again = as_sent(answer, "serviceprovider")
    assert again["session_seconds"] == ["900"]
    assert ServiceProvider.objects.get().session_seconds == 600
    # Somebody changes it once more: that is told too.
    call_command("service_provider", "change", ENTITY_ID, "--session", "700", stdout=StringIO())
    answer = send(admin, "serviceprovider", row, again)
    assert told(answer) == {"Session (seconds)": ("700", True)}
    assert send(admin, "serviceprovider", row, as_sent(answer, "serviceprovider")).status_code == 302
    assert ServiceProvider.objects.get().session_seconds == 900
    assert last_record().details["session_seconds:old"] == "700"


def test_the_same_change_by_two_is_no_quarrel(admin: Client) -> None:
    """Who has written what the other has written already is told of nothing."""
    row = a_row()
    form = opened(admin, "serviceprovider", row)
    call_command("service_provider", "change", ENTITY_ID, "--session", "600", stdout=StringIO())
    assert send(admin, "serviceprovider", row, form, session_seconds="600").status_code == 302


@pytest.mark.parametrize("seen", ["", "{", "[]", '{"acs": 1}'])
def test_a_page_that_does_not_say_what_it_has_shown(admin: Client, seen: str) -> None:
    """Everything that differs is told as a conflict; where nothing differs there is none."""
    row = a_row()
    form = opened(admin, "serviceprovider", row)
    assert send(admin, "serviceprovider", row, form, seen=seen).status_code == 302
    answer = send(admin, "serviceprovider", row, form, seen=seen, session_seconds="900")
    assert told(answer) == {"Session (seconds)": ("", True)}


def test_switched_off_meanwhile_stays_off(admin: Client) -> None:
    """A mark in a box is a field like every other."""
    row = a_row()
    form = opened(admin, "serviceprovider", row)
    assert form["enabled"] == ["on"]
    call_command("service_provider", "disable", ENTITY_ID, stdout=StringIO())
    answer = send(admin, "serviceprovider", row, form, name="Another")
    assert told(answer) == {"Enabled": ("no", False)}
    again = as_sent(answer, "serviceprovider")
    assert "enabled" not in again
    assert send(admin, "serviceprovider", row, again).status_code == 302
    stored = ServiceProvider.objects.get()
    assert (stored.name, stored.enabled) == ("Another", False)


MAPPING: dict[str, tuple[Callable[[], Any], dict[str, Any], dict[str, str], dict[str, tuple[str, bool]]]] = {
    "account": (
        Account.objects.get,
        {"environment": "sandbox", "colour": "green"},
        {"name": "Typed here"},
        {"Environment": ("sandbox", False), "Colour": ("Green", False)},
    ),
    "role": (
        lambda: Role.objects.get(name="ReadOnly"),
        {"longest_seconds": 3_600, "source_identity": True},
        {"path": "/typed/"},
        {"Longest session (seconds)": ("3600", False), "Source identity": ("yes", False)},
    ),
    "rule": (
        Rule.objects.get,
        {
            "effect": "deny",
            "enabled": False,
            "group_id": cast.group_id("developers"),
            "group_dn": cast.group_dn("developers"),
        },
        {"note": "typed here"},
        {
            "Effect": ("deny", False),
            "group": (cast.group_id("developers"), False),
            "Enabled": ("no", False),
        },
    ),
}


@pytest.mark.parametrize("model", MAPPING)
def test_the_mapping_is_not_overwritten_either(model: str, admin: Client) -> None:
    """Accounts, roles and rules: what others have changed stands, and so does what was typed."""
    take_over(document(auditors()))
    find, theirs, typed, expected = MAPPING[model]
    row = find()
    form = opened(admin, model, row)
    type(row).objects.filter(pk=row.pk).update(**theirs)
    version, records = MappingVersion.current(), AuditRecord.objects.count()
    answer = send(admin, model, row, form, **typed)
    assert told(answer) == expected
    assert (MappingVersion.current(), AuditRecord.objects.count()) == (version, records)
    again = as_sent(answer, model)
    assert {name: again[name] for name in typed} == {name: [value] for name, value in typed.items()}
    assert send(admin, model, row, again).status_code == 302
    stored = find()
    assert {name: getattr(stored, name) for name in theirs} == theirs
    assert {name: getattr(stored, name) for name in typed} == typed


def test_what_is_new_has_nothing_to_compare(admin: Client) -> None:
    """What the page for adding sends is added."""
    page = admin.get(reverse("admin:idp_account_add"), secure=True)
    sent = as_sent(page, "account")
    typed = {"number": "222233334444", "name": "Two", "environment": "test", "provider": "drawbridge"}
    answer = admin.post(reverse("admin:idp_account_add"), {**sent, **typed}, secure=True)
    assert answer.status_code == 302
    assert Account.objects.filter(number="222233334444").exists()


WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


@contextmanager
def changed_while_somebody_waits(row: ServiceProvider, **changes: Any) -> Iterator[None]:
    """Another process holds the row, and writes this into it as soon as somebody waits for that."""
    held = Event()
    waited: list[bool] = []

    def change() -> None:
        try:
            with transaction.atomic():
                mine = ServiceProvider.objects.select_for_update().get(pk=row.pk)
                held.set()
                deadline = time.monotonic() + 20
                while time.monotonic() < deadline and not waited:
                    with connection.cursor() as cursor:
                        cursor.execute(WAITING)
                        waited.extend([True] * cursor.fetchone()[0])
                for name, value in changes.items():
                    setattr(mine, name, value)
                mine.save()
        finally:
            connections.close_all()

    other = Thread(target=change)
    other.start()
    try:
        assert held.wait(20)
        yield
    finally:
        other.join()
    assert waited, "nobody waited"


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_at_the_same_moment(admin: Client) -> None:
    """Page and command wait for whoever writes the row already, and keep what that has written."""
    row = a_row()
    form = opened(admin, "serviceprovider", row)
    with changed_while_somebody_waits(row, want_signed_requests=False, session_seconds=600):
        answer = send(admin, "serviceprovider", row, form, name="Typed here")
    assert told(answer) == {"Session (seconds)": ("600", False)}
    with changed_while_somebody_waits(row, session_seconds=700):
        call_command("service_provider", "change", ENTITY_ID, "--name", "By command", stdout=StringIO())
    stored = ServiceProvider.objects.get()
    assert (stored.name, stored.session_seconds) == ("By command", 700)
    assert {name for name in last_record().details if ":" in name} == {"name:old", "name:new"}
