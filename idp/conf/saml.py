"""Our side of SAML as configured: what our statements say of ourselves, where the keys are, and where AWS is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import MappingProxyType

from django.conf import settings

from idp.conf.directories import tags_of_any_directory
from idp.domain.self_description import SelfDescription


@dataclass(frozen=True, slots=True)
class TokenConfig:
    """Where the signing key lives, if not in files: a PKCS#11 library, the label of the token, and its PIN."""

    module: str
    label: str
    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SamlConfig:
    """What our statements say of ourselves, and where AWS is."""

    entity_id: str
    base_url: str
    description: SelfDescription
    key_dir: Path
    token: TokenConfig | None
    tag_sources: Mapping[str, str]
    audiences: Mapping[str, str]
    signin_regions: tuple[str, ...]
    sts_regions: tuple[str, ...]
    released_attributes: tuple[str, ...]
    stand_in: str | None
    metadata_networks: tuple[str, ...]
    metadata_validity: timedelta | None
    unsafe_loopback_providers: bool


@cache
def saml_config() -> SamlConfig:
    """Our side of SAML as configured."""
    return SamlConfig(
        entity_id=settings.DRAWBRIDGE_ENTITY_ID,
        base_url=settings.DRAWBRIDGE_BASE_URL,
        description=SelfDescription(
            display_name=settings.DRAWBRIDGE_DISPLAY_NAME,
            scope=settings.DRAWBRIDGE_SUBJECT_SCOPE,
            logo=f"{settings.DRAWBRIDGE_BASE_URL}{settings.STATIC_URL}portal/mark.svg",
            contact=settings.DRAWBRIDGE_TECHNICAL_CONTACT,
        ),
        key_dir=Path(settings.DRAWBRIDGE_KEY_DIR),
        tag_sources=MappingProxyType(tags_of_any_directory()),
        token=TokenConfig(
            settings.DRAWBRIDGE_PKCS11_MODULE,
            settings.DRAWBRIDGE_PKCS11_TOKEN,
            settings.DRAWBRIDGE_PKCS11_PIN,
        )
        if settings.DRAWBRIDGE_PKCS11_MODULE
        else None,
        released_attributes=settings.DRAWBRIDGE_RELEASED_ATTRIBUTES,
        audiences=MappingProxyType(dict(settings.DRAWBRIDGE_AUDIENCES)),
        signin_regions=settings.DRAWBRIDGE_SIGNIN_REGIONS,
        sts_regions=settings.DRAWBRIDGE_STS_REGION,
        stand_in=settings.DRAWBRIDGE_AWS_SIGNIN_URL,
        metadata_networks=settings.DRAWBRIDGE_METADATA_NETWORKS,
        metadata_validity=timedelta(days=settings.DRAWBRIDGE_METADATA_VALIDITY_DAYS) or None,
        unsafe_loopback_providers=settings.DRAWBRIDGE_UNSAFE_LOOPBACK_PROVIDERS,
    )
