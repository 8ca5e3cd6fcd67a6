"""The road to a service: clicks and full sign-ins, with 10, 1,000 and 100,000 services, sessions and names."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from tests.http_browser import HttpBrowser
from tests.servers.postgres import Postgres
from tests.servers.site import Site
from tests.service_provider import (
    POST,
    REDIRECT,
    authn_request,
    provider,
    received,
    register,
    send,
    sign_in_on_page,
)

SIZES = (10, 1_000, 100_000)
CLICKS = 400
SIGN_INS = 150
WHO = ("jane", "demo-jane")
# One row again and again, but for what must differ.
GROW = """
INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, to_jsonb(one) || jsonb_build_object(
  'id', 1000000 + n, 'entity_id', 'https://sp' || n || '.example.test/', 'account_key', 'bench:' || n,
  'value', '_' || n, 'session_hash', md5(n::text)))).*
FROM (SELECT * FROM {table} LIMIT 1) one, generate_series({first}, {last}) n
"""
TABLES = ("idp_serviceprovider", "idp_persistentnameid", "idp_servicesession")

Row = TypeVar("Row")


def service_figures(
    site: Site, server: Postgres, database: str, measure: Callable[[str, Callable[[], object], int], Row]
) -> Iterator[Row]:
    """One row for each way and size; assertion and response signed, the service's own request signed and checked."""
    service = provider("bench")
    register(site, [service])
    browser = HttpBrowser(site.url)
    browser.sign_in(*WHO)
    browser.ask("GET", f"/saml/sso/start?sp={service.entity_id}")

    def start() -> str:
        return browser.post("/saml/sso/start", {"sp": service.entity_id})

    def asked(binding: str) -> str:
        request = authn_request(site, service, binding)
        return send(browser, request, binding, by=service.key, expect=200)

    def full() -> str:
        nobody = HttpBrowser(site.url)
        send(nobody, authn_request(site, service, REDIRECT), REDIRECT, by=service.key, expect=200)
        return sign_in_on_page(nobody, *WHO)

    for page in (start(), asked(REDIRECT), asked(POST), full()):
        if received(page, site).statuses != ["Success"]:
            raise SystemExit("the bench's person got no statement: the figures would mean nothing")
    there = 1
    for size in SIZES:
        for table in TABLES:
            server.query(GROW.format(table=table, first=there, last=size), database)
        server.query("ANALYZE", database)
        # Meanwhile the site has closed what was idle.
        browser.connection.close()
        there = size + 1
        among = f"{size:,} services"
        yield measure(f"service, started here, {among}", start, CLICKS)
        yield measure(f"service, asked by Redirect, {among}", lambda: asked(REDIRECT), CLICKS)
        yield measure(f"service, asked by POST, {among}", lambda: asked(POST), CLICKS)
        yield measure(f"service, full sign-in, {among}", full, SIGN_INS)
