"""LD-01: names that would be filters."""

from datetime import UTC, datetime

import pytest

from deploy.demo.slapd import Slapd
from idp.conf.directories import directory_config
from idp.directory import searches
from idp.directory.errors import UnknownPerson, UnsendableName
from idp.directory.ldap_directory import LdapDirectory
from idp.directory.links import Link
from idp.directory.searches import RawEntry
from tests.servers.samba import RIGHT_PASSWORD as AD_PASSWORD
from tests.servers.samba import AdPeople, SambaDc
from tests.servers.slapd import RIGHT_PASSWORD, Newcomers

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


# What is read besides, once in some minutes, and holds nothing that was typed.
POLICIES = "(objectClass=pwdPolicy)"


@pytest.fixture
def filters(company: Slapd, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every filter that goes to the server; the call goes through."""
    assert company.process is not None
    seen: list[str] = []
    through = searches.search

    def spy(
        link: Link, base: str, scope: int, filter_text: str, *rest: object, **named: object
    ) -> list[RawEntry]:
        seen.append(filter_text)
        return through(link, base, scope, filter_text, *rest, **named)  # type: ignore[arg-type] # passed on as they came

    monkeypatch.setattr(searches, "search", spy)
    return seen


@pytest.mark.attack("LD-01")
@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("*", "\\2a"),
        ("trud*", "trud\\2a"),
        ("*)(uid=*", "\\2a\\29\\28uid=\\2a"),
        ("admin)(|(a=*", "admin\\29\\28|\\28a=\\2a"),
        ("\\2a", "\\5c2a"),
        ("trudy)(objectClass=*", "trudy\\29\\28objectClass=\\2a"),
        ("(", "\\28"),
        ("%(user)s", "%\\28user\\29s"),
    ],
)
def test_a_name_is_a_value_and_never_a_filter(
    newcomers: Newcomers, filters: list[str], name: str, sent: str
) -> None:
    """Every special character goes out escaped and matches nobody; the plain name beside it signs in."""
    newcomers.person("trudy")
    directory = LdapDirectory(directory_config())
    with pytest.raises(UnknownPerson):
        directory.check_password(name, RIGHT_PASSWORD, now=NOW)
    for_people = [one for one in filters if one != POLICIES]
    assert for_people == [f"(&(objectClass=inetOrgPerson)(uid={sent}))"]
    assert directory.find_by_name(name, now=NOW) is None
    assert directory.check_password("trudy", RIGHT_PASSWORD, now=NOW).username == "trudy"


@pytest.mark.attack("LD-01")
@pytest.mark.parametrize("name", ["", "   ", "trudy\0", "tru\ndy", "t" * 257, "trudy\u200b", "\ud800"])
def test_a_name_that_is_none_asks_nothing(newcomers: Newcomers, filters: list[str], name: str) -> None:
    """Empty, overlong and unprintable names are refused before the directory hears of them."""
    newcomers.person("trudy")
    directory = LdapDirectory(directory_config())
    with pytest.raises(UnsendableName):
        directory.check_password(name, RIGHT_PASSWORD, now=NOW)
    assert filters == []
    assert directory.check_password(" trudy ", RIGHT_PASSWORD, now=NOW).username == "trudy"


@pytest.mark.attack("LD-01")
def test_a_star_in_a_group_search_is_a_star(newcomers: Newcomers) -> None:
    """What an administrator types to find a group is plain text too."""
    newcomers.group("starless", newcomers.person("trudy"))
    directory = LdapDirectory(directory_config())
    assert directory.search_groups("star*less", limit=5) == []
    assert [group.name for group in directory.search_groups("starless", limit=5)] == ["starless"]


@pytest.mark.attack("LD-01")
def test_special_characters_match_nobody_in_active_directory(
    active_directory: SambaDc, ad_people: AdPeople
) -> None:
    """Stars, brackets, escapes and halves of filters are values in every form in which names are typed."""
    assert active_directory.process is not None
    ad_people.person("trudy")
    directory = LdapDirectory(directory_config())
    for part in ("*", "trud*", "*)(sAMAccountName=*", "admin)(|(a=*", "\\2a", "(", "trudy)(objectClass=*"):
        for name in (part, f"EXAMPLE\\{part}", f"{part}@example.test", f"trudy@{part}"):
            with pytest.raises(UnknownPerson):
                directory.check_password(name, AD_PASSWORD, now=NOW)
    assert directory.check_password("trudy@example.test", AD_PASSWORD, now=NOW).username == "trudy"
