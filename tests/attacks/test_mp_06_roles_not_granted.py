"""MP-06: a role that the rules do not give is refused at every door, whatever the browser sends."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from deploy.demo import company as cast
from deploy.demo.slapd import Slapd
from tests.http_browser import HttpBrowser
from tests.servers.postgres import Postgres
from tests.servers.site import MAPPING, Site, own_database
from tests.servers.slapd import Newcomers

pytestmark = pytest.mark.attack("MP-06")

PERSON, PASSWORD, ACCOUNT, ROLE = cast.BENCH_PERSON
DOORS = ("console", "credentials")
OTHERS = sorted({arn for arn, _ in cast.GRANTS} - set(cast.expected_roles(PERSON)))
reference = re.compile(r"[A-Z2-7]{12}", re.ASCII)
csrf = re.compile(r'(value|content)="[A-Za-z0-9]{64}"', re.ASCII)


@pytest.fixture
def browser(site: Site) -> HttpBrowser:
    signed_in = HttpBrowser(site.url)
    signed_in.sign_in(PERSON, PASSWORD)
    return signed_in


def place_of(arn: str) -> tuple[str, str]:
    """Account and name of a role, as addresses have them."""
    return arn.split(":")[4], arn.rpartition("/")[2]


def same(page: str) -> str:
    """The page without what differs from one request to the next."""
    return csrf.sub("", reference.sub("", page))


def refused_statements(postgres: Postgres, database: str) -> int:
    return int(
        postgres.query(
            "SELECT count(*) FROM idp_auditrecord WHERE event = 'person:assertion:refused'"
            " AND reason = 'role-not-granted'",
            database,
        )
    )


@pytest.mark.parametrize("door", DOORS)
def test_every_role_that_is_not_given_is_refused(browser: HttpBrowser, postgres: Postgres, door: str) -> None:
    """All registered roles but the person's own: 403, one audit row each, and no statement; the own one opens."""
    before = refused_statements(postgres, "shared_site")
    for arn in OTHERS:
        account, role = place_of(arn)
        page = browser.post(f"/roles/{account}/{role}/{door}", expect=403)
        assert "SAMLResponse" not in page
        assert 'id="code"' in page
        browser.ask("GET", "/")
    assert refused_statements(postgres, "shared_site") == before + len(OTHERS)
    browser.post(f"/roles/{ACCOUNT}/{ROLE}/{door}")


def test_a_role_that_exists_nowhere_is_refused_alike(browser: HttpBrowser) -> None:
    """Nobody learns from a refusal which roles and accounts there are."""
    account, role = place_of(OTHERS[0])
    pages = set()
    unheard = ("999999999999/Unheard", "999900001111/Nowhere", f"{account}/Unheard", f"{ACCOUNT}/readonly")
    for path in (f"{account}/{role}", *unheard):
        pages.add(same(browser.post(f"/roles/{path}/console", expect=403)))
        browser.ask("GET", "/")
    assert len(pages) == 1


def test_nothing_in_the_form_names_the_role(browser: HttpBrowser) -> None:
    """Fields that name another role, account, person or length change nothing about what is given."""
    account, role = place_of(OTHERS[0])
    forged = {
        "account": account,
        "role": role,
        "role_arn": OTHERS[0],
        "username": "maria",
        "duration": "43200",
    }
    path = f"/roles/{ACCOUNT}/{ROLE}/console"
    page = browser.post(path, forged)
    assert OTHERS[0] not in page
    assert "SAMLResponse" in page
    browser.ask("GET", "/")
    browser.post(f"/roles/{account}/{role}/console", {"account": ACCOUNT, "role": ROLE}, expect=403)


@pytest.mark.parametrize(
    "path",
    [
        f"/roles/{ACCOUNT}/{ROLE}%00/console",
        f"/roles/{ACCOUNT}/{ROLE}%20/console",
        f"/roles/{ACCOUNT}/{ROLE}%0a/console",
        f"/roles/{ACCOUNT}%0a/{ROLE}/console",
        f"/roles/{ACCOUNT}/{ROLE},Administrator/console",
        f"/roles/{ACCOUNT}/*/console",
        f"/roles/*/{ROLE}/console",
        f"/roles/{ACCOUNT}/%2e%2e/console",
        "/roles/arn:aws:iam::111122223333:role/ReadOnly/console",
        f"/roles/%EF%BC%91{ACCOUNT[1:]}/{ROLE}/console",
    ],
)
def test_spellings_of_a_role_that_is_given_are_other_roles(browser: HttpBrowser, path: str) -> None:
    """Only the exact account and name open; blanks, breaks, wildcards and full-width digits do not."""
    browser.post(path, expect=None)
    assert browser.status in {400, 403, 404}
    assert "SAMLResponse" not in browser.text
    browser.ask("GET", "/")
    assert browser.open_console(ACCOUNT, ROLE)


@pytest.fixture
def own_site(tmp_path: Path, company: Slapd, postgres: Postgres) -> Iterator[Site]:
    """A site whose rules may be changed, and which asks the directory every time."""
    url = own_database(postgres, "mp_06")
    with Site(
        tmp_path / "site",
        slapd=company,
        database_url=url,
        local_aws_url="http://127.0.0.1:9",
        DRAWBRIDGE_DIRECTORY_REUSE_SECONDS="0",
    ) as site:
        site.prepare(mapping=MAPPING)
        site.start_web()
        yield site
    postgres.query('DROP DATABASE "mp_06" WITH (FORCE)')


def test_a_page_that_was_read_before_is_worth_nothing_after(
    own_site: Site, newcomers: Newcomers, tmp_path: Path
) -> None:
    """Rule taken away, denial added, group left, account disabled: the next click of an open page is refused."""
    person = newcomers.person("newton")
    group = newcomers.group("AWS-444455556666-ReadOnly", person, below="ou=aws,ou=groups")
    browser = HttpBrowser(own_site.url)
    browser.sign_in("newton", "right-password")

    def click(expect: int) -> None:
        browser.post("/roles/444455556666/ReadOnly/console", expect=expect)

    click(200)
    mapping = yaml.safe_load(MAPPING.read_text())
    changed = tmp_path / "changed.yaml"
    denial = {
        "name": "not now",
        "pattern": "AWS-444455556666-.*",
        "base": "ou=aws,ou=groups,dc=example,dc=test",
        "role": "arn:aws:iam::444455556666:role/ReadOnly",
        "effect": "deny",
    }
    for rules in (mapping["rules"][1:], [*mapping["rules"], denial]):
        changed.write_text(yaml.safe_dump(mapping | {"rules": rules}))
        own_site.manage("mapping", "import", str(changed))
        click(403)
        own_site.manage("mapping", "import", str(MAPPING))
        click(200)
    newcomers.change(group, f"replace: member\nmember: uid=jane,ou=people,{newcomers.slapd.base}")
    click(403)
    newcomers.change(group, f"replace: member\nmember: {person}")
    click(200)
    newcomers.disable(person)
    browser.post("/roles/444455556666/ReadOnly/console", expect=302)
    assert browser.headers["location"].startswith("/sign-in/")
