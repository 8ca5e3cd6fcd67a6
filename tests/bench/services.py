"""The road to a service that is not AWS: clicks and full sign-ins, assertion and response signed."""

from collections.abc import Callable, Iterator

from tests.bench.clicks import CLICK_LIMIT, SIGN_IN_LIMIT
from tests.bench.stage import PASSWORD, PERSON, Stage
from tests.bench.table import Row
from tests.http_browser import HttpBrowser
from tests.service_provider import (
    POST,
    REDIRECT,
    Provider,
    authn_request,
    provider,
    received,
    register,
    send,
    sign_in_on_page,
)

CLICKS, SIGN_INS = 400, 150


def figures(stage: Stage) -> Iterator[Row]:
    """A row for each way; the service signs its requests, and each signature is checked."""
    stage.web()
    browser, service = stage.browser(), known_service(stage)

    def asked(binding: str) -> str:
        request = authn_request(stage.site, service, binding)
        return send(browser, request, binding, by=service.key, expect=200)

    def full() -> str:
        nobody = HttpBrowser(stage.site.url)
        request = authn_request(stage.site, service, REDIRECT)
        send(nobody, request, REDIRECT, by=service.key, expect=200)
        return sign_in_on_page(nobody, PERSON, PASSWORD)

    ways: tuple[tuple[str, Callable[[], str], int, str], ...] = (
        ("click on a service, started here", starting(browser, service), CLICKS, CLICK_LIMIT),
        ("asked by the service, Redirect", lambda: asked(REDIRECT), CLICKS, CLICK_LIMIT),
        ("asked by the service, POST", lambda: asked(POST), CLICKS, CLICK_LIMIT),
        ("asked by the service, full sign-in", full, SIGN_INS, SIGN_IN_LIMIT),
    )
    for name, operation, times, limit in ways:
        check_answered(operation(), stage)
        yield stage.measure(name, operation, times=times, limit=limit)


def known_service(stage: Stage) -> Provider:
    """A service that the site knows."""
    service = provider("bench")
    register(stage.site, [service])
    return service


def starting(browser: HttpBrowser, service: Provider) -> Callable[[], str]:
    """A click on this service in our own page, by somebody who is signed in."""
    browser.ask("GET", f"/saml/sso/start?sp={service.entity_id}")
    return lambda: browser.post("/saml/sso/start", {"sp": service.entity_id})


def check_answered(page: str, stage: Stage) -> None:
    """The page posts a good statement; otherwise the figures would mean nothing."""
    if received(page, stage.site).statuses != ["Success"]:
        raise SystemExit("the bench's person got no statement: the figures would mean nothing")
