"""Rows of accesses as they stand in the table."""

import uuid
from datetime import datetime, timedelta

from django.db import connection

from idp.domain.access_session import AccessKind, AccessState
from idp.models import AccessSession, User

ROLE_ARN = "arn:aws:iam::111122223333:role/ReadOnly"


def a_person(name: str = "jane", *, now: datetime) -> User:
    return User.objects.create(
        account_key=f"directory:{uuid.uuid4()}",
        directory="directory",
        username=name,
        display_name=name.title(),
        session_name=f"{name}-{uuid.uuid4().hex[:8]}",
        persistent_id=uuid.uuid4().hex,
        created_at=now,
    )


def an_access(
    person: User,
    *,
    ends_at: datetime,
    state: AccessState = AccessState.ACTIVE,
    kind: AccessKind = AccessKind.CREDENTIALS,
    ended_at: datetime | None = None,
) -> AccessSession:
    return AccessSession.objects.create(
        user=person,
        kind=kind,
        state=state,
        role_arn=ROLE_ARN,
        account_name="Payments production",
        environment="production",
        colour="red",
        session_name=person.session_name or "",
        rule_number=1,
        rule_name="auditors read",
        group_dn="cn=auditors,ou=groups,dc=example,dc=test",
        assertion_id=f"_{uuid.uuid4().hex}",
        reference="REFERENCE",
        started_at=ends_at - timedelta(hours=1),
        ends_at=ends_at,
        ended_at=ended_at,
    )


def many_ended(like: AccessSession, *, count: int) -> None:
    """This many accesses that ended and were marked long ago: PostgreSQL makes them from one row."""
    columns = [str(field.column) for field in AccessSession._meta.concrete_fields]
    quoted = ", ".join(f'"{column}"' for column in columns)
    changed = {
        "id": "gen_random_uuid()",
        "state": "'ended'",
        "assertion_id": "'_' || gen_random_uuid()",
        "ends_at": "ends_at - make_interval(mins => 60 + number)",
        "ended_at": "ends_at - make_interval(mins => 60 + number)",
    }
    values = ", ".join(changed.get(column, f'"{column}"') for column in columns)
    table = AccessSession._meta.db_table
    with connection.cursor() as cursor:
        # The site's limit for one statement is not meant for this one.
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(
            f'INSERT INTO "{table}" ({quoted}) SELECT {values} FROM "{table}", generate_series(1, %s) AS number'  # noqa: S608 - names of our own columns
            " WHERE id = %s",
            [count, like.pk],
        )
        cursor.execute(f'ANALYZE "{table}"')
