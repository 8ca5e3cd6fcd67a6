"""Signing on at services: each binding, each wish of a request, and what a service receives."""

import time

import pytest

from tests.http_browser import HttpBrowser
from tests.pages import Page
from tests.servers.postgres import Postgres
from tests.servers.providers import Providers
from tests.servers.site import Site
from tests.service_provider import (
    PERSISTENT,
    POST,
    REDIRECT,
    Provider,
    authn_request,
    follow,
    is_refused,
    provider,
    query,
    received,
    register,
    send,
    sign_in_on_page,
)

BINDINGS = pytest.mark.parametrize("binding", [REDIRECT, POST])
WHO = ("jane", "demo-jane")
ANYWHERE = "https://nameless.example.test/slo"
ECDSA_P384 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"
BY_REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"


@pytest.fixture
def browser(site: Site) -> HttpBrowser:
    return HttpBrowser(site.url)


@pytest.fixture
def signed_in(browser: HttpBrowser) -> HttpBrowser:
    browser.sign_in(*WHO)
    return browser


@BINDINGS
def test_whoever_is_signed_in_is_led_on_at_once(
    binding: str, site: Site, providers: Providers, signed_in: HttpBrowser
) -> None:
    """The response answers this request, at the registered address, with RelayState byte for byte."""
    request = authn_request(site, providers.signing, binding)
    state = 'a b&c="<ü>%2f+'
    page = send(signed_in, request, binding, by=providers.signing.key, relay_state=state, expect=200)
    got = received(page, site)
    assert (got.acs, got.relay_state) == (providers.signing.acs, state)
    assert got.statuses == ["Success"]
    assert got.root.get("InResponseTo") == request.id
    assert got.root.get("Destination") == providers.signing.acs
    assert got.text("saml:Conditions/saml:AudienceRestriction/saml:Audience") == providers.signing.entity_id
    data = "saml:Subject/saml:SubjectConfirmation/saml:SubjectConfirmationData"
    assert got.get(data, "InResponseTo") == request.id
    assert got.get(data, "Recipient") == providers.signing.acs
    assert got.get("saml:Subject/saml:NameID", "Format") == PERSISTENT
    assert got.text("saml:AttributeStatement/saml:Attribute/saml:AttributeValue") == "jane@example.test"


@BINDINGS
def test_whoever_is_not_signed_in_signs_in_first(
    binding: str, site: Site, providers: Providers, browser: HttpBrowser
) -> None:
    """The request survives the sign-in page, whose cookies another site's form does not carry."""
    request = authn_request(site, providers.signing, binding)
    send(browser, request, binding, by=providers.signing.key, relay_state="deep/link", expect=200)
    assert "Sign in to go on to signing." in browser.text
    got = received(sign_in_on_page(browser, *WHO), site)
    assert got.root.get("InResponseTo") == request.id
    assert got.relay_state == "deep/link"
    assert got.statuses == ["Success"]


@BINDINGS
def test_force_authn_really_asks_again(
    binding: str, site: Site, providers: Providers, signed_in: HttpBrowser
) -> None:
    """Whoever is signed in types the password again, and the statement tells the moment of that."""
    plain = authn_request(site, providers.signing, binding)
    before = received(send(signed_in, plain, binding, by=providers.signing.key), site)
    request = authn_request(site, providers.signing, binding, ForceAuthn="true")
    page = send(signed_in, request, binding, by=providers.signing.key, expect=200)
    assert 'type="password"' in page
    # Coming back without having signed in again gives the form again.
    again = signed_in.ask("GET", Page.read(page).password_form.values("next")[0])
    assert 'type="password"' in again
    time.sleep(1.1)
    after = received(sign_in_on_page(signed_in, *WHO), site)
    assert after.root.get("InResponseTo") == request.id
    moment = "saml:AuthnStatement"
    assert str(before.get(moment, "AuthnInstant")) < str(after.get(moment, "AuthnInstant"))


