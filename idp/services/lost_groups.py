"""What follows from groups that somebody has lost: roles, staff rights and, with the last of them, the sign-in."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction

from idp.conf.access import access_config
from idp.domain.entitlements import RuleBook, entitlements
from idp.domain.events import AuditEvent
from idp.domain.identity import DirectoryIdentity, GroupMembership
from idp.models import DirectorySnapshot, User
from idp.services.audit import write_event
from idp.services.endings import demand_endings
from idp.services.rules import RulesUnavailable, current_rules
from idp.services.site_sessions import end_sign_ins
from idp.services.snapshots import from_json, store_snapshot
from idp.services.staff import is_in_admin_groups, note_staff

logger = logging.getLogger("drawbridge.services")

NOTHING_LEFT = "directory:nothing-left"
GROUP_LOST = "directory:group-lost"
LONGEST_CLICK = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class LostGroup:
    """One group that somebody has lost; `seen_at` is when the sweep first saw to it, empty before that."""

    group_id: str
    dn: str
    seen_at: str

    def still_in_mind(self, now: datetime) -> list[str] | None:
        """The entry as it is kept: as long as an answer of before may still be used, and a click take."""
        if not self.seen_at:
            return [self.group_id, self.dn, now.isoformat()]
        over_at = datetime.fromisoformat(self.seen_at) + access_config().reuse_for + LONGEST_CLICK
        return None if over_at <= now else [self.group_id, self.dn, self.seen_at]


def follow(person: User, answer: DirectoryIdentity, *, newly_asked: bool, now: datetime) -> bool:
    """What the directory took from this person is taken here; gives whether a role was among it.

    With the last role, and no right to administer either, the sign-in ends too.
    """
    with transaction.atomic():
        # The person's row before the last answer, as a sign-in locks them.
        note_staff(person, staff=is_in_admin_groups(answer), now=now)
        if newly_asked:
            store_snapshot(person, answer)
        # Another process may have stored a later answer meanwhile: the table's is what counts.
        rows = DirectorySnapshot.objects.select_for_update()
        row = rows.filter(user=person, lost_groups__isnull=False).first()
        book = rules_if_readable() if row is not None else None
        if row is None or book is None:
            return False
        lost = [LostGroup(*entry) for entry in row.lost_groups or ()]
        row.lost_groups = [entry for group in lost if (entry := group.still_in_mind(now))] or None
        row.save(update_fields=["lost_groups"])
        return _see_to(person, from_json(row.identity, asked_at=row.asked_at), lost, book, now)


def rules_if_readable() -> RuleBook | None:
    """The rules; without them nobody is given anything, and what was lost is kept in mind until they are there."""
    try:
        return current_rules()
    except RulesUnavailable as problem:
        logger.warning("sweep.rules.unavailable", extra={"facts": {"cause": problem.cause}})
        return None


def _see_to(
    person: User, answer: DirectoryIdentity, lost: Sequence[LostGroup], book: RuleBook, now: datetime
) -> bool:
    has = roles_of(answer, book, now)
    # Also of groups that were seen to a moment ago: a click may have gone by what was known before.
    demand_endings(
        person, reason=GROUP_LOST, roles=roles_of(with_groups(answer, lost), book, now) - has, now=now
    )
    new = [group for group in lost if not group.seen_at]
    before = with_groups(answer, new)
    gone = roles_of(before, book, now) - has
    if gone:
        write_event(
            AuditEvent.ROLES_LOST,
            at=now,
            account_key=person.account_key,
            person=person.username,
            reason=GROUP_LOST,
            details={"roles": "; ".join(sorted(gone)), "groups": "; ".join(group.dn for group in new)},
        )
    had_something = gone or (new and is_in_admin_groups(before))
    if had_something and not has and not is_in_admin_groups(answer):
        end_sign_ins(person, reason=NOTHING_LEFT, now=now)
    return bool(gone)


def with_groups(answer: DirectoryIdentity, lost: Iterable[LostGroup]) -> DirectoryIdentity:
    """The person as they would be with groups that they have lost."""
    again = tuple(GroupMembership(group.group_id, group.dn, (group.dn,)) for group in lost)
    return replace(answer, groups=(*answer.groups, *again))


def roles_of(identity: DirectoryIdentity, book: RuleBook, now: datetime) -> set[str]:
    """The ARNs of the roles that this person may take now."""
    return {str(entitlement.role.arn) for entitlement in entitlements(identity, book, now=now)}
