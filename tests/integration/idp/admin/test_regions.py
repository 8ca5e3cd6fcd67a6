"""The regions of AWS in the admin: seen as probed, switched by hand, and changed in no other way."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.test import Client
from pytest_django import Settings

from idp.conf.saml import saml_config
from idp.models import AuditRecord, RegionHealth, User
from idp.services.health import region_health
from idp.services.region_gauges import region_gauges
from idp.services.regions import forget_regions, note_probe, region_warnings, switch_region, usable_regions
from tests.integration.idp.admin.test_endings import act

pytestmark = pytest.mark.django_db

NEAR, FAR = "eu-central-1", "eu-west-1"


@pytest.fixture(autouse=True)
def fresh(settings: Settings) -> Iterator[None]:
    settings.DRAWBRIDGE_STS_REGION = settings.DRAWBRIDGE_SIGNIN_REGIONS = (NEAR, FAR)
    forget()
    yield
    forget()


def forget() -> None:
    """Settings and table are read anew."""
    saml_config.cache_clear()
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
    assert f"Not used any more: STS and sign-in of {NEAR}." in act(admin, "regionhealth", "switch_off", NEAR)
    for sign_in in (False, True):
        assert usable_regions((NEAR, FAR), partition="aws", sign_in=sign_in) == (FAR,)
    assert RegionHealth.objects.get(pk=NEAR).switched_off_by == "local:root.two"
    assert f"Used again: STS and sign-in of {NEAR}." in act(admin, "regionhealth", "switch_on", NEAR)
    assert usable_regions((NEAR, FAR), partition="aws") == (NEAR, FAR)
    by_hand = AuditRecord.objects.filter(event="operator:region:switched", person="local:root.two").order_by(
        "pk"
    )
    assert [row.reason for row in by_hand] == ["operator:off", "operator:on"]
    for path in ("add/", f"{NEAR}/delete/"):
        assert admin.get(f"/admin/idp/regionhealth/{path}", secure=True).status_code == 403


@pytest.mark.fault(17)
@pytest.mark.parametrize(("only", "other"), [("sts", "sign_in"), ("sign_in", "sts")])
def test_each_endpoint_is_switched_on_its_own(admin: Client, only: str, other: str) -> None:
    """One is out of use, the other stays; health warns and stays well, the gauges tell, and it is on record."""
    note_probe(NEAR, problem="", now=datetime.now(UTC))
    note_probe(FAR, problem="it is silent", now=datetime.now(UTC))
    act(admin, "regionhealth", f"switch_off_{only}", NEAR)
    for name in (only, other):
        usable = usable_regions((NEAR, FAR), partition="aws", sign_in=name == "sign_in")
        assert usable == ((FAR,) if name == only else (NEAR, FAR))
    word = only.replace("_", "-")
    health = region_health()
    assert health.is_well
    assert f"{word} of {NEAR} is switched off by local:root.two" in health.warning
    assert f"sts of {FAR} does not answer" in health.warning
    gauges = region_gauges().decode()
    assert f'drawbridge_region_switched_off{{endpoint="{word}",region="{NEAR}"}} 1.0' in gauges
    assert gauges.count("drawbridge_region_switched_off{") == gauges.count("drawbridge_region_well{") == 4
    assert (
        sum(
            line.startswith("drawbridge_region_switched_off{") and line.endswith(" 1.0")
            for line in gauges.splitlines()
        )
        == 1
    )
    assert f'drawbridge_region_well{{endpoint="sts",region="{FAR}"}} 0.0' in gauges
    assert (
        "switched off by local:root.two"
        in admin.get("/admin/idp/regionhealth/", secure=True).content.decode()
    )
    act(admin, "regionhealth", f"switch_on_{only}", NEAR)
    assert region_warnings() == [f"sts of {FAR} does not answer"]
    record = AuditRecord.objects.filter(event="operator:region:switched", reason="operator:off").get()
    assert record.details == {"region": NEAR, "of": word}


def test_what_is_configured_no_more_warns_nobody(settings: Settings) -> None:
    """A region that was silent, or off, counts until it is taken from the settings, each endpoint by its own."""
    now = datetime.now(UTC)
    for region in (NEAR, FAR):
        for sign_in in (False, True):
            note_probe(region, problem="it is silent" if region == FAR else "", now=now, sign_in=sign_in)
    assert region_warnings() == [f"sts of {FAR} does not answer", f"sign-in of {FAR} does not answer"]
    settings.DRAWBRIDGE_STS_REGION = (NEAR,)
    forget()
    assert region_warnings() == [f"sign-in of {FAR} does not answer"]
    switch_region(FAR, off=True, by="operator", now=now)
    assert region_warnings() == [f"sign-in of {FAR} is switched off by operator"]
    settings.DRAWBRIDGE_SIGNIN_REGIONS = (NEAR,)
    forget()
    assert region_warnings() == []
    assert not region_health().warning
    assert FAR not in region_gauges().decode()
    assert region_gauges().decode().count(f'region="{NEAR}"') == 4


def test_the_home_region_counts_where_none_of_its_partition_is_configured(settings: Settings) -> None:
    """It is the one that is asked then, in AWS's usual partition as in any other."""
    for region in ("us-east-1", "us-gov-west-1"):
        note_probe(region, problem="it is silent", now=datetime.now(UTC))
    assert region_warnings() == ["sts of us-gov-west-1 does not answer"]
    settings.DRAWBRIDGE_STS_REGION = ("us-gov-east-1",)
    forget()
    assert region_warnings() == ["sts of us-east-1 does not answer"]


def test_whoever_may_look_may_not_switch_for_it(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Switching is a right of its own: without it the actions are not offered, and a forged post does nothing."""
    note_probe(NEAR, problem="", now=datetime.now(UTC))
    rights = User.has_perm
    monkeypatch.setattr(User, "has_perm", lambda _who, right, _obj=None: right != "idp.switch_region")
    page = admin.get("/admin/idp/regionhealth/", secure=True).content.decode()
    assert NEAR in page
    assert "switch_off" not in page
    form = {"action": "switch_off", "_selected_action": [NEAR]}
    admin.post("/admin/idp/regionhealth/", form, secure=True)
    assert not RegionHealth.objects.get(pk=NEAR).switched_off_by
    monkeypatch.setattr(User, "has_perm", rights)
    admin.post("/admin/idp/regionhealth/", form, secure=True)
    assert RegionHealth.objects.get(pk=NEAR).switched_off_by


def test_nobody_else_switches_anything(stranger: Client) -> None:
    """Who is not signed in as staff is led to the sign-in."""
    note_probe(NEAR, problem="", now=datetime.now(UTC))
    form = {"action": "switch_off", "_selected_action": [NEAR]}
    assert stranger.post("/admin/idp/regionhealth/", form, secure=True).status_code == 302
    assert not RegionHealth.objects.get(pk=NEAR).switched_off_by
