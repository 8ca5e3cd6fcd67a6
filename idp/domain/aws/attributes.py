"""An entitlement as the attribute names and values that AWS reads (names are case-sensitive).

Source: IAM User Guide, "Configure SAML assertions for the authentication response" and "Pass session
tags in AWS STS".
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from idp.domain.aws.duration import GrantedDuration
from idp.domain.aws.role import AwsRole
from idp.domain.aws.session_name import check_session_name
from idp.domain.errors import Refused
from idp.domain.saml_names import NameFormat

PREFIX = "https://aws.amazon.com/SAML/Attributes/"
MOST_TAGS = 50
LONGEST_TAG_KEY = 128
LONGEST_TAG_VALUE = 256
tag_punctuation = re.compile(r"[_.:/=+\-@]", re.ASCII)
TAG_CATEGORIES = ("L", "Z", "N")


class UnlawfulTag(Refused):
    """A session tag that AWS would refuse, or that nobody allowed."""

    code = "unlawful-session-tag"
    sentence = (
        "A directory attribute that this role needs is not of AWS's form. Please tell your administrators."
    )


@dataclass(frozen=True, slots=True)
class SamlAttribute:
    """One attribute of the statement and its values, in order."""

    name: str
    values: tuple[str, ...]
    name_format: NameFormat = NameFormat.URI
    friendly_name: str = ""


def aws_attributes(
    *,
    role: AwsRole,
    granted: GrantedDuration,
    session_name: str,
    directory_attributes: Mapping[str, tuple[str, ...]],
    tag_sources: Mapping[str, str],
) -> tuple[SamlAttribute, ...]:
    """One role, its session name and duration; source identity and tags only where the role says so.

    Refuses unlawful names and tags: a person's attribute that AWS would refuse must not fail later and elsewhere.
    """
    attributes = [
        SamlAttribute(f"{PREFIX}Role", (f"{role.arn},{role.provider}",)),
        SamlAttribute(f"{PREFIX}RoleSessionName", (check_session_name(session_name),)),
        SamlAttribute(f"{PREFIX}SessionDuration", (str(granted.seconds),)),
    ]
    if role.source_identity:
        attributes.append(SamlAttribute(f"{PREFIX}SourceIdentity", (session_name,)))
    tags = session_tags(role, directory_attributes, tag_sources)
    attributes += [SamlAttribute(f"{PREFIX}PrincipalTag:{key}", (value,)) for key, value in tags]
    transitive = tuple(key for key, _ in tags if key in role.transitive_tags)
    if transitive:
        attributes.append(SamlAttribute(f"{PREFIX}TransitiveTagKeys", transitive))
    return tuple(attributes)


def check_tag_keys(keys: tuple[str, ...], *, allowed: Mapping[str, str]) -> None:
    """Refuse keys that are not allow-listed, of AWS's own prefix, too many, or equal but for their case."""
    if len(keys) > MOST_TAGS:
        raise UnlawfulTag(f"{len(keys)} tags")
    if len({key.casefold() for key in keys}) != len(keys):
        raise UnlawfulTag(f"tag keys equal but for their case: {keys}")
    for key in keys:
        if key not in allowed:
            raise UnlawfulTag(f"tag key {key!r} is not allow-listed")
        if not 1 <= len(key) <= LONGEST_TAG_KEY or not is_tag_text(key) or key.casefold().startswith("aws:"):
            raise UnlawfulTag(f"tag key {key!r}")


def is_tag_text(text: str) -> bool:
    r"""Whether every character is of AWS's class `[\p{L}\p{Z}\p{N}_.:/=+\-@]`."""
    return all(
        unicodedata.category(character)[0] in TAG_CATEGORIES or tag_punctuation.fullmatch(character)
        for character in text
    )


def session_tags(
    role: AwsRole, directory_attributes: Mapping[str, tuple[str, ...]], tag_sources: Mapping[str, str]
) -> list[tuple[str, str]]:
    """The role's tags with this person's values; refuses values that AWS would refuse, and several for one tag."""
    check_tag_keys(role.tags, allowed=tag_sources)
    tags = []
    for key in role.tags:
        values = directory_attributes.get(tag_sources[key], ())
        if len(values) > 1:
            raise UnlawfulTag(f"{tag_sources[key]} has {len(values)} values for tag {key}")
        if not values:
            continue
        value = values[0]
        if len(value) > LONGEST_TAG_VALUE or not is_tag_text(value) or value != value.strip():
            raise UnlawfulTag(f"{tag_sources[key]} has an unlawful value for tag {key}")
        tags.append((key, value))
    return tags
