"""RQ-07 to RQ-10 for services: what the posting page holds, where it may lead, and that only a click opens it."""

import pytest

from tests.attacks.service_door import BOTH, ServiceDoor
from tests.pages import Page
from tests.service_provider import Request, enveloped, form, logout_request, packed, query, received

BINDINGS = pytest.mark.parametrize("binding", BOTH)
STATES = {
    "markup": '"><script>alert(1)</script>',
    "quotes": "'\"&<>`",
    "javascript": "javascript:alert(1)",
    "mixed-case": "JaVaScRiPt:alert(1)",
    "host": "//evil.test",
    "backslash": "/\\evil.test",
    "no-slashes": "https:evil.test",
    "userinfo": "https://a@evil.test",
    "entities": "&quot;&#34;&amp;",
    "letters": "ü€😀",
    "coded": "%0d%0a%22",
    "longest": "x" * 2_048,
}


@pytest.mark.attack("RQ-07")
@BINDINGS
def test_a_response_replaces_and_never_appends(binding: str, door: ServiceDoor) -> None:
    """The registered address holds a SAMLResponse of its own; the form has one field of each name all the same."""
    sender = door.providers.several
    request = door.request(binding, sender)
    page = door.bring(request.xml(), binding, sender)
    got = received(page, door.site)
    assert got.acs == "https://several.example.test/acs?next=1&SAMLResponse=x"
    assert got.fields == ["SAMLResponse"]
    assert door.browser.headers["content-security-policy"].count("form-action") == 1


@pytest.mark.attack("RQ-08")
@BINDINGS
@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_relay_state_comes_back_as_it_went(state: str, binding: str, door: ServiceDoor) -> None:
    """Byte for byte, and never as anything but the value of one field."""
    signing = door.providers.signing
    request = door.request(binding)
    if binding == "redirect":
        page = door.bring_query(query(request.xml(), by=signing.key, relay_state=state))
    else:
        page = door.bring_form(form(enveloped(request.xml(), signing.key), relay_state=state))
    got = received(page, door.site)
    assert got.relay_state == state
    assert got.fields == ["SAMLResponse", "RelayState"]
    # A value of a field runs nothing, whatever it says.
    assert [one for one in Page.read(page).inline if not one.endswith("in <input>")] == []


@pytest.mark.attack("RQ-08")
@pytest.mark.parametrize("state", ["a\r\nb", "a\nb", "a\tb", "a\0b", "x" * 2_049, "ü" * 1_025])
def test_what_cannot_come_back_as_it_went_is_refused(state: str, door: ServiceDoor) -> None:
    """Control characters change on their way through a form; and there is an end to its length."""
    signing = door.providers.signing
    lie = query(door.request("redirect").xml(), by=signing.key, relay_state=state)
    assert door.refused(lambda: door.bring_query(lie)) == "saml.binding.relay_state"
    twin = query(door.request("redirect").xml(), by=signing.key, relay_state="a b")
    assert door.accepted(lambda: door.bring_query(twin)).relay_state == "a b"


@pytest.mark.attack("RQ-08")
def test_relay_state_that_is_no_text(door: ServiceDoor) -> None:
    """Octets that are no UTF-8 could not be given back."""
    text = f"SAMLRequest={packed(door.request('redirect', door.providers.plain).xml()).replace('+', '%2B')}"
    assert door.refused(lambda: door.bring_query(f"{text}&RelayState=%ff")) == "saml.input.not_utf8"
    door.accepted(lambda: door.bring_query(f"{text}&RelayState=%c3%bc"))


@pytest.mark.attack("RQ-09")
def test_nothing_is_issued_without_a_click(door: ServiceDoor) -> None:
    """GET shows a page; a form from elsewhere, without a token, or to a picture gives nothing."""
    browser, plain = door.browser, door.providers.plain
    address = f"/saml/sso/start?sp={plain.entity_id}"
    before = door.postgres.query("SELECT count(*) FROM idp_servicesession", "shared_site")
    browser.ask("GET", address)
    assert "SAMLResponse" not in browser.text
    fields = {"sp": plain.entity_id}
    browser.ask("POST", "/saml/sso/start", fields, expect=403)
    token = {"csrfmiddlewaretoken": browser.csrf}
    browser.ask(
        "POST", "/saml/sso/start", fields | token, expect=403, headers={"Origin": "https://evil.test"}
    )
    kept, browser.cookies = browser.cookies, {}
    browser.ask("POST", "/saml/sso/start", fields | token, expect=403)
    browser.cookies = kept
    assert door.postgres.query("SELECT count(*) FROM idp_servicesession", "shared_site") == before
    browser.ask("GET", address)
    assert received(browser.post("/saml/sso/start", fields), door.site).acs == plain.acs


