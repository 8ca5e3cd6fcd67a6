"""Service providers that everybody has, ready made: AWS IAM per partition, IAM Identity Center, and any other."""

from dataclasses import replace

from idp.domain.aws.identity_center import is_identity_center
from idp.domain.aws.signin import PARTITIONS, region_grammar
from idp.domain.provider_kind import ProviderKind
from idp.domain.provider_metadata import ProviderMetadata, provider_of_metadata
from idp.domain.released_attribute import Source
from idp.domain.saml_names import NameIdFormat
from idp.domain.service_provider import AcsEndpoint, MalformedProvider, ServiceProvider

AWS_AUDIENCES = "urn:amazon:webservices"


def aws_iam(*, partition: str, audience: str, regions: tuple[str, ...] = ()) -> ServiceProvider:
    """AWS IAM of this partition: its sign-in address and those of further regions; who gets a role say the rules.

    Refuses an unknown partition, and one whose audience nobody has told us.
    """
    sign_in = PARTITIONS.get(partition)
    if sign_in is None or not audience:
        raise MalformedProvider(
            sentence=f"The partitions are {', '.join(PARTITIONS)}; one without a documented audience needs"
            " DRAWBRIDGE_AUDIENCES.",
            field="kind",
        )
    if not all(region_grammar.fullmatch(region) for region in regions):
        raise MalformedProvider(sentence="A region is written like eu-central-1.", field="acs")
    locations = dict.fromkeys(
        [sign_in.acs, *(sign_in.regional_acs.format(region=region) for region in regions)]
    )
    return ServiceProvider(
        entity_id=audience,
        name=f"AWS IAM ({partition})",
        kind=ProviderKind.AWS,
        acs=tuple(
            AcsEndpoint(location, number, is_default=number == 0) for number, location in enumerate(locations)
        ),
        for_everyone=True,
        enabled=True,
    )


def identity_center(metadata: ProviderMetadata, *, user_name: Source) -> ServiceProvider:
    """IAM Identity Center as its metadata describes it: known by an e-mail address equal to its user name.

    It signs no requests and takes no encrypted assertions, whatever its metadata says.
    """
    return replace(
        provider_of_metadata(metadata),
        name=metadata.display_name or "IAM Identity Center",
        kind=ProviderKind.IDENTITY_CENTER,
        name_id_format=NameIdFormat.EMAIL,
        name_id_source=user_name,
        attributes=(),
        want_signed_requests=False,
        encrypt_assertions=False,
    )


def ready_made(metadata: ProviderMetadata, *, kind: ProviderKind | None = None) -> ServiceProvider:
    """The provider that this metadata describes, of the kind that was named or that its name tells."""
    chosen = kind or kind_told_by(metadata.entity_id)
    if chosen is ProviderKind.AWS:
        # Who goes there, and as what, say the rules; AWS knows a person by one name in all accounts.
        bare = provider_of_metadata(metadata)
        return replace(
            bare,
            kind=chosen,
            for_everyone=True,
            name_id_format=NameIdFormat.PERSISTENT,
            name_id_source=None,
            attributes=(),
            encrypt_assertions=False,
            want_signed_requests=False,
        )
    if chosen is ProviderKind.IDENTITY_CENTER:
        return identity_center(metadata, user_name=Source.parse("person:mail"))
    return replace(provider_of_metadata(metadata), kind=chosen)


def kind_told_by(entity_id: str) -> ProviderKind:
    """The kind that this entity ID tells."""
    if entity_id.startswith(AWS_AUDIENCES):
        return ProviderKind.AWS
    return ProviderKind.IDENTITY_CENTER if is_identity_center(entity_id) else ProviderKind.GENERIC
