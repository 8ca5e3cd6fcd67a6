"""SX-02: a second assertion without a signature, before or after the signed one."""

import pytest

from tests.attacks import forge
from tests.attacks.stand import Stand

pytestmark = pytest.mark.attack("SX-02")


@pytest.mark.parametrize("mode", ["response", "assertion", "both"])
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_second_assertion_is_refused(mode: str, stand: Stand, *, before: bool) -> None:
    """One response holds one assertion; a second one is refused wherever it stands."""
    document = forge.signed(forge.Statement(), mode).decode()
    second = forge.Statement(assertion_id="_second").for_role(forge.ADMIN).assertion()
    place = "<saml:Assertion" if before else "</samlp:Response>"
    refusal = stand.refused(document.replace(place, second + place, 1))
    assert (refusal.code, refusal.reason) == ("InvalidIdentityToken", "saml.structure.assertion_count")
    stand.accepted(document)


def test_two_signed_assertions_are_refused(stand: Stand) -> None:
    """Even when the response around both is signed, two assertions are refused."""
    text = forge.Statement().xml()
    second = forge.Statement(assertion_id="_second").assertion()
    twice = text.replace("</samlp:Response>", second + "</samlp:Response>")
    assert stand.refused(forge.signed(twice, "response")).reason == "saml.structure.assertion_count"
    stand.accepted(forge.signed(text, "response"))
