"""Whatever stands in a document, the answer is a service's metadata or a refusal."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from idp.domain.errors import Refused
from idp.domain.provider_metadata import cache_duration, provider_of_metadata
from idp.domain.ready_made import ready_made
from idp.domain.service_provider import ServiceProvider
from idp.saml.provider_metadata import read_metadata
from tests.metadata_documents import acs_service, key_descriptor, metadata, signed
from tests.providers import certificate_text_of

NOW = datetime.now(UTC)
DOCUMENTS = (
    metadata(),
    signed(metadata()),
    metadata(services=acs_service() + acs_service("https://w.test/2", "7")),
)
WORDS = st.sampled_from(
    [b"<", b">", b"/>", b'"', b"&amp;", b"&#0;", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<?x?>", b"\x00", b"\xff",
     b"ID=", b"entityID=", b"validUntil=", b"md:EntityDescriptor", b"ds:Signature", b"use=", b"isDefault=", b"xmlns"]
)  # fmt: skip


def read_or_refused(document: bytes, pin: str = "") -> ServiceProvider | None:
    """The provider that the document describes, or None where it was refused; any other error fails the test."""
    try:
        return ready_made(read_metadata(document, now=NOW, certificate=pin))
    except Refused:
        return None


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_changed_document_is_read_or_refused(data: st.DataObject) -> None:
    """A few octets cut out and others put in, anywhere: never another error, never a provider switched on."""
    document = data.draw(st.sampled_from(DOCUMENTS))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(document)))
        length = data.draw(st.integers(0, 40))
        document = document[:start] + data.draw(WORDS | st.binary(max_size=6)) + document[start + length :]
    pin = data.draw(st.sampled_from(["", certificate_text_of("federation")]))
    provider = read_or_refused(document, pin)
    if provider is None:
        return
    assert not provider.enabled
    assert not pin or provider == provider_of_metadata(read_metadata(DOCUMENTS[1], now=NOW))


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=60),
    st.text(max_size=12),
    st.text(max_size=20),
    st.text(max_size=20),
    st.text(max_size=20),
)
def test_any_values_are_read_or_refused(
    location: str, index: str, until: str, duration: str, certificate: str
) -> None:
    """Addresses, numbers, moments, lengths and certificates of any text."""
    escaped = [
        "".join(f"&#{ord(mark)};" if mark.isprintable() else "?" for mark in text)
        for text in (location, index, until, duration, certificate)
    ]
    document = metadata(
        attributes=f'validUntil="{escaped[2]}" cacheDuration="{escaped[3]}"',
        services=acs_service(escaped[0], escaped[1]),
        keys=key_descriptor().replace(certificate_text_of("wiki"), escaped[4]),
    )
    for one in (document, metadata(services=acs_service(escaped[0], escaped[1]))):
        provider = read_or_refused(one)
        assert provider is None or provider.acs[0].location.startswith(("https://", "http://"))


@given(st.from_regex(r"P[0-9YMDTHS.]{0,40}", fullmatch=True))
def test_lengths_never_overflow(text: str) -> None:
    """Any length is a bounded one or none."""
    found = cache_duration(text)
    assert found is None or found.days <= 366
