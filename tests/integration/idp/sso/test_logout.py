"""Single logout by the browser: asked here, asked by a service, on both bindings; and what it does not end."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.http_browser import HttpBrowser
from tests.servers.providers import Providers
from tests.servers.site import PREAMBLE, Site
from tests.service_provider import (
    POST,
    REDIRECT,
    Provider,
    Received,
    Request,
    authn_request,
    follow,
    instant,
    logout_message,
    logout_request,
    logout_response,
    provider,
    query,
    received,
    register,
    send,
    sign_in_on_page,
)

BINDINGS = pytest.mark.parametrize("binding", [REDIRECT, POST])
WHO = ("jane", "demo-jane")
ECDSA_P384 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"
HTTP_REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"


@pytest.fixture
def browser(site: Site) -> HttpBrowser:
    found = HttpBrowser(site.url)
    found.sign_in(*WHO)
    return found


def sign_on(browser: HttpBrowser, site: Site, at: Provider) -> Received:
    """A statement for this service, by which it knows the session."""
    request = authn_request(site, at, REDIRECT)
    return received(send(browser, request, REDIRECT, by=at.key, expect=200), site)


def is_signed_in(browser: HttpBrowser) -> bool:
    """Whether the browser's session is worth anything."""
    browser.ask("GET", "/", expect=None)
    return browser.status == 200


def session_of(got: Received) -> dict[str, str]:
    """What the service calls person and session."""
    return {
        "name_id": got.text("saml:Subject/saml:NameID"),
        "index": str(got.get("saml:AuthnStatement", "SessionIndex")),
    }


def sign_out(browser: HttpBrowser) -> None:
    """The person signs out here, and follows wherever that leads."""
    browser.ask("GET", "/")
    browser.post("/sign-out/", expect=302)
    follow(browser, "GET", browser.headers["location"])


def test_signing_out_here_tells_every_service(site: Site, providers: Providers, browser: HttpBrowser) -> None:
    """The session here ends first; each service is asked for its own session; the page says what became of each."""
    first = session_of(sign_on(browser, site, providers.signing))
    again = session_of(sign_on(browser, site, providers.signing))
    second = session_of(sign_on(browser, site, providers.other))
    sign_on(browser, site, providers.several)
    kept = dict(browser.cookies)
    sign_out(browser)
    asked = logout_message(browser, site)
    assert (asked.kind, asked.address) == ("LogoutRequest", "https://signing.example.test/slo")
    indexes = [element.text for element in asked.root.iterfind("{*}SessionIndex")]
    assert indexes == [first["index"], again["index"]]
    assert asked.root.findtext("{*}NameID") == first["name_id"]
    stolen = HttpBrowser(site.url)
    stolen.cookies = kept
    assert not is_signed_in(stolen)
    answer = logout_response(site, providers.signing, REDIRECT, to=str(asked.root.get("ID")))
    send(browser, answer, REDIRECT, by=providers.signing.key)
    asked = logout_message(browser, site)
    assert (asked.kind, asked.address) == ("LogoutRequest", "https://other.example.test/slo")
    assert [element.text for element in asked.root.iterfind("{*}SessionIndex")] == [second["index"]]
    answer = logout_response(site, providers.other, POST, to=str(asked.root.get("ID")))
    page = send(browser, answer, POST, by=providers.other.key, expect=200)
    assert [page.count(f'data-state="{state}"') for state in ("confirmed", "untold", "sent")] == [2, 1, 0]
    assert "stay valid until they end" in page
    assert "Other browsers stay signed in" in page


def test_without_services_signing_out_is_as_it_was(site: Site, browser: HttpBrowser) -> None:
    """Nobody is told, and the sign-in page says what does not end."""
    sign_out(browser)
    assert "stay valid until they end" in browser.text
    assert not is_signed_in(browser)
    assert site.url


def test_a_service_that_refuses_is_told_of(site: Site, providers: Providers, browser: HttpBrowser) -> None:
    """What has not ended there is not called ended."""
    sign_on(browser, site, providers.signing)
    sign_out(browser)
    asked = logout_message(browser, site)
    failed = "urn:oasis:names:tc:SAML:2.0:status:Responder"
    answer = logout_response(site, providers.signing, REDIRECT, to=str(asked.root.get("ID")), status=failed)
    page = send(browser, answer, REDIRECT, by=providers.signing.key, expect=200)
    assert 'data-state="refused"' in page


