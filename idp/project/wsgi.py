"""The web server's entry: runs every start-up check, those for deployment too, and ends on an error.

Django's own WSGI start runs none; a dangerous setting must not serve one request.
"""

import gc
import os

from django.core.handlers.wsgi import WSGIHandler

from idp.project.start_up import pass_every_check


def start() -> WSGIHandler:
    """The application, after every check has passed; ends the process with the reasons otherwise."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "idp.project.settings")
    pass_every_check()
    # Not at the head of the file: the settings must stand first.
    from idp.services.keys import keep_keys_fresh  # noqa: PLC0415
    from idp.services.token_issuers import keep_issuers_fresh  # noqa: PLC0415

    keep_keys_fresh()
    keep_issuers_fresh()
    return WSGIHandler()


application = start()
# What the start has made stays for good: the collector need not walk it again. A page makes tens of thousands of
# objects that go by themselves; looking for circles after every few hundred finds none.
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 20, 20)
