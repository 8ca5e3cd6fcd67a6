"""Domain controllers found in the DNS, by a process whose resolver is our own DNS server."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.dns_server import DnsServer
from tests.servers.samba import BASE, DOMAIN, REALM, RIGHT_PASSWORD, AdPeople, SambaDc, addresses
from tests.servers.site import INHERITED, ROOT

ASK = """
import json, sys
import django
django.setup()
from django.utils import timezone
from idp.directory.directories import check_password, directories
from idp.domain.errors import DirectoryUnavailable
(directory,) = directories()
try:
    told = check_password("trudy", sys.stdin.read(), now=timezone.now()).username
except DirectoryUnavailable as problem:
    told = problem.cause
print(json.dumps([told, [[one.uri, one.problem] for one in directory.measure(seconds=2)]]))
"""
# Only this process and its children see the file in the place of the machine's own.
WITH_RESOLVER = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
SERVICE = f"_ldap._tcp.{REALM.lower()}"
CATALOG = f"_gc._tcp.{REALM.lower()}"
DC1, STRANGER = f"dc1.{REALM.lower()}", f"stranger.{REALM.lower()}"


@pytest.fixture
def dns(samba: SambaDc) -> Iterator[DnsServer]:
    with DnsServer(next(addresses), 53) as server:
        for host in (DC1, STRANGER):
            server.register(host, "A", samba.address)
        yield server


def ask(dc: SambaDc, dns: DnsServer, folder: Path, **settings: str) -> tuple[str, list[list[str]]]:
    """What a sign-in comes to in a process with these settings, and how it found each server."""
    resolver = folder / "resolv.conf"
    resolver.write_text(f"nameserver {dns.address.partition(':')[0]}\noptions timeout:1 attempts:1\n")
    env = {name: os.environ[name] for name in INHERITED if name in os.environ}
    env |= {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DRAWBRIDGE_LDAP_KIND": "active-directory",
        "DRAWBRIDGE_LDAP_URI": "",
        "DRAWBRIDGE_LDAP_SRV_DOMAIN": REALM.lower(),
        "DRAWBRIDGE_LDAP_CA_FILE": str(dc.ca_file),
        "DRAWBRIDGE_LDAP_BIND_DN": f"{DOMAIN}\\drawbridge",
        "DRAWBRIDGE_LDAP_BIND_PASSWORD": "Reads-people-2026",
        "DRAWBRIDGE_LDAP_USER_BASE": BASE,
        "DRAWBRIDGE_LDAP_GROUP_BASE": BASE,
        **settings,
    }
    run = subprocess.run(
        ["unshare", "-m", "sh", "-c", WITH_RESOLVER, "sh", str(resolver), sys.executable, "-c", ASK],
        env=env,
        cwd=ROOT,
        input=RIGHT_PASSWORD,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    told, servers = json.loads(run.stdout)
    return told, servers


@pytest.mark.parametrize(
    ("service", "port", "settings", "uri"),
    [
        (SERVICE, 389, {}, f"ldap://{DC1}:389"),
        (SERVICE, 389, {"DRAWBRIDGE_LDAP_SRV_LDAPS": "true"}, f"ldaps://{DC1}:636"),
        (CATALOG, 3268, {"DRAWBRIDGE_LDAP_GLOBAL_CATALOG": "true"}, f"ldap://{DC1}:3268"),
    ],
    ids=["StartTLS", "LDAPS", "global catalog"],
)
@pytest.mark.attack("LD-05")
def test_a_controller_is_found_and_proves_the_name_that_the_dns_gave(
    samba: SambaDc,
    dns: DnsServer,
    ad_people: AdPeople,
    tmp_path: Path,
    service: str,
    port: int,
    settings: dict[str, str],
    uri: str,
) -> None:
    """The name in the SRV record is the one that the certificate must be for: another name of it is refused."""
    ad_people.person("trudy")
    dns.register(service, "SRV", f"0 0 {port} {DC1}.")
    assert ask(samba, dns, tmp_path, **settings) == ("trudy", [[uri, ""]])
    # The realm itself is where the controller's references lead: nobody has looked for it.
    assert REALM.lower() not in dns.asked
    dns.register(service, "SRV", f"0 0 {port} {STRANGER}.")
    told, ((stranger, problem),) = ask(samba, dns, tmp_path, **settings)
    assert stranger == uri.replace(DC1, STRANGER)
    for text in (told, problem):
        assert "certificate is refused: Hostname mismatch" in text


@pytest.mark.fault(4)
def test_another_controller_that_the_dns_names_stands_in(
    samba: SambaDc, dns: DnsServer, ad_people: AdPeople, tmp_path: Path
) -> None:
    """Where the one of our site is gone the next one of the domain answers."""
    ad_people.person("trudy")
    gone = f"dc2.{REALM.lower()}"
    dns.register(gone, "A", next(addresses))
    dns.register(f"_ldap._tcp.Home._sites.{REALM.lower()}", "SRV", f"0 0 389 {gone}.")
    dns.register(SERVICE, "SRV", f"0 0 389 {DC1}.", f"0 0 389 {gone}.")
    told, servers = ask(samba, dns, tmp_path, DRAWBRIDGE_LDAP_SRV_SITE="Home")
    assert told == "trudy"
    assert [uri for uri, _ in servers] == [f"ldap://{gone}:389", f"ldap://{DC1}:389"]
    assert [bool(problem) for _, problem in servers] == [True, False]
