"""What the directory answers about people and groups, asked of a real OpenLDAP."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ldap.filter import escape_filter_chars

from deploy.demo import company as demo_company
from deploy.demo.slapd import Slapd
from idp.conf.directories import DirectoryConfig, directory_config
from idp.directory.errors import AccountDisabled, AccountLocked, UnknownPerson, WrongPassword
from idp.directory.ldap_directory import LdapDirectory
from idp.directory.port import FoundAccount
from idp.domain.errors import DirectoryUnavailable
from idp.domain.identity import AccountState, DirectoryIdentity
from tests.servers.slapd import RIGHT_PASSWORD, Newcomers

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def config(company: Slapd) -> DirectoryConfig:
    assert company.process is not None
    return directory_config()


@pytest.fixture
def directory(config: DirectoryConfig) -> LdapDirectory:
    return LdapDirectory(config)


def names(identity: DirectoryIdentity | None) -> dict[str, tuple[str, ...]]:
    """The groups by their names, each with the names on the way."""
    assert identity is not None
    return {short(group.dn): tuple(short(dn) for dn in group.way) for group in identity.groups}


def short(dn: str) -> str:
    return dn.split(",", 1)[0].removeprefix("cn=")


def test_the_right_password_gives_a_complete_answer(directory: LdapDirectory, newcomers: Newcomers) -> None:
    """Whoever has the name and the password is known by the directory's identifier, with names and groups."""
    dn = newcomers.person("ada", cn="Ada Lovelace", departmentNumber="4711")
    newcomers.group("engines", dn)
    identity = directory.check_password("ada", RIGHT_PASSWORD, now=NOW)
    assert identity.username == "ada"
    assert identity.dn == dn
    assert identity.display_name == "Ada Lovelace"
    assert identity.mail == "ada@example.test"
    assert identity.attributes["departmentNumber"] == ("4711",)
    assert identity.state is AccountState.ENABLED
    assert identity.asked_at == NOW
    assert identity.account_key == f"{directory.name}:{identity.immutable_id}"
    assert names(identity) == {"engines": ("engines",)}
    assert directory.find(identity.immutable_id, now=NOW) == identity
    assert directory.find_by_name("ADA", now=NOW) == identity


def test_refusals_differ_inside_and_are_alike_outside(directory: LdapDirectory, newcomers: Newcomers) -> None:
    """Wrong password, unknown name, disabled and locked say one thing to the person and four to the audit."""
    newcomers.person("beth")
    newcomers.disable(newcomers.person("gone"))
    newcomers.disable(newcomers.person("hasty"), since="20260101000000Z")
    told = set()
    for name, password, kind in (
        ("beth", "wrong", WrongPassword),
        ("nobody", RIGHT_PASSWORD, UnknownPerson),
        ("gone", RIGHT_PASSWORD, AccountDisabled),
        ("hasty", RIGHT_PASSWORD, AccountLocked),
    ):
        with pytest.raises(kind) as refusal:
            directory.check_password(name, password, now=NOW)
        told.add((refusal.value.code, refusal.value.told))
        assert (refusal.value.username, bool(refusal.value.account_key)) == (
            ("", False) if kind is UnknownPerson else (name, True)
        )
    assert len(told) == 1
    assert directory.check_password("beth", RIGHT_PASSWORD, now=NOW).username == "beth"


class LenientSlapd(Slapd):
    """A server that keeps the marks of its password policy and does not act on them."""

    def _write_configuration(self) -> None:
        super()._write_configuration()
        file = self.folder / "slapd.conf"
        kept = [
            line
            for line in file.read_text().splitlines()
            if not line.startswith(("overlay ppolicy", "ppolicy_default"))
        ]
        file.write_text("\n".join(kept))


def test_disabled_is_disabled_whatever_the_server_does(company: Slapd, tmp_path: Path) -> None:
    """Where a server lets a disabled person through with the right password, we do not."""
    assert company.process is not None
    with LenientSlapd(tmp_path / "lenient", ldif=demo_company.ldif()) as slapd:
        config = replace(directory_config(), uris=(slapd.uri,), ca_file=str(slapd.ca_file))
        directory = LdapDirectory(config)
        (disabled,) = (person.uid for person in demo_company.PEOPLE if person.disabled)
        with pytest.raises(AccountDisabled):
            directory.check_password(disabled, demo_company.password_of(disabled), now=NOW)
        assert directory.check_password("jane", demo_company.password_of("jane"), now=NOW).username == "jane"


