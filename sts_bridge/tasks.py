"""The bridge's work on the timetable: the tables are the queue, so a task may run twice, late, or in many workers.

Tasks take nothing. `now` is read here, at the door.
"""

import logging

from celery import shared_task
from django.utils import timezone

from idp.domain.errors import Refused
from idp.services.clock import clock_problem
from sts_bridge.services.check_roles import ONE_TURN, check_next_accounts
from sts_bridge.services.confirm_key import confirm_accounts
from sts_bridge.services.end_sessions import end_due_sessions
from sts_bridge.services.keep_denials import clear_past_denials, look_at_denials_again
from sts_bridge.services.regions import probe_where_there_is_a_choice

logger = logging.getLogger("drawbridge.tasks")


@shared_task(name="sts_bridge.end_due_sessions")
def end_sessions() -> None:
    """What must end in AWS before its time is denied there, role by role."""
    if ended := end_due_sessions(now=timezone.now()):
        logger.info("sessions.ended", extra={"facts": {"roles": ended}})


@shared_task(name="sts_bridge.clear_past_denials")
def clear_denials() -> None:
    """Our denials that no longer matter are gone from AWS, and those that do are still there.

    By a clock that is wrong none is taken away: its session might be alive.
    """
    now = timezone.now()
    if not clock_problem(now=now) and (cleared := clear_past_denials(now=now)):
        logger.info("denials.cleared", extra={"facts": {"endings": cleared}})
    look_at_denials_again(now=timezone.now())


@shared_task(name="sts_bridge.check_roles")
def check_roles() -> None:
    """Accounts that nobody has looked at for a day are compared with what is registered."""
    if checked := check_next_accounts(now=timezone.now()):
        logger.info("roles.checked", extra={"facts": {"accounts": checked}})


@shared_task(name="sts_bridge.confirm_key")
def confirm_key() -> None:
    """While a signing key waits, accounts that have its certificate are confirmed without anybody's hand."""
    try:
        seen = confirm_accounts(now=timezone.now(), most=ONE_TURN)
    except Refused as refusal:
        # Somebody has changed the keys, or the accounts, meanwhile: the next turn sees how they are.
        logger.info("key.not_confirmed", extra={"facts": {"cause": refusal.cause}})
        return
    if confirmed := sum(one.has_it for one in seen):
        logger.info("key.confirmed", extra={"facts": {"accounts": confirmed}})


@shared_task(name="sts_bridge.probe_regions")
def probe_configured_regions() -> None:
    """Where more than one region is configured, each is asked whether it answers; the next is used where not."""
    ill = probe_where_there_is_a_choice(now=timezone.now())
    if ill:
        logger.warning("regions.ill", extra={"facts": {"regions": ", ".join(ill)}})