@pytest.mark.attack("RQ-06")
@pytest.mark.fault(15)
@pytest.mark.spec("SAML Core", "3.4.1", "ForceAuthn")
@pytest.mark.parametrize("seconds", [-60, 60])
def test_force_authn_goes_by_no_clock(
    seconds: int, site: Site, providers: Providers, postgres: Postgres, signed_in: HttpBrowser
) -> None:
    """The request came to a server whose clock is behind or ahead: the password is asked for, and asked for once.

    Nor does it help to have signed in meanwhile for something else.
    """
    request = authn_request(site, providers.signing, POST, ForceAuthn="true")
    page = send(signed_in, request, POST, by=providers.signing.key, expect=200)
    going_on = Page.read(page).password_form.values("next")[0]
    moved = "UPDATE idp_parkedrequest SET received_at = received_at + {} * interval '1 second'"
    postgres.query(moved.format(seconds), "shared_site")
    assert 'type="password"' in signed_in.ask("GET", going_on)
    signed_in.post("/sign-in/", {"username": WHO[0], "password": WHO[1]}, expect=302)
    assert 'type="password"' in signed_in.ask("GET", going_on)
    got = received(sign_in_on_page(signed_in, *WHO), site)
    assert (got.statuses, got.root.get("InResponseTo")) == (["Success"], request.id)
    # What was made for this request opens no other one.
    another = authn_request(site, providers.signing, REDIRECT, ForceAuthn="true")
    page = send(signed_in, another, REDIRECT, by=providers.signing.key, expect=200)
    assert 'type="password"' in page


@BINDINGS
def test_is_passive_never_shows_a_form(
    binding: str, site: Site, providers: Providers, browser: HttpBrowser
) -> None:
    """Without a session the service is told NoPassive; its twin, with one, gets a statement."""
    request = authn_request(site, providers.signing, binding, IsPassive="true")
    got = received(send(browser, request, binding, by=providers.signing.key, expect=200), site)
    assert got.statuses == ["Responder", "NoPassive"]
    assert (got.acs, got.root.get("InResponseTo"), got.assertion) == (providers.signing.acs, request.id, None)
    both = authn_request(site, providers.signing, binding, IsPassive="1", ForceAuthn="1")
    browser.sign_in(*WHO)
    got = received(send(browser, both, binding, by=providers.signing.key), site)
    assert got.statuses == ["Responder", "NoPassive"]
    request = authn_request(site, providers.signing, binding, IsPassive="true")
    got = received(send(browser, request, binding, by=providers.signing.key), site)
    assert got.statuses == ["Success"]


CLASSES = "urn:oasis:names:tc:SAML:2.0:ac:classes:"


def contexts(comparison: str, *classes: str) -> str:
    """A RequestedAuthnContext."""
    inside = "".join(
        f"<saml:AuthnContextClassRef>{CLASSES}{name}</saml:AuthnContextClassRef>" for name in classes
    )
    return f'<samlp:RequestedAuthnContext Comparison="{comparison}">{inside}</samlp:RequestedAuthnContext>'


def policy(**attributes: str) -> str:
    """A NameIDPolicy."""
    written = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f"<samlp:NameIDPolicy{written}/>"


def scoping(*names: str, more: str = "") -> str:
    """A Scoping with a list of identity providers."""
    entries = "".join(f'<samlp:IDPEntry ProviderID="{name}"/>' for name in names)
    return f"<samlp:Scoping><samlp:IDPList>{entries}{more}</samlp:IDPList></samlp:Scoping>"


UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
PASSWORD = "PasswordProtectedTransport"
MET = {
    "no-format": (policy(AllowCreate="true"), ""),
    "unspecified-format": (policy(Format=UNSPECIFIED), ""),
    "agreed-format": (policy(Format=PERSISTENT, AllowCreate="true"), ""),
    "own-qualifier": (policy(SPNameQualifier="https://signing.example.test/signing", AllowCreate="1"), ""),
    "exact": (contexts("exact", "X509", PASSWORD), PASSWORD),
    "exact-weaker": (contexts("exact", "Password"), "Password"),
    "minimum": (contexts("minimum", "Password"), PASSWORD),
    "better": (contexts("better", "Password", "unspecified"), PASSWORD),
    "maximum": (contexts("maximum", PASSWORD), PASSWORD),
    "we-are-named": (scoping("https://other.example.test/idp", "{ours}"), PASSWORD),
    "proxy-count": ('<samlp:Scoping ProxyCount="0"/>', PASSWORD),
    "extensions": ("<extensions/>", PASSWORD),
}
UNMET = {
    "other-format": (policy(Format=TRANSIENT), ["Requester", "InvalidNameIDPolicy"]),
    "encrypted": (
        policy(Format="urn:oasis:names:tc:SAML:2.0:nameid-format:encrypted"),
        ["Requester", "InvalidNameIDPolicy"],
    ),
    "other-qualifier": (
        policy(SPNameQualifier="https://other.example.test/sp"),
        ["Requester", "InvalidNameIDPolicy"],
    ),
    "exact": (contexts("exact", "X509"), ["Responder", "NoAuthnContext"]),
    "minimum": (contexts("minimum", "X509"), ["Responder", "NoAuthnContext"]),
    "better": (contexts("better", PASSWORD), ["Responder", "NoAuthnContext"]),
    "maximum": (contexts("maximum", "Password"), ["Responder", "NoAuthnContext"]),
    "others-are-named": (scoping("https://other.example.test/idp"), ["Requester", "NoSupportedIDP"]),
    "further-list": (
        scoping("{ours}", more="<samlp:GetComplete>https://x.example.test/l</samlp:GetComplete>"),
        ["Requester", "RequestUnsupported"],
    ),
    "conditions": (
        '<saml:Conditions NotBefore="2026-01-01T00:00:00Z"/>',
        ["Requester", "RequestUnsupported"],
    ),
}


