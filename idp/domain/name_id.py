"""`NameId`: how one service calls one person (SAML Core 2.2.3 and 8.3)."""

import re
from dataclasses import dataclass

from idp.domain.errors import Refused
from idp.domain.identity import DirectoryIdentity
from idp.domain.saml_names import NameIdFormat
from idp.domain.service_provider import ServiceProvider

LONGEST_OPAQUE = 256  # SAML Core 8.3.7 and 8.3.8
LONGEST_VALUE = 1_024

# RFC 2822, 3.4.1: the addr-spec, less what nobody's address has (quoted parts, comments, literal domains).
mail_grammar = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*",
    re.ASCII,
)


class NoNameId(Refused):
    """The person's entry does not have the one value by which the service knows people."""

    code = "no-name-identifier"
    sentence = (
        "Your entry in the directory does not have the value by which this service knows people. "
        "Please tell your administrators."
    )


class NameIdTaken(NoNameId):
    """The service knows somebody else by this name already."""

    code = "name-identifier-taken"
    sentence = (
        "This service knows somebody else by the name that your entry in the directory gives. "
        "Please tell your administrators."
    )


@dataclass(frozen=True, slots=True)
class NameId:
    """A name identifier; the qualifiers say who gave it and for whom, and stand with persistent ones only."""

    value: str
    format: NameIdFormat
    name_qualifier: str = ""
    sp_name_qualifier: str = ""


class SeveralNames(NoNameId):
    """The person's entry has several values of which any could be the name, and none of them is it already."""

    code = "several-name-identifiers"
    sentence = (
        "Your entry in the directory has several values by which this service could know you, and it knows none of "
        "them yet. Please tell your administrators."
    )


def names_of_entry(identity: DirectoryIdentity, provider: ServiceProvider) -> tuple[str, ...]:
    """Every value of the person's own entry by which this service could know them."""
    return provider.name_id_source.names_for(identity) if provider.name_id_source is not None else ()


def name_id_of_entry(identity: DirectoryIdentity, provider: ServiceProvider, *, known: str = "") -> NameId:
    """The identifier that the person's own entry gives; of several the `known` one, by which they are called already.

    Nobody chooses among several: another value tomorrow would be another person to the service. Refuses none,
    several with SeveralNames, and what is no mail address where one was agreed.
    """
    source, values = provider.name_id_source, names_of_entry(identity, provider)
    if not values:
        raise NoNameId(f"no value of {source} for {provider.entity_id}")
    if len(values) > 1 and known not in values:
        raise SeveralNames(f"{len(values)} values of {source} for {provider.entity_id}")
    value = known if len(values) > 1 else values[0]
    if len(value) > LONGEST_VALUE or not value.isprintable():
        raise NoNameId(f"an unlawful value of {source} for {provider.entity_id}")
    if provider.name_id_format is NameIdFormat.EMAIL and not mail_grammar.fullmatch(value):
        raise NoNameId(f"the value of {source} for {provider.entity_id} is no mail address")
    return NameId(value, provider.name_id_format)


def check_opaque(value: str) -> str:
    """The same persistent identifier; refuses what other software could not hold (taken over from elsewhere)."""
    if not 1 <= len(value) <= LONGEST_OPAQUE or not value.isprintable() or value != value.strip():
        raise NoNameId(f"persistent identifier {value[:80]!r}")
    return value
