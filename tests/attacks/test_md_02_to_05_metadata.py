"""Metadata that must not be believed: each attack beside the document one change away that is."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree

from idp.domain.errors import Refused
from idp.domain.provider_metadata import provider_of_metadata
from idp.saml.errors import MetadataRefused
from idp.saml.provider_metadata import read_metadata
from tests.metadata_documents import DS, MD, POST, acs_service, key_descriptor, metadata, signed
from tests.providers import ACS, ENTITY_ID, certificate_text_of

NOW = datetime.now(UTC)
PIN = certificate_text_of("federation")
XXE = b'<!DOCTYPE md [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
BOMB = b'<!DOCTYPE md [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'


def reason(document: bytes, *, certificate: str = "", entity_id: str = "") -> str:
    """Why this document is refused."""
    with pytest.raises(MetadataRefused) as refusal:
        read_metadata(document, now=NOW, certificate=certificate, entity_id=entity_id)
    assert refusal.value.told
    return refusal.value.reason


def test_the_ordinary_document_is_read() -> None:
    """The twin of all that follows, unsigned and signed."""
    for document, pin in ((metadata(), ""), (signed(metadata()), PIN), (signed(metadata()), "")):
        found = read_metadata(document, now=NOW, certificate=pin)
        assert (found.entity_id, found.acs[0].location, found.acs[0].is_default) == (ENTITY_ID, ACS, True)
        assert found.signing_certificates == (certificate_text_of("wiki"),)


@pytest.mark.attack("MD-02")
@pytest.mark.parametrize(
    ("document", "why"),
    [
        (XXE + metadata(), "document-type"),
        (BOMB + metadata(before="&b;"), "document-type"),
        (metadata() + b" " * 1_000_000, "too-large"),
        (metadata(after="<md:a/>" * 50_000), "too-large"),
        (metadata(after="<md:a>" * 10_000 + "</md:a>" * 10_000), "not-xml"),
        (metadata(after="<md:a>" * 40 + "</md:a>" * 40), "not-xml"),
        (metadata().decode().encode("utf-16"), "not-xml"),
        (b"{}", "not-xml"),
        (b"<html><body/></html>", "root"),
        (metadata(after="<?php x?>"), "not-xml"),
    ],
    ids=lambda value: value if isinstance(value, str) else "document",
)
def test_documents_that_are_no_metadata(document: bytes, why: str) -> None:
    """Document types, bombs, sizes, depths, codings and other kinds of documents are refused at once."""
    began = time.process_time()
    assert reason(document) == f"metadata.{why}"
    assert time.process_time() - began < 1, "a bound, not a speed"


@pytest.mark.attack("MD-02")
def test_comments_stand_between_elements_and_never_in_text() -> None:
    """Metadata is also written for people; a text that a comment splits is refused, not truncated."""
    assert read_metadata(b"<!-- for people -->" + metadata(before="<!-- keys -->"), now=NOW).acs
    found = read_metadata(signed(metadata(before=" <!-- keys --> ")), now=NOW, certificate=PIN)
    assert found.acs
    split = metadata(before="<md:NameIDFormat>urn:a<!-- -->:b</md:NameIDFormat>")
    assert reason(split) == "metadata.not-xml"


@pytest.mark.attack("MD-03")
def test_a_key_without_a_named_use_serves_both() -> None:
    """No `use` means signing and encryption; an unknown use means neither."""
    both = read_metadata(metadata(keys=key_descriptor(use=None)), now=NOW)
    assert both.signing_certificates == both.encryption_certificates == (certificate_text_of("wiki"),)
    apart = key_descriptor("one", "signing") + key_descriptor("two", "encryption")
    found = read_metadata(metadata(keys=apart), now=NOW)
    assert found.signing_certificates == (certificate_text_of("one"),)
    assert found.encryption_certificates == (certificate_text_of("two"),)


@pytest.mark.attack("MD-03")
@pytest.mark.parametrize("kind", ["rsa1024", "p224"])
def test_weak_keys_are_refused_and_strong_ones_taken(kind: str) -> None:
    """RSA from 2048 bits, P-256 and P-384; nothing else is a key (V8)."""
    assert reason(metadata(keys=key_descriptor("weak", kind=kind))) == "metadata.certificate"
    for strong in ("rsa2048", "p256", "p384"):
        found = read_metadata(metadata(keys=key_descriptor("strong", kind=strong)), now=NOW)
        assert found.signing_certificates
    curve = read_metadata(metadata(keys=key_descriptor("strong", None, "p256")), now=NOW)
    assert curve.encryption_certificates == (), "nothing is encrypted for a key that only signs"


@pytest.mark.attack("MD-04")
@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        (f'validUntil="{NOW - timedelta(minutes=6):%Y-%m-%dT%H:%M:%SZ}"', "expired"),
        ('validUntil="2999-02-30T00:00:00Z"', "valid-until"),
        ('validUntil="2999-01-01T00:00:00"', "valid-until"),
        ('validUntil="tomorrow"', "valid-until"),
        ('cacheDuration="P1000Y"', "cache-duration"),
        ('cacheDuration="-PT1H"', "cache-duration"),
        ('cacheDuration="P999999999D"', "cache-duration"),
        ('cacheDuration="PT"', "cache-duration"),
        ('cacheDuration="soon"', "cache-duration"),
    ],
)
def test_times_that_are_over_or_absurd(attributes: str, why: str) -> None:
    """What has expired is not believed, and nothing is believed for ever."""
    assert reason(metadata(attributes=attributes)) == f"metadata.{why}"


@pytest.mark.attack("MD-04")
@pytest.mark.spec("Kantara IIP", "MD04", "an end that is missing, past, or too far ahead")
def test_an_end_can_be_demanded() -> None:
    """Where the settings say so metadata without an end is refused, and one too far ahead; the twins are read."""
    week = timedelta(days=7)

    def ending(moment: datetime) -> bytes:
        return metadata(attributes=f'validUntil="{moment:%Y-%m-%dT%H:%M:%SZ}"')

    for document, why in ((metadata(), "endless"), (ending(NOW + timedelta(days=8)), "too-long")):
        with pytest.raises(MetadataRefused) as refused:
            read_metadata(document, now=NOW, longest_validity=week)
        assert refused.value.reason == f"metadata.{why}"
        assert read_metadata(document, now=NOW)
    assert read_metadata(ending(NOW + timedelta(days=6)), now=NOW, longest_validity=week)


@pytest.mark.spec("Kantara IIP", "G01", "clocks may differ")
def test_clocks_may_differ_at_the_end() -> None:
    """Metadata that has ended four minutes ago by our clock is read, six minutes ago it is not."""
    for minutes, taken in ((4, True), (6, False)):
        text = f'validUntil="{NOW - timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"'
        if taken:
            assert read_metadata(metadata(attributes=text), now=NOW)
        else:
            assert reason(metadata(attributes=text)) == "metadata.expired"


@pytest.mark.attack("MD-04")
def test_times_that_hold() -> None:
    """The twins: an end to come, and a duration that is kept within an hour and a day."""
    until = (NOW + timedelta(days=7)).replace(microsecond=0)
    found = read_metadata(
        metadata(attributes=f'validUntil="{until:%Y-%m-%dT%H:%M:%SZ}" cacheDuration="PT6H"'), now=NOW
    )
    assert (found.valid_until, found.refresh_after) == (until, timedelta(hours=6))
    for text, length in (
        ("PT1S", timedelta(hours=1)),
        ("P30D", timedelta(days=1)),
        ("P1Y", timedelta(days=1)),
    ):
        assert read_metadata(metadata(attributes=f'cacheDuration="{text}"'), now=NOW).refresh_after == length


@pytest.mark.attack("MD-04")
def test_a_pinned_signature_is_demanded() -> None:
    """Unsigned, signed by another key, changed afterwards, or with its signature elsewhere: refused."""
    assert reason(metadata(), certificate=PIN) == "metadata.unsigned"
    assert reason(signed(metadata(), by="mallory"), certificate=PIN) == "metadata.signature"
    good = signed(metadata())
    assert read_metadata(good, now=NOW, certificate=PIN)
    assert reason(
        good.replace(b"wiki.example.test/saml/acs", b"evil.example.test/saml/acs"), certificate=PIN
    ) == ("metadata.signature")
    root = etree.fromstring(good)
    root.append(root[0])
    assert reason(etree.tostring(root), certificate=PIN) == "metadata.signature-place"


@pytest.mark.attack("MD-04")
def test_wrapped_metadata_is_refused() -> None:
    """A genuine signed description inside a forged one, in every place, gives the forger nothing."""
    good = etree.fromstring(signed(metadata()))
    evil = etree.fromstring(
        metadata(attributes='ID="_evil"', services=acs_service("https://evil.example.test/"))
    )
    nested = etree.fromstring(etree.tostring(evil))
    nested.append(etree.fromstring(etree.tostring(good)))
    assert reason(etree.tostring(nested), certificate=PIN) in {"metadata.signature-place", "metadata.root"}
    lifted = etree.fromstring(etree.tostring(evil))
    lifted.insert(0, etree.fromstring(etree.tostring(good))[0])
    assert reason(etree.tostring(lifted), certificate=PIN) == "metadata.signature-shape"
    group = etree.fromstring(f'<md:EntitiesDescriptor xmlns:md="{MD}" ID="_m1"/>'.encode())
    group.append(good)
    group.insert(0, etree.fromstring(etree.tostring(good[0])))
    assert reason(etree.tostring(group), certificate=PIN) == "metadata.signature-place"


@pytest.mark.attack("MD-04")
@pytest.mark.parametrize(
    "change",
    [
        lambda template: template[0][1].set("Algorithm", "http://www.w3.org/2000/09/xmldsig#rsa-sha1"),
        lambda template: template[0][2][1].set("Algorithm", "http://www.w3.org/2000/09/xmldsig#sha1"),
        lambda template: template[0][2][0][1].set(
            "Algorithm", "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
        ),
        lambda template: template[0][0].set(
            "Algorithm", "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"
        ),
    ],
    ids=["rsa-sha1", "sha1", "inclusive", "comments"],
)
def test_signatures_of_other_algorithms_are_refused(change: object) -> None:
    """Signatures that libxmlsec1 would find good are refused for their algorithms."""
    document = signed(metadata(), change=change)  # type: ignore[arg-type]
    assert reason(document, certificate=PIN) in {"metadata.algorithm", "metadata.signature-shape"}


@pytest.mark.attack("MD-04")
@pytest.mark.parametrize(
    "spoil",
    [
        lambda signature: signature[0][2].set("URI", ""),
        lambda signature: signature[0][2].set("URI", "#xpointer(/)"),
        lambda signature: signature[0][2].set("URI", "file:///etc/passwd"),
        lambda signature: signature[0].append(etree.fromstring(etree.tostring(signature[0][2]))),
        lambda signature: signature.append(etree.Element(f"{{{DS}}}Object")),
        lambda signature: signature[0][2][0].append(
            etree.Element(f"{{{DS}}}Transform", Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116")
        ),
        lambda signature: signature[0][2].remove(signature[0][2][0]),
    ],
    ids=["whole", "xpointer", "file", "two references", "object", "xslt", "no transforms"],
)
def test_shapes_that_never_reach_the_signature_library(
    spoil: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other references and transforms are refused by their shape alone."""
    root = etree.fromstring(signed(metadata()))
    monkeypatch.setattr("idp.saml.metadata_signature.xmlsec.SignatureContext", None)
    spoil(root[0])  # type: ignore[operator]
    assert reason(etree.tostring(root), certificate=PIN) == "metadata.signature-shape"


