"""What the metrics say has happened is what the audit says: counted once it is on record, and never before."""

from datetime import UTC, datetime

import pytest
from django.db import transaction
from prometheus_client.registry import REGISTRY
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from idp.domain.events import AuditEvent
from idp.models import AuditRecord
from idp.models.compiled import Condition, insert_if
from idp.services.audit import event_row, write_event
from idp.services.replay import Replayed, claim_with

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ANSWERED = AuditEvent.SERVICE_ANSWERED


def counted() -> float:
    """What the counter of this kind says."""
    return REGISTRY.get_sample_value("drawbridge_events_total", {"event": ANSWERED.value}) or 0.0


@pytest.mark.attack("RQ-06")
def test_a_message_that_is_sent_again_counts_once(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    """However often somebody replays it, one answer is on record, and one is counted."""
    before = counted()
    with django_capture_on_commit_callbacks(execute=True):
        claim_with("https://service.test", "_1", event_row(ANSWERED, at=NOW), now=NOW)
        assert counted() == before, "nothing has committed yet"
        for _ in range(3):
            with pytest.raises(Replayed):
                claim_with("https://service.test", "_1", event_row(ANSWERED, at=NOW), now=NOW)
    assert counted() == before + 1
    assert AuditRecord.objects.filter(event=ANSWERED.value).count() == 1


def test_what_is_taken_back_is_not_counted(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    """A transaction that fails leaves neither row nor count, one that does not has both."""
    before = counted()
    with django_capture_on_commit_callbacks(execute=True):
        for fails in (True, False):
            with transaction.atomic():
                write_event(ANSWERED, at=NOW)
                transaction.set_rollback(fails)
    assert counted() == before + 1
    assert AuditRecord.objects.filter(event=ANSWERED.value).count() == 1


@pytest.mark.parametrize("holds", [True, False])
def test_what_a_condition_keeps_from_being_written_is_not_counted(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, *, holds: bool
) -> None:
    """Both rows and both counts, or none of them."""
    before = counted()
    rows = [event_row(ANSWERED, at=NOW), event_row(ANSWERED, at=NOW)]
    with django_capture_on_commit_callbacks(execute=True):
        assert insert_if(Condition("SELECT %s = 1", (1 if holds else 2,)), *rows) is holds
    assert counted() == before + 2 * holds
    assert AuditRecord.objects.filter(event=ANSWERED.value).count() == 2 * holds


def test_counting_asks_the_database_nothing(
    django_assert_num_queries: DjangoAssertNumQueries,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    """One statement writes the event, as before."""
    before = counted()
    with django_assert_num_queries(1), django_capture_on_commit_callbacks(execute=True):
        write_event(ANSWERED, at=NOW)
    assert counted() == before + 1
