"""The same questions, asked of an Active Directory."""

import uuid
from datetime import datetime

import pytest

from idp.directory.directories import check_password
from idp.directory.errors import WrongPassword
from tests.servers.samba import RIGHT_PASSWORD, AdPeople


@pytest.mark.usefixtures("active_directory")
def test_a_person_of_active_directory_signs_in_with_nested_groups(ad_people: AdPeople, now: datetime) -> None:
    """The right password admits under the objectGUID, and groups of groups are found; a wrong one does not."""
    dn = ad_people.person("jane")
    inner = ad_people.group("inner", dn)
    outer = ad_people.group("outer", inner)

    identity = check_password("jane", RIGHT_PASSWORD, now=now)

    guid = ad_people.read(dn, "objectGUID")["objectGUID"][0]
    assert identity.immutable_id == str(uuid.UUID(bytes_le=guid))
    assert {inner, outer} <= {group.dn for group in identity.groups}
    with pytest.raises(WrongPassword):
        check_password("jane", "Wrong-Passw0rd-1", now=now)
