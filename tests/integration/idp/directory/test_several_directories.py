"""Two directories side by side: an Active Directory and an OpenLDAP, each with its own people, names and groups."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from django.core.checks import run_checks

from deploy.demo.slapd import Slapd
from idp.conf.directories import directory_configs
from idp.directory.bases import Bases
from idp.directory.directories import check_password, directories, directory_named, find_by_name, find_group
from idp.directory.errors import UnknownPerson, WrongPassword
from idp.domain.errors import DirectoryUnavailable
from tests.servers.operations import counted_operations
from tests.servers.samba import PEOPLE, AdPeople, SambaDc, active_directory_settings
from tests.servers.samba import RIGHT_PASSWORD as AD_PASSWORD
from tests.servers.slapd import RIGHT_PASSWORD, Newcomers, directory_settings, settings_changed

PLAIN, CORP, PARTNER = "DRAWBRIDGE_LDAP", "DRAWBRIDGE_LDAP_CORP", "DRAWBRIDGE_LDAP_PARTNER"


def named(prefix: str, settings: dict[str, object]) -> dict[str, object]:
    """The settings of the only directory as those of one of several."""
    name = prefix.removeprefix(f"{PLAIN}_").lower()
    return {
        f"{prefix}_NAME": name,
        f"{prefix}_STARTTLS": True,
        **{key.replace(PLAIN, prefix, 1): value for key, value in settings.items()},
    }


@pytest.fixture
def side_by_side(company: Slapd, samba: SambaDc) -> Iterator[dict[str, object]]:
    settings = {
        "DRAWBRIDGE_DIRECTORIES": (CORP, PARTNER),
        **named(CORP, active_directory_settings(samba)),
        **named(PARTNER, directory_settings(company)),
        f"{PARTNER}_DOMAINS": ("partner.test",),
        # Both companies are dc=example,dc=test; their groups need bases of their own.
        f"{CORP}_GROUP_BASE": PEOPLE,
    }
    with settings_changed(**settings):
        yield settings


@pytest.mark.usefixtures("side_by_side")
def test_each_person_is_found_where_they_are(
    newcomers: Newcomers, ad_people: AdPeople, now: datetime
) -> None:
    """A bare name that one directory holds, and every name with a domain, leads to one person and their directory."""
    ad_people.person("jill")
    newcomers.person("jack", mail="jack@elsewhere.test")
    for name in ("jill", "EXAMPLE\\jill", "jill@example.test"):
        assert check_password(name, AD_PASSWORD, now=now).directory == "corp"
    for name in ("jack", "jack@partner.test", "jack@elsewhere.test"):
        identity = check_password(name, RIGHT_PASSWORD, now=now)
        assert identity.directory == "partner"
        found = directory_named("partner")
        assert found is not None
        assert found.find(identity.immutable_id, now=now) is not None
    for name in ("EXAMPLE\\jack", "partner.test\\jill", "jack@example.test", "jill@partner.test"):
        with pytest.raises(UnknownPerson):
            check_password(name, RIGHT_PASSWORD, now=now)
    assert directory_named("directory") is None


@pytest.mark.attack("LD-04")
@pytest.mark.usefixtures("side_by_side")
def test_a_name_that_two_directories_hold_means_nobody(
    newcomers: Newcomers, ad_people: AdPeople, now: datetime
) -> None:
    """Neither password is tried on anybody who may not be meant; with the domain each signs in."""
    ad_people.person("sam")
    newcomers.person("sam")
    for password in (AD_PASSWORD, RIGHT_PASSWORD):
        with counted_operations() as counted, pytest.raises(UnknownPerson, match="several"):
            check_password("sam", password, now=now)
        binds = [told for told in counted.told if told.startswith("simple_bind")]
        assert binds
        assert all("=sam," not in told.lower() for told in binds)
    assert find_by_name("sam", now=now) is None
    assert check_password("EXAMPLE\\sam", AD_PASSWORD, now=now).directory == "corp"
    assert check_password("sam@partner.test", RIGHT_PASSWORD, now=now).directory == "partner"
    with pytest.raises(WrongPassword):
        check_password("sam@partner.test", AD_PASSWORD, now=now)


@pytest.mark.attack("LD-06")
@pytest.mark.usefixtures("side_by_side")
def test_nobody_takes_or_stops_a_name_of_another_directory_by_their_mail_address(
    newcomers: Newcomers, ad_people: AdPeople, now: datetime
) -> None:
    """A name comes before a mail address in all directories together; an address that is no name still leads on."""
    ad_people.person("bob", userPrincipalName="bob@company.test")
    newcomers.person("mal", mail="bob@company.test")
    assert check_password("bob@company.test", AD_PASSWORD, now=now).username == "bob"
    found = find_by_name("bob@company.test", now=now)
    assert found is not None
    assert (found.directory, found.username) == ("corp", "bob")
    with pytest.raises(WrongPassword):
        check_password("bob@company.test", RIGHT_PASSWORD, now=now)
    newcomers.person("trent", mail="trent@company.test")
    assert check_password("trent@company.test", RIGHT_PASSWORD, now=now).username == "trent"
    ad_people.person("trudy", mail="trent@company.test")
    newcomers.person("bob@company.test")
    for name in ("trent@company.test", "bob@company.test"):
        for password in (AD_PASSWORD, RIGHT_PASSWORD):
            with pytest.raises(UnknownPerson, match="several"):
                check_password(name, password, now=now)


@pytest.mark.fault(1)
def test_while_one_is_silent_names_with_a_domain_go_on(
    side_by_side: dict[str, object], newcomers: Newcomers, ad_people: AdPeople, now: datetime
) -> None:
    """Without one directory a bare name is nobody's, for it may be theirs; a name of the other one signs in."""
    ad_people.person("jill")
    newcomers.person("jack")
    with settings_changed(**{**side_by_side, f"{CORP}_URI": ("ldaps://127.0.0.1:1",)}):
        assert check_password("jack@partner.test", RIGHT_PASSWORD, now=now).username == "jack"
        with pytest.raises(DirectoryUnavailable):
            check_password("jack", RIGHT_PASSWORD, now=now)
        with pytest.raises(DirectoryUnavailable):
            check_password("EXAMPLE\\jill", AD_PASSWORD, now=now)


