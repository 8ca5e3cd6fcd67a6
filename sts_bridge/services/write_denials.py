"""Write what is denied into the policies of a role, and read it back: of persons, and of the whole role."""

import json
import logging
from datetime import datetime, timedelta
from uuid import UUID

from idp.domain.aws.arn import RoleArn
from idp.services.ending_room import names_with_more, needed_until, note_room
from idp.services.ending_work import RoleWork, note_repaired
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
from sts_bridge.domain.errors import AwsUnavailable, EnderNotTaken, NoEnder, PolicyFull, RoleDoesNotTrustUs
from sts_bridge.services.account_roles import credentials_in_account
from sts_bridge.services.ending_turn import Turn
from sts_bridge.services.health import CLOCK_TOLERANCE

NO_WAY_OUT = f"Not ended yet: the role's policies in AWS leave no room for {WHOLE_ROLE}. Make room there."
# Moments of AWS come in whole seconds and take a while to arrive: so much earlier is surely past there.
SURELY_PAST = timedelta(seconds=5)

logger = logging.getLogger("drawbridge.bridge")


def iam_of(role: RoleArn, turn: Turn) -> tuple[Iam, timedelta]:
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


def revoke_whole_role(iam: Iam, role: RoleArn, before: datetime, turn: Turn) -> None:
    """Whatever of the role was issued before this moment is denied, which was read back."""
    document = revoke_older(iam.role_policy(role, WHOLE_ROLE), before=before)
    if document is not None:
        turn.keep()
        try:
            iam.write_role_policy(role, WHOLE_ROLE, document)
        except PolicyFull as full:
            raise PolicyFull(full.cause, sentence=NO_WAY_OUT) from None
    if not is_revoked(iam.role_policy(role, WHOLE_ROLE), before=before):
        raise AwsUnavailable("what was written could not be read back yet")


def deny_persons(iam: Iam, role: RoleArn, work: RoleWork, turn: Turn, *, past: datetime) -> frozenset[UUID]:
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
    write_denials(iam, role, stands, new, turn)
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


def write_denials(iam: Iam, role: RoleArn, stands: EndedSessions, new: EndedSessions, turn: Turn) -> None:
    """The policy of our name says this; what somebody had made of a statement of ours is on record first."""
    turn.keep()
    for statement in stands.altered:
        note_repaired(str(role), json.dumps(statement, sort_keys=True), now=turn.now())
    if document := new.document():
        iam.write_role_policy(role, OURS, document)
    elif stands != EndedSessions({}):
        iam.remove_role_policy(role, OURS)
