"""End in AWS what must end before its time: deny it by a policy of the role, and read that back."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from idp.domain.aws.arn import RoleArn
from idp.domain.errors import Refused, Unavailable
from idp.services.ending_work import (
    RoleWork,
    note_denied,
    note_problem,
    note_role_denied,
    roles_with_work,
    work_of,
)
from idp.services.endings import demand_late_endings
from sts_bridge.domain.errors import ForeignPolicy, NothingThere, PolicyFull
from sts_bridge.services.ending_turn import Turn, TurnLost, turns
from sts_bridge.services.write_denials import deny_persons, iam_of, revoke_whole_role

ROLES_AT_ONCE = 5
# After so many tries another changes nothing: until somebody has looked at the role, or because it is there no more,
# and nothing that it gave does anything. IAM itself needs a while to see everywhere that there is a new one.
HOPELESS_AFTER: dict[type[Exception], int] = {ForeignPolicy: 1, NothingThere: 4}

logger = logging.getLogger("drawbridge.bridge")


def end_due_sessions(*, now: datetime, limit: int = ROLES_AT_ONCE) -> int:
    """What is due in up to `limit` roles is denied in AWS, or its problem is on record; tells how many are done.

    A role that somebody else works on is left to them.
    """
    demand_late_endings(now=now)
    done = 0
    for turn in turns(roles_with_work(now=now, limit=limit), now=now):
        with turn:
            done += _end_in_role(work_of(turn.role_arn, now=turn.now()), turn)
    return done


def _end_in_role(work: RoleWork, turn: Turn) -> int:
    role = RoleArn.parse(work.role_arn)
    try:
        iam, ahead = iam_of(role, turn)
    except (Refused, Unavailable) as error:
        _tell(work, error, turn)
        return 0
    problems, work = 0, work.by_their_clock(ahead)
    if work.whole_role_before is not None:
        try:
            revoke_whole_role(iam, role, work.whole_role_before, turn)
            note_role_denied(work, now=turn.now())
        except (Refused, Unavailable) as error:
            # What stands in the way of the one policy says nothing of the other.
            _tell(work, error, turn, of_persons=False)
            problems += 1
    if work.denials:
        denied: frozenset[UUID] = frozenset()
        try:
            denied = deny_persons(iam, role, work, turn, past=turn.now() + min(ahead, timedelta()))
            note_denied(work, denied, now=turn.now())
            _refuse_if_some_are_left(work, denied)
        except (Refused, Unavailable) as error:
            _tell(work, error, turn, of_role=False, but=denied)
            problems += 1
    return 0 if problems else 1


def _refuse_if_some_are_left(work: RoleWork, denied: frozenset[UUID]) -> None:
    if left := [one.session_name for one in work.denials if one.access not in denied]:
        raise PolicyFull(f"no room for {len(left)} of {len(work.denials)} denials: {', '.join(left)}")


def _tell(
    work: RoleWork,
    error: Refused | Unavailable,
    turn: Turn,
    *,
    of_persons: bool = True,
    of_role: bool = True,
    but: frozenset[UUID] = frozenset(),
) -> None:
    logger.warning("sessions.not_ended", extra={"facts": {"role": work.role_arn, "cause": error.cause}})
    if not isinstance(error, TurnLost):
        note_problem(
            work.role_arn,
            f"{error.told} ({error.cause})",
            code=error.code,
            hopeless_after=HOPELESS_AFTER.get(type(error)),
            now=turn.now(),
            of_persons=of_persons,
            of_role=of_role,
            but=but,
        )
