"""LD-04: several people of one name, and servers that send us elsewhere."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from deploy.demo.slapd import Slapd
from idp.conf.directories import directory_config
from idp.directory import searches
from idp.directory.errors import UnknownPerson
from idp.directory.ldap_directory import LdapDirectory
from idp.domain.errors import DirectoryUnavailable
from tests.servers.doorkeeper import Doorkeeper
from tests.servers.samba import BASE as AD_BASE
from tests.servers.samba import RIGHT_PASSWORD as AD_PASSWORD
from tests.servers.samba import AdPeople, SambaDc
from tests.servers.slapd import RIGHT_PASSWORD, Newcomers

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def canary() -> Iterator[Doorkeeper]:
    bird = Doorkeeper()
    yield bird
    bird.close()


@pytest.mark.attack("LD-04")
def test_two_people_of_one_name_are_nobody(newcomers: Newcomers) -> None:
    """A second entry with somebody's user name lets neither in; without it the first one signs in."""
    newcomers.person("trudy")
    second = newcomers.person("trudy", rdn="cn=Second Trudy", password="second-password")
    directory = LdapDirectory(directory_config())
    for password in (RIGHT_PASSWORD, "second-password"):
        with pytest.raises(UnknownPerson, match="several"):
            directory.check_password("trudy", password, now=NOW)
    assert directory.find_by_name("trudy", now=NOW) is None
    newcomers.remove(second)
    assert directory.check_password("trudy", RIGHT_PASSWORD, now=NOW).username == "trudy"


@pytest.mark.attack("LD-04")
def test_a_referral_below_the_base_is_not_followed(
    newcomers: Newcomers, company: Slapd, canary: Doorkeeper
) -> None:
    """An answer that lies partly elsewhere is no answer, and nobody goes there, with or without the secret."""
    newcomers.person("trudy")
    directory = LdapDirectory(directory_config())
    assert directory.check_password("trudy", RIGHT_PASSWORD, now=NOW).username == "trudy"
    newcomers.add(
        f"ou=elsewhere,ou=people,{company.base}",
        objectClass=["referral", "extensibleObject"],
        ou="elsewhere",
        ref=f"{canary.uri}/ou=people,{company.base}",
    )
    with pytest.raises(DirectoryUnavailable, match="other servers"):
        directory.check_password("trudy", RIGHT_PASSWORD, now=NOW)
    with pytest.raises(DirectoryUnavailable, match="other servers"):
        directory.find_by_name("trudy", now=NOW)
    assert canary.visits == 0


@pytest.mark.attack("LD-04")
def test_a_base_that_is_a_referral_is_not_followed(
    newcomers: Newcomers, company: Slapd, canary: Doorkeeper
) -> None:
    """Where the whole base is said to lie elsewhere, the directory is unavailable and nobody goes there."""
    newcomers.person("trudy")
    base = f"ou=moved,{company.base}"
    newcomers.add(base, objectClass=["referral", "extensibleObject"], ou="moved", ref=f"{canary.uri}/{base}")
    moved = LdapDirectory(replace(directory_config(), user_base=base))
    with pytest.raises(DirectoryUnavailable, match="REFERRAL"):
        moved.check_password("trudy", RIGHT_PASSWORD, now=NOW)
    assert canary.visits == 0
    assert LdapDirectory(directory_config()).check_password("trudy", RIGHT_PASSWORD, now=NOW)


@pytest.mark.attack("LD-04")
def test_two_people_of_one_name_in_active_directory_are_nobody(
    active_directory: SambaDc, ad_people: AdPeople
) -> None:
    """Whose mail is another one's name is nobody by that name; by a name of their own both sign in."""
    assert active_directory.process is not None
    ad_people.person("trudy", password=AD_PASSWORD, mail="shared@example.test")
    ad_people.person("trent", password=AD_PASSWORD, mail="shared@example.test")
    directory = LdapDirectory(directory_config())
    with pytest.raises(UnknownPerson, match="several"):
        directory.check_password("shared@example.test", AD_PASSWORD, now=NOW)
    for name in ("trudy", "trent"):
        assert directory.check_password(name, AD_PASSWORD, now=NOW).username == name


@pytest.mark.attack("LD-04")
def test_the_top_of_a_domain_refers_to_parts_without_people_only(
    active_directory: SambaDc, ad_people: AdPeople, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A domain's own root may be the base: its references to configuration and zones are not followed, and harmless.

    A reference to any other part is one too many.
    """
    assert active_directory.process is not None
    ad_people.person("trudy", password=AD_PASSWORD)
    top = replace(directory_config(), user_base=AD_BASE, group_base=AD_BASE)
    assert LdapDirectory(top).check_password("trudy", AD_PASSWORD, now=NOW).username == "trudy"
    monkeypatch.setattr(searches, "PARTS_WITHOUT_PEOPLE", ("dc=forestdnszones,",))
    with pytest.raises(DirectoryUnavailable, match="other servers"):
        LdapDirectory(top).check_password("trudy", AD_PASSWORD, now=NOW)


@pytest.mark.attack("LD-04")
@pytest.mark.parametrize(
    ("urls", "harmless"),
    [
        (["ldaps://example.test/CN=Configuration,DC=example,DC=test"], True),
        (["ldap://DomainDnsZones.example.test/DC=DomainDnsZones,DC=example,DC=test??base"], True),
        (["ldap://example.test/DC=child,DC=example,DC=test"], False),
        (["ldap://example.test/OU=x,CN=Configuration,DC=example,DC=test"], False),
        (["ldap://a/CN=Configuration,DC=a", "ldap://b/OU=people,DC=b"], False),
        (["ldap://canary"], False),
        ([], False),
    ],
)
def test_which_references_are_harmless(urls: list[str], harmless: bool) -> None:  # noqa: FBT001 - of the table
    """The other parts of a forest by their names at the beginning, all of them, and nothing else."""
    assert searches.holds_nobody(urls) is harmless
