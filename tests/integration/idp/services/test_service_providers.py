"""Service providers from their table: read once for each version, refused unless they may be served now."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from idp.conf.saml import saml_config
from idp.domain.encryption_scheme import EncryptionScheme
from idp.domain.provider_address import MalformedLocation
from idp.domain.service_provider import AcsEndpoint, MalformedProvider, UnknownProvider
from idp.domain.service_wishes import AttributeRequest, ServiceWishes
from idp.models import ServiceProvider as ProviderRow
from idp.services.service_provider_rows import fields_of, provider_of_row
from idp.services.service_providers import service_provider_of
from tests.providers import ENTITY_ID, a_provider, a_row, certificate_text_of, group

pytestmark = pytest.mark.django_db


def test_a_row_says_what_the_value_said() -> None:
    """Every part survives the way to the table and back."""
    provider = a_provider(
        groups=(group("aa"),),
        signing_certificates=(certificate_text_of("wiki"),),
        encryption_scheme=EncryptionScheme.AES128_GCM_OAEP_SHA256,
        wishes=ServiceWishes(
            (AttributeRequest(1, is_default=True, names={"urn:x": True}),), frozenset({("a", "b")})
        ),
        want_signed_requests=True,
        session_for=timedelta(hours=1),
        believed_until=timezone.now() + timedelta(days=1),
        default_relay_state="/start",
    )
    number = ProviderRow.objects.create(**fields_of(provider)).pk
    assert provider_of_row(ProviderRow.objects.get(pk=number)) == provider
    assert service_provider_of(ENTITY_ID, now=timezone.now()) == provider


@pytest.mark.postgresql
def test_a_click_costs_one_statement_however_many_there_are() -> None:
    """The second question asks for the version only, by an index; the value is the same object."""
    a_row()
    ProviderRow.objects.bulk_create(
        ProviderRow(**fields_of(a_provider(entity_id=f"https://sp{number}.example.test")))
        for number in range(1_000)
    )
    first = service_provider_of(ENTITY_ID, now=timezone.now())
    with CaptureQueriesContext(
        connection,
    ) as asked:
        again = service_provider_of(ENTITY_ID, now=timezone.now())
    assert len(asked) == 1
    assert again is first
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + asked[0]["sql"])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Index" in plan


def test_every_change_holds_for_the_next_click() -> None:
    """Saved, changed in bulk, or removed: nothing old is served."""
    row = a_row()
    service_provider_of(ENTITY_ID, now=timezone.now())
    row.name = "Second"
    row.save(update_fields=["name"])
    assert service_provider_of(ENTITY_ID, now=timezone.now()).name == "Second"
    ProviderRow.objects.filter(pk=row.pk).update(name="Third")
    assert service_provider_of(ENTITY_ID, now=timezone.now()).name == "Third"
    row.refresh_from_db()
    row.name = "Fourth"
    ProviderRow.objects.bulk_update([row], ["name"])
    assert service_provider_of(ENTITY_ID, now=timezone.now()).name == "Fourth"
    row.delete()
    with pytest.raises(UnknownProvider):
        service_provider_of(ENTITY_ID, now=timezone.now())


@pytest.mark.parametrize(
    "entity_id", ["", "https://other.example.test", ENTITY_ID.upper(), f"{ENTITY_ID}/", "a\0b", "x" * 2_000]
)
@pytest.mark.attack("RQ-06")
def test_unknown_names_are_refused(entity_id: str) -> None:
    """Only exactly the registered name is known."""
    a_row()
    with pytest.raises(UnknownProvider):
        service_provider_of(entity_id, now=timezone.now())
    assert service_provider_of(ENTITY_ID, now=timezone.now())


def test_what_is_switched_off_or_has_expired_is_not_served() -> None:
    """Off is off; metadata is believed until its end, and no longer than clocks may differ."""
    now = timezone.now()
    row = a_row(enabled=False, believed_until=now + timedelta(minutes=1))
    with pytest.raises(UnknownProvider):
        service_provider_of(ENTITY_ID, now=now)
    row.enabled = True
    row.save()
    assert service_provider_of(ENTITY_ID, now=now)
    assert service_provider_of(ENTITY_ID, now=now + timedelta(minutes=5))
    with pytest.raises(UnknownProvider):
        service_provider_of(ENTITY_ID, now=now + timedelta(minutes=6))


def test_a_row_written_past_every_check_harms_nobody_else() -> None:
    """A broken row is refused by itself; the others go on."""
    broken = a_row(entity_id="https://broken.example.test")
    a_row()
    for field, value in (
        ("acs", [{"location": "javascript:x", "index": 0}]),
        ("acs", "x"),
        ("kind", "other"),
    ):
        ProviderRow.objects.filter(pk=broken.pk).update(**{field: value})
        with pytest.raises((MalformedProvider, MalformedLocation)):
            service_provider_of(broken.entity_id, now=timezone.now())
    assert service_provider_of(ENTITY_ID, now=timezone.now())


def test_plain_loopback_is_served_where_the_settings_say_so_only() -> None:
    """Plain http to this machine is for a demo, under a setting whose name says what it is."""
    a_row(acs=(AcsEndpoint("http://127.0.0.1:9000/acs"),))
    with pytest.raises(MalformedLocation):
        service_provider_of(ENTITY_ID, now=timezone.now())
    with override_settings(DRAWBRIDGE_UNSAFE_LOOPBACK_PROVIDERS=True):
        saml_config.cache_clear()
        try:
            assert service_provider_of(ENTITY_ID, now=timezone.now())
        finally:
            saml_config.cache_clear()
