"""LD-11: which attributes become what is configured per directory, and every value is hostile until it was read."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest

from deploy.demo.slapd import Slapd
from idp.conf.directories import directory_config, directory_configs, tag_sources_of
from idp.directory.directories import directories
from idp.directory.ldap_directory import LdapDirectory
from tests.integration.idp.directory.test_several_directories import CORP, PARTNER, named
from tests.servers.samba import PEOPLE, AdPeople, SambaDc, active_directory_settings
from tests.servers.samba import RIGHT_PASSWORD as AD_PASSWORD
from tests.servers.slapd import RIGHT_PASSWORD, Newcomers, b64, directory_settings, settings_changed

JPEG = b"\xff\xd8\xff\xe0" + bytes(1_000_000)


@pytest.fixture
def each_its_own(company: Slapd, samba: SambaDc) -> Iterator[None]:
    """Two directories; each fills the same tag, the session name and the shown name from other attributes."""
    settings: dict[str, object] = {
        "DRAWBRIDGE_DIRECTORIES": (CORP, PARTNER),
        "DRAWBRIDGE_SESSION_TAGS": {"Team": "departmentNumber"},
        **named(CORP, active_directory_settings(samba)),
        **named(PARTNER, directory_settings(company)),
        f"{CORP}_GROUP_BASE": PEOPLE,
        f"{CORP}_SESSION_TAGS": {"Team": "department", "Site": "l"},
        f"{CORP}_SESSION_NAME_ATTRIBUTE": "employeeID",
        f"{CORP}_DISPLAY_NAME_ATTRIBUTE": "cn",
        f"{PARTNER}_MAIL_ATTRIBUTE": "description",
    }
    with settings_changed(**settings):
        yield


@pytest.mark.attack("LD-11")
@pytest.mark.usefixtures("each_its_own")
def test_each_directory_has_its_own_attributes(
    newcomers: Newcomers, ad_people: AdPeople, now: datetime
) -> None:
    """Shown name, mail, session name and tags come from where each directory keeps them."""
    ad_people.person(
        "jill", cn="Jill of Corp", department="Payments", l="Oslo", employeeID="E-17", title="CEO"
    )
    newcomers.person("jack", description="jack@mail.test", departmentNumber="4711", title="CEO")
    corp, partner = directories()
    jill, jack = corp.find_by_name("jill", now=now), partner.find_by_name("jack", now=now)
    assert jill is not None
    assert jack is not None
    assert jill.display_name == "Jill of Corp"
    assert jill.attributes["employeeID"] == ("E-17",)
    assert jill.attributes["department"] == ("Payments",)
    assert jack.mail == "jack@mail.test"
    assert jack.attributes["departmentNumber"] == ("4711",)
    assert "title" not in {*jill.attributes, *jack.attributes}
    assert dict(tag_sources_of("corp")) == {"Team": "department", "Site": "l"}
    assert dict(tag_sources_of("partner")) == {"Team": "departmentNumber"}
    assert dict(tag_sources_of("gone")) == {}
    assert [config.session_name_attribute for config in directory_configs()] == ["employeeID", "mail"]


@pytest.mark.attack("LD-11")
@pytest.mark.parametrize("kind", ["openldap", "active-directory"])
def test_hostile_values_never_become_text(
    request: pytest.FixtureRequest, samba: SambaDc, now: datetime, kind: str
) -> None:
    """Line breaks, binary and huge values vanish, many come in one order, and what is missing is empty."""
    assert samba.process is not None
    hostile = ["clean, with a comma", "line\nbreak", "x" * 3_000, "also clean"]
    if kind == "openldap":
        newcomers: Newcomers = request.getfixturevalue("newcomers")
        dn = newcomers.person("hal", cn="Hal\r\nSet-Cookie: a=b", mail="a@b.test,\nc@d.test")
        newcomers.change(dn, "add: description\n" + "\n".join(ldif("description", one) for one in hostile))
        newcomers.change(dn, f"add: jpegPhoto\n{ldif('jpegPhoto', JPEG)}")
        right, several, photo = RIGHT_PASSWORD, "description", "jpegPhoto"
    else:
        assert request.getfixturevalue("active_directory")
        people: AdPeople = request.getfixturevalue("ad_people")
        people.person(
            "hal", displayName="Hal\r\nSet-Cookie: a=b", mail="a@b.test,\nc@d.test", url=hostile,
            jpegPhoto=JPEG[:90_000],
        )  # fmt: skip
        right, several, photo = AD_PASSWORD, "url", "jpegPhoto"
    config = replace(directory_config(), extra_attributes=(several, photo, "employeeNumber"))
    identity = LdapDirectory(config).check_password("hal", right, now=now)
    assert identity.display_name == "hal", "the shown name falls back to the user name"
    assert identity.mail == ""
    assert dict(identity.attributes) == {several: ("also clean", "clean, with a comma")}


def ldif(name: str, value: str | bytes) -> str:
    """One value as LDIF carries what is not plain."""
    return f"{name}:: {b64(value)}"
