"""The regions of AWS in the admin: seen as probed, switched by hand, and changed in no other way."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.test import Client

from idp.models import AuditRecord, RegionHealth
from idp.services.regions import forget_regions, note_probe, usable_regions
from tests.integration.idp.admin.test_endings import act

pytestmark = pytest.mark.django_db

NEAR, FAR = "eu-central-1", "eu-west-1"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    forget_regions()
    yield
    forget_regions()


@pytest.mark.fault(17)
def test_an_administrator_sees_and_switches_regions(admin: Client) -> None:
    """Off: used for nothing, on record by whom; on: used again. What a probe saw is shown, and nothing is edited."""
    now = datetime.now(UTC)
    note_probe(NEAR, problem="", now=now)
    note_probe(FAR, problem="the sign-in address answered 503", now=now, sign_in=True)
    page = admin.get("/admin/idp/regionhealth/", secure=True).content.decode()
    assert NEAR in page
    assert "the sign-in address answered 503" in page
    assert f"Not used any more: {NEAR}." in act(admin, "regionhealth", "switch_off", NEAR)
    for sign_in in (False, True):
        assert usable_regions((NEAR, FAR), partition="aws", sign_in=sign_in) == (FAR,)
    assert RegionHealth.objects.get(pk=NEAR).switched_off_by == "local:root.two"
    assert f"Used again: {NEAR}." in act(admin, "regionhealth", "switch_on", NEAR)
    assert usable_regions((NEAR, FAR), partition="aws") == (NEAR, FAR)
    by_hand = AuditRecord.objects.filter(event="operator:region:switched", person="local:root.two").order_by(
        "pk"
    )
    assert [row.reason for row in by_hand] == ["operator:off", "operator:on"]
    for path in ("add/", f"{NEAR}/delete/"):
        assert admin.get(f"/admin/idp/regionhealth/{path}", secure=True).status_code == 403


def test_nobody_else_switches_anything(stranger: Client) -> None:
    """Who is not signed in as staff is led to the sign-in."""
    note_probe(NEAR, problem="", now=datetime.now(UTC))
    form = {"action": "switch_off", "_selected_action": [NEAR]}
    assert stranger.post("/admin/idp/regionhealth/", form, secure=True).status_code == 302
    assert not RegionHealth.objects.get(pk=NEAR).switched_off_by
