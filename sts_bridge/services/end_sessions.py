"""End in AWS what must end before its time: deny it by a policy of the role, read that back, and clean up later."""

import json
import logging
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from idp.domain.aws.arn import RoleArn
from idp.domain.errors import Refused, Unavailable
from idp.services.ending_room import (
    names_with_more,
    needed_until,
    note_not_seen,
    note_room,
    roles_to_look_at,
    whole_role_denied,
)
from idp.services.ending_work import (
    RoleWork,
    note_cleared,
    note_denied,
    note_not_cleared,
    note_problem,
    note_repaired,
    note_role_denied,
    roles_to_clear,
    roles_with_work,
    work_of,
)
from idp.services.endings import demand_late_endings
from sts_bridge.aws.iam import Iam
from sts_bridge.conf import bridge_config
from sts_bridge.domain.denials import (
    OURS,
    ROOM,
    ROOM_FOR_WHOLE_ROLE,
    WHOLE_ROLE,
    Denial,
    EndedSessions,
    is_revoked,
    revoke_older,
)
from sts_bridge.domain.errors import (
    AwsUnavailable,
    EnderNotTaken,
    ForeignPolicy,
    NoEnder,
    NothingThere,
    PolicyFull,
    RoleDoesNotTrustUs,
)
from sts_bridge.services.account_roles import credentials_in_account
from sts_bridge.services.ending_turn import Turn, TurnLost
from sts_bridge.services.health import CLOCK_TOLERANCE

ROLES_AT_ONCE = 5
# Nobody waits for these: what ends such a turn is its time, so that many roles have theirs within the hour.
ROLES_AT_LEISURE = 100
# With a slow AWS a worker begins no further role after this; the next tick goes on with those that are left.
ONE_TURN = timedelta(seconds=20)
# After so many tries another changes nothing: until somebody has looked at the role, or because it is there no more,
# and nothing that it gave does anything. IAM itself needs a while to see everywhere that there is a new one.
HOPELESS_AFTER = {ForeignPolicy: 1, NothingThere: 4}
NO_WAY_OUT = f"Not ended yet: the role's policies in AWS leave no room for {WHOLE_ROLE}. Make room there."
# Moments of AWS come in whole seconds and take a while to arrive: so much earlier is surely past there.
SURELY_PAST = timedelta(seconds=5)

logger = logging.getLogger("drawbridge.bridge")


def end_due_sessions(*, now: datetime, limit: int = ROLES_AT_ONCE) -> int:
    """What is due in up to `limit` roles is denied in AWS, or its problem is on record; tells how many are done.

    A role that somebody else works on is left to them.
    """
    demand_late_endings(now=now)
    done, began_at = 0, time.monotonic()
    for role_arn in _one_turn(roles_with_work(now=now, limit=limit)):
        # The role before this one may have taken its time: a lease from the beginning would be over by now.
        turn = Turn(role_arn, now=now + timedelta(seconds=time.monotonic() - began_at))
        if not turn.take():
            continue
        try:
            done += _end_in_role(work_of(role_arn, now=turn.now()), turn)
        finally:
            turn.give_back()
    return done


def clear_past_denials(*, now: datetime, limit: int = ROLES_AT_LEISURE) -> int:
    """Denials that no longer matter are gone from up to `limit` roles; tells from how many endings that were."""
    cleared, began_at = 0, time.monotonic()
    for role_arn in _one_turn(roles_to_clear(now=now, limit=limit)):
        turn = Turn(role_arn, now=now + timedelta(seconds=time.monotonic() - began_at))
        if not turn.take():
            continue
        try:
            _clear(turn, now=now)
            cleared += note_cleared(role_arn, now=now)
        except (Refused, Unavailable) as error:
            note_not_cleared(role_arn, now=now)
            logger.warning("denials.not_cleared", extra={"facts": {"role": role_arn, "cause": error.cause}})
        finally:
            turn.give_back()
    return cleared


def look_at_denials_again(*, now: datetime, limit: int = ROLES_AT_LEISURE) -> int:
    """What must still be denied is looked at, once an hour in each role: what somebody has taken away stands again.

    Tells in how many roles it stands.
    """
    standing, began_at = 0, time.monotonic()
    for role_arn in _one_turn(roles_to_look_at(now=now, limit=limit)):
        turn = Turn(role_arn, now=now + timedelta(seconds=time.monotonic() - began_at))
        if not turn.take():
            continue
        try:
            _look_again(turn)
            standing += 1
        except (Refused, Unavailable) as error:
            note_not_seen(role_arn, now=now)
            logger.warning("denials.not_seen", extra={"facts": {"role": role_arn, "cause": error.cause}})
        finally:
            turn.give_back()
    return standing


def _look_again(turn: Turn) -> None:
    role, work = RoleArn.parse(turn.role_arn), work_of(turn.role_arn, now=turn.now())
    iam, ahead = _iam_of(role, turn)
    past = turn.now() + min(ahead, timedelta())
    _deny_persons(iam, role, work.without_due(), turn, past=past)
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
        _revoke_whole_role(iam, role, before, turn)


