"""LD-02: names that would change the distinguished name of a bind."""

from datetime import UTC, datetime

import pytest

from idp.conf import directory_config
from idp.directory.errors import UnknownPerson
from idp.directory.ldap_directory import LdapDirectory
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
