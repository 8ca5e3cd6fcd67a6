"""The real web server refuses to start with a dangerous setting, and starts with its harmless twin."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy.demo.slapd import Slapd
from deploy.serve import CALLS_AT_ONCE, leave_threads_for_other_pages
from tests.servers.site import ROOT, Site

DANGEROUS = [
    ("E002", {"SECRET_KEY": "short"}),
    ("E002", {"SECRET_KEY": "aaaaaaaaaabbbbbbbbbb" * 5}),
    ("E003", {"DRAWBRIDGE_BASE_URL": "http://idp.example.com", "DRAWBRIDGE_INSECURE_COOKIES": "false"}),
    ("E003", {"DRAWBRIDGE_DEMO": "false"}),
    ("E004", {"DRAWBRIDGE_BASE_URL": "https://idp.example.com", "DRAWBRIDGE_INSECURE_COOKIES": "false"}),
    ("E005", {"DRAWBRIDGE_DEMO": "false", "DRAWBRIDGE_BASE_URL": "https://idp.example.com"}),
    ("E006", {"DRAWBRIDGE_DEMO": "false"}),
    ("E007", {"DRAWBRIDGE_SESSION_IDLE_SECONDS": "600", "DRAWBRIDGE_SESSION_ABSOLUTE_SECONDS": "300"}),
    ("E008", {"DRAWBRIDGE_TRUSTED_PROXIES": "everybody"}),
    ("E008", {"DRAWBRIDGE_TRUSTED_PROXIES": "0.0.0.0/0"}),
    ("E020", {"DRAWBRIDGE_LDAP_URI": ""}),
    ("E021", {"DRAWBRIDGE_LDAP_URI": "http://directory.example.com"}),
    ("E022", {"DRAWBRIDGE_LDAP_STARTTLS": "false"}),
    (
        "E022",
        {
            "DRAWBRIDGE_LDAP_URI": "",
            "DRAWBRIDGE_LDAP_SRV_DOMAIN": "corp.example.com",
            "DRAWBRIDGE_LDAP_STARTTLS": "false",
        },
    ),
    ("E023", {"DRAWBRIDGE_LDAP_CA_FILE": "/nonexistent/ca.pem"}),
    ("E024", {"DRAWBRIDGE_LDAP_BIND_PASSWORD": ""}),
    ("E025", {"DRAWBRIDGE_LDAP_NAME": "local"}),
    ("E025", {"DRAWBRIDGE_LDAP_NAME": "workload"}),
    ("E025", {"DRAWBRIDGE_LDAP_NAME": "corp:ad"}),
    ("E026", {"DRAWBRIDGE_LDAP_USER_BASE": "people"}),
    ("E026", {"DRAWBRIDGE_LDAP_GROUP_BASE": ""}),
    ("E027", {"DRAWBRIDGE_ADMIN_GROUPS": "cn=admins,,dc=x"}),
    ("E031", {"DRAWBRIDGE_LDAP_SRV_DOMAIN": "corp.example.com"}),
    ("E031", {"DRAWBRIDGE_LDAP_SRV_SITE": "Zurich"}),
    ("E040", {"DRAWBRIDGE_ENTITY_ID": "drawbridge"}),
    ("E041", {"DRAWBRIDGE_DEMO": "false", "DRAWBRIDGE_AWS_SIGNIN_URL": "https://aws.example.com"}),
    (
        "E046",
        {"DRAWBRIDGE_BASE_URL": "https://idp.example.com", "DRAWBRIDGE_UNSAFE_LOOPBACK_PROVIDERS": "true"},
    ),
    ("E042", {"DRAWBRIDGE_AWS_SIGNIN_URL": "http://aws.example.com"}),
    ("E043", {"DRAWBRIDGE_SESSION_TAGS": "aws:Owner=uid"}),
    ("E048", {"DRAWBRIDGE_PARTITIONS": "aws,aws-moon"}),
    ("E050", {"DRAWBRIDGE_PARTITION_FILE": "/nonexistent/partitions.yaml"}),
    ("E049", {"DRAWBRIDGE_HUBS": "Hub"}),
    ("E051", {"DRAWBRIDGE_WEB_IDENTITY_ISSUERS": "/nonexistent/issuers.yaml"}),
    ("E101", {"AWS_ENDPOINT_URL_STS": "http://192.0.2.1"}),
    ("E103", {"AWS_ENDPOINT_URL_STS": "ftp://x"}),
    ("E104", {"DRAWBRIDGE_STS_REGION": "europe"}),
    ("E105", {"DRAWBRIDGE_STS_READ_SECONDS": "30"}),
]
NONSENSE = [
    ("DRAWBRIDGE_SESSION_IDLE_SECONDS", "soon"),
    ("DRAWBRIDGE_SESSION_IDLE_SECONDS", "٦٠"),
    ("DRAWBRIDGE_DEMO", "perhaps"),
    ("DRAWBRIDGE_BASE_URL", "localhost:8000"),
    ("DRAWBRIDGE_BASE_URL", "http://localhost:8000/?x=1"),
    ("DATABASE_URL", "mysql://x/y"),
    ("DRAWBRIDGE_SESSION_TAGS", "CostCenter"),
    ("DRAWBRIDGE_SESSION_TAGS", "CostCenter=a,CostCenter=b"),
    ("SECRET_KEY_FILE", "/nonexistent/secret"),
]


@pytest.fixture(scope="module")
def sound_site(tmp_path_factory: pytest.TempPathFactory, company: Slapd) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("start-up")
    with Site(folder, slapd=company, database_url=f"sqlite:///{folder}/db.sqlite3") as site:
        site.prepare()
        yield site


def run_server(env: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    """What the real web server says and how it ends; one that goes on serving fails the test."""
    return subprocess.run(
        [sys.executable, "-m", "deploy.serve", *options],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def load_application(site: Site, changes: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What the web server says when it loads the application and stops again."""
    return run_server({**site.env, **changes}, "--check")