@pytest.mark.attack("LD-10")
@pytest.mark.usefixtures("side_by_side")
def test_groups_say_whose_they_are(newcomers: Newcomers, ad_people: AdPeople, now: datetime) -> None:
    """The identifier of a group begins with its directory: one of the same number elsewhere is another group."""
    theirs = newcomers.group("theirs", newcomers.person("jack"))
    ours = ad_people.group("ours", ad_people.person("jill"), below=PEOPLE)
    for dn, name, member in ((theirs, "partner", "jack"), (ours, "corp", "jill")):
        group = find_group(dn)
        assert group is not None
        assert group.group_id.startswith(f"{name}:")
        assert find_group(group.group_id) == group
        assert find_group(group.group_id.partition(":")[2]) == group
        identity = find_by_name(member, now=now)
        assert identity is not None
        assert group.group_id in {one.group_id for one in identity.groups}
        of_the_other = "corp" if name == "partner" else "partner"
        assert find_group(f"{of_the_other}:{group.group_id.partition(':')[2]}") is None
        found = [member.username for one in directories() for member in one.members_of(group.group_id)]
        assert found == [member]


@pytest.mark.attack("LD-10")
@pytest.mark.usefixtures("side_by_side")
def test_a_server_tells_no_names_of_another_directory(
    newcomers: Newcomers, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer with a group beside the base that was asked about is no answer: rules by name trust the base."""
    newcomers.group("aws-admins", newcomers.person("jack"))
    partner = directories()[1]
    assert partner.find_by_name("jack", now=now) is not None
    search = Bases._search  # noqa: SLF001 - the server's answer is what is changed

    def lying(self: Bases, base: str, *args: object, **more: object) -> object:
        found = search(self, base, *args, **more)  # type: ignore[arg-type] # passed on as they came
        return [(dn.replace("ou=groups,dc=example,dc=test", PEOPLE), shown) for dn, shown in found]

    monkeypatch.setattr(Bases, "_search", lying)
    with pytest.raises(DirectoryUnavailable, match="beside"):
        partner.find_by_name("jack", now=now)


def test_bases_of_groups_do_not_overlap(side_by_side: dict[str, object]) -> None:
    """Two directories whose groups lie below one base do not start; with bases of their own they do."""
    assert len(directory_configs()) == 2
    assert "drawbridge.E030" not in {found.id for found in run_checks(include_deployment_checks=True)}
    with settings_changed(**{**side_by_side, f"{PARTNER}_GROUP_BASE": PEOPLE}):
        assert "drawbridge.E030" in {found.id for found in run_checks(include_deployment_checks=True)}


@pytest.mark.parametrize(
    ("group", "is_well"),
    [
        ("corp:S-1-5-21-1-2-3-1104", True),
        ("partner:5f1d8e0a-3f0e-4c57-9a58-0d2f3b7a6c11", True),
        ("cn=admins,ou=groups,dc=example,dc=test", True),
        ("S-1-5-21-1-2-3-1104", False),
        ("corp:5f1d8e0a-3f0e-4c57-9a58-0d2f3b7a6c11", False),
        ("elsewhere:5f1d8e0a-3f0e-4c57-9a58-0d2f3b7a6c11", False),
    ],
)
def test_administrators_groups_are_named_as_they_are_held(
    side_by_side: dict[str, object],
    group: str,
    is_well: bool,  # noqa: FBT001 - of the table
) -> None:
    """An identifier that no membership could carry stops the start, rather than leaving nobody to administer."""
    with settings_changed(**side_by_side, DRAWBRIDGE_ADMIN_GROUPS=(group,)):
        found = {found.id for found in run_checks(include_deployment_checks=True)}
    assert ("drawbridge.E027" not in found) is is_well
