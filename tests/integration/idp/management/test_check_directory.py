"""`manage.py check_directory`."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from deploy.demo.slapd import Slapd
from tests.servers.slapd import Newcomers, directory_gone, settings_changed

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    """What the command prints."""
    out = io.StringIO()
    call_command("check_directory", *arguments, stdout=out)
    return out.getvalue()


def test_a_healthy_directory(company: Slapd) -> None:
    """Each server is ok, and the secret is not printed."""
    said = run()
    assert said == f"{company.uri}: ok\n"


def test_what_would_be_read_of_a_person(newcomers: Newcomers) -> None:
    """Identifier, state, attributes and each group with its way, for people and for programs."""
    inner = newcomers.group("read-inner", newcomers.person("ada", departmentNumber="4711"))
    newcomers.group("read-outer", inner)
    said = run("ada")
    assert "ada@example.test" in said
    assert "departmentNumber: 4711" in said
    assert "cn=read-inner,ou=groups,dc=example,dc=test > cn=read-outer,ou=groups,dc=example,dc=test" in said
    told = json.loads(run("ada", "--json"))
    assert told["well"]
    assert told["person"]["state"] == "enabled"
    assert [len(group["way"]) for group in told["person"]["groups"]] == [1, 2]


def test_what_is_wrong_is_said(company: Slapd) -> None:
    """A dead server, a wrong secret, a wrong authority, a wrong base and an unknown name each get their sentence."""
    with directory_gone(), pytest.raises(CommandError, match="not well"):
        run()
    out = io.StringIO()
    with settings_changed(DRAWBRIDGE_LDAP_BIND_PASSWORD="wrong"), pytest.raises(CommandError):
        call_command("check_directory", stdout=out)
    assert "INVALID_CREDENTIALS" in out.getvalue()
    out = io.StringIO()
    with settings_changed(DRAWBRIDGE_LDAP_CA_FILE="/etc/hostname"), pytest.raises(CommandError):
        call_command("check_directory", stdout=out)
    assert "certificate" in out.getvalue()
    with (
        settings_changed(DRAWBRIDGE_LDAP_URI=()),
        pytest.raises(CommandError, match="DRAWBRIDGE_LDAP_URI is empty"),
    ):
        run()
    with (
        settings_changed(DRAWBRIDGE_LDAP_GROUP_BASE=f"ou=missing,{company.base}"),
        pytest.raises(CommandError, match="NO_SUCH_OBJECT"),
    ):
        run("jane")
    with pytest.raises(CommandError, match="nobody-at-all"):
        run("nobody-at-all")