def test_a_disabled_person_is_found_as_disabled(directory: LdapDirectory, newcomers: Newcomers) -> None:
    """Asked without a password, the state of the account is told, so that access can end."""
    dn = newcomers.person("carl")
    before = directory.find_by_name("carl", now=NOW)
    assert before is not None
    assert before.may_sign_in
    newcomers.disable(dn)
    after = directory.find(before.immutable_id, now=NOW)
    assert after is not None
    assert after.state is AccountState.DISABLED
    assert not after.may_sign_in


def test_groups_of_groups_carry_the_way(directory: LdapDirectory, newcomers: Newcomers) -> None:
    """Every group that leads to the person is found, by a shortest way, through diamonds and circles."""
    dn = newcomers.person("dora")
    left, right = newcomers.group("left", dn), newcomers.group("right", dn)
    both = newcomers.group("both", left, right)
    top = newcomers.group("top", both)
    newcomers.group("beside", top, right)
    newcomers.change(left, f"add: member\nmember: {top}")
    newcomers.group("unrelated", "cn=drawbridge,ou=services,dc=example,dc=test")
    assert names(directory.find_by_name("dora", now=NOW)) == {
        "left": ("left",),
        "right": ("right",),
        "both": ("left", "both"),
        "beside": ("right", "beside"),
        "top": ("left", "both", "top"),
    }


def test_more_groups_than_fit_in_one_question(directory: LdapDirectory, newcomers: Newcomers) -> None:
    """A hundred and twenty groups, and one above the last of them, are all found."""
    dn = newcomers.person("emma")
    groups: dict[str, dict[str, str | list[str] | bytes]] = {
        f"cn=many-{number:03},ou=groups,{newcomers.slapd.base}": {
            "objectClass": "groupOfNames",
            "cn": f"many-{number:03}",
            "member": [dn],
        }
        for number in range(120)
    }
    newcomers.add_many(groups)
    newcomers.group("above", f"cn=many-119,ou=groups,{newcomers.slapd.base}")
    found = names(directory.find_by_name("emma", now=NOW))
    assert len(found) == 121
    assert found["above"] == ("many-119", "above")


def test_a_server_that_stops_at_a_limit_gives_no_answer(
    directory: LdapDirectory, newcomers: Newcomers
) -> None:
    """Beyond the server's own limit the person is not shown with fewer groups: the directory is unavailable."""
    dn = newcomers.person("fay")
    entries: dict[str, dict[str, str | list[str] | bytes]] = {
        f"cn=limit-{number:03},ou=groups,{newcomers.slapd.base}": {
            "objectClass": "groupOfNames",
            "cn": f"limit-{number:03}",
            "member": [dn],
        }
        for number in range(501)
    }
    last, *_ = reversed(entries)
    kept = entries.pop(last)
    newcomers.add_many(entries)
    assert len(names(directory.find_by_name("fay", now=NOW))) == 500
    newcomers.add(last, **kept)
    with pytest.raises(DirectoryUnavailable, match="SIZELIMIT_EXCEEDED"):
        directory.find_by_name("fay", now=NOW)


@pytest.mark.parametrize(
    "rdn",
    [
        "cn=Müller\\, Änne",
        "cn=plus\\+sign",
        "cn=back\\\\slash",
        "cn=\\#hash",
        "cn=star*(paren)",
        'cn=quote\\"and\\;semicolon',
        "cn=trailing\\20",
        "cn=日本",
    ],
)
def test_names_that_need_escapes(directory: LdapDirectory, newcomers: Newcomers, rdn: str) -> None:
    """A person whose entry is named with special characters signs in and keeps their groups."""
    written = newcomers.person("gus", rdn=rdn, cn="Gus")
    dn = directory.find_by_name("gus", now=NOW)
    assert dn is not None
    inner = newcomers.group("inner, with comma".replace(",", "\\,"), written)
    newcomers.group("outer", inner)
    newcomers.group("second", written)
    identity = directory.check_password("gus", RIGHT_PASSWORD, now=NOW)
    assert {group.dn.split(",ou=groups")[0] for group in identity.groups} == {
        inner.split(",ou=groups")[0].replace("\\,", "\\2C"),
        "cn=outer",
        "cn=second",
    }


