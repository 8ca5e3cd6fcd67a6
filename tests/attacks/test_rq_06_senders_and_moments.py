"""RQ-06: who asks, for whom, when, and once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.attacks.service_door import BOTH, ServiceDoor
from tests.http_browser import HttpBrowser
from tests.pages import Page
from tests.service_provider import (
    Key,
    Provider,
    Request,
    enveloped,
    form,
    instant,
    new_id,
    query,
    received,
    send,
    sign_in_on_page,
)

pytestmark = pytest.mark.attack("RQ-06")
BINDINGS = pytest.mark.parametrize("binding", BOTH)
GENUINE = "https://signing.example.test/signing"
ENTITY = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"

ISSUERS = {
    "unknown": "<saml:Issuer>https://nobody.example.test/</saml:Issuer>",
    "absent": "",
    "empty": "<saml:Issuer></saml:Issuer>",
    "blank-around": f"<saml:Issuer> {GENUINE} </saml:Issuer>",
    "other-case": f"<saml:Issuer>{GENUINE.upper()}</saml:Issuer>",
    "comment": f"<saml:Issuer>{GENUINE}<!---->.evil.test</saml:Issuer>",
    "cdata": f"<saml:Issuer><![CDATA[{GENUINE}]]></saml:Issuer>",
    "instruction": f"<saml:Issuer>{GENUINE}<?x?></saml:Issuer>",
    "entity": "<saml:Issuer>&sp;</saml:Issuer>",
    "nested": f"<saml:Issuer>{GENUINE}<saml:Issuer>x</saml:Issuer></saml:Issuer>",
    "twice": f"<saml:Issuer>{GENUINE}</saml:Issuer>" * 2,
    "format": f'<saml:Issuer Format="urn:x:y">{GENUINE}</saml:Issuer>',
    "qualifier": f'<saml:Issuer NameQualifier="x">{GENUINE}</saml:Issuer>',
    "other-namespace": f'<saml:Issuer xmlns:saml="urn:x">{GENUINE}</saml:Issuer>',
    "ours": "<saml:Issuer>{ours}</saml:Issuer>",
}
MOMENTS = {
    "ten-minutes-old": lambda now: instant(now - timedelta(minutes=10)),
    "in-ten-minutes": lambda now: instant(now + timedelta(minutes=10)),
    "no-zone": lambda now: instant(now)[:-1],
    "other-zone": lambda now: instant(now)[:-1] + "+00:00",
    "leap-second": lambda now: instant(now)[:-3] + "60Z",
    "year-9999": lambda _: "9999-12-31T23:59:59Z",
    "too-fine": lambda now: instant(now)[:-1] + "." + "0" * 30 + "Z",
    "foreign-digits": lambda now: instant(now).translate({ord(str(n)): 0x0660 + n for n in range(10)}),
    "a-date": lambda now: instant(now)[:10],
    "empty": lambda _: "",
    "line-break": lambda now: instant(now) + "\n",
}


@pytest.mark.parametrize("issuer", ISSUERS.values(), ids=ISSUERS)
def test_the_sender_is_one_registered_name(issuer: str, door: ServiceDoor) -> None:
    """Character by character, text alone, and the service's own key."""
    written = issuer.replace("{ours}", f"{door.site.url}/saml/metadata")
    lie = query(door.request("redirect").but(issuer_xml=written).xml(), by=door.providers.signing.key)
    assert door.refused(lambda: door.bring_query(lie))
    twin = f'<saml:Issuer Format="{ENTITY}">{GENUINE}</saml:Issuer>'
    request = door.request("redirect").but(issuer_xml=twin)
    door.accepted(lambda: door.bring_query(query(request.xml(), by=door.providers.signing.key)))


@BINDINGS
@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_the_moment_is_now(moment: object, binding: str, door: ServiceDoor) -> None:
    """Five minutes earlier or later are borne with, and one way to write it."""
    assert callable(moment)
    lie = door.request(binding, IssueInstant=moment(datetime.now(UTC)))
    _refused(door, lie, binding)
    for minutes in (-4.8, 4.8):
        near = door.request(binding, IssueInstant=instant(datetime.now(UTC) + timedelta(minutes=minutes)))
        door.accepted(lambda: door.bring(near.xml(), binding))  # noqa: B023 - called at once


@BINDINGS
@pytest.mark.parametrize(
    "destination",
    [None, "", "https://evil.test/", "{url}/saml/sso/other", "{url}/saml/sso/{binding}/", "{url}"],
)
def test_a_signed_request_names_the_address_that_it_came_to(
    destination: str | None, binding: str, door: ServiceDoor
) -> None:
    """One that was made for another identity provider, or for our other door, is not taken here."""
    named = destination and destination.format(url=door.site.url, binding=binding)
    _refused(door, door.request(binding).but(destination=named), binding)
    other = next(one for one in BOTH if one != binding)
    _refused(door, door.request(binding).but(destination=f"{door.site.url}/saml/sso/{other}"), binding)
    door.accepted(lambda: door.bring(door.request(binding).xml(), binding))


