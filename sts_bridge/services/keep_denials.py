"""Keep in AWS what must still be denied, whoever takes it away, and clear what no longer matters."""

import json
import logging
from datetime import datetime, timedelta

from idp.domain.aws.arn import RoleArn
from idp.domain.errors import Refused, Unavailable
from idp.services.ending_room import (
    needed_until,
    note_not_seen,
    note_room,
    roles_to_look_at,
    whole_role_denied,
)
from idp.services.ending_work import note_cleared, note_not_cleared, note_repaired, roles_to_clear, work_of
from sts_bridge.aws.iam import Iam
from sts_bridge.domain.denials import OURS, ROOM, WHOLE_ROLE, Denial, EndedSessions, is_revoked
from sts_bridge.domain.errors import NothingThere
from sts_bridge.services.ending_turn import Turn, turns
from sts_bridge.services.write_denials import deny_persons, iam_of, revoke_whole_role, write_denials

# Nobody waits for these: what ends such a turn is its time, so that many roles have theirs within the hour.
ROLES_AT_LEISURE = 100

logger = logging.getLogger("drawbridge.bridge")


def clear_past_denials(*, now: datetime, limit: int = ROLES_AT_LEISURE) -> int:
    """Denials that no longer matter are gone from up to `limit` roles; tells from how many endings that were."""
    cleared = 0
    for turn in turns(roles_to_clear(now=now, limit=limit), now=now):
        with turn:
            try:
                _clear(turn, now=now)
                cleared += note_cleared(turn.role_arn, now=now)
            except (Refused, Unavailable) as error:
                note_not_cleared(turn.role_arn, now=now)
                _warn("denials.not_cleared", turn, error)
    return cleared


def _clear(turn: Turn, *, now: datetime) -> None:
    role = RoleArn.parse(turn.role_arn)
    iam, _ = iam_of(role, turn)
    try:
        stands = EndedSessions.read(iam.role_policy(role, OURS))
    except NothingThere:
        # The role is gone from AWS, and its policies with it.
        return
    live = work_of(turn.role_arn, now=now).denials
    left = stands.lasting(needed_until(turn.role_arn, stands.denials)).without_past(now)
    left = left.with_denials(
        Denial(one.session_name, one.before, one.until) for one in live if not one.is_due
    )
    if left.denials != stands.denials or stands.altered:
        write_denials(iam, role, stands, left, turn)


def look_at_denials_again(*, now: datetime, limit: int = ROLES_AT_LEISURE) -> int:
    """What must still be denied is looked at, once an hour in each role: what somebody has taken away stands again.

    Tells in how many roles it stands.
    """
    standing = 0
    for turn in turns(roles_to_look_at(now=now, limit=limit), now=now):
        with turn:
            try:
                _look_again(turn)
                standing += 1
            except (Refused, Unavailable) as error:
                note_not_seen(turn.role_arn, now=now)
                _warn("denials.not_seen", turn, error)
    return standing


def _warn(message: str, turn: Turn, error: Refused | Unavailable) -> None:
    logger.warning(message, extra={"facts": {"role": turn.role_arn, "cause": error.cause}})


def _look_again(turn: Turn) -> None:
    role, work = RoleArn.parse(turn.role_arn), work_of(turn.role_arn, now=turn.now())
    iam, ahead = iam_of(role, turn)
    past = turn.now() + min(ahead, timedelta())
    deny_persons(iam, role, work.without_due(), turn, past=past)
    _revoke_again(iam, role, turn)
    ours = len(EndedSessions.read(iam.role_policy(role, OURS)).document())
    note_room(turn.role_arn, taken=iam.other_policies(role, OURS) + ours, ours=ours, of=ROOM, now=turn.now())


def _revoke_again(iam: Iam, role: RoleArn, turn: Turn) -> None:
    """The moment of the whole role stands; where somebody had moved it back or removed it, that is on record."""
    before = whole_role_denied(turn.role_arn, now=turn.now())
    if before is None:
        return
    stands = iam.role_policy(role, WHOLE_ROLE)
    if not is_revoked(stands, before=before):
        stood_there = f"nothing of {WHOLE_ROLE}" if stands is None else json.dumps(stands, sort_keys=True)
        note_repaired(turn.role_arn, stood_there, now=turn.now())
        revoke_whole_role(iam, role, before, turn)
