"""The web server's entry: runs every start-up check, those for deployment too, and ends on an error.

Django's own WSGI start runs none; a dangerous setting must not serve one request.
"""

import gc
import os
import sys

import django
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.wsgi import WSGIHandler


def start() -> WSGIHandler:
    """The application, after every check has passed; ends the process with the reasons otherwise."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "idp.project.settings")
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
    # Not at the head of the file: the settings must stand first.
    from idp.services.keys import keep_keys_fresh  # noqa: PLC0415
    from idp.services.token_issuers import keep_issuers_fresh  # noqa: PLC0415

    keep_keys_fresh()
    keep_issuers_fresh()
    return WSGIHandler()


def refuse_to_start(reasons: str) -> None:
    """Say why, and end the process; a supervisor reads the code 3 as `do not restart`."""
    sys.stderr.write(f"Drawbridge does not start:\n{reasons}\n")
    sys.stderr.flush()
    raise SystemExit(3)


application = start()
# What the start has made stays for good: the collector need not walk it again. A page makes tens of thousands of
# objects that go by themselves; looking for circles after every few hundred finds none.
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 20, 20)
