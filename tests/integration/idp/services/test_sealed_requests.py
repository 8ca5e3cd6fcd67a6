"""A checked request under a seal: it comes back as it was, and nobody who can write in the table makes one."""

import base64
import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from idp.domain.authn_request import AuthnRequest, Comparison, NameIdPolicy, Subject
from idp.domain.saml_names import Binding
from idp.services.parked_requests import WAITS_FOR, RequestGone, Waiting, hashed
from idp.services.sealed_requests import seal, unseal

pytestmark = pytest.mark.attack("RQ-06")

NOW = datetime.now(UTC)
NUMBER = "1" * 64
PLAIN = AuthnRequest("_1", "https://sp.example.test/", NOW, Binding.HTTP_POST, "")
FULL = AuthnRequest(
    id="_1",
    issuer="https://sp.example.test/",
    issued_at=NOW,
    binding=Binding.HTTP_REDIRECT,
    signed_by="f" * 64,
    destination="https://idp.example.test/saml/sso/redirect",
    relay_state='a b&c="<ü>\0',
    acs_url="https://sp.example.test/acs",
    acs_index=7,
    protocol_binding=Binding.HTTP_POST.value,
    force_authn=True,
    is_passive=True,
    name_id_policy=NameIdPolicy("format", "qualifier", allow_create=False),
    subject=Subject("jane", "format"),
    has_conditions=True,
    contexts=("one", "two"),
    comparison=Comparison.MINIMUM,
    named_providers=("https://idp.example.test/",),
    has_further_providers=True,
    attribute_index=3,
)


def waiting(text: str, *, number: str = NUMBER) -> Waiting:
    """A row that holds this text."""
    return Waiting(hashed(number), hashed("secret"), Binding.HTTP_POST, text, NOW)


def sealed(request: AuthnRequest = PLAIN) -> str:
    """The request as it is kept."""
    return seal(request, NUMBER, received_at=NOW)


def test_what_was_asked_comes_back_as_it_was() -> None:
    """Every value of a request, whether it stands there or not; a field that is new must be named above."""
    same = {field.name for field in fields(FULL) if getattr(FULL, field.name) == getattr(PLAIN, field.name)}
    assert same == {"id", "issuer", "issued_at"}
    for request in (PLAIN, FULL, replace(FULL, named_providers=())):
        assert unseal(waiting(sealed(request)), now=NOW) == (request, NOW)


@given(state=st.text(), wanted=st.none() | st.text())
def test_any_text_comes_back(state: str, wanted: str | None) -> None:
    """Nothing that a service sends can be read as something else."""
    request = replace(PLAIN, relay_state=state, contexts=(state,), subject=Subject(state, wanted))
    assert unseal(waiting(sealed(request)), now=NOW)[0] == request


def test_nothing_is_believed_that_we_have_not_sealed_for_this_number() -> None:
    """Changed, made by somebody, cut, or brought from another row; the untouched one is taken."""
    good = sealed()
    values, _, signature = good.partition(":")
    read = json.loads(base64.urlsafe_b64decode(values + "=="))
    read["request"]["acs_url"] = "https://thief.example.test/"
    forged = base64.urlsafe_b64encode(json.dumps(read).encode()).decode().rstrip("=")
    for text in (f"{forged}:{signature}", values, f"{values}:", "", "SAMLRequest=x", f"{good}x"):
        with pytest.raises(RequestGone):
            unseal(waiting(text), now=NOW)
    with pytest.raises(RequestGone):
        unseal(waiting(good, number="2" * 64), now=NOW)
    assert unseal(waiting(good), now=NOW) == (PLAIN, NOW)


def test_a_row_that_is_kept_longer_helps_nobody() -> None:
    """The moment of its arrival is under the seal."""
    last = NOW + WAITS_FOR - timedelta(seconds=1)
    assert unseal(waiting(sealed()), now=last)
    with pytest.raises(RequestGone):
        unseal(waiting(sealed()), now=last + timedelta(seconds=1))


def test_a_new_secret_key_loses_nothing_while_the_former_is_listed() -> None:
    """SECRET_KEY_FALLBACKS are for reading only, and once a key is not listed its seals are nothing."""
    with override_settings(SECRET_KEY="former" * 10, SECRET_KEY_FALLBACKS=[]):
        text = sealed()
    with override_settings(SECRET_KEY="newer" * 10, SECRET_KEY_FALLBACKS=["former" * 10]):
        assert unseal(waiting(text), now=NOW) == (PLAIN, NOW)
    with override_settings(SECRET_KEY="newer" * 10, SECRET_KEY_FALLBACKS=[]), pytest.raises(RequestGone):
        unseal(waiting(text), now=NOW)


def test_what_another_release_has_sealed_is_asked_for_again() -> None:
    """A request that lacks a value of ours is no mistake with a number: it begins again."""
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr("idp.services.sealed_requests.FIELDS", ("id", "issuer"))
        later = sealed()
    with pytest.raises(RequestGone):
        unseal(waiting(later), now=NOW)
