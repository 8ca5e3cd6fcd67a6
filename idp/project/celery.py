"""The Celery application and the timetable.

Redis carries messages and holds nothing that may not be lost: what is due is found in the tables again
at the next tick. Messages are JSON without arguments; anything else is refused unread.
"""

import logging
import os
from datetime import timedelta

from celery import Celery, signals
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from idp.project.start_up import pass_every_check, refuse_to_start

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "idp.project.settings")

JSON = "json"

# Celery warns in several lines of text; as records they become one line of ours.
logging.captureWarnings(True)

try:
    broker = settings.REDIS_URL
except ImproperlyConfigured as error:
    # Celery would hide the one sentence behind its own traceback.
    refuse_to_start(str(error))

app = Celery("drawbridge", broker=broker, include=["idp.tasks", "sts_bridge.tasks"])
app.conf.update(
    # Whoever can write to the broker must not become whoever runs code here.
    accept_content=[JSON],
    result_accept_content=[JSON],
    task_serializer=JSON,
    result_serializer=JSON,
    event_serializer=JSON,
    worker_enable_remote_control=False,
    # Nobody asks for results, so none are stored.
    result_backend=None,
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    # A message counts as done when the work is; a worker that was killed has not done it.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_acks_on_failure_or_timeout=True,
    worker_prefetch_multiplier=1,
    worker_concurrency=2,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    task_soft_time_limit=50,
    task_time_limit=60,
    broker_transport_options={
        # Longer than any task may run: until then a message is nobody else's.
        "visibility_timeout": 120,
        "socket_connect_timeout": 2,
        "socket_timeout": 10,
        "retry_on_timeout": True,
    },
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # Ours is the only configuration of logs.
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    worker_send_task_events=False,
    task_send_sent_event=False,
    timezone="UTC",
    enable_utc=True,
    # Celery's own schedule file is a pickle; a timetable of seconds needs no memory.
    beat_scheduler="celery.beat:Scheduler",
    beat_max_loop_interval=5,
    # A message that waited longer than its tick is worth nothing: the next one does the same work.
    beat_schedule={
        "mark ended accesses": {
            "task": "idp.mark_ended_accesses",
            "schedule": timedelta(seconds=5),
            "options": {"expires": 15},
        },
        "warn of ending accesses": {
            "task": "idp.warn_of_ending_accesses",
            "schedule": timedelta(seconds=15),
            "options": {"expires": 45},
        },
        "sweep people": {
            "task": "idp.sweep_people",
            "schedule": timedelta(seconds=5),
            "options": {"expires": 15},
        },
        "confirm the next key": {
            "task": "sts_bridge.confirm_key",
            "schedule": timedelta(minutes=10),
            "options": {"expires": 600},
        },
        "warn of ending keys": {
            "task": "idp.warn_of_key_ends",
            "schedule": timedelta(hours=1),
            "options": {"expires": 3_600},
        },
        "refresh service providers": {
            "task": "idp.refresh_service_providers",
            "schedule": timedelta(minutes=1),
            "options": {"expires": 60},
        },
        "end due sessions": {
            "task": "sts_bridge.end_due_sessions",
            "schedule": timedelta(seconds=5),
            "options": {"expires": 15},
        },
        "probe regions": {
            "task": "sts_bridge.probe_regions",
            "schedule": timedelta(seconds=30),
            "options": {"expires": 30},
        },
        "check roles": {
            "task": "sts_bridge.check_roles",
            "schedule": timedelta(minutes=10),
            "options": {"expires": 600},
        },
        "clear past denials": {
            "task": "sts_bridge.clear_past_denials",
            "schedule": timedelta(minutes=5),
            "options": {"expires": 300},
        },
        "clear old marks": {
            "task": "idp.clear_old_marks",
            "schedule": timedelta(minutes=5),
            "options": {"expires": 300},
        },
    },
)


@signals.celeryd_init.connect
@signals.beat_init.connect
def check_first(**_: object) -> None:
    """Worker and timetable start where the web server would, and end with the same reasons where it would not."""
    pass_every_check()


@signals.setup_logging.connect
def leave_logging_alone(**_: object) -> None:
    """Django has configured the logs; a connected receiver is how Celery is told not to."""
