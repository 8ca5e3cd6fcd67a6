"""How often the database is asked on each road: counted by the server itself, and held, so that growth is noticed.

Counted is every statement that the site sends, BEGIN and COMMIT too. Not counted is PostgreSQL's own look at a
foreign key, which nobody sends. Now and then a road has one more: a session is marked as seen once a minute, and
what waits for sign-ins is counted once a second; so each road is walked a few times, and the least counts.
"""

from collections.abc import Callable, Iterator

import pytest

from deploy.demo import company
from deploy.demo.slapd import Slapd
from tests.http_browser import HttpBrowser
from tests.servers.postgres import Postgres
from tests.servers.site import MAPPING, Site, own_database
from tests.service_provider import (
    POST,
    REDIRECT,
    Provider,
    authn_request,
    provider,
    register,
    send,
    sign_in_on_page,
)

DATABASE = "statements"
PERSON, PASSWORD, ACCOUNT, ROLE = company.BENCH_PERSON
COUNT = (
    "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid"
    " WHERE d.datname = 'statements' AND query NOT LIKE '%FOR KEY SHARE OF x'"
)
# One row again and again, but for what must differ.
MORE = """
INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, to_jsonb(one) || jsonb_build_object(
  'id', 1000000 + n, 'entity_id', 'https://sp' || n || '.example.test/', 'account_key', 'more:' || n,
  'value', '_' || n, 'key_hash', md5(n::text), 'session_hash', md5(n::text), 'name', 'more ' || n))).*
FROM (SELECT * FROM {table} LIMIT 1) one, generate_series(1, 2000) n
"""
GROWS = ("idp_serviceprovider", "idp_persistentnameid", "idp_servicesession", "idp_sitesession", "idp_rule")
CLICK = 6
SIGN_IN = 12
MOST = {
    "start here": 4,
    "asked by Redirect": 3,
    "asked by POST": CLICK,
    "console": 3,
    "portal sign-in and roles": SIGN_IN,
    "sign-in for a request by Redirect": 15,
    "sign-in for a request by POST": 18,
}

Road = Callable[[], object]


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, company: Slapd, postgres: Postgres) -> Iterator[Site]:
    """A site that nobody else asks, without workers that would ask for themselves."""
    postgres.query("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    folder = tmp_path_factory.mktemp("statements")
    with Site(
        folder,
        slapd=company,
        database_url=own_database(postgres, DATABASE),
        DRAWBRIDGE_DIRECTORY_REUSE_SECONDS="60",
    ) as site:
        site.prepare(mapping=MAPPING)
        site.start_web()
        yield site


@pytest.fixture(scope="module")
def service(web: Site) -> Provider:
    service = provider("counted")
    register(web, [service])
    return service


@pytest.fixture
def roads(web: Site, service: Provider) -> dict[str, Road]:
    """Every way to a posting page, as one signed-in browser goes it, and every sign-in."""
    browser = HttpBrowser(web.url)
    browser.sign_in(PERSON, PASSWORD)
    browser.ask("GET", f"/saml/sso/start?sp={service.entity_id}")

    def signed_in() -> HttpBrowser:
        # Meanwhile the site may have closed what was idle.
        browser.connection.close()
        return browser

    def opened(page: str) -> None:
        assert 'name="SAMLResponse"' in page, page[:2_000]

    def asked(binding: str, by: HttpBrowser) -> str:
        return send(by, authn_request(web, service, binding), binding, by=service.key, expect=200)

    def signed_in_for(binding: str) -> None:
        nobody = HttpBrowser(web.url)
        asked(binding, nobody)
        opened(sign_in_on_page(nobody, PERSON, PASSWORD))

    return {
        "start here": lambda: opened(signed_in().post("/saml/sso/start", {"sp": service.entity_id})),
        "asked by Redirect": lambda: opened(asked(REDIRECT, signed_in())),
        "asked by POST": lambda: opened(asked(POST, signed_in())),
        "console": lambda: opened(signed_in().post(f"/roles/{ACCOUNT}/{ROLE}/console")),
        "portal sign-in and roles": lambda: HttpBrowser(web.url).sign_in(PERSON, PASSWORD),
        "sign-in for a request by Redirect": lambda: signed_in_for(REDIRECT),
        "sign-in for a request by POST": lambda: signed_in_for(POST),
    }


def counted(postgres: Postgres, road: Road) -> int:
    """The statements of this road, once the site knows it."""
    road()
    numbers = []
    for _ in range(4):
        before = int(postgres.query(COUNT))
        road()
        numbers.append(int(postgres.query(COUNT)) - before)
    return min(numbers)


def test_no_road_asks_more_than_it_needs(roads: dict[str, Road], postgres: Postgres) -> None:
    """A click asks six times at most, whatever it comes by; and no road more often than it was brought to."""
    numbers = {name: counted(postgres, road) for name, road in roads.items()}
    assert numbers.keys() == MOST.keys()
    assert {name: number for name, number in numbers.items() if number > MOST[name]} == {}
    clicks = ("start here", "asked by Redirect", "asked by POST", "console")
    assert all(0 < numbers[name] <= CLICK for name in clicks)


def test_no_road_asks_more_where_there_is_more(roads: dict[str, Road], postgres: Postgres) -> None:
    """Two thousand services, names, sessions and rules more change no number."""
    for table in GROWS:
        postgres.query(MORE.format(table=table), DATABASE)
    postgres.query("UPDATE idp_mappingversion SET number = number + 1", DATABASE)
    numbers = {name: counted(postgres, road) for name, road in roads.items()}
    assert {name: number for name, number in numbers.items() if number > MOST[name]} == {}
