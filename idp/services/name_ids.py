"""How a service calls a person: persistent names are given once and kept, transient ones are new each time."""

import secrets
from datetime import datetime

from django.db import transaction

from idp.conf.saml import saml_config
from idp.domain.errors import Unavailable
from idp.domain.identity import DirectoryIdentity
from idp.domain.name_id import NameId, name_id_of_entry, names_of_entry
from idp.domain.provider_kind import ProviderKind
from idp.domain.saml_names import NameIdFormat
from idp.domain.service_provider import ServiceProvider
from idp.models import PersistentNameId, User
from idp.models.compiled import CompiledQuery
from idp.services.entry_names import claim_entry_name, held_entry_name

persistent_value = CompiledQuery(
    # Two filters, because one would be put into the order of the alphabet.
    lambda: PersistentNameId.objects.filter(entity_id="").filter(account_key="").values_list("value")
)


def name_id_for(
    *,
    person: User,
    provider: ServiceProvider,
    identity: DirectoryIdentity,
    known: str | None = None,
    now: datetime,
) -> NameId:
    """The person's name at this service, in the format that was agreed with it; joins the running transaction.

    A persistent name survives renames and goes to nobody else. Refuses with NoNameId where the person's entry
    does not have the one value that the service asks for, and where that value is somebody else's name there.
    `known` is this person's persistent name there where it was read a moment ago.
    """
    if provider.kind is ProviderKind.AWS and provider.name_id_format is NameIdFormat.PERSISTENT:
        # What every account's trust policies have known this person by from the beginning.
        return NameId(person.persistent_id, NameIdFormat.PERSISTENT)
    if provider.name_id_format is NameIdFormat.PERSISTENT:
        return NameId(
            known or persistent_name(person.account_key, provider.entity_id, now=now),
            NameIdFormat.PERSISTENT,
            name_qualifier=saml_config().entity_id,
            sp_name_qualifier=provider.entity_id,
        )
    if provider.name_id_format is NameIdFormat.TRANSIENT:
        return NameId(new_opaque_name(), NameIdFormat.TRANSIENT)
    of_entry = known_name_of_entry(identity, provider)
    claim_entry_name(of_entry.value, entity_id=provider.entity_id, account_key=person.account_key, now=now)
    return of_entry


def known_name_of_entry(identity: DirectoryIdentity, provider: ServiceProvider) -> NameId:
    """The name that the person's entry gives for this service, which is not theirs yet; refuses likewise."""
    values, known = names_of_entry(identity, provider), ""
    if len(values) > 1:
        known = held_entry_name(values, entity_id=provider.entity_id, account_key=identity.account_key)
    return name_id_of_entry(identity, provider, known=known)


def persistent_name(account_key: str, entity_id: str, *, now: datetime) -> str:
    """The opaque name that this person has at this service; given now, if they have none."""
    found = persistent_value.row(entity_id, account_key)
    if found is None:
        row = PersistentNameId(
            entity_id=entity_id, account_key=account_key, value=new_opaque_name(), created_at=now
        )
        with transaction.atomic():
            # Of two first visits at once one gives the name, and both have it.
            PersistentNameId.objects.bulk_create([row], ignore_conflicts=True)
            found = persistent_value.row(entity_id, account_key)
    if found is None:
        raise Unavailable(f"no persistent name could be given to {account_key} at {entity_id}")
    value: str = found[0]
    return value


def known_persistent_name(account_key: str, entity_id: str) -> str | None:
    """The opaque name that this person has at this service already; nothing is given."""
    found = persistent_value.row(entity_id, account_key)
    return None if found is None else str(found[0])


def new_opaque_name() -> str:
    """128 random bits in one case: no two differ by their case only (SAML Core 8.3.7; IIP-IDP21)."""
    return f"_{secrets.token_hex(16)}"