# What browsers say where nobody looks; frames show no page of ours, and a program's fetch shows none at all.
UNSEEN: tuple[dict[str, str], ...] = (
    {"Sec-Purpose": "prefetch", "Sec-Fetch-Dest": "empty"},
    {"Sec-Purpose": "prefetch;prerender", "Sec-Fetch-Dest": "document"},
    {"Purpose": "prefetch"},
    {"X-Purpose": "preview"},
    {"X-Moz": "prefetch"},
    {"Sec-Fetch-Dest": "image"},
    {"Sec-Fetch-Dest": "iframe"},
    {"Sec-Fetch-Dest": "empty"},
    {"Sec-Fetch-Dest": "object"},
)
STATE = """
    SELECT (SELECT count(*) FROM idp_auditrecord), (SELECT count(*) FROM idp_servicesession),
           (SELECT count(*) FROM idp_claimedmessage), (SELECT count(*) FROM idp_parkedrequest),
           (SELECT count(*) FROM idp_sitesession), (SELECT count(*) FROM idp_logoutrun),
           (SELECT coalesce(sum(number), 0) FROM idp_refusalcount)
"""


@pytest.mark.attack("RQ-09")
@pytest.mark.attack("LO-01")
def test_nothing_happens_where_nobody_looks(door: ServiceDoor) -> None:
    """No address that a link can name issues, ends or uses up anything for a guess or a picture."""
    browser, signing = door.browser, door.providers.signing
    signing_on = query(door.request("redirect").xml(), by=signing.key)
    waiting = waiting_address(door, "sso")
    seen = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-User": "?1"}

    def nobody_looks(address: str) -> None:
        before = door.postgres.query(STATE, "shared_site")
        for headers in UNSEEN:
            browser.ask("GET", address, expect=404, headers=headers)
            assert Page.read(browser.text).ids["code"] == "nobody-looks"
        assert door.postgres.query(STATE, "shared_site") == before

    for address in (f"/saml/sso/redirect?{signing_on}", waiting):
        nobody_looks(address)
        page = browser.ask("GET", address, headers=seen)
        assert received(page, door.site).statuses == ["Success"]
    got = door.accepted(lambda: door.bring(door.request("redirect").xml(), "redirect"))
    name, index = got.text("saml:Subject/saml:NameID"), got.get("saml:AuthnStatement", "SessionIndex")
    wish = logout_request(door.site, signing, "redirect", name_id=name, index=index)
    leaving = query(wish.xml(), by=signing.key)
    arrived = waiting_address(
        door, "slo", logout_request(door.site, signing, "post", name_id=name, index=index)
    )
    for address in (f"/saml/slo/redirect?{leaving}", arrived):
        nobody_looks(address)
    browser.ask("GET", f"/saml/slo/redirect?{leaving}", expect=303, headers=seen)
    going_on = browser.headers["location"]
    nobody_looks(going_on)
    assert "SAMLResponse=" in Page.read(browser.ask("GET", going_on, headers=seen)).goes_on_to
    browser.ask("GET", "/", expect=302)


def waiting_address(door: ServiceDoor, service: str, request: Request | None = None) -> str:
    """Our page on which a request goes on that another site's form has brought."""
    document = enveloped((request or door.request("post")).xml(), door.providers.signing.key)
    kept, door.browser.cookies = door.browser.cookies, {}
    door.browser.ask("POST", f"/saml/{service}/post", form(document), expect=None)
    door.browser.cookies = kept | door.browser.cookies
    return door.browser.headers["location"]


@pytest.mark.attack("RQ-09")
@pytest.mark.parametrize("name", ["https://nobody.example.test/", "", "x" * 2_000, "javascript:alert(1)"])
def test_starting_at_nobody(name: str, door: ServiceDoor) -> None:
    """An unknown service is refused by both ways, and its name is not shown."""
    door.browser.ask("GET", f"/saml/sso/start?sp={name}", expect=400)
    assert not name or name not in door.browser.text
    door.browser.post("/saml/sso/start", {"sp": name}, expect=400)
    door.browser.ask("GET", f"/saml/sso/start?sp={door.providers.plain.entity_id}")
    twice = f"/saml/sso/start?sp={door.providers.plain.entity_id}&sp=x"
    door.browser.ask("GET", twice, expect=400)


@pytest.mark.attack("RQ-10")
@BINDINGS
def test_the_page_posts_to_the_service_and_nowhere_else(binding: str, door: ServiceDoor) -> None:
    """`form-action` names the service's own origin; nothing is stored, no referrer is sent, no script is inline."""
    page = door.bring(door.request(binding).xml(), binding)
    headers = door.browser.headers
    assert "form-action https://signing.example.test;" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    # A value of a field runs nothing, whatever it says.
    assert [one for one in Page.read(page).inline if not one.endswith("in <input>")] == []
    assert Page.read(page).from_elsewhere() == []
    # Reloading is asking again, and that request was answered.
    assert received(page, door.site).statuses == ["Success"]
