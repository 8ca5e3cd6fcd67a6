"""The road to a service on the demo's database: signing on, waiting, replaying, signing out."""

from pathlib import Path

from deploy.demo.redis_server import RedisServer
from deploy.demo.slapd import Slapd
from tests.http_browser import HttpBrowser
from tests.servers.providers import logout_at
from tests.servers.site import running_site
from tests.service_provider import (
    POST,
    REDIRECT,
    authn_request,
    logout_message,
    logout_request,
    provider,
    received,
    register,
    send,
    sign_in_on_page,
)

REDIRECT_BINDING = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"


def test_the_demos_database_serves_services_too(tmp_path: Path, company: Slapd, redis: RedisServer) -> None:
    """Each binding, a request that waits, one that comes twice, and a logout."""
    service = provider("sqlite", row={"logout": [logout_at("sqlite", REDIRECT_BINDING)]})
    database = f"sqlite:///{tmp_path}/site.sqlite3"
    with running_site(tmp_path / "site", slapd=company, database_url=database, redis=redis) as (site, _):
        register(site, [service])
        browser = HttpBrowser(site.url)
        waiting = authn_request(site, service, POST)
        send(browser, waiting, POST, by=service.key, expect=200)
        got = received(sign_in_on_page(browser, "jane", "demo-jane"), site)
        assert got.root.get("InResponseTo") == waiting.id
        request = authn_request(site, service, REDIRECT)
        got = received(send(browser, request, REDIRECT, by=service.key, expect=200), site)
        assert got.statuses == ["Success"]
        send(browser, request, REDIRECT, by=service.key, expect=400)
        ending = logout_request(
            site,
            service,
            REDIRECT,
            name_id=got.text("saml:Subject/saml:NameID"),
            index=got.get("saml:AuthnStatement", "SessionIndex"),
        )
        send(browser, ending, REDIRECT, by=service.key)
        assert logout_message(browser, site).statuses == ["Success"]
        browser.ask("GET", "/", expect=302)
