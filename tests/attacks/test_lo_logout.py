"""LO-01 to LO-03: nobody signs another person out, a session that is over is over, and answers go home."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.attacks.service_door import BOTH, ServiceDoor
from tests.http_browser import HttpBrowser
from tests.service_provider import (
    PERSISTENT,
    Key,
    Received,
    Request,
    authn_request,
    enveloped,
    form,
    instant,
    key,
    logout_message,
    logout_request,
    logout_response,
    new_id,
    post,
    query,
    received,
    send,
)

BINDINGS = pytest.mark.parametrize("binding", BOTH)
Change = Callable[[Request], Request]


def sign_on(door: ServiceDoor) -> Received:
    """The service that signs knows Jane's session."""
    request = door.request("redirect")
    return received(door.bring(request.xml(), "redirect"), door.site)


def wish(door: ServiceDoor, got: Received, binding: str) -> Request:
    """The genuine wish to end what this statement began."""
    return logout_request(
        door.site,
        door.providers.signing,
        binding,
        name_id=got.text("saml:Subject/saml:NameID"),
        index=got.get("saml:AuthnStatement", "SessionIndex"),
    )


def is_signed_in(browser: HttpBrowser) -> bool:
    """Whether Jane is still signed in."""
    browser.ask("GET", "/", expect=None)
    return browser.status == 200


def replaced(old: str, new: str) -> Change:
    """The wish with other content."""
    return lambda request: request.but(content=request.content.replace(old, new))


def own_key(door: ServiceDoor) -> Key:
    """The key of the service that knows the session."""
    return door.providers.signing.key


LIES: dict[str, tuple[Change, Callable[[ServiceDoor], Key | None]]] = {
    "unsigned": (lambda one: one, lambda _: None),
    "signed-by-another-service": (lambda one: one, lambda door: door.providers.other.key),
    "signed-by-a-stranger": (lambda one: one, lambda _: key("stranger")),
    "from-another-service": (lambda one: one.but(issuer="https://other.example.test/other"), own_key),
    "of-an-unknown-service": (lambda one: one.but(issuer="https://nobody.example.test/"), own_key),
    "expired": (
        lambda one: one.having(NotOnOrAfter=instant(datetime.now(UTC) - timedelta(minutes=6))),
        own_key,
    ),
    "old": (lambda one: one.having(IssueInstant=instant(datetime.now(UTC) - timedelta(minutes=10))), own_key),
    "elsewhere": (lambda one: one.but(destination="https://evil.example.test/slo"), own_key),
    "nowhere": (lambda one: one.but(destination=None), own_key),
    "nobody": (lambda one: one.but(content=""), own_key),
    "two-people": (lambda one: one.but(content=one.content + "<saml:NameID>x</saml:NameID>"), own_key),
    "comment-in-name": (replaced("</saml:NameID>", "<!---->x</saml:NameID>"), own_key),
    "wrapped": (
        lambda one: one.but(
            content=f"<samlp:Extensions>{one.but(id=new_id()).xml()}</samlp:Extensions>{one.content}"
        ),
        own_key,
    ),
    "encrypted": (replaced("saml:NameID", "saml:EncryptedID"), own_key),
}


@pytest.mark.attack("LO-01")
@BINDINGS
@pytest.mark.parametrize(("change", "signer"), LIES.values(), ids=LIES)
def test_no_lie_ends_a_session(
    change: Change, signer: Callable[[ServiceDoor], Key | None], binding: str, door: ServiceDoor
) -> None:
    """Refused with one page for all; the genuine wish ends the session."""
    got = sign_on(door)
    lie = change(wish(door, got, binding))
    send(door.browser, lie, binding, by=signer(door))
    assert door.browser.status == 400
    assert "location" not in door.browser.headers
    assert is_signed_in(door.browser)
    send(door.browser, wish(door, got, binding), binding, by=door.providers.signing.key)
    assert logout_message(door.browser, door.site).statuses == ["Success"]
    assert not is_signed_in(door.browser)


@pytest.mark.attack("LO-01")
@BINDINGS
@pytest.mark.parametrize(
    "change",
    [
        replaced("</saml:NameID>", "x</saml:NameID>"),
        replaced("</samlp:SessionIndex>", "x</samlp:SessionIndex>"),
        replaced(PERSISTENT, "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"),
        replaced("<saml:NameID ", '<saml:NameID SPNameQualifier="https://other.example.test/other" '),
    ],
    ids=["name", "index", "format", "qualifier"],
)
def test_another_persons_session_does_not_end(change: Change, binding: str, door: ServiceDoor) -> None:
    """The service hears UnknownPrincipal at its registered address, whatever was wrong; nothing ends."""
    got = sign_on(door)
    send(door.browser, change(wish(door, got, binding)), binding, by=door.providers.signing.key)
    told = logout_message(door.browser, door.site)
    assert (told.address, told.statuses) == (
        "https://signing.example.test/slo",
        ["Requester", "UnknownPrincipal"],
    )
    assert is_signed_in(door.browser)
    without_index = logout_request(
        door.site,
        door.providers.signing,
        binding,
        name_id=got.text("saml:Subject/saml:NameID"),
        index=None,
    )
    send(door.browser, without_index, binding, by=door.providers.signing.key)
    assert logout_message(door.browser, door.site).statuses == ["Success"]
    assert not is_signed_in(door.browser)


