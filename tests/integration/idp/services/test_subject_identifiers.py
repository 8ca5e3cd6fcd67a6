"""Subject identifiers: who gets which, for how long, and what a service is told of them."""

import re
from collections.abc import Mapping
from dataclasses import replace

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from idp.domain.identity import DirectoryIdentity
from idp.domain.provider_metadata import provider_of_metadata, subject_attribute
from idp.domain.released_attribute import Made
from idp.domain.service_provider import ServiceProvider
from idp.models import SubjectIdentifier
from idp.saml.provider_metadata import read_metadata
from idp.services.subject_identifiers import known_subject_identifiers, subject_identifiers
from tests.metadata_documents import metadata
from tests.providers import a_provider
from tests.unit.idp.domain.test_service_provider import jane

pytestmark = pytest.mark.django_db

BOTH = a_provider(attributes=tuple(subject_attribute(made) for made in Made))
OTHER = replace(BOTH, entity_id="https://other.example.test")
# Subject Identifier Attributes Profile 1.0, 3.3.1.
grammar = re.compile(r"[A-Za-z0-9][A-Za-z0-9=-]{0,126}@[A-Za-z0-9][A-Za-z0-9.-]{0,126}", re.ASCII)


def given(identity: DirectoryIdentity, provider: ServiceProvider = BOTH) -> Mapping[Made, str]:
    """What this person is called at this service."""
    return subject_identifiers(identity.account_key, provider, now=timezone.now())


@pytest.mark.attack("LD-09")
@pytest.mark.spec("saml2int", "SDP-IDP13", "subject identifiers")
def test_they_are_kept_through_renames_and_are_nobody_else_s() -> None:
    """One is the same everywhere, the other at one service only; whoever gets the name again gets neither."""
    identity = jane(timezone.now())
    first = given(identity)
    assert given(replace(identity, username="jane.smith", mail="smith@example.test")) == first
    other = given(identity, OTHER)
    assert other[Made.SUBJECT_ID] == first[Made.SUBJECT_ID]
    successor = given(replace(identity, immutable_id="00000001"))
    every = [first[Made.SUBJECT_ID], first[Made.PAIRWISE_ID], other[Made.PAIRWISE_ID], *successor.values()]
    assert len({one.casefold() for one in every}) == 5
    assert all(grammar.fullmatch(one) and one == one.lower() and "jane" not in one for one in every)
    assert {one.partition("@")[2] for one in every} == {"idp.example.test"}


def test_no_two_people_have_one_identifier() -> None:
    """The table refuses one that differs by its case only, wherever it is valid."""
    now = timezone.now()
    SubjectIdentifier.objects.create(account_key="a:1", value="abc", created_at=now)
    for account_key, entity_id, value in (("a:2", "urn:x:y", "ABC"), ("a:1", "", "other")):
        with pytest.raises(IntegrityError), transaction.atomic():
            SubjectIdentifier.objects.create(
                account_key=account_key, entity_id=entity_id, value=value, created_at=now
            )
    SubjectIdentifier.objects.create(account_key="a:1", entity_id="urn:x:y", value="other", created_at=now)


def test_who_is_not_told_costs_nothing_and_gives_nobody_one() -> None:
    """A service without them asks no table; looking gives nobody one."""
    assert given(jane(timezone.now()), a_provider()) == {}
    assert known_subject_identifiers(jane(timezone.now()).account_key, BOTH) == {}
    assert not SubjectIdentifier.objects.exists()


def test_what_the_service_is_told() -> None:
    """One value each under the profile's names, in the format for URIs."""
    identity = jane(timezone.now())
    made = given(identity)
    told = BOTH.attributes_for(identity, made)
    assert [(one.name, one.values) for one in told] == [
        ("urn:oasis:names:tc:SAML:attribute:subject-id", (made[Made.SUBJECT_ID],)),
        ("urn:oasis:names:tc:SAML:attribute:pairwise-id", (made[Made.PAIRWISE_ID],)),
    ]
    assert {one.name_format for one in told} == {"urn:oasis:names:tc:SAML:2.0:attrname-format:uri"}


def asking(*words: str) -> bytes:
    """Metadata of a service with this requirement."""
    values = "".join(f"<saml:AttributeValue>{word}</saml:AttributeValue>" for word in words)
    extensions = (
        '<md:Extensions xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"><mdattr:EntityAttributes'
        ' xmlns:mdattr="urn:oasis:names:tc:SAML:metadata:attribute"'
        ' xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"><saml:Attribute'
        ' Name="urn:oasis:names:tc:SAML:profiles:subject-id:req"'
        ' NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri">'
        f"{values}</saml:Attribute></mdattr:EntityAttributes></md:Extensions>"
    ).encode()
    return metadata().replace(b"<md:SPSSODescriptor", extensions + b"<md:SPSSODescriptor", 1)


@pytest.mark.spec("saml2int", "SDP-IDP15", "requirements told by entity attributes")
@pytest.mark.parametrize(
    ("words", "proposed"),
    [
        (("subject-id",), Made.SUBJECT_ID),
        (("pairwise-id",), Made.PAIRWISE_ID),
        (("any",), Made.PAIRWISE_ID),
        (("none",), None),
        (("everything",), None),
        (("subject-id", "pairwise-id"), None),
    ],
)
def test_what_a_service_asks_for_is_proposed(words: tuple[str, ...], proposed: Made | None) -> None:
    """The service is switched off and for nobody until somebody agrees; nonsense proposes nothing."""
    provider = provider_of_metadata(read_metadata(asking(*words), now=timezone.now()))
    assert provider.attributes == (() if proposed is None else (subject_attribute(proposed),))
    assert not provider.enabled
    assert not provider.for_everyone
