"""LD-06: however somebody spells a name, it is the same account under one key, or nobody's."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from deploy.demo.slapd import Slapd
from idp.conf.directories import directory_config
from idp.directory.errors import DirectoryRefusal, UnknownPerson, WrongPassword
from idp.directory.ldap_directory import LdapDirectory
from idp.directory.port import FoundAccount
from idp.models import SignInCounter
from idp.services.throttle import account_key_of
from tests.integration.idp.services.doors import enter, who
from tests.servers.samba import RIGHT_PASSWORD as AD_PASSWORD
from tests.servers.samba import AdPeople, SambaDc
from tests.servers.slapd import RIGHT_PASSWORD, Newcomers, settings_changed

# The domain is laid out before the tests begin, while the network is open to its address.
pytestmark = pytest.mark.usefixtures("samba")

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

# Each is the same account in the directory of its kind, or none.
SPELLINGS = (
    "bjorn",
    "BJORN",
    "  bjorn  ",
    "bj\u00f6rn",
    "bjo\u0308rn",
    "\uff42\uff4a\uff4f\uff52\uff4e",
    "bjorn.",
    "bjorn\u200b",
    "\u200bbjorn",
    "bj\u00adorn",
    "bjorn\u0131",
)
DOMAINS = (
    "EXAMPLE\\bjorn",
    "example\\BJORN",
    "EXAMPLE\uff3cbjorn",
    "bjorn@example.test",
    "Bjorn@EXAMPLE.TEST",
    "bjorn\uff20example.test",
    "bjorn.borg@alias.test",
    "bj\u00f6rn@example.test",
)


@pytest.fixture(params=["openldap", "active-directory"])
def bjorn(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """One person in either kind of directory: their account key and password."""
    if request.param == "openldap":
        newcomers: Newcomers = request.getfixturevalue("newcomers")
        newcomers.person("bjorn", mail="bjorn.borg@alias.test")
        changes: dict[str, object] = {
            "DRAWBRIDGE_LDAP_DOMAINS": ("example.test",),
            "DRAWBRIDGE_LDAP_NETBIOS_NAME": "EXAMPLE",
        }
        with settings_changed(**changes):
            yield key_of("bjorn"), RIGHT_PASSWORD
        return
    dc: SambaDc = request.getfixturevalue("active_directory")
    assert dc.process is not None
    people: AdPeople = request.getfixturevalue("ad_people")
    people.person("bjorn", mail="bjorn.borg@alias.test")
    yield key_of("bjorn"), AD_PASSWORD


def key_of(name: str) -> str:
    identity = LdapDirectory(directory_config()).find_by_name(name, now=NOW)
    assert identity is not None
    return identity.account_key


@pytest.mark.attack("LD-06")
@pytest.mark.parametrize("name", [*SPELLINGS, *DOMAINS])
def test_a_spelling_is_the_same_account_or_nobodys(bjorn: tuple[str, str], name: str) -> None:
    """With the right password it leads to the one key; with a wrong one that very account is told before the try."""
    key, password = bjorn
    directory = LdapDirectory(directory_config())
    heard: list[str] = []

    def hear(found: FoundAccount | None) -> None:
        heard.append(found.account_key if found is not None else "")

    with pytest.raises(DirectoryRefusal) as wrong:
        directory.check_password(name, "Wrong-Passw0rd-1", now=NOW, found=hear)
    if isinstance(wrong.value, WrongPassword):
        assert (wrong.value.account_key, heard) == (key, [key])
        assert directory.check_password(name, password, now=NOW).account_key == key
    else:
        assert wrong.value.account_key == "" == "".join(heard)
        with pytest.raises(DirectoryRefusal):
            directory.check_password(name, password, now=NOW)


@pytest.mark.attack("LD-06")
@pytest.mark.parametrize("name", ["bjorn", "EXAMPLE\\bjorn", "bjorn@example.test", "bjorn.borg@alias.test"])
def test_every_way_of_naming_oneself_leads_to_one_person(bjorn: tuple[str, str], name: str) -> None:
    """Name, domain and name, name and domain, and mail are the same person; another domain's name is nobody."""
    key, password = bjorn
    directory = LdapDirectory(directory_config())
    assert directory.check_password(name, password, now=NOW).account_key == key
    for other in ("OTHER\\bjorn", "bjorn@other.test"):
        with pytest.raises(UnknownPerson):
            directory.check_password(other, password, now=NOW)


