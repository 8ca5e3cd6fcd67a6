"""What identity providers import to know AWS as a service provider: its metadata, for the addresses of this world."""

from typing import Final
from xml.sax.saxutils import escape, quoteattr

from sts_bridge.local_aws.statements.attributes import PREFIX, ROLE
from sts_bridge.local_aws.statements.checks import NAME_ID_FORMATS
from sts_bridge.local_aws.world.model import World

MEDIA_TYPE: Final = "application/samlmetadata+xml"

_METADATA = "urn:oasis:names:tc:SAML:2.0:metadata"
_PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
_URI = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"
_REQUESTED: Final = ((ROLE, "RoleEntitlement"), (f"{PREFIX}RoleSessionName", "RoleSessionName"))


def sp_metadata(world: World) -> str:
    """Give the document: assertions are wanted signed, and go to every address that statements may be made out to."""
    formats = "".join(f"<NameIDFormat>{escape(name)}</NameIDFormat>" for name in sorted(NAME_ID_FORMATS))
    consumers = "".join(
        f'<AssertionConsumerService index="{index}" isDefault="{"true" if index == 1 else "false"}"'
        f' Binding="{_POST}" Location={quoteattr(url)}/>'
        for index, url in enumerate(sorted(world.sign_in_urls), start=1)
    )
    requested = "".join(
        f'<RequestedAttribute isRequired="true" Name="{name}" NameFormat="{_URI}" FriendlyName="{friendly}"/>'
        for name, friendly in _REQUESTED
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<EntityDescriptor xmlns="{_METADATA}" entityID={quoteattr(world.audiences["aws"])}>'
        f'<SPSSODescriptor WantAssertionsSigned="true" protocolSupportEnumeration="{_PROTOCOL}">'
        f"{formats}{consumers}"
        '<AttributeConsumingService index="1">'
        '<ServiceName xml:lang="en">AWS Management Console Single Sign-On</ServiceName>'
        f"{requested}</AttributeConsumingService></SPSSODescriptor></EntityDescriptor>\n"
    )
