"""Work on the timetable: the tables are the queue, so every task may run twice, late, or in many workers.

Tasks take keywords and identifiers only; these take nothing. `now` is read here, at the door.
"""

import logging
from dataclasses import asdict
from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from idp.services.access_sessions import clear_old_marks, mark_ended, warn_of_ends
from idp.services.clock import clock_problem
from idp.services.key_ends import warn_of_key_ends
from idp.services.provider_certificates import warn_of_provider_certificates
from idp.services.provider_metadata import refresh_due_providers
from idp.services.sweep_people import sweep_people

MARKED_AT_ONCE = 200
# Each may take ten seconds, and a task fifty.
REFRESHED_AT_ONCE = 4
# Well within the tasks' time limit: whoever is not reached is first in the next sweep.
SWEPT_FOR_AT_MOST = timedelta(seconds=20)

logger = logging.getLogger("drawbridge.tasks")


@shared_task(name="idp.mark_ended_accesses")
def mark_ended_accesses() -> None:
    """Every access that is over now is marked so, portion by portion, each portion for good."""
    now = timezone.now()
    marked = 0
    while portion := mark_ended(now=now, limit=MARKED_AT_ONCE):
        marked += portion
    if marked:
        logger.info("access.marked_ended", extra={"facts": {"accesses": marked}})


@shared_task(name="idp.warn_of_ending_accesses")
def warn_of_ending_accesses() -> None:
    """Everyone whose access ends soon is told on the sessions page."""
    if warned := warn_of_ends(now=timezone.now()):
        logger.info("access.warned", extra={"facts": {"accesses": warned}})


@shared_task(name="idp.sweep_people")
def sweep_everyone() -> None:
    """Everyone with something to lose has been asked about within the interval; what was taken away is gone."""
    swept = sweep_people(now=timezone.now(), for_at_most=SWEPT_FOR_AT_MOST)
    if swept.let_go or swept.lost_roles or swept.unanswered:
        logger.info("people.swept", extra={"facts": asdict(swept)})


@shared_task(name="idp.clear_old_marks")
def clear_marks() -> None:
    """Counters and sessions that no longer count are gone; by a clock that is wrong nothing is thrown away."""
    now = timezone.now()
    if not clock_problem(now=now) and (cleared := clear_old_marks(now=now)):
        logger.info("marks.cleared", extra={"facts": {"rows": cleared}})


@shared_task(name="idp.refresh_service_providers")
def refresh_service_providers() -> None:
    """The metadata of service providers that was due has been read again; a few at once, each within its time."""
    if read := refresh_due_providers(now=timezone.now(), limit=REFRESHED_AT_ONCE):
        logger.info("provider.refreshed", extra={"facts": {"providers": read}})


@shared_task(name="idp.warn_of_key_ends")
def warn_of_ending_keys() -> None:
    """The ends of certificates, ours and those of services, are on record and in the log in time to replace them."""
    if told := warn_of_key_ends(now=timezone.now()):
        logger.warning("key.ending", extra={"facts": {"keys": told}})
    if told := warn_of_provider_certificates(now=timezone.now()):
        logger.warning("provider.certificate.ending", extra={"facts": {"providers": told}})