@BINDINGS
@pytest.mark.parametrize(
    "attributes",
    [
        {"Version": "1.1"},
        {"Version": "2"},
        {"Version": None},
        {"ID": None},
        {"ID": ""},
        {"ID": "1abc"},
        {"ID": "_a b"},
        {"ID": "_" + "a" * 300},
        {"IssueInstant": None},
        {"ForceAuthn": "yes"},
        {"IsPassive": "TRUE"},
        {"Unknown": "x"},
    ],
)
def test_attributes_outside_the_grammar(
    attributes: dict[str, str | None], binding: str, door: ServiceDoor
) -> None:
    """Version 2.0, an NCName as ID, booleans as XML writes them, and nothing unknown."""
    lie = door.request(binding, **attributes).xml()
    document = enveloped(lie, door.providers.signing.key) if attributes.get("ID", "_") else lie
    text = query(lie, by=door.providers.signing.key)
    if binding == "redirect":
        door.bring_query(text)
    else:
        door.bring_form(form(document))
    assert door.browser.status == 400
    assert "SAMLResponse" not in door.browser.text
    door.accepted(lambda: door.bring(door.request(binding).xml(), binding))


@BINDINGS
def test_a_request_is_answered_once(binding: str, door: ServiceDoor) -> None:
    """The same again, under another name of RelayState, on the other binding: refused; the next one is answered."""
    request = door.request(binding)
    door.accepted(lambda: door.bring(request.xml(), binding))
    _refused(door, request, binding)
    other = next(one for one in BOTH if one != binding)
    _refused(door, request.but(destination=f"{door.site.url}/saml/sso/{other}"), other)
    rows = door.postgres.query("SELECT reason, details ->> 'request' FROM idp_auditrecord", "shared_site")
    assert rows.splitlines().count(f"saml.request.replayed|{request.id}") == 2
    door.accepted(lambda: door.bring(door.request(binding).but(id=new_id()).xml(), binding))


def test_one_of_many_at_once(door: ServiceDoor) -> None:
    """Of twenty windows that bring one request at the same moment one gets the statement."""
    text = query(door.request("redirect").xml(), by=door.providers.signing.key)
    cookies = dict(door.browser.cookies)

    def bring(_: int) -> int:
        window = HttpBrowser(door.site.url)
        window.cookies = dict(cookies)
        window.ask("GET", f"/saml/sso/redirect?{text}", expect=None)
        return window.status

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(bring, range(20)))
    assert statuses == [200] + [400] * 19


def test_another_browser_cannot_go_on_with_a_waiting_request(door: ServiceDoor) -> None:
    """The address of the waiting page is worth nothing without the cookie that came with it (WB-02)."""
    attacker = HttpBrowser(door.site.url)
    text = query(door.request("redirect").xml(), by=door.providers.signing.key)
    place = Page.read(attacker.ask("GET", f"/saml/sso/redirect?{text}")).password_form.action
    door.browser.ask("GET", "/sign-in/", expect=None)
    for method, typed in (("GET", None), ("POST", {"username": "jane", "password": "demo-jane"})):
        fields = None if typed is None else {"csrfmiddlewaretoken": door.browser.csrf, **typed}
        door.browser.ask(method, place, fields, expect=404)
        assert "SAMLResponse" not in door.browser.text
        assert "request-gone" in door.browser.text
    # The twin: in its own browser it goes on.
    attacker.ask("GET", place, expect=200)
    assert received(sign_in_on_page(attacker, "jane", "demo-jane"), door.site).statuses == ["Success"]


def _refused(door: ServiceDoor, lie: Request, binding: str) -> None:
    """A page and nothing else; whether it is counted or stands in the trail depends on who has signed it."""
    door.bring(lie.xml(), binding)
    assert door.browser.status == 400, door.browser.text[:500]
    assert "location" not in door.browser.headers
    assert "SAMLResponse" not in door.browser.text


@BINDINGS
@pytest.mark.parametrize("content", ["", '<samlp:NameIDPolicy Format="urn:x:y"/>'], ids=["passive", "policy"])
def test_strangers_do_not_fill_the_trail(binding: str, content: str, door: ServiceDoor) -> None:
    """The service is told why at its address; what anybody may have sent is counted, not recorded."""
    unmet = "SELECT count(*) FROM idp_auditrecord WHERE event LIKE '%unmet%'"
    counts = "SELECT coalesce(sum(number), 0) FROM idp_refusalcount WHERE reason LIKE 'saml.unmet.%'"

    def asked_by_nobody(sender: Provider, key: Key | None) -> tuple[int, int]:
        """How many rows the trail has more, and by how much the counts are higher."""
        before = [int(door.postgres.query(text, "shared_site")) for text in (unmet, counts)]
        request = door.request(binding, sender, IsPassive=None if content else "true").but(content=content)
        page = send(HttpBrowser(door.site.url), request, binding, by=key)
        assert received(page, door.site).statuses[0] in {"Responder", "Requester"}
        after = [int(door.postgres.query(text, "shared_site")) for text in (unmet, counts)]
        return after[0] - before[0], after[1] - before[1]

    assert asked_by_nobody(door.providers.plain, None) == (0, 1)
    assert asked_by_nobody(door.providers.signing, door.providers.signing.key) == (1, 0)