@pytest.mark.parametrize(("content", "context"), MET.values(), ids=MET)
def test_wishes_that_we_can_meet(
    content: str, context: str, site: Site, providers: Providers, signed_in: HttpBrowser
) -> None:
    """The statement says what was asked for, and not more."""
    content = content.replace("{ours}", f"{site.url}/saml/metadata")
    before = ""
    if content == "<extensions/>":
        content, before = "", '<samlp:Extensions><x:y xmlns:x="urn:x" z="1">t</x:y></samlp:Extensions>'
    request = authn_request(site, providers.signing, REDIRECT).but(content=before + content)
    got = received(send(signed_in, request, REDIRECT, by=providers.signing.key), site)
    assert got.statuses == ["Success"]
    named = got.text("saml:AuthnStatement/saml:AuthnContext/saml:AuthnContextClassRef")
    assert named == f"{CLASSES}{context or PASSWORD}"


@pytest.mark.attack("RQ-06")
@pytest.mark.parametrize(("content", "statuses"), UNMET.values(), ids=UNMET)
def test_wishes_that_we_cannot_meet(
    content: str, statuses: list[str], site: Site, providers: Providers, signed_in: HttpBrowser
) -> None:
    """The service is told why at its registered address, and learns nothing else."""
    request = authn_request(site, providers.signing, REDIRECT)
    request = request.but(content=content.replace("{ours}", f"{site.url}/saml/metadata"))
    got = received(send(signed_in, request, REDIRECT, by=providers.signing.key, relay_state="s"), site)
    assert got.statuses == statuses
    assert got.assertion is None
    assert (got.acs, got.relay_state) == (providers.signing.acs, "s")


@pytest.mark.attack("RQ-06")
def test_a_request_for_somebody_else_gets_nobody(
    site: Site, providers: Providers, signed_in: HttpBrowser
) -> None:
    """Naming another person is answered by UnknownPrincipal, naming the one who is there by a statement."""

    def ask(name: str) -> list[str]:
        subject = f'<saml:Subject><saml:NameID Format="{PERSISTENT}">{name}</saml:NameID></saml:Subject>'
        request = authn_request(site, providers.signing, REDIRECT).but(content=subject)
        return received(send(signed_in, request, REDIRECT, by=providers.signing.key), site).statuses

    plain = authn_request(site, providers.signing, REDIRECT)
    own = received(send(signed_in, plain, REDIRECT, by=providers.signing.key), site)
    assert ask("_somebody-else") == ["Responder", "UnknownPrincipal"]
    assert ask(own.text("saml:Subject/saml:NameID")) == ["Success"]


def test_allow_create_false_gives_no_new_name(site: Site) -> None:
    """Whoever has no name at the service yet gets none; whoever has one gets that one."""
    # Nobody has a name at a service that has just come.
    newcomer = provider("newcomer")
    register(site, [newcomer])
    browser = HttpBrowser(site.url)
    browser.sign_in("omar", "demo-omar")
    refusing = policy(Format=PERSISTENT, AllowCreate="false")

    def ask(content: str) -> list[str]:
        request = authn_request(site, newcomer, REDIRECT).but(content=content)
        return received(send(browser, request, REDIRECT, by=newcomer.key), site).statuses

    assert ask(refusing) == ["Requester", "InvalidNameIDPolicy"]
    assert ask(policy(Format=PERSISTENT, AllowCreate="true")) == ["Success"]
    assert ask(refusing) == ["Success"]


