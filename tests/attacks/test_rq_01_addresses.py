"""RQ-01: no address in a request is believed; the answer goes to a registered one or nowhere."""

import pytest

from tests.attacks.service_door import BOTH, ServiceDoor
from tests.service_provider import query

pytestmark = pytest.mark.attack("RQ-01")

GENUINE = "https://signing.example.test/acs"
LOOKALIKES = {
    "unregistered": "https://evil.example.test/acs",
    "of-another-service": "https://other.example.test/acs",
    "prefix": "https://signing.example.test/ac",
    "suffix": GENUINE + "/x",
    "suffix-of-host": "https://signing.example.test.evil.test/acs",
    "userinfo": "https://signing.example.test@evil.test/acs",
    "own-userinfo": "https://x@signing.example.test/acs",
    "dot-segments": "https://signing.example.test/x/../acs",
    "encoded": "https://signing.example.test/%61cs",
    "port": "https://signing.example.test:443/acs",
    "case-of-host": "https://SIGNING.example.test/acs",
    "case-of-path": "https://signing.example.test/ACS",
    "trailing-slash": GENUINE + "/",
    "trailing-dot": "https://signing.example.test./acs",
    "fragment": GENUINE + "#x",
    "query": GENUINE + "?x=1",
    "empty-query": GENUINE + "?",
    "foreign-letters": "https://s\N{CYRILLIC SMALL LETTER BYELORUSSIAN-UKRAINIAN I}gning.example.test/acs",
    "blank-before": " " + GENUINE,
    "blank-behind": GENUINE + " ",
    "http": "http://signing.example.test/acs",
    "javascript": "javascript:alert(1)//https://signing.example.test/acs",
    "data": "data:text/html,x",
    "no-scheme": "//signing.example.test/acs",
    "path": "/acs",
    "empty": "",
}


@pytest.mark.parametrize("address", LOOKALIKES.values(), ids=LOOKALIKES)
def test_only_the_registered_address_is_answered(address: str, door: ServiceDoor) -> None:
    """Every other spelling is refused with a page, although the service itself has signed it."""
    for binding in BOTH:
        lie = door.request(binding, AssertionConsumerServiceURL=address)
        door.bring(lie.xml(), binding)
        assert door.browser.status == 400
        assert "location" not in door.browser.headers
        assert "SAMLResponse" not in door.browser.text
        assert len(address) < 5 or address not in door.browser.text
        twin = door.request(binding, AssertionConsumerServiceURL=GENUINE)
        assert door.accepted(lambda: door.bring(twin.xml(), binding)).acs == GENUINE  # noqa: B023 - called at once


def test_a_signed_lie_stands_in_the_trail(door: ServiceDoor) -> None:
    """The key of the service has made it, so there is one row with the reason and the page's reference."""
    lie = door.request("redirect", AssertionConsumerServiceURL="https://evil.example.test/acs")
    door.bring(lie.xml(), "redirect")
    rows = door.postgres.query(
        "SELECT event, reason, details ->> 'request' FROM idp_auditrecord", "shared_site"
    )
    assert rows.splitlines().count(f"service:request:refused|saml.request.acs|{lie.id}") == 1


@pytest.mark.parametrize(
    "attributes",
    [
        {"AssertionConsumerServiceIndex": "9"},
        {"AssertionConsumerServiceIndex": "65536"},
        {"AssertionConsumerServiceIndex": "-1"},
        {"AssertionConsumerServiceIndex": "٣"},
        {"AssertionConsumerServiceIndex": "0", "AssertionConsumerServiceURL": GENUINE},
        {"ProtocolBinding": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact"},
        {"ProtocolBinding": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"},
        {
            "AssertionConsumerServiceIndex": "0",
            "ProtocolBinding": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST",
        },
    ],
)
def test_indexes_and_bindings(attributes: dict[str, str], door: ServiceDoor) -> None:
    """An index out of range, an index beside an address, and another binding than POST are refused."""
    door.bring(door.request("redirect", **attributes).xml(), "redirect")
    assert door.browser.status == 400
    assert "SAMLResponse" not in door.browser.text
    twin = door.request("redirect", AssertionConsumerServiceIndex="0")
    assert door.accepted(lambda: door.bring(twin.xml(), "redirect")).acs == GENUINE


def test_an_unsigned_lie_is_counted(door: ServiceDoor) -> None:
    """Anybody may have sent it: no row for each, and nothing is kept."""
    sender = door.providers.plain
    lie = door.request("redirect", sender, AssertionConsumerServiceURL=GENUINE)
    assert door.refused(lambda: door.bring_query(query(lie.xml(), by=None))) == "saml.request.acs"
    twin = door.request("redirect", sender, AssertionConsumerServiceURL=sender.acs)
    assert door.accepted(lambda: door.bring_query(query(twin.xml(), by=None))).acs == sender.acs
