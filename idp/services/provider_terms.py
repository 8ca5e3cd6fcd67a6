"""The terms agreed with a service, as operators write them on a command line."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar

from idp.conf.saml import saml_config
from idp.domain.encryption_scheme import EncryptionScheme
from idp.domain.released_attribute import MalformedRelease, ReleasedAttribute, Source, SourceKind
from idp.domain.saml_names import Binding, NameFormat, NameIdFormat, SignatureAlgorithm
from idp.domain.service_provider import (
    AcsEndpoint,
    GroupOfProvider,
    LogoutEndpoint,
    MalformedProvider,
    ServiceProvider,
)
from idp.domain.service_wishes import ReleaseCondition
from idp.saml.certificates import read_certificate_text
from idp.services.groups import find_group

Name = TypeVar("Name", SignatureAlgorithm, NameIdFormat, NameFormat, Binding)


@dataclass(frozen=True, slots=True)
class Terms:
    """What to change of an agreement; None leaves as it is, an empty list empties."""

    name: str | None = None
    acs: Sequence[str] | None = None
    logout: Sequence[str] | None = None
    name_id: str | None = None
    omit_name_id: bool | None = None
    attributes: Sequence[str] | None = None
    groups: Sequence[str] | None = None
    for_everyone: bool | None = None
    want_signed_requests: bool | None = None
    signing_certificates: Sequence[str] | None = None
    encrypt_assertions: bool | None = None
    encryption_certificate: str | None = None
    encryption_scheme: str | None = None
    signature_algorithm: str | None = None
    sign: str | None = None
    session_seconds: int | None = None
    relay_state: str | None = None


def with_terms(provider: ServiceProvider, terms: Terms) -> ServiceProvider:
    """The provider under these terms; refuses what could not be served and groups the directory does not know."""
    changed: dict[str, object] = {
        "name": terms.name,
        "acs": None if terms.acs is None else acs_of_texts(terms.acs),
        "logout": None if terms.logout is None else tuple(logout_of_text(text) for text in terms.logout),
        "omit_name_id": terms.omit_name_id,
        "attributes": None
        if terms.attributes is None
        else tuple(attribute_of_text(text) for text in terms.attributes),
        "groups": None if terms.groups is None else tuple(group_of_text(text) for text in terms.groups),
        "for_everyone": terms.for_everyone,
        "want_signed_requests": terms.want_signed_requests,
        "signing_certificates": None
        if terms.signing_certificates is None
        else tuple(read_certificate_text(text).text for text in terms.signing_certificates),
        "encrypt_assertions": terms.encrypt_assertions,
        "encryption_certificate": None
        if terms.encryption_certificate is None
        else read_certificate_text(terms.encryption_certificate).text,
        "encryption_scheme": None if terms.encryption_scheme is None else _scheme(terms.encryption_scheme),
        "signature_algorithm": None
        if terms.signature_algorithm is None
        else _named(SignatureAlgorithm, terms.signature_algorithm, "signature_algorithm"),
        "session_for": None if terms.session_seconds is None else timedelta(seconds=terms.session_seconds),
        "default_relay_state": terms.relay_state,
    }
    if terms.sign is not None:
        changed |= {"sign_assertion": terms.sign != "response", "sign_response": terms.sign != "assertion"}
    if terms.name_id is not None:
        changed["name_id_format"], source = name_id_of_text(terms.name_id)
        # None means leave as it is below; here it is what is wanted.
        provider = replace_name_id(provider, changed.pop("name_id_format"), source)
    kept = {name: value for name, value in changed.items() if value is not None}
    return replace(provider, **kept)  # type: ignore[arg-type] # each of its own field's type


def replace_name_id(provider: ServiceProvider, name_format: object, source: Source | None) -> ServiceProvider:
    """The provider with another kind of name identifier."""
    return replace(provider, name_id_format=name_format, name_id_source=source)  # type: ignore[arg-type] # see above


def name_id_of_text(text: str) -> tuple[NameIdFormat, Source | None]:
    """`persistent`, `transient`, `email=person:mail` or `unspecified=directory:employeeNumber`."""
    name, _, source = text.partition("=")
    return _named(NameIdFormat, name, "name_id_format"), checked_source(
        Source.parse(source)
    ) if source else None


def attribute_of_text(text: str) -> ReleasedAttribute:
    """`NAME=SOURCE`, `NAME=SOURCE;basic` or `NAME=SOURCE;uri;FRIENDLY;requested`; the first source counts."""
    described, *further = text.split(";")
    name, equals, source = described.partition("=directory:")
    kind = "directory:"
    for other in ("=person:", "=made:", "=constant:"):
        if not equals:
            name, equals, source = described.partition(other)
            kind = other[1:]
    if not equals or len(further) > 3:  # noqa: PLR2004 - format, friendly name, condition
        raise MalformedRelease(
            f"attribute {text[:80]!r}",
            sentence="An attribute is written NAME=directory:ATTRIBUTE, NAME=person:FACT,"
            " NAME=made:IDENTIFIER or NAME=constant:TEXT,"
            " and after semicolons the format (uri, basic, unspecified), the friendly name, and when it is sent"
            " (requested, required, entity:NAME=VALUE).",
        )
    return ReleasedAttribute(
        name=name,
        source=checked_source(Source.parse(f"{kind}{source}")),
        name_format=_named(NameFormat, further[0] or "uri", "attributes") if further else NameFormat.URI,
        friendly_name=further[1] if len(further) > 1 else "",
        when=ReleaseCondition(further[2]) if len(further) > 2 and further[2] else None,  # noqa: PLR2004 - see above
    )


def checked_source(source: Source) -> Source:
    """The same source; refuses a directory attribute that the settings do not allow to be released."""
    allowed = {name.casefold() for name in saml_config().released_attributes}
    if source.kind is SourceKind.DIRECTORY and source.value.casefold() not in allowed:
        raise MalformedRelease(
            f"{source} is not allow-listed",
            sentence=f"{source.value} may not be released: name it in DRAWBRIDGE_RELEASED_ATTRIBUTES first.",
        )
    return source


def acs_of_texts(texts: Sequence[str]) -> tuple[AcsEndpoint, ...]:
    """Addresses in the order of their indexes; the first is the default."""
    return tuple(AcsEndpoint(text, number, is_default=number == 0) for number, text in enumerate(texts))


def logout_of_text(text: str) -> LogoutEndpoint:
    """`post=ADDRESS` or `redirect=ADDRESS`, and after a blank the address for answers."""
    binding, _, addresses = text.partition("=")
    location, _, answers = addresses.partition(" ")
    return LogoutEndpoint(location, _named(Binding, f"http-{binding}", "logout"), answers.strip())


def group_of_text(text: str) -> GroupOfProvider:
    """The group of this distinguished name or identifier, as the directory knows it."""
    found = find_group(text)
    return GroupOfProvider(found.group_id, found.dn)


def _scheme(text: str) -> EncryptionScheme:
    if text not in set(EncryptionScheme):
        raise MalformedProvider(
            f"{text[:80]!r}",
            sentence=f"{text[:80]!r} is none of {', '.join(EncryptionScheme)}.",
            field="encryption_scheme",
        )
    return EncryptionScheme(text)


def _named(names: type[Name], text: str, field: str) -> Name:
    found = {name.name.lower().replace("_", "-"): name for name in names}
    if text not in found:
        raise MalformedProvider(
            f"{text[:80]!r}", sentence=f"{text[:80]!r} is none of {', '.join(found)}.", field=field
        )
    return found[text]
