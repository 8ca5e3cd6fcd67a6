"""LD-02: names that would change the distinguished name of a bind."""

from datetime import UTC, datetime

import pytest

from idp.conf.directories import directory_config
from idp.directory.errors import UnknownPerson
from idp.directory.ldap_directory import LdapDirectory
from tests.servers.samba import PEOPLE, AdPeople, SambaDc
from tests.servers.samba import RIGHT_PASSWORD as AD_PASSWORD
from tests.servers.slapd import RIGHT_PASSWORD, Newcomers

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.mark.attack("LD-02")
@pytest.mark.parametrize(
    "name",
    [
        "trudy,ou=people,dc=example,dc=test",
        "trudy,ou=Admins",
        "trudy+cn=admin",
        "#7472756479",
        "trudy\\",
        "trudy\\,ou=people",
        "uid=trudy",
        "uid=trudy,ou=people,dc=example,dc=test",
    ],
)
def test_a_name_never_becomes_part_of_a_distinguished_name(newcomers: Newcomers, name: str) -> None:
    """No typed name is pasted into a DN: only the DN of an entry that was found is bound as."""
    newcomers.person("trudy")
    directory = LdapDirectory(directory_config())
    with pytest.raises(UnknownPerson):
        directory.check_password(name, RIGHT_PASSWORD, now=NOW)
    assert directory.check_password("trudy", RIGHT_PASSWORD, now=NOW).username == "trudy"


@pytest.mark.attack("LD-02")
def test_nor_in_active_directory(active_directory: SambaDc, ad_people: AdPeople) -> None:
    """Parts of a DN, a SID or a principal of another kind bind as nobody; the plain name signs in."""
    assert active_directory.process is not None
    dn = ad_people.person("trudy")
    directory = LdapDirectory(directory_config())
    for name in (
        dn,
        f"trudy,{PEOPLE}",
        "trudy+CN=Administrator",
        "CN=trudy",
        "#7472756479",
        "trudy\\",
        "\\trudy",
        "EXAMPLE\\trudy\\",
        "EXAMPLE\\EXAMPLE\\trudy",
        "<SID=S-1-5-21-1-2-3-500>",
        "S-1-5-32-544",
        "host/trudy",
        "trudy@example.test@example.test",
        "trudy@",
        "@example.test",
    ):
        with pytest.raises(UnknownPerson):
            directory.check_password(name, AD_PASSWORD, now=NOW)
    assert directory.check_password("trudy", AD_PASSWORD, now=NOW).username == "trudy"
