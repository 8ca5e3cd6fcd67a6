"""The ends of services' own certificates: told in time, once, and milder where metadata brings the next one."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError

from idp.domain.events import AuditEvent
from idp.models import AuditRecord, ServiceProvider
from idp.services.certificate_gauges import certificate_gauges
from idp.services.health import provider_health
from idp.services.keys import make_signing_key
from idp.services.provider_certificates import (
    count_ending,
    ending_certificates,
    warn_of_provider_certificates,
)
from idp.services.provider_changes import Author, fill_row, store_provider, values_of
from sts_bridge.services.health import provider_findings
from tests.providers import a_provider, a_row, certificate_text_of

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)
ME = Author("tester")


def with_certificate(days: int, *, metadata: str = "", **changes: object) -> ServiceProvider:
    """A service whose newest signing certificate ends in so many days, entered the way that operators do."""
    names = {"signing_certificates": (certificate_text_of("wiki", days=days),), **changes}
    row = fill_row(ServiceProvider(), a_provider(**names))
    row.metadata_url = metadata
    store_provider(row, before={}, author=ME, now=NOW)
    return row


def told() -> list[tuple[object, object]]:
    """What is on record: after how many days, and whether metadata brings the next one."""
    rows = AuditRecord.objects.filter(event=AuditEvent.SERVICE_PROVIDER_CERTIFICATE_ENDING).order_by("pk")
    return [(row.details["days"], row.details["from_metadata"]) for row in rows]


def test_each_end_is_told_in_time_and_once() -> None:
    """60, 30, 7 and 1 days before; one that holds for long is not spoken of, and a new one begins anew."""
    row = with_certificate(100)
    assert warn_of_provider_certificates(now=NOW) == 0
    for days, count in ((59, 1), (58, 0), (29, 1), (6, 1), (2, 0), (0, 1), (-3, 0)):
        assert warn_of_provider_certificates(now=NOW + timedelta(days=100 - days)) == count, days
    assert told() == [(60, False), (30, False), (7, False), (1, False)]
    row.refresh_from_db()
    before, version = values_of(row), row.version
    fill_row(row, a_provider(signing_certificates=(certificate_text_of("wiki", days=200),)))
    store_provider(row, before=before, author=ME, now=NOW)
    assert row.version != version
    assert warn_of_provider_certificates(now=NOW + timedelta(days=100)) == 0
    assert warn_of_provider_certificates(now=NOW + timedelta(days=150)) == 1


def test_metadata_that_is_read_again_has_a_milder_word() -> None:
    """It is told 7 and 1 days before only, says that metadata brings the next one, and is never ill."""
    with_certificate(100, metadata="https://wiki.example.test/metadata")
    for days, count in ((59, 0), (29, 0), (6, 1), (0, 1)):
        assert warn_of_provider_certificates(now=NOW + timedelta(days=100 - days)) == count, days
    assert told() == [(7, True), (1, True)]
    [ending] = ending_certificates(now=NOW + timedelta(days=120))
    assert (ending.is_over, ending.is_milder) == (True, True)
    assert "read again by itself" in ending.told
    [finding] = provider_findings(now=NOW + timedelta(days=120))
    assert finding.is_well
    assert "ended on" in finding.remark


def test_who_is_entered_by_hand_is_ill_when_it_is_over() -> None:
    """Before its end a remark with the days that are left, afterwards a finding with what to do."""
    with_certificate(20)
    [finding] = provider_findings(now=NOW)
    assert finding.is_well
    assert "days" in finding.remark
    [finding] = provider_findings(now=NOW + timedelta(days=30))
    assert not finding.is_well
    assert "new certificate" in finding.advice
    assert list(provider_findings(now=NOW - timedelta(days=300))) == []


def test_the_newest_of_several_counts_and_encryption_is_a_use_of_its_own() -> None:
    """An old certificate beside its follower is no end; a certificate to encrypt for is, whatever signs."""
    old, new = certificate_text_of("old", days=3), certificate_text_of("wiki", days=300)
    row = with_certificate(0, signing_certificates=(old, new))
    assert ending_certificates(now=NOW) == []
    before = values_of(row)
    fill_row(row, a_provider(signing_certificates=(old, new), encryption_certificate=old))
    store_provider(row, before=before, author=ME, now=NOW)
    [ending] = ending_certificates(now=NOW)
    assert ending.until < NOW + timedelta(days=4)


def test_a_service_that_is_off_and_one_without_certificates_are_not_spoken_of() -> None:
    """Nobody signs on there; switched on it is."""
    row = with_certificate(5, enabled=False)
    a_row(entity_id="https://plain.example.test")
    assert warn_of_provider_certificates(now=NOW) == 0
    before = values_of(row)
    row.enabled = True
    store_provider(row, before=before, author=ME, now=NOW)
    assert warn_of_provider_certificates(now=NOW) == 1


def test_rows_of_a_former_release_get_their_end() -> None:
    """What was written without the column is looked at by the timetable, and no process reads it anew for that."""
    row = a_row(signing_certificates=(certificate_text_of("wiki", days=5),))
    assert row.certificates_until is None
    assert warn_of_provider_certificates(now=NOW) == 1
    version = row.version
    row.refresh_from_db()
    assert row.certificates_until is not None
    assert row.version == version


def test_health_and_counters_tell_of_it(key_dir: Path) -> None:
    """A warning that closes nothing, and gauges by source and days."""
    assert provider_health(now=NOW).warning == ""
    with_certificate(20)
    health = provider_health(now=NOW)
    assert health.is_well
    assert "1 have a certificate" in health.warning
    counted = count_ending(now=NOW)
    assert {days: counted["hand", days] for days in (60, 30, 7, 1, 0)} == {60: 1, 30: 1, 7: 0, 1: 0, 0: 0}
    end = make_signing_key(now=NOW).valid_until
    assert key_dir.exists()
    text = certificate_gauges(now=NOW).decode()
    assert 'drawbridge_provider_certificates_ending{days="30",source="hand"} 1.0' in text
    assert 'drawbridge_provider_certificates_ending{days="7",source="hand"} 0.0' in text
    [told_end] = re.findall(r'end_seconds\{kind="rsa",place="current"\} (\S+)', text)
    assert float(told_end) == pytest.approx(end.timestamp(), abs=1)


def test_without_the_database_the_rest_is_still_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither health nor the gauges fail over it: what cannot be counted is left out."""

    def gone(**_: object) -> None:
        raise DatabaseError

    for room in ("certificate_gauges", "health"):
        monkeypatch.setattr(f"idp.services.{room}.count_ending", gone)
    assert b"drawbridge_signing_certificate_end_seconds" in certificate_gauges(now=NOW)
    assert b"drawbridge_provider_certificates_ending{" not in certificate_gauges(now=NOW)
    assert provider_health(now=NOW).is_well