def test_the_endpoint_is_found_by_index_by_address_and_by_default(
    site: Site, providers: Providers, signed_in: HttpBrowser
) -> None:
    """Each way leads to the registered address, character by character."""
    first, second = (entry["location"] for entry in providers.several.row["acs"])

    def goes_to(**attributes: str) -> str:
        request = authn_request(site, providers.several, REDIRECT, **attributes)
        return received(send(signed_in, request, REDIRECT, by=providers.several.key), site).acs

    assert goes_to() == second
    assert goes_to(AssertionConsumerServiceIndex="3") == first
    assert goes_to(AssertionConsumerServiceIndex="7") == second
    assert goes_to(AssertionConsumerServiceURL=first) == first
    post = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
    assert goes_to(AssertionConsumerServiceURL=second, ProtocolBinding=post) == second


@BINDINGS
@pytest.mark.spec("Kantara IIP", "IDP04", "release by requested attributes, chosen by index")
def test_requested_attributes_are_chosen_by_index(binding: str, site: Site, signed_in: HttpBrowser) -> None:
    """Of what was agreed the service gets what this index asks for; what it asks beyond that it never gets."""
    names = {"urn:x:mail": "person:mail", "urn:x:login": "person:username"}
    attributes = [{"name": name, "source": source, "when": "requested"} for name, source in names.items()]
    requests = [
        {"index": 0, "is_default": True, "names": {"urn:x:mail": True}},
        {"index": 3, "is_default": False, "names": {"urn:x:login": False, "urn:x:secret": True}},
    ]
    asking = provider(f"asking-{binding}", row={"attributes": attributes, "wishes": {"requests": requests}})
    register(site, [asking])
    for index, wanted in ((None, ["urn:x:mail"]), ("3", ["urn:x:login"]), ("9", [])):
        request = authn_request(site, asking, binding, AttributeConsumingServiceIndex=index)
        got = received(send(signed_in, request, binding, by=asking.key, expect=200), site)
        assert [one.get("Name") for one in got.root.iterfind(".//{*}Attribute")] == wanted


@pytest.mark.spec("Kantara IIP", "IDP11", "an assertion without a name identifier")
def test_a_service_may_learn_attributes_and_no_name(site: Site, signed_in: HttpBrowser) -> None:
    """The subject is confirmed and not named; a format that is insisted on is refused; no logout gets there."""
    nameless = provider(
        "nameless", row={"omit_name_id": True, "logout": [{"location": ANYWHERE, "binding": BY_REDIRECT}]}
    )
    register(site, [nameless])
    request = authn_request(site, nameless, REDIRECT)
    got = received(send(signed_in, request, REDIRECT, by=nameless.key, expect=200), site)
    assert got.statuses == ["Success"]
    assert list(got.root.iterfind(".//{*}NameID")) == []
    data = "saml:Subject/saml:SubjectConfirmation/saml:SubjectConfirmationData"
    assert got.get(data, "Recipient") == nameless.acs
    assert got.text("saml:AttributeStatement/saml:Attribute/saml:AttributeValue") == "jane@example.test"
    insisting = authn_request(site, nameless, REDIRECT).but(
        content=f'<samlp:NameIDPolicy Format="{PERSISTENT}"/>'
    )
    told = received(send(signed_in, insisting, REDIRECT, by=nameless.key, expect=200), site)
    assert told.statuses == ["Requester", "InvalidNameIDPolicy"]
    signed_in.ask("GET", "/")
    signed_in.post("/sign-out/", expect=302)
    page = follow(signed_in, "GET", signed_in.headers["location"])
    assert 'data-state="untold"' in page


def test_groups_restrict_who_may_use_a_service(
    site: Site, providers: Providers, signed_in: HttpBrowser, postgres: Postgres
) -> None:
    """Whoever is in none of its groups is told so on a page, and a button tells the service RequestDenied."""
    request = authn_request(site, providers.restricted, REDIRECT)
    page = send(signed_in, request, REDIRECT, by=providers.restricted.key, expect=403)
    got = received(page, site)
    assert got.statuses == ["Responder", "RequestDenied"]
    assert got.assertion is None
    read = Page.read(page)
    assert read.ids["code"] == "service-not-granted"
    assert not [address for address in read.loaded if "auto_post" in address]
    rows = postgres.query("SELECT reference, event, person, reason FROM idp_auditrecord", "shared_site")
    told = [line for line in rows.splitlines() if line.startswith(read.ids["reference"])]
    assert told == [f"{read.ids['reference']}|person:service:refused|jane|request-denied"]