def test_values_that_are_no_clean_text_are_left_out(config: DirectoryConfig, newcomers: Newcomers) -> None:
    """Binary, overlong and line-breaking values do not reach an identity; the clean ones beside them do."""
    config = replace(config, extra_attributes=("jpegPhoto", "description", "departmentNumber"))
    newcomers.add(
        f"uid=hal,ou=people,{newcomers.slapd.base}",
        objectClass="inetOrgPerson",
        uid="hal",
        cn="Hal\nINFO forged line",
        sn="hal",
        mail="hal@example.test",
        userPassword=RIGHT_PASSWORD,
        jpegPhoto=b"\xff\xd8\xff" + bytes(100_000),
        description=["a" * 3_000, "clean", "line\nbreak"],
    )
    identity = LdapDirectory(config).check_password("hal", RIGHT_PASSWORD, now=NOW)
    assert identity.display_name == "hal"
    assert dict(identity.attributes) == {"description": ("clean",)}


@pytest.mark.attack("LD-01")
@pytest.mark.parametrize("text", ["100%", "%s", "%(user)s", "%%"])
def test_a_percent_sign_in_the_filter_is_one(
    config: DirectoryConfig, newcomers: Newcomers, text: str
) -> None:
    """Whoever the filter takes signs in, whoever it leaves out does not, whatever stands behind the sign."""
    for uid in ("in", "out"):
        newcomers.person(uid, description=text if uid == "in" else "other")
    wanted = f"(&{config.user_filter}(description={escape_filter_chars(text)}))"
    directory = LdapDirectory(replace(config, user_filter=wanted))
    assert directory.check_password("in", RIGHT_PASSWORD, now=NOW).username == "in"
    with pytest.raises(UnknownPerson):
        directory.check_password("out", RIGHT_PASSWORD, now=NOW)


def test_of_several_names_the_one_in_the_entrys_name_is_kept(
    directory: LdapDirectory, newcomers: Newcomers
) -> None:
    """A person with two user names is one person under either, always with the same user name."""
    dn = newcomers.person("ida")
    newcomers.change(dn, "add: uid\nuid: aaa-alias")
    one = directory.check_password("aaa-alias", RIGHT_PASSWORD, now=NOW)
    assert one == directory.check_password("ida", RIGHT_PASSWORD, now=NOW)
    assert one.username == "ida"


def test_rename_keeps_the_identifier_and_reuse_gives_another(
    directory: LdapDirectory, newcomers: Newcomers
) -> None:
    """The identifier stays with the person through a rename; whoever gets the old name is somebody else."""
    dn = newcomers.person("jo")
    before = directory.check_password("jo", RIGHT_PASSWORD, now=NOW)
    newcomers.rename(dn, "uid=joanna")
    after = directory.check_password("joanna", RIGHT_PASSWORD, now=NOW)
    newcomers.person("jo")
    other = directory.check_password("jo", RIGHT_PASSWORD, now=NOW)
    assert after.account_key == before.account_key
    assert other.account_key != before.account_key


def test_a_deleted_person_is_nobody(directory: LdapDirectory, newcomers: Newcomers) -> None:
    """An identifier that is gone from the directory gives no person, by identifier as by name."""
    dn = newcomers.person("kim")
    identity = directory.find_by_name("kim", now=NOW)
    assert identity is not None
    assert directory.find(identity.immutable_id, now=NOW) is not None
    newcomers.remove(dn)
    assert directory.find(identity.immutable_id, now=NOW) is None
    assert directory.find_by_name("kim", now=NOW) is None


def test_a_base_that_is_missing_is_no_empty_answer(config: DirectoryConfig, newcomers: Newcomers) -> None:
    """Where the group base is gone nobody is in no group: the directory is unavailable."""
    newcomers.person("lea")
    wrong = replace(config, group_base=f"ou=moved,{newcomers.slapd.base}")
    assert LdapDirectory(config).find_by_name("lea", now=NOW) is not None
    with pytest.raises(DirectoryUnavailable, match="NO_SUCH_OBJECT"):
        LdapDirectory(wrong).find_by_name("lea", now=NOW)


def test_an_identifier_that_may_not_be_read_is_no_answer(
    config: DirectoryConfig, newcomers: Newcomers
) -> None:
    """Without the immutable identifier nobody is known: the directory is unavailable, not the person unknown."""
    newcomers.person("mia")
    hidden = replace(config, id_attribute="entryCSNhidden")
    with pytest.raises(DirectoryUnavailable, match="entryCSNhidden"):
        LdapDirectory(hidden).check_password("mia", RIGHT_PASSWORD, now=NOW)