@pytest.mark.attack("MD-04")
def test_two_descriptions_of_one_name_or_id_are_refused() -> None:
    """Of several services one is chosen by its name; doubles are never chosen among."""
    one, other = metadata(), metadata(entity_id="https://other.example.test", attributes='ID="_m2"')
    group = f'<md:EntitiesDescriptor xmlns:md="{MD}">%s</md:EntitiesDescriptor>'
    both = (group % (one + other).decode()).encode()
    assert read_metadata(both, now=NOW, entity_id=ENTITY_ID).entity_id == ENTITY_ID
    assert reason(both) == "metadata.several"
    assert reason(both, entity_id="https://third.example.test") == "metadata.entity-id"
    for twin in (metadata(attributes='ID="_m2"'), metadata(entity_id="https://other.example.test")):
        assert reason((group % (one + twin).decode()).encode(), entity_id=ENTITY_ID) == "metadata.doubled"


@pytest.mark.attack("MD-04")
def test_what_ends_for_a_group_ends_for_everybody_in_it() -> None:
    """A group within a group that has expired is believed no more than one that is the whole document."""

    def nested(until: datetime) -> bytes:
        start = f'<md:EntitiesDescriptor xmlns:md="{MD}"'
        inner = (
            f'{start} validUntil="{until:%Y-%m-%dT%H:%M:%SZ}">{metadata().decode()}</md:EntitiesDescriptor>'
        )
        return f"{start}>{inner}</md:EntitiesDescriptor>".encode()

    assert reason(nested(NOW - timedelta(minutes=6)), entity_id=ENTITY_ID) == "metadata.expired"
    until = (NOW + timedelta(days=1)).replace(microsecond=0)
    assert read_metadata(nested(until), now=NOW, entity_id=ENTITY_ID).valid_until == until


