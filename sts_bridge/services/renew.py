"""An access of one's own → new credentials of the same role, no wider than before, without the password."""

from datetime import datetime
from uuid import UUID

from idp.domain.assertion import NewIds
from idp.domain.aws.narrowing import Narrowing
from idp.domain.origin import Origin
from idp.services.access_sessions import Person
from idp.services.renewals import note_renewed, renewable_access
from sts_bridge.services.issue_credentials import IssuedCredentials, issue_credentials


def renew(
    *, person: Person, number: UUID, origin: Origin, signed_in_at: datetime, now: datetime, ids: NewIds
) -> IssuedCredentials:
    """New credentials of this access's role, narrowed as it was; the rules decide anew, as at the first time.

    Refuses what is not this person's, what somebody has ended, and where the policy asks for the password again;
    otherwise refuses and is Unavailable as `issue_credentials` is.
    """
    access = renewable_access(person, number, signed_in_at=signed_in_at, origin=origin, now=now)
    issued = issue_credentials(
        person=person,
        account=access.role.account,
        role_name=access.role.name,
        narrowing=Narrowing.of_line(access.narrowing, partition=access.role.partition),
        origin=origin,
        signed_in_at=signed_in_at,
        now=now,
        ids=ids,
    )
    note_renewed(person, access, renewed_as=issued.access_number, origin=origin, now=now)
    return issued
