"""What a named person would get at a service: as a table and as a document that nobody accepts; nothing is signed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from idp.domain.assertion import NewIds, StatementPlan
from idp.domain.errors import Refused
from idp.domain.events import AuditEvent
from idp.domain.identity import DirectoryIdentity
from idp.domain.name_id import NameId
from idp.domain.provider_kind import ProviderKind
from idp.domain.released_attribute import Made, attributes_due
from idp.domain.saml_names import NameIdFormat
from idp.domain.service_provider import AcsEndpoint, ServiceProvider
from idp.models import ServiceProvider as ProviderRow
from idp.saml.preview import preview_text
from idp.services.audit import write_event
from idp.services.entry_names import check_entry_name
from idp.services.identity import find_identity
from idp.services.name_ids import known_name_of_entry, known_persistent_name
from idp.services.provider_changes import Author
from idp.services.provider_statement import Wish, plan_statement
from idp.services.service_provider_rows import provider_of_row
from idp.services.subject_identifiers import known_subject_identifiers

# RFC 2606: this name leads nowhere, for ever.
NOWHERE = "https://preview.invalid/not-an-address"
NO_IDS = NewIds("_PREVIEW-not-a-response", "_PREVIEW-not-an-assertion", "_PREVIEW-no-session")
NOT_GIVEN_YET = "(given at the first visit)"
NEW_EACH_TIME = "(another one at every visit)"


class NothingToPreview(Refused):
    """AWS learns of roles, which the rules give."""

    code = "nothing-to-preview"
    sentence = (
        "What AWS IAM learns say accounts, roles and rules: see `manage.py explain` for a person's roles."
    )


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One attribute that was agreed, and this person's values; none means that it is left out."""

    name: str
    friendly_name: str
    name_format: str
    source: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What the person would get; `problem` says why it would be refused, and then there is no document."""

    person: str
    username: str
    problem: str
    provider: ServiceProvider
    name_id: str
    rows: tuple[PreviewRow, ...]
    document: str


def preview(*, row: ProviderRow, username: str, author: Author, now: datetime) -> Preview:
    """What the person of this user name would get at this service now, and one row in the trail that it was shown.

    Refuses a name that the directory does not know, and AWS IAM, which learns of roles and nothing else.
    """
    provider = provider_of_row(row)
    if provider.kind is ProviderKind.AWS:
        raise NothingToPreview(provider.entity_id)
    identity = find_identity(username, now=now)
    problem, name_id, document = "", "", ""
    known = known_subject_identifiers(identity.account_key, provider)
    made = {**dict.fromkeys(provider.made, NOT_GIVEN_YET), **known}
    try:
        provider.check_may_use(identity)
        named = _name_id(provider, identity)
        name_id = named.value
        document = preview_text(_plan(provider, identity, named, made, now))
    except Refused as refusal:
        problem = f"{refusal.told} ({refusal.cause})"
    write_event(
        AuditEvent.SERVICE_PROVIDER_PREVIEWED,
        at=now,
        origin=author.origin,
        account_key=author.account_key,
        person=author.person,
        details={"entity_id": provider.entity_id, "of": identity.account_key, "username": identity.username},
    )
    return Preview(
        person=identity.display_name,
        username=identity.username,
        problem=problem,
        provider=provider,
        name_id=name_id,
        rows=_rows(provider, identity, made),
        document=document,
    )


def _name_id(provider: ServiceProvider, identity: DirectoryIdentity) -> NameId:
    """The name as it would be; looking gives nobody one."""
    if provider.omit_name_id:
        return NameId("", provider.name_id_format)
    if provider.name_id_format is NameIdFormat.PERSISTENT:
        known = known_persistent_name(identity.account_key, provider.entity_id)
        return NameId(known or NOT_GIVEN_YET, NameIdFormat.PERSISTENT, sp_name_qualifier=provider.entity_id)
    if provider.name_id_format is NameIdFormat.TRANSIENT:
        return NameId(NEW_EACH_TIME, NameIdFormat.TRANSIENT)
    named = known_name_of_entry(identity, provider)
    check_entry_name(named.value, entity_id=provider.entity_id, account_key=identity.account_key)
    return named


def _plan(
    provider: ServiceProvider,
    identity: DirectoryIdentity,
    name_id: NameId,
    made: Mapping[Made, str],
    now: datetime,
) -> StatementPlan:
    plan = plan_statement(
        provider=provider,
        endpoint=AcsEndpoint(NOWHERE),
        identity=identity,
        name_id=name_id,
        made=made,
        wish=Wish(),
        signed_in_at=now,
        now=now,
        ids=NO_IDS,
    )
    over = plan.issued_at - timedelta(seconds=1)
    return replace(plan, not_before=over, not_on_or_after=over)


def _rows(
    provider: ServiceProvider, identity: DirectoryIdentity, made: Mapping[Made, str]
) -> tuple[PreviewRow, ...]:
    due = attributes_due(provider.attributes, provider.wishes, None)
    return tuple(
        PreviewRow(
            name=attribute.name,
            friendly_name=attribute.friendly_name,
            name_format=attribute.name_format.name.lower(),
            source=str(attribute.source),
            values=attribute.source.values_for(identity, made) if attribute in due else (),
        )
        for attribute in provider.attributes
    )