def start_server(site: Site, changes: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What the web server says when it is started to serve."""
    return run_server({**site.env, **changes}, "--bind", f"127.0.0.1:{site.port}", "--workers", "1")


Starts = Callable[[dict[str, str]], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def starts(sound_site: Site) -> Iterator[Starts]:
    """How each dangerous start ended; two are tried at a time, because each takes a second or two."""
    cases = [changes for _, changes in DANGEROUS] + [{name: value} for name, value in NONSENSE]
    with ThreadPoolExecutor(2) as pool:
        ends = {str(changes): pool.submit(start_server, sound_site, changes) for changes in cases}
        yield lambda changes: ends[str(changes)].result()


def test_a_sound_setting_starts(sound_site: Site) -> None:
    """The twin of every case below: the same environment without the one change starts and answers."""
    assert load_application(sound_site, {}).returncode == 0
    sound_site.start_web()
    sound_site.stop()


@pytest.mark.parametrize(("number", "changes"), DANGEROUS, ids=lambda value: str(value)[:60])
def test_a_dangerous_setting_does_not_start(starts: Starts, number: str, changes: dict[str, str]) -> None:
    """The server ends non-zero and names the check, with a hint."""
    run = starts(changes)
    assert run.returncode != 0
    assert f"drawbridge.{number}" in run.stderr
    assert "HINT" in run.stderr


@pytest.mark.parametrize(("name", "value"), NONSENSE)
def test_nonsense_in_the_environment_does_not_start(starts: Starts, name: str, value: str) -> None:
    """The server ends non-zero and names the variable; no traceback hides it."""
    run = starts({name: value})
    assert run.returncode != 0
    assert name in run.stderr
    assert "Traceback" not in run.stderr


MISTAKE = "partitions:\n  - name: aws-cn\n    console: http://console.example.test/\n"


PARTS = pytest.mark.parametrize(
    "part",
    [
        ("worker", "--pool", "solo", "--without-gossip", "--without-mingle"),
        ("beat", "--pidfile", "", "--schedule", "{folder}/refused.schedule"),
    ],
    ids=["worker", "timetable"],
)


@PARTS
def test_worker_and_timetable_do_not_start_either(
    sound_site: Site, tmp_path: Path, part: tuple[str, ...]
) -> None:
    """A mistake in the file of partitions ends them like the web server: non-zero, with entry and line, no traceback.

    Their twin with a sound file runs in every test that has a worker; here it is the site's own start.
    """
    named = tmp_path / "partitions.yaml"
    named.write_text(MISTAKE)
    run = start_part(sound_site, tmp_path, part, {"DRAWBRIDGE_PARTITION_FILE": str(named)})
    assert run.returncode == 3, run.stderr
    assert "Drawbridge does not start" in run.stderr
    assert "drawbridge.E050" in run.stderr
    assert "partitions[0].console: must be an https address" in run.stderr
    assert "(line 3)" in run.stderr
    assert "Traceback" not in run.stderr
    named.write_text(MISTAKE.replace("http:", "https:"))
    assert load_application(sound_site, {"DRAWBRIDGE_PARTITION_FILE": str(named)}).returncode == 0


@PARTS
@pytest.mark.parametrize(("name", "value"), [("DRAWBRIDGE_DEMO", "perhaps"), ("DATABASE_URL", "mysql://x/y")])
def test_nonsense_in_the_environment_starts_neither(
    sound_site: Site, tmp_path: Path, part: tuple[str, ...], name: str, value: str
) -> None:
    """Worker and timetable end like the web server: with the code that no supervisor restarts, and one sentence."""
    run = start_part(sound_site, tmp_path, part, {name: value})
    assert run.returncode == 3, run.stderr
    assert name in run.stderr
    assert "Traceback" not in run.stderr


def start_part(
    site: Site, folder: Path, part: tuple[str, ...], changes: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """What worker or timetable says and how it ends; one that goes on fails the test."""
    return subprocess.run(
        site.celery(*(word.format(folder=folder) for word in part)),
        env={**site.env, **changes},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_private_key_that_others_can_read_does_not_start(sound_site: Site, mode: int) -> None:
    """A private key is readable only by its owner, or nothing is served."""
    key = Path(sound_site.env["DRAWBRIDGE_KEY_DIR"]) / "current.key.pem"
    owners_only = key.stat().st_mode & 0o777
    assert load_application(sound_site, {}).returncode == 0
    key.chmod(mode)
    try:
        run = load_application(sound_site, {})
    finally:
        key.chmod(owners_only)
    assert run.returncode != 0
    assert "drawbridge.E044" in run.stderr


def test_secret_from_a_file(sound_site: Site, tmp_path: Path) -> None:
    """`NAME_FILE` gives the value from a file; both at once are refused."""
    secret = tmp_path / "secret"
    secret.write_text(sound_site.env["SECRET_KEY"] + "\n")
    both = {"SECRET_KEY_FILE": str(secret)}
    run = load_application(sound_site, both)
    assert run.returncode != 0
    assert "SECRET_KEY" in run.stderr
    alone = {name: value for name, value in sound_site.env.items() if name != "SECRET_KEY"} | both
    assert run_server(alone, "--check").returncode == 0


@pytest.mark.parametrize(
    ("threads", "given", "calls"),
    [(8, {}, "4"), (4, {}, "2"), (1, {}, "1"), (500, {}, "64"), (8, {CALLS_AT_ONCE: "7"}, "7")],
)
@pytest.mark.fault(2)
def test_half_of_the_threads_are_kept_from_waiting_for_a_directory(
    monkeypatch: pytest.MonkeyPatch, threads: int, given: dict[str, str], calls: str
) -> None:
    """The server's threads decide how many may ask at once, unless a setting does, from a file as well."""
    monkeypatch.delenv(CALLS_AT_ONCE, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    leave_threads_for_other_pages(threads)
    assert os.environ[CALLS_AT_ONCE] == calls
    monkeypatch.delenv(CALLS_AT_ONCE)
    monkeypatch.setenv(f"{CALLS_AT_ONCE}_FILE", "/run/secrets/calls")
    leave_threads_for_other_pages(threads)
    assert CALLS_AT_ONCE not in os.environ
