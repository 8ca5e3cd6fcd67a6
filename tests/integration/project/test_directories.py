"""The settings of one directory, and of several side by side."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from idp.project.directories import read_directories
from idp.project.env import Environment


def test_the_only_directory_has_the_plain_names() -> None:
    """Without a list of names there is one directory, called `directory` unless it is given another name."""
    prefixes, settings = read_directories(Environment({"DRAWBRIDGE_LDAP_URI": "ldaps://a, ldaps://b"}))
    assert prefixes == ("DRAWBRIDGE_LDAP",)
    assert settings["DRAWBRIDGE_LDAP_URI"] == ("ldaps://a", "ldaps://b")
    assert settings["DRAWBRIDGE_LDAP_NAME"] == "directory"
    assert settings["DRAWBRIDGE_LDAP_KIND"] == "openldap"


def test_several_directories_have_names_of_their_own() -> None:
    """Each directory's variables carry its name; nothing of one is anything of another."""
    prefixes, settings = read_directories(
        Environment(
            {
                "DRAWBRIDGE_DIRECTORIES": "corp, far-partner",
                "DRAWBRIDGE_LDAP_CORP_URI": "ldaps://dc1",
                "DRAWBRIDGE_LDAP_CORP_KIND": "active-directory",
                "DRAWBRIDGE_LDAP_CORP_DOMAINS": "corp.example.com,example.com",
                "DRAWBRIDGE_LDAP_FAR_PARTNER_URI": "ldaps://ldap.partner",
            }
        )
    )
    assert prefixes == ("DRAWBRIDGE_LDAP_CORP", "DRAWBRIDGE_LDAP_FAR_PARTNER")
    assert settings["DRAWBRIDGE_LDAP_CORP_NAME"] == "corp"
    assert settings["DRAWBRIDGE_LDAP_CORP_DOMAINS"] == ("corp.example.com", "example.com")
    assert settings["DRAWBRIDGE_LDAP_FAR_PARTNER_NAME"] == "far-partner"
    assert settings["DRAWBRIDGE_LDAP_FAR_PARTNER_KIND"] == "openldap"
    assert settings["DRAWBRIDGE_LDAP_FAR_PARTNER_DOMAINS"] == ()


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"DRAWBRIDGE_DIRECTORIES": "corp,corp"}, "each name once"),
        ({"DRAWBRIDGE_DIRECTORIES": "Corp"}, "lower-case"),
        ({"DRAWBRIDGE_DIRECTORIES": "corp:1"}, "lower-case"),
        ({"DRAWBRIDGE_DIRECTORIES": "corp", "DRAWBRIDGE_LDAP_URI": "ldaps://a"}, "LDAP_CORP_URI"),
        ({"DRAWBRIDGE_LDAP_KIND": "novell"}, "openldap or active-directory"),
    ],
)
def test_nonsense_stops_the_start(variables: dict[str, str], complaint: str) -> None:
    """Names that no variable could carry, doubled ones and settings that belong to nobody are named."""
    with pytest.raises(ImproperlyConfigured, match=complaint):
        read_directories(Environment(variables))
