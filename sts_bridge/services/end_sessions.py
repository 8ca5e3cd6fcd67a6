"""End in AWS what must end before its time: deny it by a policy of the role, read that back, and clean up later."""

import logging
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from idp.domain.aws.arn import RoleArn
from idp.domain.errors import Refused, Unavailable
from idp.services.ending_work import (
    RoleWork,
    lease_role,
    note_cleared,
    note_denied,
    note_problem,
    note_role_denied,
    release_role,
    roles_to_clear,
    roles_with_work,
    work_of,
)
from sts_bridge.aws.iam import Iam
from sts_bridge.conf import bridge_config
from sts_bridge.domain.denials import OURS, WHOLE_ROLE, Denial, EndedSessions, is_revoked, revoke_older
from sts_bridge.domain.errors import AwsUnavailable, ForeignPolicy, NoEnder, PolicyFull
from sts_bridge.services.account_roles import credentials_in_account

ROLES_AT_ONCE = 5
# With a slow AWS a worker begins no further role after this; the next tick goes on with those that are left.
ONE_TURN = timedelta(seconds=20)
# Trying again changes nothing until somebody has looked at the role.
HOPELESS = (PolicyFull, ForeignPolicy)

logger = logging.getLogger("drawbridge.bridge")


def end_due_sessions(*, now: datetime, limit: int = ROLES_AT_ONCE) -> int:
    """What is due in up to `limit` roles is denied in AWS, or its problem is on record; tells how many are done.

    A role that somebody else works on is left to them.
    """
    done = 0
    for role_arn in _one_turn(roles_with_work(now=now, limit=limit)):
        if not lease_role(role_arn, now=now):
            continue
        try:
            done += _end_in_role(work_of(role_arn, now=now), now=now)
        finally:
            release_role(role_arn, leased_at=now)
    return done


def clear_past_denials(*, now: datetime, limit: int = ROLES_AT_ONCE) -> int:
    """Denials that no longer matter are gone from up to `limit` roles; tells from how many endings that were."""
    cleared = 0
    for role_arn in _one_turn(roles_to_clear(now=now, limit=limit)):
        if not lease_role(role_arn, now=now):
            continue
        try:
            _clear(role_arn, now=now)
            cleared += note_cleared(role_arn, now=now)
        except (Refused, Unavailable) as error:
            logger.warning("denials.not_cleared", extra={"facts": {"role": role_arn, "cause": error.cause}})
        finally:
            release_role(role_arn, leased_at=now)
    return cleared


def _one_turn(roles: list[str]) -> Iterator[str]:
    """The roles one after the other until the turn is over, well before the worker's own limit would cut one off."""
    began_at = time.monotonic()
    for role_arn in roles:
        if time.monotonic() - began_at > ONE_TURN.total_seconds():
            return
        yield role_arn


def _end_in_role(work: RoleWork, *, now: datetime) -> int:
    role = RoleArn.parse(work.role_arn)
    try:
        iam = _iam_of(role)
        if work.whole_role_before is not None:
            _revoke_whole_role(iam, role, work.whole_role_before)
            note_role_denied(work, now=now)
        if work.denials:
            _deny_persons(iam, role, work, now=now)
            note_denied(work, now=now)
    except (Refused, Unavailable) as error:
        note_problem(
            work.role_arn, f"{error.told} ({error.cause})", hopeless=isinstance(error, HOPELESS), now=now
        )
        logger.warning("sessions.not_ended", extra={"facts": {"role": work.role_arn, "cause": error.cause}})
        return 0
    return 1


def _revoke_whole_role(iam: Iam, role: RoleArn, before: datetime) -> None:
    document = revoke_older(iam.role_policy(role, WHOLE_ROLE), before=before)
    if document is not None:
        iam.write_role_policy(role, WHOLE_ROLE, document)
    if not is_revoked(iam.role_policy(role, WHOLE_ROLE), before=before):
        raise AwsUnavailable("what was written could not be read back yet")


def _deny_persons(iam: Iam, role: RoleArn, work: RoleWork, *, now: datetime) -> None:
    wanted = [Denial(one.session_name, one.before, one.until) for one in work.denials]
    stands = EndedSessions.read(iam.role_policy(role, OURS))
    if not stands.covers(wanted):
        document = stands.without_past(now).with_denials(wanted).document()
        iam.write_role_policy(role, OURS, document)
        if not EndedSessions.read(iam.role_policy(role, OURS)).covers(wanted):
            raise AwsUnavailable("what was written could not be read back yet")


def _clear(role_arn: str, *, now: datetime) -> None:
    role = RoleArn.parse(role_arn)
    iam = _iam_of(role)
    stands = EndedSessions.read(iam.role_policy(role, OURS))
    left = stands.without_past(now)
    if left == stands:
        return
    if document := left.document():
        iam.write_role_policy(role, OURS, document)
    else:
        iam.remove_role_policy(role, OURS)


def _iam_of(role: RoleArn) -> Iam:
    config = bridge_config()
    if not config.ender_role:
        raise NoEnder("DRAWBRIDGE_ENDER_ROLE names no role")
    credentials = credentials_in_account(
        partition=role.partition, account=role.account, role_name=config.ender_role
    )
    return Iam(credentials, partition=role.partition, config=config)
