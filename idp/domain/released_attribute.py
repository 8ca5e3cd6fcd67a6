"""What a service learns of a person: each attribute's name, and the value of the directory behind it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from idp.domain.aws.attributes import PREFIX, SamlAttribute
from idp.domain.errors import Malformed
from idp.domain.groups import leaf_values
from idp.domain.identity import DirectoryIdentity
from idp.domain.saml_names import NameFormat
from idp.domain.service_wishes import ReleaseCondition, ServiceWishes

LONGEST_NAME = 512
LONGEST_CONSTANT = 1_024
MOST_ATTRIBUTES = 100

directory_attribute_grammar = re.compile(r"[A-Za-z][A-Za-z0-9;.-]{0,127}", re.ASCII)


class MalformedRelease(Malformed):
    """An attribute that could not be released as it is described."""

    code = "malformed-attribute-release"
    sentence = "This attribute cannot be sent as it is described."
    field = "attributes"


class SourceKind(StrEnum):
    """Where a value comes from."""

    DIRECTORY = "directory"
    PERSON = "person"
    CONSTANT = "constant"
    MADE = "made"


class Made(StrEnum):
    """What is made here for a person, opaque and for ever (SAML V2.0 Subject Identifier Attributes Profile 1.0)."""

    SUBJECT_ID = "subject-id"
    PAIRWISE_ID = "pairwise-id"

    @property
    def attribute_name(self) -> str:
        """The name of the attribute that carries it everywhere."""
        return f"urn:oasis:names:tc:SAML:attribute:{self.value}"


NOTHING_MADE: Mapping[Made, str] = MappingProxyType({})


class Fact(StrEnum):
    """What is known of every person, whatever the directory calls it."""

    USERNAME = "username"
    DISPLAY_NAME = "display-name"
    MAIL = "mail"
    IMMUTABLE_ID = "immutable-id"
    GROUP_NAMES = "group-names"
    GROUP_DNS = "group-dns"
    GROUP_IDS = "group-ids"


@dataclass(frozen=True, slots=True)
class Source:
    """A directory attribute, a fact of the person, what is made here for them, or the same text for everybody."""

    kind: SourceKind
    value: str

    def __post_init__(self) -> None:
        """Refuse what names nothing."""
        if self.kind is SourceKind.PERSON and self.value not in set(Fact):
            facts = ", ".join(Fact)
            raise MalformedRelease(f"fact {self.value[:80]!r}", sentence=f"Facts of a person are: {facts}.")
        if self.kind is SourceKind.MADE and self.value not in set(Made):
            raise MalformedRelease(
                f"made {self.value[:80]!r}", sentence=f"What is made here is {' or '.join(Made)}."
            )
        if self.kind is SourceKind.DIRECTORY and not directory_attribute_grammar.fullmatch(self.value):
            raise MalformedRelease(
                f"directory attribute {self.value[:80]!r}",
                sentence="This is no name of a directory attribute.",
            )
        if self.kind is SourceKind.CONSTANT and not _is_clean(self.value, LONGEST_CONSTANT):
            raise MalformedRelease("constant", sentence="A constant is one line of at most 1,024 characters.")

    @classmethod
    def parse(cls, text: str) -> "Source":
        """`directory:departmentNumber`, `person:mail`, `made:subject-id` or `constant:staff` as a source."""
        kind, colon, value = text.partition(":")
        if not colon or kind not in set(SourceKind):
            raise MalformedRelease(
                f"source {text[:80]!r}",
                sentence="A value comes from directory:ATTRIBUTE, person:FACT, made:IDENTIFIER or constant:TEXT.",
            )
        return cls(SourceKind(kind), value)

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"

    @property
    def is_of_entry(self) -> bool:
        """Whether the person's entry in the directory gives it."""
        return self.kind in {SourceKind.DIRECTORY, SourceKind.PERSON}

    @property
    def needs_group_names(self) -> bool:
        """Whether it says what groups are called, so that the directory must be asked for it."""
        return self.kind is SourceKind.PERSON and self.value in {Fact.GROUP_NAMES, Fact.GROUP_DNS}

    def values_for(
        self, identity: DirectoryIdentity, made: Mapping[Made, str] = NOTHING_MADE
    ) -> tuple[str, ...]:
        """The values for this person, in the directory's one order; none where the entry shows none."""
        if self.kind is SourceKind.MADE:
            return (made[Made(self.value)],) if self.value in made else ()
        if self.kind is SourceKind.CONSTANT:
            return (self.value,)
        if self.kind is SourceKind.DIRECTORY:
            wanted = self.value.casefold()
            found = (values for name, values in identity.attributes.items() if name.casefold() == wanted)
            return next(found, ())
        return tuple(value for value in _fact(Fact(self.value), identity) if value)

    def names_for(self, identity: DirectoryIdentity) -> tuple[str, ...]:
        """Every value by which a service could know this person; of mail addresses all, and not the first one."""
        if self.kind is SourceKind.PERSON and self.value == Fact.MAIL and identity.mails:
            return identity.mails
        return self.values_for(identity)


