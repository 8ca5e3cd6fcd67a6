"""The start of every process that serves: all start-up checks, those for deployment too, or an end with the reasons.

Web server, worker and timetable alike: what must not serve a request must not work on its own either.
"""

import sys
from typing import NoReturn

import django
from django.core import checks
from django.core.exceptions import ImproperlyConfigured


def pass_every_check() -> None:
    """Django is set up and every check has passed; ends the process with the reasons otherwise."""
    try:
        django.setup()
    except ImproperlyConfigured as error:
        refuse_to_start(str(error))
    problems = [
        message
        for message in checks.run_checks(include_deployment_checks=True)
        if message.is_serious() and not message.is_silenced()
    ]
    if problems:
        refuse_to_start("\n".join(str(problem) for problem in problems))


def refuse_to_start(reasons: str) -> NoReturn:
    """Say why, and end the process; a supervisor reads the code 3 as `do not restart`."""
    sys.stderr.write(f"Drawbridge does not start:\n{reasons}\n")
    sys.stderr.flush()
    raise SystemExit(3)
