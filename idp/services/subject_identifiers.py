"""Subject identifiers: given to a person once and kept, for all services together or for one.

SAML V2.0 Subject Identifier Attributes Profile 1.0: opaque, in one case, with a scope behind it.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from idp.conf.saml import saml_config
from idp.domain.errors import Unavailable
from idp.domain.released_attribute import NOTHING_MADE, Made
from idp.domain.service_provider import ServiceProvider
from idp.models import SubjectIdentifier
from idp.models.compiled import CompiledQuery

EVERYWHERE = ""
values_of_person = CompiledQuery(
    # Two filters, because one would be put into the order of the alphabet.
    lambda: (
        SubjectIdentifier.objects.filter(account_key="")
        .filter(entity_id__in=["", "-"])
        .values_list("entity_id", "value")
    )
)


def subject_identifiers(account_key: str, provider: ServiceProvider, *, now: datetime) -> Mapping[Made, str]:
    """The identifiers of this person that the service receives, given now where there are none.

    They survive renames and go to nobody else. Joins the running transaction.
    """
    if not provider.made:
        return NOTHING_MADE
    found = known_subject_identifiers(account_key, provider)
    missing = provider.made - found.keys()
    if not missing:
        return found
    rows = [
        SubjectIdentifier(
            account_key=account_key,
            entity_id=_valid_at(made, provider),
            value=secrets.token_hex(16),
            created_at=now,
        )
        for made in missing
    ]
    with transaction.atomic():
        # Of two first visits at once one gives the identifier, and both have it.
        SubjectIdentifier.objects.bulk_create(rows, ignore_conflicts=True)
        found = known_subject_identifiers(account_key, provider)
    if provider.made - found.keys():
        raise Unavailable(f"no subject identifier could be given to {account_key} at {provider.entity_id}")
    return found


def known_subject_identifiers(account_key: str, provider: ServiceProvider) -> Mapping[Made, str]:
    """Those that this person has already; nothing is given."""
    if not provider.made:
        return NOTHING_MADE
    scope = saml_config().description.scope
    rows = dict(values_of_person.rows(account_key, EVERYWHERE, provider.entity_id))
    places = {made: _valid_at(made, provider) for made in provider.made}
    return {made: f"{rows[place]}@{scope}" for made, place in places.items() if place in rows}


def _valid_at(made: Made, provider: ServiceProvider) -> str:
    return EVERYWHERE if made is Made.SUBJECT_ID else provider.entity_id