@BINDINGS
def test_whoever_has_no_name_at_a_service_is_on_record(
    binding: str, site: Site, postgres: Postgres, signed_in: HttpBrowser
) -> None:
    """Nothing is sent for a person whose entry lacks the value; the trail tells who, where and why, once."""
    nameless = provider("nameless", row={"name_id_format": UNSPECIFIED, "name_id_source": "directory:pager"})
    register(site, [nameless])
    request = authn_request(site, nameless, binding)
    page = Page.read(send(signed_in, request, binding, by=nameless.key, expect=403))
    assert "SAMLResponse" not in signed_in.text
    rows = postgres.query("SELECT reference, event, person, reason FROM idp_auditrecord", "shared_site")
    told = [line for line in rows.splitlines() if line.startswith(page.ids["reference"])]
    assert told == [f"{page.ids['reference']}|person:service:refused|jane|no-name-identifier"]
    named = provider("nameless", row={"name_id_format": UNSPECIFIED, "name_id_source": "person:username"})
    register(site, [named])
    request = authn_request(site, named, binding)
    got = received(send(signed_in, request, binding, by=named.key), site)
    assert got.text("saml:Subject/saml:NameID") == "jane"


def test_starting_here_shows_first_and_opens_on_a_click(
    site: Site, providers: Providers, signed_in: HttpBrowser
) -> None:
    """GET shows what will be opened; the button gives a statement that answers no request."""
    address = f"/saml/sso/start?sp={providers.plain.entity_id}&RelayState=deep%2Flink"
    page = Page.read(signed_in.ask("GET", address))
    form = page.form("/saml/sso/start")
    assert "SAMLResponse" not in signed_in.text
    fields = {name: value for name, value in form.fields if name != "csrfmiddlewaretoken"}
    got = received(signed_in.post("/saml/sso/start", fields), site)
    assert (got.acs, got.relay_state) == (providers.plain.acs, "deep/link")
    assert got.root.get("InResponseTo") is None
    assert (
        got.get("saml:Subject/saml:SubjectConfirmation/saml:SubjectConfirmationData", "InResponseTo") is None
    )


def test_starting_at_a_service_of_others_is_refused(
    site: Site, providers: Providers, signed_in: HttpBrowser, postgres: Postgres
) -> None:
    """Whoever is in none of its groups gets a page and no statement, and that is on record."""
    signed_in.ask("GET", f"/saml/sso/start?sp={providers.restricted.entity_id}")
    page = Page.read(signed_in.post("/saml/sso/start", {"sp": providers.restricted.entity_id}, expect=403))
    assert "SAMLResponse" not in signed_in.text
    rows = postgres.query("SELECT reference, event, person, reason FROM idp_auditrecord", "shared_site")
    told = [line for line in rows.splitlines() if line.startswith(page.ids["reference"])]
    assert told == [f"{page.ids['reference']}|person:service:refused|jane|service-not-granted"]
    signed_in.ask("GET", f"/saml/sso/start?sp={providers.plain.entity_id}")
    page_of_twin = signed_in.post("/saml/sso/start", {"sp": providers.plain.entity_id})
    assert received(page_of_twin, site).statuses == ["Success"]


def test_a_service_that_signs_nothing_is_served_too(
    site: Site, providers: Providers, signed_in: HttpBrowser
) -> None:
    """An unsigned request is answered where the service was registered so, at the registered address."""
    for binding in (REDIRECT, POST):
        request = authn_request(site, providers.plain, binding)
        assert received(send(signed_in, request, binding, by=None), site).acs == providers.plain.acs


def test_what_names_a_person_stays_the_same(site: Site, providers: Providers, signed_in: HttpBrowser) -> None:
    """One opaque name a service, each time; another one at another service."""

    def name_at(provider: Provider) -> str:
        request = authn_request(site, provider, REDIRECT)
        return received(send(signed_in, request, REDIRECT, by=provider.key), site).text(
            "saml:Subject/saml:NameID"
        )

    first = name_at(providers.signing)
    assert name_at(providers.signing) == first
    assert name_at(providers.other) != first