def _one_turn(roles: list[str]) -> Iterator[str]:
    """The roles one after the other until the turn is over, well before the worker's own limit would cut one off."""
    began_at = time.monotonic()
    for role_arn in roles:
        if time.monotonic() - began_at > ONE_TURN.total_seconds():
            return
        yield role_arn


def _end_in_role(work: RoleWork, turn: Turn) -> int:
    role = RoleArn.parse(work.role_arn)
    try:
        iam, ahead = _iam_of(role, turn)
    except (Refused, Unavailable) as error:
        _tell(work, error, turn)
        return 0
    problems, work = 0, work.by_their_clock(ahead)
    if work.whole_role_before is not None:
        try:
            _revoke_whole_role(iam, role, work.whole_role_before, turn)
            note_role_denied(work, now=turn.now())
        except (Refused, Unavailable) as error:
            # What stands in the way of the one policy says nothing of the other.
            _tell(work, error, turn, of_persons=False)
            problems += 1
    if work.denials:
        denied: frozenset[UUID] = frozenset()
        try:
            denied = _deny_persons(iam, role, work, turn, past=turn.now() + min(ahead, timedelta()))
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


def _revoke_whole_role(iam: Iam, role: RoleArn, before: datetime, turn: Turn) -> None:
    document = revoke_older(iam.role_policy(role, WHOLE_ROLE), before=before)
    if document is not None:
        turn.keep()
        try:
            iam.write_role_policy(role, WHOLE_ROLE, document)
        except PolicyFull as full:
            raise PolicyFull(full.cause, sentence=NO_WAY_OUT) from None
    if not is_revoked(iam.role_policy(role, WHOLE_ROLE), before=before):
        raise AwsUnavailable("what was written could not be read back yet")


def _deny_persons(iam: Iam, role: RoleArn, work: RoleWork, turn: Turn, *, past: datetime) -> frozenset[UUID]:
    """Gives the accesses that are denied and were read back: all, or as many as the role has room for.

    What stands already comes first, so that nothing of it is given back; then who has waited longest.
    """
    wanted = {one.access: Denial(one.session_name, one.before, one.until) for one in work.denials}
    stands = EndedSessions.read(iam.role_policy(role, OURS))
    if stands.covers(wanted.values()) and not stands.altered:
        return frozenset(wanted)
    gone = [one for one in work.denials if not one.is_due and not stands.covers([wanted[one.access]])]
    if gone and not stands.altered:
        note_repaired(str(role), f"nothing of {', '.join(one.session_name for one in gone)}", now=turn.now())
    others = iam.other_policies(role, OURS)
    kept = stands.lasting(needed_until(work.role_arn, stands.denials)).without_past(turn.now())
    more = names_with_more(
        work.role_arn, {*kept.denials, *(one.session_name for one in wanted.values())}, now=turn.now()
    )
    room = ROOM - ROOM_FOR_WHOLE_ROLE - others
    new = kept.with_denials(wanted.values()).gathered(past=past - SURELY_PAST, but=more)
    if len(new.document()) > room:
        new = kept
        for one in sorted(wanted.values(), key=lambda one: not kept.covers([one])):
            grown = new.with_denials([one]).gathered(past=past - SURELY_PAST, but=more)
            if len(grown.document()) <= room or kept.covers([one]):
                new = grown
    _write(iam, role, stands, new, turn)
    note_room(
        work.role_arn,
        taken=others + len(new.document()),
        ours=len(new.document()),
        of=ROOM,
        now=turn.now(),
    )
    read_back = EndedSessions.read(iam.role_policy(role, OURS))
    if read_back.altered or not read_back.covers(new.denials.values()):
        raise AwsUnavailable("what was written could not be read back yet")
    return frozenset(number for number, one in wanted.items() if read_back.covers([one]))


def _write(iam: Iam, role: RoleArn, stands: EndedSessions, new: EndedSessions, turn: Turn) -> None:
    """The policy of our name says this; what somebody had made of a statement of ours is on record first."""
    turn.keep()
    for statement in stands.altered:
        note_repaired(str(role), json.dumps(statement, sort_keys=True), now=turn.now())
    if document := new.document():
        iam.write_role_policy(role, OURS, document)
    elif stands != EndedSessions({}):
        iam.remove_role_policy(role, OURS)


def _clear(turn: Turn, *, now: datetime) -> None:
    role = RoleArn.parse(turn.role_arn)
    iam, _ = _iam_of(role, turn)
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
        _write(iam, role, stands, left, turn)


def _iam_of(role: RoleArn, turn: Turn) -> tuple[Iam, timedelta]:
    """IAM of the role's account, and by how much AWS's clock is ahead of ours: it has just told."""
    config = bridge_config()
    if not config.ender_role:
        raise NoEnder("DRAWBRIDGE_ENDER_ROLE names no role")
    try:
        credentials = credentials_in_account(
            partition=role.partition, account=role.account, role_name=config.ender_role
        )
    except RoleDoesNotTrustUs as refusal:
        raise EnderNotTaken(refusal.cause) from None
    ahead = credentials.issued_at - turn.now()
    if abs(ahead) > CLOCK_TOLERANCE:
        facts = {"partition": role.partition, "seconds": round(ahead.total_seconds())}
        logger.warning("aws.clock.apart", extra={"facts": facts})
    return Iam(credentials, partition=role.partition, config=config), ahead