@dataclass(frozen=True, slots=True)
class ReleasedAttribute:
    """One attribute that a service receives: always, or `when` it says the right thing of itself."""

    name: str
    source: Source
    name_format: NameFormat = NameFormat.URI
    friendly_name: str = ""
    when: ReleaseCondition | None = None

    def __post_init__(self) -> None:
        """Refuse a name that no document carries."""
        if not _is_clean(self.name, LONGEST_NAME) or len(self.friendly_name) > LONGEST_NAME:
            raise MalformedRelease(
                f"name {self.name[:80]!r}", sentence="An attribute's name has 1 to 512 printable characters."
            )
        lowered = self.name.casefold()
        if lowered.startswith(PREFIX.casefold()) and not self.name.startswith(f"{PREFIX}AccessControl:"):
            raise MalformedRelease(
                f"name {self.name[:120]!r}",
                sentence="Attributes by which AWS gives roles are given by rules, never released by hand.",
            )
        if not self.friendly_name.isprintable():
            raise MalformedRelease("friendly name", sentence="A friendly name is one line of text.")


def check_attributes(attributes: Iterable[ReleasedAttribute]) -> None:
    """Refuse more attributes than anybody reads, and two of one name and format."""
    names = [(attribute.name, attribute.name_format) for attribute in attributes]
    if len(names) > MOST_ATTRIBUTES:
        raise MalformedRelease(f"{len(names)} attributes", sentence=f"At most {MOST_ATTRIBUTES} attributes.")
    if len(set(names)) != len(names):
        raise MalformedRelease(
            "a name twice", sentence="An attribute of one name and format stands there twice."
        )


def attributes_due(
    attributes: Iterable[ReleasedAttribute], wishes: ServiceWishes, index: int | None
) -> tuple[ReleasedAttribute, ...]:
    """Those of the agreed attributes that are sent for this request of a service with these wishes."""
    return tuple(
        attribute
        for attribute in attributes
        if attribute.when is None or attribute.when.holds(attribute.name, wishes, index)
    )


def released_attributes(
    identity: DirectoryIdentity,
    attributes: Iterable[ReleasedAttribute],
    made: Mapping[Made, str] = NOTHING_MADE,
) -> tuple[SamlAttribute, ...]:
    """What the service learns of this person; an attribute without a value is left out (SAML Core 2.7.3.1)."""
    released = []
    for attribute in attributes:
        values = attribute.source.values_for(identity, made)
        if values:
            released.append(
                SamlAttribute(
                    attribute.name,
                    values,
                    name_format=attribute.name_format,
                    friendly_name=attribute.friendly_name,
                )
            )
    return tuple(released)


def _fact(fact: Fact, identity: DirectoryIdentity) -> Iterable[str]:
    groups = sorted(identity.groups, key=lambda group: group.dn)
    facts: dict[Fact, tuple[str, ...]] = {
        Fact.USERNAME: (identity.username,),
        Fact.DISPLAY_NAME: (identity.display_name,),
        Fact.MAIL: (identity.mail,),
        Fact.IMMUTABLE_ID: (identity.immutable_id,),
    }
    if fact in facts:
        return facts[fact]
    if fact is Fact.GROUP_IDS:
        return [group.group_id for group in groups]
    # A group beyond the group base has no name here, and is nobody's business.
    groups = [group for group in groups if group.dn]
    if fact is Fact.GROUP_NAMES:
        # A name of several parts is nobody's one name.
        return dict.fromkeys(leaf[0] for group in groups if len(leaf := leaf_values(group.dn)) == 1)
    return [group.dn for group in groups]


def _is_clean(text: str, longest: int) -> bool:
    return 1 <= len(text) <= longest and text.isprintable() and text == text.strip()
