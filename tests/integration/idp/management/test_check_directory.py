"""`manage.py check_directory`: what works, what is amiss and what to do, and one person step by step."""

import io
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from deploy.demo.slapd import Slapd, make_certificates
from tests.integration.idp.services.mappings import READ, document, take_over
from tests.servers.faulty_slapd import LIMITED, SERVICE, Broken
from tests.servers.samba import BASE as AD_BASE
from tests.servers.samba import AdPeople, SambaDc
from tests.servers.slapd import Newcomers, directory_gone, directory_settings, settings_changed

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    """What the command prints where all is well."""
    out = io.StringIO()
    call_command("check_directory", *arguments, stdout=out)
    return out.getvalue()


def amiss(**settings: object) -> tuple[str, list[dict[str, Any]]]:
    """The sentence at the end, and the findings that are not well, under these settings."""
    out = io.StringIO()
    with settings_changed(**settings), pytest.raises(CommandError) as error:
        call_command("check_directory", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert not told["well"]
    found = [finding for one in told["directories"] for finding in one["findings"] if not finding["well"]]
    return str(error.value), found


def test_a_healthy_directory(company: Slapd) -> None:
    """Server, account, bases, people and groups are told, each in a line; the secret is not."""
    said = run()
    assert said.startswith("directory (openldap)\n")
    lines = {line.split()[1]: line for line in said.splitlines()[1:]}
    assert all(line.startswith("  ok") for line in lines.values()), said
    assert "ms; breaker closed" in lines[company.uri]
    assert company.bind_dn in lines["account"]
    assert "never locks" in lines["policy"]
    assert "people match (objectClass=inetOrgPerson)" in lines["people"]
    assert "groups match (objectClass=groupOfNames)" in lines["groups"]
    assert company.bind_password not in said
    assert json.loads(run("--json"))["well"]


def test_a_healthy_active_directory(active_directory: SambaDc, ad_people: AdPeople) -> None:
    """The same of Active Directory, whose server says who it is."""
    ad_people.group("check-readers", ad_people.person("ada"))
    said = run()
    assert "AMISS" not in said
    assert AD_BASE in said
    assert active_directory.uri in said


def test_one_person_step_by_step_in_openldap(newcomers: Newcomers) -> None:
    """From the typed name by filter, entry and state to groups, rules and roles, for people and for programs."""
    inner = newcomers.group("read-inner", newcomers.person("ada", departmentNumber="4711"))
    outer = newcomers.group("AWS-111122223333-ReadOnly", inner)
    rule = {"name": "named", "pattern": "AWS-(?P<account>[0-9]{12})-(?P<role>[A-Za-z]+)", "effect": "allow"}
    take_over(document(rule | {"base": f"ou=groups,{newcomers.slapd.base}"}))
    said = run("--person", "ada@example.test")
    assert "ada@example.test: understood as account 'ada', domain 'example.test'" in said
    assert "filter (&(objectClass=inetOrgPerson)(|" in said
    assert "1 found" in said
    assert f"uid=ada,ou=people,{newcomers.slapd.base}" in said
    assert "state  enabled (the entry shows nothing against it)" in said
    assert "departmentNumber: 4711" in said
    assert f"{inner} > {outer}" in said
    assert "groups, found by walk" in said
    assert f"YES {READ}" in said
    assert "'named': " in said
    assert run("ada").count(READ) == 1
    told = json.loads(run("--person", "ada", "--json"))["person"]
    assert told["state"] == "enabled"
    assert [len(group["way"]) for group in told["groups"]] == [1, 2]
    assert [(role["role"], role["granted"]) for role in told["roles"]] == [(READ, True)]
    assert told["looks"][0]["found"] == [f"uid=ada,ou=people,{newcomers.slapd.base}"]


def test_one_person_step_by_step_in_active_directory(active_directory: SambaDc, ad_people: AdPeople) -> None:
    r"""`DOMAIN\name` is taken apart, and a disabled account shows the flags that say so."""
    assert active_directory
    dn = ad_people.person("ada")
    ad_people.group("check-readers", dn)
    ad_people.change(dn, userAccountControl=str(0x10202))
    said = run("--person", "EXAMPLE\\ada")
    assert "understood as account 'ada', domain 'EXAMPLE'" in said
    assert dn in said
    assert "state  disabled (userAccountControl=66050" in said
    assert "CN=check-readers" in said
    assert "groups, found by token-groups" in said


def test_whom_nobody_or_several_mean(newcomers: Newcomers) -> None:
    """An unknown name and one that two entries have are said so, with the filter that was asked."""
    with pytest.raises(CommandError, match="Nobody goes by the name 'nobody-at-all'"):
        run("nobody-at-all")
    newcomers.person("twin", rdn="cn=twin one")
    newcomers.person("twin", rdn="cn=twin two")
    with pytest.raises(CommandError, match="2 entries go by the name 'twin'"):
        run("--person", "twin")


def test_a_name_cannot_move_the_cursor(newcomers: Newcomers) -> None:
    """What a directory holds is printed without control characters."""
    newcomers.person("ada", displayName="A\u202eda", cn="A\u202eda")
    said = run("ada")
    assert "\u202e" not in said
    assert "A\N{REPLACEMENT CHARACTER}da" in said


MISSING = "ou=missing,dc=example,dc=test"
WRONG: list[tuple[str, object, str, str]] = [
    ("BIND_PASSWORD", "not-the-password", "INVALID_CREDENTIALS (49)", "BIND_PASSWORD"),
    ("BIND_DN", "cn=nobody,dc=example,dc=test", "INVALID_CREDENTIALS (49)", "BIND_DN"),
    ("BIND_DN", "drawbridge", "INVALID_DN_SYNTAX (34)", "BIND_DN"),
    ("USER_BASE", MISSING, "NO_SUCH_OBJECT (32)", "USER_BASE"),
    ("GROUP_BASE", MISSING, "NO_SUCH_OBJECT (32)", "GROUP_BASE"),
    ("USER_FILTER", "(objectClass=inetOrgPerson", "FILTER_ERROR (-7)", "USER_FILTER"),
    ("GROUP_FILTER", "(&(objectClass=groupOfNames)", "FILTER_ERROR (-7)", "GROUP_FILTER"),
    ("USER_FILTER", "(objectClass=of-another-schema)", "", "USER_FILTER"),
    ("CA_FILE", "/etc/hostname", "", "CA_FILE"),
    ("CA_FILE", "of another authority", "CONNECT_ERROR (-11)", "CA_FILE"),
    ("URI", ("ldap://127.0.0.1:1",), "SERVER_DOWN (-1)", "URI"),
    ("STARTTLS", False, "", "STARTTLS"),
    ("ID_ATTRIBUTE", "employeeNumber", "", "ID_ATTRIBUTE"),
    ("USERNAME_ATTRIBUTE", "userPassword", "", "USERNAME_ATTRIBUTE"),
    ("MEMBER_ATTRIBUTE", "uniqueMember", "", "MEMBER_ATTRIBUTE"),
]


@pytest.mark.parametrize(("wrong", "value", "result", "setting"), WRONG)
def test_each_wrong_setting_is_named_with_its_result_and_what_to_do(
    company: Slapd, tmp_path: Path, wrong: str, value: object, result: str, setting: str
) -> None:
    """The first finding that is not well has the LDAP result, if there was one, and names the setting to look at."""
    if value == "of another authority":
        make_certificates(tmp_path)
        value = str(tmp_path / "ca.pem")
    why, found = amiss(**{f"DRAWBRIDGE_LDAP_{wrong}": value})
    assert why == "The directory is not well."
    assert found[0]["result"] == result, found
    assert f"DRAWBRIDGE_LDAP_{setting}" in found[0]["todo"], found
    assert company.bind_password not in str(found)


@pytest.mark.parametrize(
    ("wrong", "value", "result", "setting"),
    [
        ("BIND_PASSWORD", "not-the-password", "INVALID_CREDENTIALS (49)", "BIND_PASSWORD"),
        ("BIND_DN", f"CN=nobody,{AD_BASE}", "INVALID_CREDENTIALS (49)", "BIND_DN"),
        ("USER_BASE", f"OU=missing,{AD_BASE}", "NO_SUCH_OBJECT (32)", "USER_BASE"),
        ("GROUP_BASE", f"OU=missing,{AD_BASE}", "NO_SUCH_OBJECT (32)", "GROUP_BASE"),
        ("USER_FILTER", "(objectClass=user", "FILTER_ERROR (-7)", "USER_FILTER"),
        ("CA_FILE", "of another authority", "CONNECT_ERROR (-11)", "CA_FILE"),
        ("ID_ATTRIBUTE", "employeeNumber", "", "ID_ATTRIBUTE"),
    ],
)
def test_likewise_in_active_directory(
    active_directory: SambaDc,
    ad_people: AdPeople,
    tmp_path: Path,
    wrong: str,
    value: object,
    result: str,
    setting: str,
) -> None:
    """The same sentences about the same mistakes."""
    assert active_directory
    ad_people.group("check-readers", ad_people.person("ada"))
    if value == "of another authority":
        make_certificates(tmp_path)
        value = str(tmp_path / "ca.pem")
    why, found = amiss(**{f"DRAWBRIDGE_LDAP_{wrong}": value})
    assert why == "The directory is not well."
    assert found[0]["result"] == result, found
    assert f"DRAWBRIDGE_LDAP_{setting}" in found[0]["todo"], found


def test_a_certificate_of_another_host(company_elsewhere: Slapd) -> None:
    """The name in the address must stand in the certificate, and that is said."""
    _, found = amiss(**directory_settings(company_elsewhere))
    assert found[0]["result"] == "CONNECT_ERROR (-11)"
    assert "mismatch" in found[0]["told"]
    assert "the host in DRAWBRIDGE_LDAP_URI must stand in it" in found[0]["todo"]


def test_a_limit_that_is_hit(company_with: Broken) -> None:
    """A server that stops at a size limit is said to, and where to raise it."""
    slapd = company_with(LIMITED.format(5))
    _, found = amiss(**directory_settings(slapd))
    assert found[0]["what"] == "people"
    assert found[0]["result"] == "SIZELIMIT_EXCEEDED (4)"
    assert "limits dn.exact" in found[0]["todo"]


def test_an_attribute_that_may_not_be_read(company_with: Broken) -> None:
    """What the service account may not see is named with the setting that asks for it."""
    slapd = company_with(f'access to attrs=member by dn.exact="{SERVICE}" search by * none')
    _, found = amiss(**directory_settings(slapd))
    assert [finding["what"] for finding in found] == ["members"]
    assert "right to read" in found[0]["todo"]


def test_a_directory_that_is_not_named_at_all(company: Slapd) -> None:
    """Without any server the setting is named."""
    assert company
    why, _ = amiss(DRAWBRIDGE_LDAP_URI=())
    assert why == "DRAWBRIDGE_LDAP_URI is empty."


def test_of_several_servers_the_one_that_is_down_is_told(company: Slapd) -> None:
    """The others answer, so everything else is looked at all the same."""
    _, found = amiss(DRAWBRIDGE_LDAP_URI=("ldap://127.0.0.1:1", company.uri))
    assert [finding["what"] for finding in found] == ["ldap://127.0.0.1:1"]


def test_a_person_is_not_read_where_the_directory_is_gone(company: Slapd) -> None:
    """No half answer about a person."""
    assert company
    out = io.StringIO()
    with directory_gone(), pytest.raises(CommandError, match="not well"):
        call_command("check_directory", "--person", "jane", stdout=out)
    assert "account key" not in out.getvalue()


@contextmanager
def without_starttls() -> Iterator[str]:
    """A server that knows no StartTLS and answers as RFC 4511 4.14.2 says; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    if client.recv(4_096):
                        # extendedResp of message 1: protocolError.
                        client.sendall(bytes.fromhex("300c02010178070a010204000400"))
                        client.recv(4_096)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"ldap://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_a_server_without_starttls(company: Slapd) -> None:
    """It says so, and where to go instead."""
    assert company
    with without_starttls() as uri:
        _, found = amiss(DRAWBRIDGE_LDAP_URI=(uri,))
    assert found[0]["result"] == "PROTOCOL_ERROR (2)"
    assert "ldaps://" in found[0]["todo"]
