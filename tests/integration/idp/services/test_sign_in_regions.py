"""To which region's sign-in a statement is made out: as asked, else the first configured one that may be used."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_django import Settings

from deploy.demo.slapd import Slapd
from idp.domain.access_session import AccessKind
from idp.domain.aws.signin import MalformedDestination
from idp.domain.errors import Unavailable
from idp.domain.origin import Origin
from idp.models import AccessSession, User
from idp.services.issue_assertion import issue_assertion
from idp.services.keys import make_signing_key
from idp.services.regions import Endpoint, forget_regions, note_probe, switch_region
from idp.web.identifiers import new_ids
from tests.integration.idp.services.mappings import auditors, document, take_over
from tests.integration.sts_bridge.world import person
from tests.servers.slapd import forget_settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def helen(company: Slapd, tmp_path: Path, settings: Settings) -> Iterator[User]:
    settings.DRAWBRIDGE_KEY_DIR = str(tmp_path / "keys")
    settings.DRAWBRIDGE_SIGNIN_REGIONS = ("us-gov-west-1", "eu-central-1", "eu-west-1")
    forget_settings()
    forget_regions()
    now = datetime.now(UTC)
    make_signing_key(now=now)
    take_over(document(auditors()))
    yield person("helen", now)
    forget_settings()
    forget_regions()
    assert company


def acs(who: User, region: str | None = None) -> str:
    now = datetime.now(UTC)
    return issue_assertion(
        person=who,
        account="111122223333",
        role_name="ReadOnly",
        kind=AccessKind.CONSOLE,
        region=region,
        destination=None,
        duration=None,
        origin=Origin("192.0.2.7", "REFERENCE"),
        signed_in_at=now,
        now=now,
        ids=new_ids(),
    ).acs


@pytest.mark.fault(17)
def test_the_first_usable_region_of_the_partition_is_taken(helen: User) -> None:
    """In order; one whose probe failed goes back, one that is switched off is out; what is asked for is obeyed."""
    now = datetime.now(UTC)
    assert acs(helen) == "https://eu-central-1.signin.aws.amazon.com/saml"
    note_probe("eu-central-1", problem="its STS does not answer", now=now)
    assert acs(helen) == "https://eu-central-1.signin.aws.amazon.com/saml", "that is not the sign-in"
    note_probe("eu-central-1", problem="does not answer", now=now, sign_in=True)
    assert acs(helen) == "https://eu-west-1.signin.aws.amazon.com/saml"
    assert acs(helen, "us-east-1") == "https://signin.aws.amazon.com/saml"
    switch_region("eu-west-1", off=True, by="operator", now=now)
    assert acs(helen) == "https://eu-central-1.signin.aws.amazon.com/saml"
    switch_region("eu-central-1", off=True, by="operator", now=now)
    assert acs(helen) == "https://signin.aws.amazon.com/saml"
    with pytest.raises(MalformedDestination):
        acs(helen, "us-gov-west-1")


@pytest.mark.fault(17)
def test_the_usual_address_is_not_used_where_its_own_region_is_switched_off(
    helen: User, settings: Settings
) -> None:
    """It is that of the home region: with all of them off nothing is issued, and with one on again it is."""
    now = datetime.now(UTC)
    settings.DRAWBRIDGE_SIGNIN_REGIONS = ("eu-central-1", "us-east-1")
    forget_settings()
    for region in settings.DRAWBRIDGE_SIGNIN_REGIONS:
        switch_region(region, off=True, by="operator", now=now, of=(Endpoint.SIGN_IN,))
    with pytest.raises(Unavailable):
        acs(helen)
    assert not AccessSession.objects.exists()
    switch_region("us-east-1", off=False, by="operator", now=now, of=(Endpoint.SIGN_IN,))
    assert acs(helen) == "https://signin.aws.amazon.com/saml"