@BINDINGS
def test_a_service_signs_the_person_out(
    binding: str, site: Site, providers: Providers, browser: HttpBrowser
) -> None:
    """The session ends everywhere here, the other service is told, and the one that asked is answered."""
    own = session_of(sign_on(browser, site, providers.signing))
    sign_on(browser, site, providers.other)
    request = logout_request(site, providers.signing, binding, **own)
    send(browser, request, binding, by=providers.signing.key, relay_state="back/to")
    asked = logout_message(browser, site)
    assert (asked.kind, asked.address) == ("LogoutRequest", "https://other.example.test/slo")
    assert not is_signed_in(browser)
    answer = logout_response(site, providers.other, POST, to=str(asked.root.get("ID")))
    send(browser, answer, POST, by=providers.other.key)
    told = logout_message(browser, site)
    assert (told.kind, told.address) == ("LogoutResponse", "https://signing.example.test/slo")
    assert (told.statuses, told.relay_state) == (["Success"], "back/to")
    assert told.root.get("InResponseTo") == request.id


@BINDINGS
def test_the_answer_goes_where_answers_go_and_says_what_is_left(
    binding: str, site: Site, providers: Providers, browser: HttpBrowser
) -> None:
    """A service that cannot be told makes the logout a partial one; answers have an address of their own."""
    own = session_of(sign_on(browser, site, providers.other))
    sign_on(browser, site, providers.several)
    request = logout_request(site, providers.other, binding, **own)
    send(browser, request, binding, by=providers.other.key, expect=200)
    told = logout_message(browser, site)
    assert (told.kind, told.address) == ("LogoutResponse", "https://other.example.test/answers")
    assert told.statuses == ["Responder", "PartialLogout"]
    assert not is_signed_in(browser)


def asynchronous(request: Request) -> Request:
    """The wish of a service that does not wait for an answer."""
    wanted = '<aslo:Asynchronous xmlns:aslo="urn:oasis:names:tc:SAML:2.0:protocol:ext:async-slo"/>'
    return request.but(content=f"<samlp:Extensions>{wanted}</samlp:Extensions>{request.content}")


@BINDINGS
@pytest.mark.spec("Kantara IIP", "IDP17", "the asynchronous extension")
def test_a_service_that_wants_no_answer_gets_none(
    binding: str, site: Site, providers: Providers, browser: HttpBrowser
) -> None:
    """The session ends here, the other service is told, and the person reads here what became of it."""
    own = session_of(sign_on(browser, site, providers.signing))
    sign_on(browser, site, providers.other)
    request = asynchronous(logout_request(site, providers.signing, binding, **own))
    send(browser, request, binding, by=providers.signing.key)
    asked = logout_message(browser, site)
    assert (asked.kind, asked.address) == ("LogoutRequest", "https://other.example.test/slo")
    assert not is_signed_in(browser)
    answer = logout_response(site, providers.other, POST, to=str(asked.root.get("ID")))
    page = send(browser, answer, POST, by=providers.other.key, expect=200)
    assert "You are signed out here" in page
    assert 'data-state="confirmed"' in page
    assert "SAMLResponse" not in page


@BINDINGS
def test_a_service_alone_that_wants_no_answer(
    binding: str, site: Site, providers: Providers, browser: HttpBrowser
) -> None:
    """With nobody else to tell the page is there at once; a name that is not theirs ends nothing and says so."""
    own = session_of(sign_on(browser, site, providers.signing))
    other = asynchronous(logout_request(site, providers.signing, binding, **(own | {"name_id": "_x"})))
    send(browser, other, binding, by=providers.signing.key, expect=400)
    assert "Nothing has ended here." in browser.text
    assert is_signed_in(browser)
    request = asynchronous(logout_request(site, providers.signing, binding, **own))
    page = send(browser, request, binding, by=providers.signing.key, expect=200)
    assert "You are signed out here" in page
    assert not is_signed_in(browser)


