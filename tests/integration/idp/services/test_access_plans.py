"""With many accesses on record, what people and workers ask is answered by an index each: its cost stays flat."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from idp.domain.access_session import AccessState
from idp.models import AccessSession
from tests.integration.idp.services.accesses import a_person, an_access, many_ended

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ENDED = 20_000


@pytest.fixture
def crowded() -> AccessSession:
    """One person's live access among twenty thousand ended ones of somebody else."""
    other = an_access(a_person("joe", now=NOW), ends_at=NOW, state=AccessState.ENDED, ended_at=NOW)
    mine = an_access(a_person(now=NOW), ends_at=NOW + timedelta(hours=1))
    many_ended(other, count=ENDED)
    return mine


def plan_of(rows: Any) -> str:
    return str(rows.explain())


def test_each_question_has_its_index(crowded: AccessSession) -> None:
    """One's own, what is due to end, what to warn of, what is held of a role: no table is read through."""
    live = AccessSession.objects.exclude(state="ended")
    questions = (
        AccessSession.objects.filter(user=crowded.user, ends_at__gt=NOW).order_by("-ends_at")[:200],
        AccessSession.objects.due_to_end(NOW)[:200],
        AccessSession.objects.due_to_warn(NOW),
        live.filter(role_arn=crowded.role_arn, ends_at__gt=NOW),
    )
    for rows in questions:
        plan = plan_of(rows)
        assert "Seq Scan" not in plan, plan
        assert "Index Scan using access_" in plan, plan


def test_ended_accesses_stand_in_no_index_of_live_ones(crowded: AccessSession) -> None:
    """The sweep's index holds what is not marked, so that ten million ended ones cost it nothing."""
    assert list(AccessSession.objects.due_to_end(NOW + timedelta(hours=2))) == [crowded]
    assert "rows=1 " in plan_of(AccessSession.objects.due_to_end(NOW + timedelta(hours=2)))
