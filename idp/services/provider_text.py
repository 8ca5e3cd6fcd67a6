"""Lists of an agreement as lines of text, as forms show them and take them back."""

import re

from idp.domain.released_attribute import ReleasedAttribute
from idp.domain.saml_names import Binding
from idp.domain.service_provider import (
    AcsEndpoint,
    GroupOfProvider,
    LogoutEndpoint,
    MalformedProvider,
    ServiceProvider,
)
from idp.saml.certificates import read_certificate_text
from idp.services.provider_terms import attribute_of_text, group_of_text, logout_of_text

# One address a line: an index in front where it is not the line's own number, `default` behind.
acs_line = re.compile(r"(?:([0-9]{1,5}) +)?(\S+)( +default)?", re.ASCII)
pem = re.compile(r"-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----", re.ASCII)


def acs_of_lines(text: str) -> tuple[AcsEndpoint, ...]:
    """The endpoints of these lines; without a mark the first is the default."""
    found = [acs_line.fullmatch(line) for line in lines_of(text)]
    if not all(found):
        raise MalformedProvider(
            sentence="Write one address a line, an index in front of it and the word default behind it, if wanted.",
            field="acs",
        )
    matches = [match for match in found if match]
    marked = any(match[3] for match in matches)
    return tuple(
        AcsEndpoint(
            match[2],
            number if match[1] is None else int(match[1]),
            is_default=bool(match[3]) or (not marked and number == 0),
        )
        for number, match in enumerate(matches)
    )


def acs_lines(provider: ServiceProvider) -> str:
    """The endpoints as lines."""
    return "\n".join(
        f"{one.index} {one.location}{' default' if one.is_default else ''}" for one in provider.acs
    )


def logout_of_lines(text: str) -> tuple[LogoutEndpoint, ...]:
    """The endpoints of these lines."""
    return tuple(logout_of_text(line) for line in lines_of(text))


def logout_lines(provider: ServiceProvider) -> str:
    """The endpoints as lines."""
    words = {Binding.HTTP_POST: "post", Binding.HTTP_REDIRECT: "redirect"}
    lines = (f"{words[one.binding]}={one.location} {one.response_location}" for one in provider.logout)
    return "\n".join(line.strip() for line in lines)


def attributes_of_lines(text: str, *, agreed: tuple[ReleasedAttribute, ...]) -> tuple[ReleasedAttribute, ...]:
    """The attributes of these lines; one that was agreed stays, also where the settings would allow it no more."""
    known = {attribute_line(one): one for one in agreed}
    return tuple(known.get(line) or attribute_of_text(line) for line in lines_of(text))


def attribute_line(attribute: ReleasedAttribute) -> str:
    """The attribute as a line."""
    parts = [
        f"{attribute.name}={attribute.source}",
        attribute.name_format.name.lower(),
        attribute.friendly_name,
        attribute.when.text if attribute.when else "",
    ]
    return ";".join(parts).rstrip(";").removesuffix(";uri")


def groups_of_lines(text: str, *, agreed: tuple[GroupOfProvider, ...]) -> tuple[GroupOfProvider, ...]:
    """The groups of these lines as the directory knows them; one that was agreed is not asked for again."""
    known = {one.dn: one for one in agreed} | {one.group_id: one for one in agreed}
    return tuple(known.get(line) or group_of_text(line) for line in lines_of(text))


def certificates_of_text(text: str) -> tuple[str, ...]:
    """The certificates in this text, one after the other in PEM form, or plain base64, one a line."""
    blocks = pem.findall(text)
    rest = [line for line in lines_of(pem.sub("", text)) if line]
    return tuple(dict.fromkeys(read_certificate_text(block).text for block in [*blocks, *rest]))


def lines_of(text: str) -> list[str]:
    """The lines that say something."""
    return [line.strip() for line in text.splitlines() if line.strip()]
