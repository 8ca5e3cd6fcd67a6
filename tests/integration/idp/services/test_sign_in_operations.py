"""What a whole sign-in, with its budget and its rules, asks of a directory."""

import pytest

from deploy.demo import company as cast
from deploy.demo.slapd import Slapd
from tests.integration.idp.services.doors import enter
from tests.servers.operations import Counted, counted_operations
from tests.servers.samba import RIGHT_PASSWORD as AD_PASSWORD
from tests.servers.samba import AdPeople, SambaDc

pytestmark = pytest.mark.django_db

MOST = 4


def sign_in_counted(username: str, password: str) -> Counted:
    """What the second of two sign-ins asks: connections stand, and the policy has been read."""
    enter(username, password)
    with counted_operations() as counted:
        enter(username, password)
    return counted


def test_openldap_is_asked_four_times_at_most(company: Slapd) -> None:
    """Person, password, groups, and the groups that these are in."""
    assert company.process is not None
    counted = sign_in_counted("jane", cast.password_of("jane"))
    assert 0 < counted.operations <= MOST, counted.told


def test_active_directory_is_asked_four_times_at_most(active_directory: SambaDc, ad_people: AdPeople) -> None:
    """Person, password and token; names of groups only where a rule goes by them."""
    assert active_directory.process is not None
    ad_people.group("outer", ad_people.group("inner", ad_people.person("jane")))
    counted = sign_in_counted("jane", AD_PASSWORD)
    assert 0 < counted.operations < MOST, counted.told