@pytest.mark.spec("Kantara IIP", "G01", "clocks may differ")
def test_a_wish_that_ended_just_now_by_another_clock(
    site: Site, providers: Providers, browser: HttpBrowser
) -> None:
    """Four minutes are let pass; LO-01 holds what comes later."""
    own = session_of(sign_on(browser, site, providers.signing))
    late = instant(datetime.now(UTC) - timedelta(minutes=4))
    request = logout_request(site, providers.signing, REDIRECT, **own).having(NotOnOrAfter=late)
    send(browser, request, REDIRECT, by=providers.signing.key)
    assert logout_message(browser, site).statuses == ["Success"]


def test_signing_in_again_forgets_no_service(site: Site, providers: Providers, browser: HttpBrowser) -> None:
    """A fresh sign-in gives the session a new key; the service that knew the old one is told all the same."""
    own = session_of(sign_on(browser, site, providers.signing))
    request = authn_request(site, providers.other, REDIRECT, ForceAuthn="true")
    send(browser, request, REDIRECT, by=providers.other.key, expect=200)
    sign_in_on_page(browser, *WHO)
    sign_out(browser)
    asked = logout_message(browser, site)
    assert asked.address == "https://signing.example.test/slo"
    assert [element.text for element in asked.root.iterfind("{*}SessionIndex")] == [own["index"]]
    answer = logout_response(site, providers.signing, REDIRECT, to=str(asked.root.get("ID")))
    send(browser, answer, REDIRECT, by=providers.signing.key)
    assert logout_message(browser, site).address == "https://other.example.test/slo"


def test_somebody_else_does_not_inherit_a_session(
    site: Site, providers: Providers, browser: HttpBrowser
) -> None:
    """Whoever signs in next in this browser cannot be signed out by what a service knows of the one before."""
    own = session_of(sign_on(browser, site, providers.signing))
    request = authn_request(site, providers.other, REDIRECT, ForceAuthn="true")
    send(browser, request, REDIRECT, by=providers.other.key, expect=200)
    sign_in_on_page(browser, "omar", "demo-omar")
    ending = logout_request(site, providers.signing, REDIRECT, **own)
    send(browser, ending, REDIRECT, by=providers.signing.key)
    assert logout_message(browser, site).statuses == ["Requester", "UnknownPrincipal"]
    assert is_signed_in(browser)


@pytest.mark.fault(30)
def test_a_service_that_cannot_be_read_any_more_keeps_nobody_signed_in(
    site: Site, providers: Providers, browser: HttpBrowser
) -> None:
    """One row that somebody wrote past every check: the session ends all the same, and the others are told."""
    poison = provider("poison")
    register(site, [poison])
    sign_on(browser, site, poison)
    sign_on(browser, site, providers.signing)
    rows = f"ServiceProvider.objects.filter(entity_id={poison.entity_id!r})"
    site.python(PREAMBLE, "from idp.models import ServiceProvider", f"{rows}.update(acs='nonsense')")
    sign_out(browser)
    asked = logout_message(browser, site)
    assert (asked.kind, asked.address) == ("LogoutRequest", "https://signing.example.test/slo")
    assert not is_signed_in(browser)
    answer = logout_response(site, providers.signing, REDIRECT, to=str(asked.root.get("ID")))
    page = send(browser, answer, REDIRECT, by=providers.signing.key, expect=200)
    assert [page.count(f'data-state="{state}"') for state in ("confirmed", "untold")] == [1, 1]
    site.python(PREAMBLE, "from idp.models import ServiceProvider", f"{rows}.delete()")


@pytest.mark.fault(19)
def test_an_answer_that_no_key_could_sign_is_given_later(site: Site, browser: HttpBrowser) -> None:
    """The service that asked waits for it: the page may be opened again, and then it is told."""
    slo = [{"location": "https://late.example.test/slo", "binding": HTTP_REDIRECT}]
    one = provider("late", row={"logout": slo})
    register(site, [one])
    request = logout_request(site, one, REDIRECT, **session_of(sign_on(browser, site, one)))
    register(site, [provider("late", row={"logout": slo, "signature_algorithm": ECDSA_P384})])
    browser.ask("GET", f"/saml/slo/redirect?{query(request.xml(), by=one.key)}", expect=303)
    going_on = browser.headers["location"]
    browser.ask("GET", going_on, expect=503)
    assert not is_signed_in(browser)
    register(site, [one])
    browser.ask("GET", going_on)
    told = logout_message(browser, site)
    assert (told.kind, told.root.get("InResponseTo")) == ("LogoutResponse", request.id)