@pytest.mark.attack("LO-01")
def test_a_wish_is_taken_once_and_in_its_own_browser(door: ServiceDoor) -> None:
    """The same again is refused; brought by another browser, or by a picture without cookies, it ends nothing."""
    got = sign_on(door)
    stranger = HttpBrowser(door.site.url)
    genuine = wish(door, got, "redirect")
    send(stranger, genuine, "redirect", by=door.providers.signing.key)
    assert logout_message(stranger, door.site).statuses == ["Requester", "UnknownPrincipal"]
    assert is_signed_in(door.browser)
    send(door.browser, genuine, "redirect", by=door.providers.signing.key)
    assert door.browser.status == 400
    assert is_signed_in(door.browser)
    send(
        door.browser, wish(door, got, "redirect").but(id=new_id()), "redirect", by=door.providers.signing.key
    )
    assert not is_signed_in(door.browser)


@pytest.mark.attack("LO-02")
@BINDINGS
def test_a_session_that_was_ended_is_over_in_every_process(binding: str, door: ServiceDoor) -> None:
    """The cookie of before opens nothing in any of the site's processes; signing in again does."""
    got = sign_on(door)
    kept = dict(door.browser.cookies)
    send(door.browser, wish(door, got, binding), binding, by=door.providers.signing.key)
    for _ in range(8):  # two worker processes answer in turn
        thief = HttpBrowser(door.site.url)
        thief.cookies = dict(kept)
        assert not is_signed_in(thief)
        text = query(door.request("redirect").having(IsPassive="true").xml(), by=door.providers.signing.key)
        thief.ask("GET", f"/saml/sso/redirect?{text}", expect=200)
        assert received(thief.text, door.site).statuses == ["Responder", "NoPassive"]
    door.browser.sign_in("jane", "demo-jane")
    assert is_signed_in(door.browser)


@pytest.mark.attack("LO-03")
@BINDINGS
def test_only_who_was_asked_can_answer(binding: str, door: ServiceDoor) -> None:
    """Answers to nothing, of another service, unsigned, or a second time are refused; the genuine one goes on."""
    sign_on(door)
    door.browser.ask("GET", "/")
    door.browser.post("/sign-out/", expect=302)
    door.browser.ask("GET", door.browser.headers["location"], expect=None)
    asked = str(logout_message(door.browser, door.site).root.get("ID"))
    signing, other = door.providers.signing, door.providers.other
    genuine = logout_response(door.site, signing, binding, to=asked)
    lies: list[tuple[Request, Key | None]] = [
        (genuine, None),
        (genuine, other.key),
        (logout_response(door.site, other, binding, to=asked), other.key),
        (logout_response(door.site, signing, binding, to=new_id()), signing.key),
        (logout_response(door.site, signing, binding, to=asked[:-1] + "7"), signing.key),
        (genuine.having(InResponseTo=None), signing.key),
        (genuine.having(IssueInstant=instant(datetime.now(UTC) - timedelta(minutes=10))), signing.key),
        (genuine.but(destination="https://evil.example.test/"), signing.key),
    ]
    for lie, by in lies:
        send(door.browser, lie.but(id=new_id()), binding, by=by)
        assert door.browser.status == 400, lie
        assert "location" not in door.browser.headers
    page = send(door.browser, genuine, binding, by=signing.key, expect=200)
    assert 'data-state="confirmed"' in page
    send(door.browser, genuine.but(id=new_id()), binding, by=signing.key)
    assert door.browser.status == 400


@pytest.mark.attack("LO-03")
def test_an_answer_goes_to_the_registered_address_only(door: ServiceDoor) -> None:
    """A service without an address for logout messages is answered by a page; nothing in its wish is an address."""
    several = door.providers.several
    request = authn_request(door.site, several, "redirect")
    got = received(send(door.browser, request, "redirect", by=several.key), door.site)
    ending = logout_request(
        door.site,
        several,
        "post",
        name_id=got.text("saml:Subject/saml:NameID"),
        index=got.get("saml:AuthnStatement", "SessionIndex"),
    )
    page = post(door.browser, form(enveloped(ending.xml(), several.key)), service="slo", expect=200)
    assert "You are signed out here" in page
    assert "several.example.test" not in page
    assert not is_signed_in(door.browser)
