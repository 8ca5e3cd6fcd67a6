"""The attributes that AWS reads, in the form AWS demands (IAM User Guide, "Configure SAML assertions")."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sts_bridge.local_aws.arns import Arn, read_pair
from sts_bridge.local_aws.errors import invalid_statement
from sts_bridge.local_aws.session_terms import is_tag

PREFIX: Final = "https://aws.amazon.com/SAML/Attributes/"
ROLE: Final = f"{PREFIX}Role"

_NAME = re.compile(r"[a-zA-Z_0-9+=,.@-]{2,64}", re.ASCII)
_SECONDS = re.compile(r"[1-9][0-9]{2,4}", re.ASCII)
_SHORTEST_SESSION, _LONGEST_SESSION = 900, 43_200
_MOST_TAGS = 50


@dataclass(frozen=True, slots=True)
class SessionWish:
    """The session that a statement asks for: who in it may be what, under which name, for how long."""

    role_values: tuple[str, ...]
    session_name: str
    session_seconds: int | None
    source_identity: str | None
    tags: Mapping[str, str]
    transitive_tag_keys: tuple[str, ...]

    def pairs(self) -> tuple[tuple[Arn, Arn], ...]:
        """Give role and provider of each Role value; refuses the whole statement for one that is no pair."""
        found = tuple(map(read_pair, self.role_values))
        pairs = tuple(pair for pair in found if pair)
        if not pairs or len(pairs) != len(found):
            raise invalid_statement("saml.role.malformed")
        return pairs


def read_wish(attributes: Mapping[str, tuple[str, ...]]) -> SessionWish:
    """Give the session a statement asks for; refuses values outside AWS's limits with AWS's messages."""
    for name, values in attributes.items():
        # Of others a directory may hold blanks; roles have a check of their own.
        if name.startswith(PREFIX) and name != ROLE and any(value != value.strip() for value in values):
            raise invalid_statement("saml.attribute.whitespace")
    tags = _read_tags(attributes)
    return SessionWish(
        role_values=attributes.get(ROLE, ()),
        session_name=_read_session_name(attributes),
        session_seconds=_read_seconds(attributes),
        source_identity=_read_source_identity(attributes),
        tags=tags,
        transitive_tag_keys=_read_transitive_keys(attributes, tags),
    )


def _read_session_name(attributes: Mapping[str, tuple[str, ...]]) -> str:
    values = attributes.get(f"{PREFIX}RoleSessionName", ())
    if not values:
        raise invalid_statement(
            "saml.role_session_name.missing", "RoleSessionName is required in AuthnResponse"
        )
    if len(values) > 1 or not _NAME.fullmatch(values[0]):
        raise invalid_statement(
            "saml.role_session_name.format",
            "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}",
        )
    return values[0]


def _read_source_identity(attributes: Mapping[str, tuple[str, ...]]) -> str | None:
    values = attributes.get(f"{PREFIX}SourceIdentity", ())
    if not values:
        return None
    if len(values) > 1 or not _NAME.fullmatch(values[0]):  # a colon is outside the pattern
        raise invalid_statement(
            "saml.source_identity.format",
            'Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"',
        )
    return values[0]


def _read_seconds(attributes: Mapping[str, tuple[str, ...]]) -> int | None:
    values = attributes.get(f"{PREFIX}SessionDuration", ())
    if not values:
        return None
    if len(values) > 1 or not _SECONDS.fullmatch(values[0]):
        raise invalid_statement("saml.session_duration")
    seconds = int(values[0])
    if not _SHORTEST_SESSION <= seconds <= _LONGEST_SESSION:
        raise invalid_statement("saml.session_duration")
    return seconds


def _read_tags(attributes: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    tags: dict[str, str] = {}
    marker = f"{PREFIX}PrincipalTag:"
    for name, values in attributes.items():
        if not name.startswith(marker):
            continue
        key = name.removeprefix(marker)
        if len(values) != 1 or not is_tag(key, values[0]):
            raise invalid_statement("saml.tag.format")
        tags[key] = values[0]
    if len(tags) > _MOST_TAGS or len({key.casefold() for key in tags}) != len(tags):
        raise invalid_statement("saml.tag.count")
    return tags


def _read_transitive_keys(
    attributes: Mapping[str, tuple[str, ...]], tags: Mapping[str, str]
) -> tuple[str, ...]:
    keys = attributes.get(f"{PREFIX}TransitiveTagKeys", ())
    known = {key.casefold() for key in tags}
    if any(key.casefold() not in known for key in keys) or len(set(keys)) != len(keys):
        raise invalid_statement("saml.tag.transitive")
    return keys
