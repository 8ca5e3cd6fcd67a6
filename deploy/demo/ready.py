"""`ready.json`: what a program needs to walk through the running demo, and no more than that."""

import json
from typing import Any

from deploy.demo import company
from deploy.demo.places import Places, client_environment, write_private


def write_ready_file(places: Places) -> None:
    """Everything answers: the file says where, as whom, and what each must see."""
    write_private(places.ready_file, json.dumps(ready(places), indent=2) + "\n")


def ready(places: Places) -> dict[str, Any]:
    """The content; the roles come from the table written by hand, never from the site."""
    return {
        "portal": places.portal,
        "aws": places.aws,
        "people": [
            {
                "username": person.uid,
                "password": company.password_of(person.uid),
                "may_sign_in": not person.disabled,
                "roles": [] if person.disabled else company.expected_roles(person.uid),
            }
            for person in company.PEOPLE
        ],
        "admin": json.loads(places.admin_file.read_text()),
        "env": client_environment(places),
    }