@pytest.mark.attack("MD-05")
@pytest.mark.parametrize(
    "location",
    ["javascript:alert(1)", "data:text/html,x", "http://wiki.example.test/acs", "https://u@w.test/", ""],
)
def test_unlawful_addresses_refuse_the_whole_document(location: str) -> None:
    """An endpoint that no response may go to is not skipped: whoever wrote it is not believed."""
    assert reason(metadata(services=acs_service() + acs_service(location, "1"))) == "metadata.location"
    logout = f'<md:SingleLogoutService Binding="{POST}" Location="{location}"/>'
    assert reason(metadata(before=logout)) == "metadata.location"


@pytest.mark.attack("MD-05")
@pytest.mark.parametrize("index", ["", "x", "-1", "65536", "٣"])
def test_indexes_are_numbers(index: str) -> None:
    """An index is an unsigned short in ASCII."""
    with pytest.raises(Refused):
        provider_of_metadata(read_metadata(metadata(services=acs_service(index=index)), now=NOW))


def test_without_a_place_for_posted_responses_there_is_no_provider() -> None:
    """Artifact and PAOS endpoints are left out; if nothing is left the document is refused."""
    paos = acs_service(binding="urn:oasis:names:tc:SAML:2.0:bindings:PAOS", index="7")
    assert reason(metadata(services=paos)) == "metadata.acs"
    assert [one.index for one in read_metadata(metadata(services=paos + acs_service()), now=NOW).acs] == [0]
    more = acs_service(index="3") + acs_service(f"{ACS}/2", "5", more=' isDefault="true"')
    found = read_metadata(metadata(services=more), now=NOW).acs
    assert [(one.index, one.is_default) for one in found] == [(3, False), (5, True)]
