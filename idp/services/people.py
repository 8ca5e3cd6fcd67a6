"""The person's row: made at the first sign-in, found again by the account key whatever the name has become."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from idp.conf.directories import directory_config_of
from idp.domain.aws.session_name import session_names
from idp.domain.errors import Unavailable
from idp.domain.identity import WORKLOADS, DirectoryIdentity
from idp.models import User
from idp.models.compiled import CompiledQuery, from_values

LONGEST_TEXT = 255
LONGEST_MAIL = 320


@dataclass(frozen=True, slots=True)
class Facts:
    """What the directory says and the row repeats."""

    username: str
    display_name: str
    mail: str
    is_staff: bool


def person_of(identity: DirectoryIdentity, *, is_staff: bool, now: datetime) -> User:
    """The row of this person as the directory describes them today; joins the running transaction.

    Session name and persistent identifier are given once: they survive renames and go to nobody else.
    """
    facts = Facts(
        username=identity.username[:LONGEST_TEXT],
        display_name=identity.display_name[:LONGEST_TEXT],
        mail=identity.mail[:LONGEST_MAIL],
        is_staff=is_staff,
    )
    values = person_by_account_key.row(identity.account_key)
    if values is None:
        return _new_person(identity, facts, now)
    person = from_values(User, values)
    changed = [name for name in Facts.__slots__ if getattr(person, name) != getattr(facts, name)]
    for name in changed:
        setattr(person, name, getattr(facts, name))
    if changed:
        person.save(update_fields=changed)
    return person


person_by_account_key = CompiledQuery(lambda: User.objects.filter(account_key=""))


def new_persistent_id() -> str:
    """128 random bits that say nothing about the person (SAML Core, 8.3.7)."""
    return f"_{secrets.token_hex(16)}"


def _new_person(identity: DirectoryIdentity, facts: Facts, now: datetime) -> User:
    source = _session_name_source(identity)
    for session_name in session_names(source, account_key=identity.account_key):
        person = User(
            account_key=identity.account_key,
            directory=identity.directory,
            username=facts.username,
            display_name=facts.display_name,
            mail=facts.mail,
            is_staff=facts.is_staff,
            session_name=session_name,
            persistent_id=new_persistent_id(),
            created_at=now,
        )
        person.set_unusable_password()
        try:
            with transaction.atomic():
                person.save(force_insert=True)
        except IntegrityError:
            # Either the name is somebody else's, or this person signs in twice for the first time.
            twin = User.objects.filter(account_key=identity.account_key).first()
            if twin is not None:
                return twin
            continue
        return person
    raise Unavailable(f"no session name is free for {identity.account_key}")


def _session_name_source(identity: DirectoryIdentity) -> str:
    """What the session name is made of; a workload's says what it is, so that it is never read as a person's."""
    if identity.directory == WORKLOADS:
        return f"{WORKLOADS}.{identity.username}"
    config = directory_config_of(identity.directory)
    values = identity.attributes.get(config.session_name_attribute, ()) if config is not None else ()
    return values[0] if values else identity.username
