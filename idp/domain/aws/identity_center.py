"""What IAM Identity Center takes as a service provider.

Source: IAM Identity Center User Guide, "Attributes for access control" and "Quotas".
"""

import re
from collections.abc import Iterable

from idp.domain.aws.attributes import (
    LONGEST_TAG_KEY,
    LONGEST_TAG_VALUE,
    MOST_TAGS,
    PREFIX,
    SamlAttribute,
    UnlawfulTag,
    is_tag_text,
)

ACCESS_CONTROL = f"{PREFIX}AccessControl:"

entity_grammar = re.compile(
    r"https://[a-z0-9-]{1,40}\.signin\.(?:aws|aws\.amazon\.com|amazonaws\.cn|amazonaws-us-gov\.com)"
    r"/platform/saml/[A-Za-z0-9_-]{1,80}",
    re.ASCII,
)


def is_identity_center(entity_id: str) -> bool:
    """Whether an instance of IAM Identity Center goes by this name."""
    return entity_grammar.fullmatch(entity_id) is not None


def check_access_control_names(names: Iterable[str]) -> None:
    """Refuse more keys than it takes, unlawful ones, and two that are equal but for their case."""
    keys = [name.removeprefix(ACCESS_CONTROL) for name in names if name.startswith(ACCESS_CONTROL)]
    if len(keys) > MOST_TAGS or len({key.casefold() for key in keys}) != len(keys):
        raise UnlawfulTag(
            f"{len(keys)} keys", sentence=f"At most {MOST_TAGS} AccessControl attributes, each key once."
        )
    for key in keys:
        if not 1 <= len(key) <= LONGEST_TAG_KEY or not is_tag_text(key) or key.casefold().startswith("aws:"):
            raise UnlawfulTag(f"key {key[:80]!r}", sentence=f"{key[:80]!r} is no key that AWS takes.")


def check_access_control_values(attributes: Iterable[SamlAttribute]) -> None:
    """Refuse several values, overlong ones and characters that it does not take: or it refuses the sign-in."""
    for attribute in attributes:
        if not attribute.name.startswith(ACCESS_CONTROL):
            continue
        if len(attribute.values) > 1:
            raise UnlawfulTag(f"{attribute.name} has {len(attribute.values)} values")
        for value in attribute.values:
            if len(value) > LONGEST_TAG_VALUE or not is_tag_text(value):
                raise UnlawfulTag(f"{attribute.name} has an unlawful value")
