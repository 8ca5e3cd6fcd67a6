"""Who may administer: members of the configured groups, asked again like roles, and break-glass administrators."""

from datetime import datetime

from django.db import transaction

from idp.conf.access import access_config
from idp.domain.events import AuditEvent
from idp.domain.groups import parse_dn
from idp.domain.identity import DirectoryIdentity
from idp.models import User
from idp.services.audit import write_event
from idp.services.identity import current_identity


def is_staff_now(person: User, *, now: datetime) -> bool:
    """Whether this person may administer, as the directory answers now; the person's row says so afterwards.

    Refuses and is Unavailable like `current_identity`.
    """
    if not person.is_active:
        return False
    if person.is_local:
        return person.is_staff
    staff = is_in_admin_groups(current_identity(person, now=now))
    note_staff(person, staff=staff, now=now)
    return staff


def note_staff(person: User, *, staff: bool, now: datetime) -> None:
    """The person's row says whether they may administer, and a change of that is recorded, once."""
    if staff is person.is_staff:
        return
    person.is_staff = staff
    with transaction.atomic():
        if User.objects.filter(pk=person.pk).exclude(is_staff=staff).update(is_staff=staff):
            write_event(
                AuditEvent.STAFF_GIVEN if staff else AuditEvent.STAFF_TAKEN,
                at=now,
                account_key=person.account_key,
                person=person.username,
            )


def is_in_admin_groups(identity: DirectoryIdentity) -> bool:
    """Whether one of the person's groups is named in DRAWBRIDGE_ADMIN_GROUPS, by DN or by identifier."""
    wanted = access_config().admin_groups
    identifiers = {text.lower() for text in wanted if "=" not in text}
    names = {parse_dn(text) for text in wanted if "=" in text}
    return any(
        group.group_id in identifiers or (names and group.dn and parse_dn(group.dn) in names)
        for group in identity.groups
    )
