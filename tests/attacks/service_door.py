"""The doors for service providers as the attacks see them: what is refused and why, and what is let in."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.http_browser import HttpBrowser
from tests.pages import Page
from tests.servers.postgres import Postgres
from tests.servers.providers import Providers
from tests.servers.site import Site
from tests.service_provider import (
    POST,
    REDIRECT,
    Provider,
    Received,
    Request,
    authn_request,
    enveloped,
    follow,
    form,
    post,
    query,
    received,
)

COUNTS = "SELECT reason, sum(number) FROM idp_refusalcount GROUP BY reason"
TRAIL = "SELECT count(*) FROM idp_auditrecord WHERE event LIKE '%service%'"
KEPT = "SELECT (SELECT count(*) FROM idp_parkedrequest) + (SELECT count(*) FROM idp_claimedmessage)"


@dataclass
class ServiceDoor:
    """A signed-in person's browser that brings whatever an attack has made."""

    site: Site
    postgres: Postgres
    providers: Providers
    browser: HttpBrowser

    def request(self, binding: str, sender: Provider | None = None, /, **attributes: str | None) -> Request:
        """An ordinary request."""
        return authn_request(self.site, sender or self.providers.signing, binding, **attributes)

    def bring_query(self, text: str) -> str:
        """What a browser sees in the end that was sent to this query."""
        return follow(self.browser, "GET", f"/saml/sso/redirect?{text}")

    def bring_form(self, fields: dict[str, str]) -> str:
        """What a browser sees in the end that has posted these fields from another site."""
        return post(self.browser, fields)

    def bring(self, document: str | bytes, binding: str, sender: Provider | None = None) -> str:
        """What a browser sees that brings this document, signed where the service signs."""
        by = (sender or self.providers.signing).key
        if binding == REDIRECT:
            return self.bring_query(query(document, by=by))
        return self.bring_form(form(enveloped(document, by)))

    def accepted(self, bring: Callable[[], str]) -> Received:
        """The statement that this gives."""
        got = received(bring(), self.site)
        assert got.statuses == ["Success"]
        return got

    def refused(self, bring: Callable[[], str]) -> str:
        """The reason for which this is refused: a page alone, counted once; nothing is kept, sent or written."""
        counts, rows = self._counts(), self._rows()
        bring()
        browser = self.browser
        assert browser.status == 400, f"{browser.status}: {browser.text[:1_500]}"
        assert "location" not in browser.headers
        page = Page.read(browser.text)
        assert [one.action for one in page.forms if one.method == "post" and one.action != "/sign-out/"] == []
        assert page.ids["code"] in {"request-not-trusted", "unknown-service-provider"}
        assert self._rows() == rows
        later = self._counts()
        grown = {reason: later[reason] - counts.get(reason, 0) for reason in later}
        [(reason, number)] = [(reason, number) for reason, number in grown.items() if number]
        assert number == 1
        return reason

    def _counts(self) -> dict[str, int]:
        lines = self.postgres.query(COUNTS, "shared_site").splitlines()
        return {line.split("|")[0]: int(line.split("|")[1]) for line in lines if "|" in line}

    def _rows(self) -> tuple[str, str]:
        return self.postgres.query(TRAIL, "shared_site"), self.postgres.query(KEPT, "shared_site")


BOTH = (REDIRECT, POST)
