"""RQ-04: a service that signs is believed by its signature over the raw octets of the query, and by nothing else."""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.attacks.service_door import ServiceDoor
from tests.service_provider import (
    RSA_SHA256,
    certified,
    enveloped,
    form,
    key,
    provider,
    query,
    register,
    signed_query,
)

pytestmark = pytest.mark.attack("RQ-04")

MORE = "http://www.w3.org/2001/04/xmldsig-more#"


def parts(text: str) -> dict[str, str]:
    """The parameters of a query, still coded."""
    return dict(part.split("=", 1) for part in text.split("&"))


def joined(values: dict[str, str]) -> str:
    """The query of these parameters."""
    return "&".join(f"{name}={value}" for name, value in values.items())


def without(*names: str) -> Callable[[str], str]:
    """The query less these parameters."""
    return lambda text: joined({name: value for name, value in parts(text).items() if name not in names})


def reordered(text: str) -> str:
    """The same parameters in another order."""
    return joined(dict(reversed(parts(text).items())))


LIES: dict[str, tuple[Callable[[str], str], str]] = {
    "stripped": (without("SigAlg", "Signature"), "saml.signature.missing"),
    "no-algorithm": (without("SigAlg"), "saml.signature.incomplete"),
    "no-signature": (without("Signature"), "saml.signature.incomplete"),
    "empty-signature": (lambda text: text.rpartition("=")[0] + "=", "saml.binding.base64"),
    "relay-state-removed": (without("RelayState"), "saml.signature.invalid"),
    "relay-state-swapped": (
        lambda text: text.replace("RelayState=a", "RelayState=b"),
        "saml.signature.invalid",
    ),
    "relay-state-emptied": (
        lambda text: text.replace("RelayState=a", "RelayState="),
        "saml.signature.invalid",
    ),
    "reordered": (reordered, "saml.binding.order"),
    "coded-again-in-small-letters": (lambda text: text.replace("%2F", "%2f", 1), "saml.signature.invalid"),
    "coded-less": (lambda text: text.replace("%2F", "/", 1), "saml.signature.invalid"),
    "coded-more": (lambda text: text.replace("RelayState=a", "RelayState=%61"), "saml.signature.invalid"),
}


@pytest.mark.parametrize(("lie", "reason"), LIES.values(), ids=LIES)
def test_the_octets_that_came_are_the_octets_that_were_signed(
    lie: Callable[[str], str], reason: str, door: ServiceDoor
) -> None:
    """One octet more, less or otherwise, and it is another query; as it was signed it is accepted."""
    genuine = ""
    while "%2F" not in genuine.partition("&")[0]:  # what is coded in two ways must be there
        genuine = query(door.request("redirect").xml(), by=door.providers.signing.key, relay_state="a")
    assert lie(genuine) != genuine
    assert door.refused(lambda: door.bring_query(lie(genuine))) == reason
    door.accepted(lambda: door.bring_query(genuine))


def test_small_letters_are_good_where_they_were_signed(door: ServiceDoor) -> None:
    """Some services write `%2f`: the raw octets count, not our way to write them."""
    text = query(door.request("redirect").xml(), by=None, relay_state="a/b=c").replace("%2F", "%2f")
    got = door.accepted(lambda: door.bring_query(signed_query(text, door.providers.signing.key)))
    assert got.relay_state == "a/b=c"


@pytest.mark.parametrize(
    "algorithm",
    [
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        MORE + "hmac-sha256",
        MORE + "rsa-md5",
        "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
        MORE + "none",
        RSA_SHA256 + " ",
        "",
    ],
)
def test_algorithms_off_the_list(algorithm: str, door: ServiceDoor) -> None:
    """Weak, symmetric, unknown: refused before any key is looked at."""
    text = f"{query(door.request('redirect').xml(), by=None)}&SigAlg={quote(algorithm, safe='')}"
    public = door.providers.signing.key.certificate.encode()
    forged = b64encode(hmac.digest(public, text.encode(), hashlib.sha256)).decode()
    lie = f"{text}&Signature={quote(forged, safe='')}"
    assert door.refused(lambda: door.bring_query(lie)) == "saml.signature.algorithm"
    genuine = query(door.request("redirect").xml(), by=door.providers.signing.key)
    door.accepted(lambda: door.bring_query(genuine))


@pytest.mark.parametrize("algorithm", [MORE + "rsa-sha384", MORE + "rsa-sha512"])
def test_stronger_algorithms_are_taken(algorithm: str, door: ServiceDoor) -> None:
    """The list has three for RSA; the name must be that of the one that was used."""
    text = query(door.request("redirect").xml(), by=door.providers.signing.key, algorithm=algorithm)
    door.accepted(lambda: door.bring_query(text))
    text = query(door.request("redirect").xml(), by=door.providers.signing.key, algorithm=algorithm)
    lie = text.replace(quote(algorithm, safe=""), quote(RSA_SHA256, safe=""))
    assert door.refused(lambda: door.bring_query(lie)) == "saml.signature.invalid"