def test_a_group_by_name_and_by_identifier(directory: LdapDirectory, newcomers: Newcomers) -> None:
    """A group under the base is found either way; one elsewhere, or nowhere, is not."""
    person = newcomers.person("nell")
    dn = newcomers.group("found", person)
    newcomers.group("elsewhere", person, below="ou=services")
    group = directory.find_group(dn.upper())
    assert group is not None
    assert (group.dn, group.name) == (dn, "found")
    assert directory.find_group(group.group_id.upper()) == group
    assert directory.find_group(f"cn=elsewhere,ou=services,{newcomers.slapd.base}") is None
    assert directory.find_group(f"cn=nowhere,ou=groups,{newcomers.slapd.base}") is None
    assert directory.find_group("00000000-0000-0000-0000-000000000000") is None


def test_groups_are_searched_by_a_part_of_the_name(directory: LdapDirectory, newcomers: Newcomers) -> None:
    """The text is found anywhere in the name, never more than asked for, and special characters are plain."""
    person = newcomers.person("olaf")
    for name in ("zz-alpha", "zz-beta", "zz-gamma", "zz-star*"):
        newcomers.group(name, person)
    assert [group.name for group in directory.search_groups("zz-", limit=10)] == [
        "zz-alpha",
        "zz-beta",
        "zz-gamma",
        "zz-star*",
    ]
    assert len(directory.search_groups("zz-", limit=2)) == 2
    assert [group.name for group in directory.search_groups("*", limit=10)] == ["zz-star*"]


def test_all_groups_below_a_name(directory: LdapDirectory, newcomers: Newcomers) -> None:
    """Every group at or below the name and under the group base, and none beside it; a name of nothing has none."""
    person = newcomers.person("otto")
    newcomers.group("below-here", person, below="ou=self-service,ou=groups")
    newcomers.group("beside-it", person)
    base = newcomers.slapd.base
    below = [group.name for group in directory.groups_below(f"OU=self-service, ou=groups,{base}")]
    assert "below-here" in below
    assert "beside-it" not in below
    assert {"below-here", "beside-it"} < {group.name for group in directory.groups_below(base)}
    assert directory.groups_below(f"ou=groups,{base}") == directory.groups_below(base)
    assert directory.groups_below(f"ou=nothing,ou=groups,{base}") == []
    assert directory.groups_below(f"ou=people,{base}") == []


def test_members_through_groups_each_once(directory: LdapDirectory, newcomers: Newcomers) -> None:
    """Everyone in a group is found, also through groups in it and round a circle; nobody twice."""
    one, two, three = (newcomers.person(name) for name in ("pia", "quin", "rita"))
    inner = newcomers.group("members-inner", two, three)
    outer = newcomers.group("members-outer", one, two, inner)
    newcomers.change(
        inner, f"add: member\nmember: {outer}\nmember: uid=dangling,ou=people,{newcomers.slapd.base}"
    )
    group = directory.find_group(outer)
    assert group is not None
    members = list(directory.members_of(group.group_id))
    assert sorted(member.username for member in members) == ["pia", "quin", "rita"]
    assert {member.dn for member in members} == {one, two, three}
    pia = directory.find_by_name("pia", now=NOW)
    assert pia is not None
    assert pia.immutable_id in {member.immutable_id for member in members}
    assert list(directory.members_of("00000000-0000-0000-0000-000000000000")) == []


def test_the_service_account_needs_its_password_like_everybody(
    config: DirectoryConfig, company: Slapd
) -> None:
    """Where the service account lies under the user base, signing in by its name takes its real password."""
    wide = replace(
        config,
        user_base=f"ou=services,{company.base}",
        user_filter="(objectClass=*)",
        username_attribute="cn",
    )
    directory = LdapDirectory(wide)
    with pytest.raises(WrongPassword):
        directory.check_password("drawbridge", "wrong", now=NOW)
    assert directory.check_password("drawbridge", company.bind_password, now=NOW).dn == company.bind_dn


def test_the_account_is_told_before_its_password_is_tried(
    directory: LdapDirectory, newcomers: Newcomers
) -> None:
    """Whoever counts tries hears the account key first, under every spelling the same, and may refuse."""
    newcomers.person("sam")
    heard: list[FoundAccount | None] = []
    for name in ("sam", "SAM", "  Sam "):
        directory.check_password(name, RIGHT_PASSWORD, now=NOW, found=heard.append)
    assert len(heard) == 3
    assert len(set(heard)) == 1

    assert heard[0] is not None

    def refuse(account: FoundAccount | None) -> None:
        raise WrongPassword(account.account_key if account else "")

    with pytest.raises(WrongPassword, match=heard[0].account_key):
        directory.check_password("sam", RIGHT_PASSWORD, now=NOW, found=refuse)
