"""What the bridge's forms say: they check shape and decide nothing."""

from datetime import datetime

from django.http import QueryDict

from idp.domain.aws.narrowing import NAMES, Narrowing
from idp.domain.errors import Malformed
from idp.services.access_sessions import Person
from sts_bridge.services.preview_session import partition_of


class AskedForTwice(Malformed):
    """One field came with two values."""

    code = "asked-twice"
    sentence = "The form holds the same thing twice. Please go back and choose again."


def read_narrowing(
    fields: QueryDict, *, person: Person, account: str, role_name: str, now: datetime
) -> Narrowing:
    """What is to be given up of this role; refuses two values for one thing, and what cannot be narrowed.

    A field that is empty or absent gives nothing up: without fields nobody is asked for the role's partition.
    """
    values = {name: only(fields, name) for name in NAMES}
    if not any(values.values()):
        return Narrowing()
    partition = partition_of(person=person, account=account, role_name=role_name, now=now)
    return Narrowing.read(values, partition=partition)


def only(fields: QueryDict, name: str) -> str:
    """The one value of this field, empty where it is absent."""
    found = fields.getlist(name)
    if len(found) > 1:
        raise AskedForTwice(f"{len(found)} values of {name}")
    return found[0] if found else ""
