"""Who may administer: members of the configured groups, asked again like roles, and break-glass administrators."""

from datetime import datetime

from idp.conf import access_config
from idp.domain.groups import parse_dn
from idp.domain.identity import DirectoryIdentity
from idp.models import User
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
    if staff is not person.is_staff:
        person.is_staff = staff
        User.objects.filter(pk=person.pk).update(is_staff=staff)
    return staff


def is_in_admin_groups(identity: DirectoryIdentity) -> bool:
    """Whether one of the person's groups is named in DRAWBRIDGE_ADMIN_GROUPS, by DN or by identifier."""
    wanted = access_config().admin_groups
    identifiers = {text.lower() for text in wanted if "=" not in text}
    names = {parse_dn(text) for text in wanted if "=" in text}
    return any(
        group.group_id in identifiers or (names and parse_dn(group.dn) in names) for group in identity.groups
    )