def test_curves_and_sizes(door: ServiceDoor) -> None:
    """P-256 and P-384 may sign on both bindings; P-521 and a key of 1024 bits may not, whoever registered them."""
    for curve, digest, good in (
        (ec.SECP256R1(), "256", True),
        (ec.SECP384R1(), "384", True),
        (ec.SECP521R1(), "384", False),
    ):
        sender = provider(f"curve-{curve.name}", key=certified(ec.generate_private_key(curve), curve.name))
        register(door.site, [sender])
        text = query(
            door.request("redirect", sender).xml(), by=sender.key, algorithm=f"{MORE}ecdsa-sha{digest}"
        )
        if not good:
            assert door.refused(lambda: door.bring_query(text)) == "saml.signature.invalid"  # noqa: B023 - called at once
            continue
        door.accepted(lambda: door.bring_query(text))  # noqa: B023 - likewise
        document = enveloped(door.request("post", sender).xml(), sender.key)
        door.accepted(lambda: door.bring_form(form(document)))  # noqa: B023 - likewise
    weak = provider("weak", key=key("weak", bits=1024))
    register(door.site, [weak])
    text = query(door.request("redirect", weak).xml(), by=weak.key)
    assert door.refused(lambda: door.bring_query(text)) == "saml.signature.invalid"


@pytest.mark.spec("Kantara IIP", "MD07", "any key of the service may have signed")
def test_any_of_several_keys_may_have_signed(door: ServiceDoor) -> None:
    """A service that changes its key has two for a while; a third one is none of its own."""
    keys = [
        key("several-1"),
        certified(ec.generate_private_key(ec.SECP256R1()), "several-2"),
        key("several-3"),
    ]
    certificates = [one.certificate for one in keys[:2]]
    sender = provider("several-keys", key=keys[0], row={"signing_certificates": certificates})
    register(door.site, [sender])
    for one in keys:
        algorithm = (
            f"{MORE}ecdsa-sha256" if isinstance(one.private, ec.EllipticCurvePrivateKey) else RSA_SHA256
        )
        text = query(door.request("redirect", sender).xml(), by=one, algorithm=algorithm)
        fields = form(enveloped(door.request("post", sender).xml(), one))
        if one is keys[2]:
            assert door.refused(lambda: door.bring_query(text)) == "saml.signature.invalid"  # noqa: B023 - called at once
            assert door.refused(lambda: door.bring_form(fields)) == "saml.signature.invalid"  # noqa: B023 - likewise
        else:
            door.accepted(lambda: door.bring_query(text))  # noqa: B023 - likewise
            door.accepted(lambda: door.bring_form(fields))  # noqa: B023 - likewise


def test_keys_of_others(door: ServiceDoor) -> None:
    """Neither another service's key nor one that only the message knows."""
    for stranger in (door.providers.other.key, key("stranger")):
        text = query(door.request("redirect").xml(), by=stranger)
        assert door.refused(lambda: door.bring_query(text)) == "saml.signature.invalid"  # noqa: B023 - called at once
        document = enveloped(door.request("post").xml(), stranger)
        assert door.refused(lambda: door.bring_form(form(document))) == "saml.signature.invalid"  # noqa: B023 - likewise
    # A service without a registered key signs in vain: nobody could tell who it is.
    text = query(door.request("redirect", door.providers.plain).xml(), by=door.providers.plain.key)
    assert door.refused(lambda: door.bring_query(text)) == "saml.signature.invalid"


def test_a_signature_inside_the_message_does_not_sign_a_query(door: ServiceDoor) -> None:
    """Neither alone nor beside one over the query."""
    document = enveloped(door.request("redirect").xml(), door.providers.signing.key)
    alone = query(document, by=None)
    assert door.refused(lambda: door.bring_query(alone)) == "saml.signature.enveloped_in_query"
    both = query(document, by=door.providers.signing.key)
    assert door.refused(lambda: door.bring_query(both)) == "saml.signature.enveloped_in_query"


def test_posting_to_the_other_door(door: ServiceDoor) -> None:
    """A form at the address of queries is no request, with or without its signature."""
    text = query(door.request("redirect").xml(), by=door.providers.signing.key)
    browser = door.browser
    browser.ask("POST", "/saml/sso/redirect", {"SAMLRequest": "x"}, expect=None)
    assert browser.status in {403, 405}
    browser.ask("GET", f"/saml/sso/post?{text}", expect=None)
    assert browser.status == 405
    plain = form(door.request("post").xml())
    assert door.refused(lambda: door.bring_form(plain)) == "saml.signature.missing"
    door.accepted(lambda: door.bring_query(text))
