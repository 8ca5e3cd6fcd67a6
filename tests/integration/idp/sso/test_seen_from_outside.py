"""What operators see of a request, a response, a refusal and a logout: one event, one reference, one count."""

import json

import pytest

from deploy.demo import company as cast
from tests.http_browser import HttpBrowser
from tests.pages import Page
from tests.servers.postgres import Postgres
from tests.servers.providers import Providers
from tests.servers.site import Site
from tests.service_provider import (
    POST,
    REDIRECT,
    authn_request,
    follow,
    logout_message,
    logout_request,
    logout_response,
    query,
    received,
    send,
)

WHO = ("jane", "demo-jane")


class Watch:
    """The trail under one reference, and what the counters say."""

    def __init__(self, site: Site, postgres: Postgres) -> None:
        """Nothing has been looked at yet."""
        self.site, self.postgres = site, postgres

    def events(self, page: str) -> list[str]:
        """The events under the reference that stands on this page."""
        reference = Page.read(page).ids["reference"]
        asked = "SELECT event FROM idp_auditrecord WHERE reference = '{}' ORDER BY id"
        return [
            line for line in self.postgres.query(asked.format(reference), "shared_site").splitlines() if line
        ]

    def count(self, line: str) -> float:
        """What this counter says."""
        text = HttpBrowser(self.site.url).ask("GET", "/metrics")
        return sum(float(one.rpartition(" ")[2]) for one in text.splitlines() if one.startswith(line))


@pytest.fixture
def watch(site: Site, postgres: Postgres) -> Watch:
    return Watch(site, postgres)


@pytest.fixture
def browser(site: Site) -> HttpBrowser:
    found = HttpBrowser(site.url)
    found.sign_in(*WHO)
    return found


def counter(event: str) -> str:
    """The line of an event's counter."""
    return f'drawbridge_events_total{{event="{event}"}}'


@pytest.mark.parametrize("binding", [REDIRECT, POST])
def test_an_answer(
    binding: str, site: Site, providers: Providers, browser: HttpBrowser, watch: Watch
) -> None:
    """The page that posts a statement, or the status that tells why there is none, and its row share a reference."""
    for wishes, status, event in (
        ({}, "Success", "person:service:answered"),
        ({"ForceAuthn": "1", "IsPassive": "1"}, "Responder", "service:request:unmet"),
    ):
        before = watch.count(counter(event))
        request = authn_request(site, providers.signing, binding, **wishes)
        page = send(browser, request, binding, by=providers.signing.key, expect=200)
        assert received(page, site).statuses[0] == status
        assert watch.events(page) == [event]
        assert watch.count(counter(event)) == before + 1


def test_a_request_that_waits(site: Site, providers: Providers, watch: Watch) -> None:
    """It is counted, and the log has it under the number of the answer that shows the sign-in form."""
    before = watch.count("drawbridge_requests_waiting_total")
    request = authn_request(site, providers.signing, REDIRECT)
    stranger = HttpBrowser(site.url)
    stranger.ask("GET", f"/saml/sso/redirect?{query(request.xml(), by=providers.signing.key)}")
    assert watch.count("drawbridge_requests_waiting_total") == before + 1
    logged = "".join(one.text() for one in site.processes).splitlines()
    [line] = [json.loads(line) for line in logged if request.id in line]
    assert (line["event"], line["reference"]) == ("saml.request.waits", stranger.headers["x-request-id"])
    assert line["service"] == providers.signing.entity_id


def test_a_refusal(site: Site, providers: Providers, browser: HttpBrowser, watch: Watch) -> None:
    """Whoever may not use a service sees the reference of the row; what nobody signed is counted by its reason."""
    request = authn_request(site, providers.restricted, REDIRECT)
    page = send(browser, request, REDIRECT, by=providers.restricted.key, expect=403)
    assert watch.events(page) == ["person:service:refused"]
    line = 'drawbridge_messages_refused_total{reason="saml.signature.missing"}'
    total, before = watch.count("drawbridge_messages_refused_total"), watch.count(line)
    unsigned = authn_request(site, providers.signing, REDIRECT)
    page = follow(browser, "GET", f"/saml/sso/redirect?{query(unsigned.xml(), by=None)}", expect=400)
    assert Page.read(page).ids["reference"] == browser.headers["x-request-id"]
    assert watch.events(page) == []
    assert watch.count("drawbridge_messages_refused_total") == total + 1
    assert watch.count(line) in {before, before + 1}


def test_a_logout(site: Site, providers: Providers, browser: HttpBrowser, watch: Watch) -> None:
    """Each service that is told, each that confirms, and each that asks has its row."""
    events = {name: counter(f"person:logout:{name}") for name in ("service-told",)}
    events |= {name: counter(f"service:logout:{name}") for name in ("asked", "confirmed")}
    before = {name: watch.count(line) for name, line in events.items()}
    request = authn_request(site, providers.other, REDIRECT)
    got = received(send(browser, request, REDIRECT, by=providers.other.key, expect=200), site)
    request = authn_request(site, providers.signing, REDIRECT)
    send(browser, request, REDIRECT, by=providers.signing.key, expect=200)
    ending = logout_request(
        site,
        providers.other,
        REDIRECT,
        name_id=got.text("saml:Subject/saml:NameID"),
        index=got.get("saml:AuthnStatement", "SessionIndex"),
    )
    page = send(browser, ending, REDIRECT, by=providers.other.key)
    assert watch.events(page) == ["person:logout:service-told"]
    told = logout_message(browser, site)
    answer = logout_response(site, providers.signing, REDIRECT, to=str(told.root.get("ID")))
    send(browser, answer, REDIRECT, by=providers.signing.key)
    assert logout_message(browser, site).statuses == ["Success"]
    assert {name: watch.count(line) - before[name] for name, line in events.items()} == dict.fromkeys(
        events, 1
    )


def test_a_console(browser: HttpBrowser, watch: Watch) -> None:
    """The page that posts to AWS shows the reference too."""
    person, password, account, role = cast.BENCH_PERSON
    browser.sign_in(person, password)
    browser.ask("GET", "/")
    page = browser.post(f"/roles/{account}/{role}/console")
    assert watch.events(page) == ["person:assertion:issued"]