@pytest.mark.attack("LD-06")
@pytest.mark.django_db
def test_all_spellings_count_on_one_account(bjorn: tuple[str, str]) -> None:
    """Whatever was typed, the session is one person's and the counter of tries hangs on their account."""
    key, password = bjorn
    for name in ("bjorn", "BJORN", "bjorn@example.test", "EXAMPLE\\bjorn"):
        person = who(enter(name, password))
        assert person is not None
        assert person.account_key == key
    for name in ("Bjorn", "bjorn.borg@alias.test"):
        with pytest.raises(DirectoryRefusal):
            enter(name, "Wrong-Passw0rd-1")
    (counter,) = SignInCounter.objects.filter(key=account_key_of(key))
    assert counter.failures == 2


@pytest.mark.attack("LD-06")
def test_an_implied_and_an_explicit_principal_name(active_directory: SambaDc, ad_people: AdPeople) -> None:
    """The principal name may differ from the account name; an address that two have is nobody's."""
    assert active_directory.process is not None
    ad_people.person("jsmith", userPrincipalName="john.smith@corp.test", mail="js@mail.test")
    directory = LdapDirectory(directory_config())
    keys = {
        directory.check_password(name, AD_PASSWORD, now=NOW).account_key
        for name in (
            "jsmith",
            "john.smith@corp.test",
            "jsmith@example.test",
            "EXAMPLE\\jsmith",
            "js@mail.test",
        )
    }
    assert len(keys) == 1
    with pytest.raises(UnknownPerson):
        directory.check_password("john.smith", AD_PASSWORD, now=NOW)
    ad_people.person("other", mail="js@mail.test")
    with pytest.raises(UnknownPerson, match="several"):
        directory.check_password("js@mail.test", AD_PASSWORD, now=NOW)
    assert directory.check_password("jsmith", AD_PASSWORD, now=NOW).account_key in keys


@pytest.mark.attack("LD-06")
@pytest.mark.parametrize("kind", ["openldap", "active-directory"])
def test_nobody_takes_a_name_by_their_mail_address(request: pytest.FixtureRequest, kind: str) -> None:
    """Who writes another's principal name or user name into their own mail address gets nothing and stops nobody."""
    if kind == "openldap":
        newcomers: Newcomers = request.getfixturevalue("newcomers")
        newcomers.person("vic@example.test", mail="vic@mail.test")
        newcomers.person("trent", mail="vic@example.test")
        right = RIGHT_PASSWORD
        owner = "vic@example.test"
    else:
        assert request.getfixturevalue("active_directory")
        people: AdPeople = request.getfixturevalue("ad_people")
        people.person("vic")
        people.person("mallory", mail="vic@example.test")
        right = AD_PASSWORD
        owner = "vic"
    assert (
        LdapDirectory(directory_config()).check_password("vic@example.test", right, now=NOW).username == owner
    )


@pytest.mark.attack("LD-09")
@pytest.mark.parametrize("kind", ["openldap", "active-directory"])
def test_rename_move_and_reuse_are_told_apart(request: pytest.FixtureRequest, kind: str) -> None:
    """A person keeps the key through another name and another place; whoever gets the old name is somebody else."""
    rename: Callable[[], object]
    again: Callable[[], object]
    if kind == "openldap":
        assert isinstance(request.getfixturevalue("company"), Slapd)
        newcomers: Newcomers = request.getfixturevalue("newcomers")
        dn, right = newcomers.person("jo"), RIGHT_PASSWORD
        rename, again = lambda: newcomers.rename(dn, "uid=joanna"), lambda: newcomers.person("jo")
    else:
        assert request.getfixturevalue("active_directory")
        people: AdPeople = request.getfixturevalue("ad_people")
        dn, right = people.person("jo"), AD_PASSWORD
        unit = people.add(f"OU=Sales,{dn.partition(',')[2]}", objectClass="organizationalUnit")
        names = {
            "sAMAccountName": "joanna",
            "userPrincipalName": "joanna@example.test",
            "mail": "j@example.test",
        }

        def rename() -> None:
            people.change(dn, **names)
            people.rename(dn, "CN=Joanna", below=unit)

        def again() -> None:
            people.person("jo")

    directory = LdapDirectory(directory_config())
    before = directory.check_password("jo", right, now=NOW)
    rename()
    after = directory.check_password("joanna", right, now=NOW)
    assert (after.account_key, after.username) == (before.account_key, "joanna")
    found = directory.find(before.immutable_id, now=NOW)
    assert found is not None
    assert found.dn == after.dn != before.dn
    again()
    assert directory.check_password("jo", right, now=NOW).account_key != before.account_key
    if kind == "active-directory":
        people.remove(f"CN=jo,{dn.partition(',')[2]}")
        people.remove(after.dn if after.dn in people._made else f"CN=Joanna,{unit}")  # noqa: SLF001 - the unit goes last
        people.remove(unit)
