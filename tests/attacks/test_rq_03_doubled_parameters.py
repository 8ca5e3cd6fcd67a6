"""RQ-03: each parameter once, one message, one encoding: readers who choose differently read different messages."""

import pytest

from tests.attacks.service_door import ServiceDoor
from tests.service_provider import enveloped, form, packed, query

pytestmark = pytest.mark.attack("RQ-03")


@pytest.mark.parametrize("name", ["SAMLRequest", "RelayState", "SigAlg", "Signature"])
@pytest.mark.parametrize("in_front", [True, False])
@pytest.mark.parametrize("spelt", [False, True])
def test_nothing_stands_there_twice(name: str, in_front: bool, spelt: bool, door: ServiceDoor) -> None:  # noqa: FBT001 - pytest gives parameters by name
    """Neither before nor behind the genuine one, nor under a coded spelling of its name."""
    genuine = query(door.request("redirect").xml(), by=door.providers.signing.key, relay_state="a")
    evil = packed(door.request("redirect", AssertionConsumerServiceURL="https://evil.test").xml())
    value = evil.replace("+", "%2B") if name == "SAMLRequest" else "x"
    label = f"%{ord(name[0]):02x}{name[1:]}" if spelt else name
    both = f"{label}={value}&{genuine}" if in_front else f"{genuine}&{label}={value}"
    assert door.refused(lambda: door.bring_query(both)) == "saml.binding.doubled"
    door.accepted(lambda: door.bring_query(genuine))


def test_a_request_and_a_response_at_once(door: ServiceDoor) -> None:
    """Only one message is there."""
    genuine = query(door.request("redirect").xml(), by=door.providers.signing.key)
    assert door.refused(lambda: door.bring_query(f"SAMLResponse=x&{genuine}")) == "saml.binding.message"
    assert door.refused(lambda: door.bring_query("RelayState=x")) == "saml.binding.message"
    assert door.refused(lambda: door.bring_query("")) == "saml.binding.message"
    door.accepted(lambda: door.bring_query(genuine))


def test_another_encoding(door: ServiceDoor) -> None:
    """DEFLATE may be named, and nothing else."""
    deflate = "urn%3Aoasis%3Anames%3Atc%3ASAML%3A2.0%3Abindings%3AURL-Encoding%3ADEFLATE"
    genuine = query(door.request("redirect").xml(), by=door.providers.signing.key)
    lie = f"{genuine}&SAMLEncoding={deflate}x"
    assert door.refused(lambda: door.bring_query(lie)) == "saml.binding.encoding"
    door.accepted(lambda: door.bring_query(f"{genuine}&SAMLEncoding={deflate}"))


@pytest.mark.parametrize("times", [1, 30])
@pytest.mark.parametrize("name", ["SAMLRequest", "RelayState"])
def test_nothing_is_posted_twice(name: str, times: int, door: ServiceDoor) -> None:
    """A form with a field twice, or as often as one likes, is refused, whichever of them is genuine."""
    document = enveloped(door.request("post").xml(), door.providers.signing.key)
    fields = form(document, relay_state="a")

    def doubled() -> str:
        browser = door.browser
        body = "&".join(f"{key}={value.replace('+', '%2B')}" for key, value in fields.items())
        body += f"&{name}={fields[name].replace('+', '%2B')}" * times
        kept, browser.cookies = browser.cookies, {}
        browser.connection.request(
            "POST",
            "/saml/sso/post",
            body=body,
            headers={"Host": browser.host, "Content-Type": "application/x-www-form-urlencoded"},
        )
        answer = browser.connection.getresponse()
        browser.status, browser.text = answer.status, answer.read().decode()
        browser.headers = {key.lower(): value for key, value in answer.getheaders()}
        browser.cookies = kept
        return browser.text

    assert door.refused(doubled) == "saml.binding.doubled"
    door.accepted(lambda: door.bring_form(fields))


@pytest.mark.parametrize("name", ["SigAlg", "Signature", "SAMLResponse"])
def test_nothing_of_the_other_binding_is_posted(name: str, door: ServiceDoor) -> None:
    """Who sends a query's signature in a form believes that it is checked."""
    fields = form(enveloped(door.request("post").xml(), door.providers.signing.key))
    assert door.refused(lambda: door.bring_form({**fields, name: "x"})) in {
        "saml.binding.signature",
        "saml.binding.message",
    }
    door.accepted(lambda: door.bring_form(fields))
