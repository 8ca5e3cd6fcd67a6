"""Rows of service providers as domain values, each checked when made, and back."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from idp.domain.encryption_scheme import EncryptionScheme
from idp.domain.provider_kind import ProviderKind
from idp.domain.released_attribute import ReleasedAttribute, Source
from idp.domain.saml_names import Binding, NameFormat, NameIdFormat, SignatureAlgorithm
from idp.domain.service_provider import (
    AcsEndpoint,
    GroupOfProvider,
    LogoutEndpoint,
    MalformedProvider,
    ServiceProvider,
)
from idp.domain.service_wishes import ReleaseCondition, ServiceWishes
from idp.models import ServiceProvider as ProviderRow

AGREED_FIELDS = (
    "entity_id", "name", "kind", "enabled", "acs", "logout", "name_id_format", "name_id_source", "attributes",
    "for_everyone", "groups", "want_signed_requests", "signing_certificates", "encrypt_assertions",
    "encryption_certificate", "encryption_scheme", "signature_algorithm", "sign_response", "sign_assertion",
    "session_seconds", "default_relay_state", "believed_until", "wishes", "omit_name_id",
)  # fmt: skip


def provider_of_row(row: ProviderRow) -> ServiceProvider:
    """The service that this row describes, saved or not; refuses what could not be served."""
    try:
        return ServiceProvider(
            entity_id=row.entity_id,
            name=row.name,
            kind=ProviderKind(row.kind),
            enabled=row.enabled,
            acs=tuple(acs_of(entry) for entry in _entries(row.acs)),
            logout=tuple(logout_of(entry) for entry in _entries(row.logout)),
            name_id_format=NameIdFormat(row.name_id_format),
            name_id_source=Source.parse(row.name_id_source) if row.name_id_source else None,
            omit_name_id=row.omit_name_id,
            attributes=tuple(attribute_of(entry) for entry in _entries(row.attributes)),
            for_everyone=row.for_everyone,
            groups=tuple(
                GroupOfProvider(str(entry["id"]), str(entry.get("dn", ""))) for entry in _entries(row.groups)
            ),
            want_signed_requests=row.want_signed_requests,
            signing_certificates=_texts(row.signing_certificates),
            encrypt_assertions=row.encrypt_assertions,
            encryption_certificate=row.encryption_certificate,
            encryption_scheme=EncryptionScheme(row.encryption_scheme),
            signature_algorithm=SignatureAlgorithm(row.signature_algorithm),
            sign_response=row.sign_response,
            sign_assertion=row.sign_assertion,
            session_for=timedelta(seconds=row.session_seconds) if row.session_seconds is not None else None,
            default_relay_state=row.default_relay_state,
            believed_until=row.believed_until,
            wishes=ServiceWishes.of_json(row.wishes),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedProvider(f"service provider {row.pk}: {type(error).__name__} {error}") from error


def fields_of(provider: ServiceProvider) -> dict[str, Any]:
    """The columns that say what this value says: reading them gives the same again."""
    return {
        "entity_id": provider.entity_id,
        "name": provider.name,
        "kind": provider.kind.value,
        "enabled": provider.enabled,
        "acs": [acs_entry(endpoint) for endpoint in provider.acs],
        "logout": [logout_entry(endpoint) for endpoint in provider.logout],
        "name_id_format": provider.name_id_format.value,
        "name_id_source": str(provider.name_id_source or ""),
        "omit_name_id": provider.omit_name_id,
        "attributes": [attribute_entry(attribute) for attribute in provider.attributes],
        "for_everyone": provider.for_everyone,
        "groups": [{"id": group.group_id, "dn": group.dn} for group in provider.groups],
        "want_signed_requests": provider.want_signed_requests,
        "signing_certificates": list(provider.signing_certificates),
        "encrypt_assertions": provider.encrypt_assertions,
        "encryption_certificate": provider.encryption_certificate,
        "encryption_scheme": provider.encryption_scheme.value,
        "signature_algorithm": provider.signature_algorithm.value,
        "sign_response": provider.sign_response,
        "sign_assertion": provider.sign_assertion,
        "session_seconds": int(provider.session_for.total_seconds()) if provider.session_for else None,
        "default_relay_state": provider.default_relay_state,
        "believed_until": provider.believed_until,
        "wishes": provider.wishes.as_json(),
    }


def acs_of(entry: Mapping[str, Any]) -> AcsEndpoint:
    """One endpoint as the row lists it."""
    return AcsEndpoint(
        location=str(entry["location"]),
        index=int(entry["index"]),
        is_default=bool(entry.get("is_default")),
        binding=Binding(entry.get("binding", Binding.HTTP_POST)),
    )


def acs_entry(endpoint: AcsEndpoint) -> dict[str, Any]:
    """One endpoint as the row lists it."""
    return {
        "location": endpoint.location,
        "index": endpoint.index,
        "is_default": endpoint.is_default,
        "binding": endpoint.binding.value,
    }


def logout_of(entry: Mapping[str, Any]) -> LogoutEndpoint:
    """One endpoint as the row lists it."""
    return LogoutEndpoint(
        location=str(entry["location"]),
        binding=Binding(entry["binding"]),
        response_location=str(entry.get("response_location", "")),
    )


def logout_entry(endpoint: LogoutEndpoint) -> dict[str, Any]:
    """One endpoint as the row lists it."""
    return {
        "location": endpoint.location,
        "binding": endpoint.binding.value,
        "response_location": endpoint.response_location,
    }


def attribute_of(entry: Mapping[str, Any]) -> ReleasedAttribute:
    """One attribute as the row lists it."""
    return ReleasedAttribute(
        name=str(entry["name"]),
        source=Source.parse(str(entry["source"])),
        name_format=NameFormat(entry.get("name_format", NameFormat.URI)),
        friendly_name=str(entry.get("friendly_name", "")),
        when=ReleaseCondition(str(entry["when"])) if entry.get("when") else None,
    )


def attribute_entry(attribute: ReleasedAttribute) -> dict[str, Any]:
    """One attribute as the row lists it."""
    return {
        "name": attribute.name,
        "source": str(attribute.source),
        "name_format": attribute.name_format.value,
        "friendly_name": attribute.friendly_name,
    } | ({"when": attribute.when.text} if attribute.when else {})


def _entries(values: object) -> list[dict[str, Any]]:
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise TypeError(f"{str(values)[:80]} is no list of entries")
    return values


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError(f"{str(values)[:80]} is no list of texts")
    return tuple(values)