def test_two_windows_wait_side_by_side(site: Site, providers: Providers, browser: HttpBrowser) -> None:
    """A second request does not take the first one's place."""
    pages = []
    requests = []
    for binding in (POST, POST, REDIRECT):
        request = authn_request(site, providers.signing, binding)
        requests.append(request.id)
        pages.append(send(browser, request, binding, by=providers.signing.key, expect=200))
    places = [Page.read(page).password_form.values("next")[0] for page in pages]
    assert len(set(places)) == len(places)
    answered = [received(sign_in_on_page(browser, *WHO), site).root.get("InResponseTo")]
    answered += [
        received(follow(browser, "GET", place), site).root.get("InResponseTo") for place in places[:2]
    ]
    assert sorted(map(str, answered)) == sorted(requests)


def test_an_unknown_session_is_nobody(site: Site, providers: Providers) -> None:
    """Nobody is answered for without a session of their own."""
    browser = HttpBrowser(site.url)
    browser.cookies["drawbridge-session"] = "a" * 43
    request = authn_request(site, providers.signing, REDIRECT)
    raw = query(request.xml(), by=providers.signing.key)
    assert 'type="password"' in follow(browser, "GET", f"/saml/sso/redirect?{raw}", expect=200)


@pytest.mark.attack("RQ-06")
def test_a_page_that_is_opened_anew_still_asks_for_the_password(
    site: Site, providers: Providers, browser: HttpBrowser
) -> None:
    """The browser that a request has come with finds it waiting; in any other the same request is refused."""
    request = authn_request(site, providers.signing, REDIRECT)
    address = f"/saml/sso/redirect?{query(request.xml(), by=providers.signing.key)}"
    assert 'type="password"' in follow(browser, "GET", address, expect=200)
    assert 'type="password"' in follow(browser, "GET", address, expect=200)
    stranger = HttpBrowser(site.url)
    # With and without a lasting cookie of its own.
    for _ in range(2):
        follow(stranger, "GET", address)
        assert is_refused(stranger)
        send(stranger, authn_request(site, providers.signing, REDIRECT), REDIRECT, by=providers.signing.key)
    got = received(sign_in_on_page(browser, *WHO), site)
    assert (got.statuses, got.root.get("InResponseTo")) == (["Success"], request.id)
    follow(browser, "GET", address)
    assert is_refused(browser)


@pytest.mark.attack("WB-01")
@BINDINGS
def test_the_password_is_typed_where_the_request_waits(
    binding: str, site: Site, providers: Providers, browser: HttpBrowser
) -> None:
    """A wrong one shows the form again and leaves the request waiting; a form posted twice is answered once."""
    request = authn_request(site, providers.signing, binding)
    send(browser, request, binding, by=providers.signing.key, expect=200)
    shown = Page.read(browser.text).password_form
    browser.post(shown.action, {"username": WHO[0], "password": "wrong", "next": "/"}, expect=403)
    again = Page.read(browser.text).password_form
    assert again.action == shown.action
    before = dict(browser.cookies)
    typed = {"username": WHO[0], "password": WHO[1], "next": "https://elsewhere.example.test/"}
    got = received(browser.post(again.action, typed), site)
    assert got.root.get("InResponseTo") == request.id
    changed = {name for name, value in browser.cookies.items() if before.get(name) != value}
    assert {"drawbridge-session", "drawbridge-csrf"} <= changed
    browser.ask("GET", "/")
    browser.post(again.action, typed, expect=404)
    assert "SAMLResponse" not in browser.text


@pytest.mark.fault(19)
def test_whoever_has_typed_the_password_stays_signed_in_though_no_key_can_sign(
    site: Site, browser: HttpBrowser
) -> None:
    """The page says that it is not possible now, and may be opened again; nobody types the password a second time."""
    one = provider("on-no-curve", row={"signature_algorithm": ECDSA_P384})
    register(site, [one])
    request = authn_request(site, one, REDIRECT)
    send(browser, request, REDIRECT, by=one.key, expect=200)
    shown = Page.read(browser.text).password_form
    browser.post(shown.action, {"username": WHO[0], "password": WHO[1]}, expect=None)
    browser.ask("GET", "/", expect=200)
    browser.ask("GET", shown.action, expect=503)
    register(site, [provider("on-no-curve")])
    got = received(browser.ask("GET", shown.action), site)
    assert got.root.get("InResponseTo") == request.id
