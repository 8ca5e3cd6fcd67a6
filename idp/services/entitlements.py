"""Which roles a person has, and why: identity and rules."""

from datetime import datetime

from idp.domain.aws.arn import RoleArn
from idp.domain.entitlements import Entitlement, entitlements
from idp.domain.explanation import Explanation, explain, explain_all
from idp.models import User
from idp.services.identity import current_identity, find_identity
from idp.services.rules import current_rules


def entitlements_of(person: User, *, now: datetime) -> tuple[Entitlement, ...]:
    """Every role that this person may take now; none for whoever is in no directory."""
    if person.is_local or person.is_workload:
        return ()
    return entitlements(current_identity(person, now=now), current_rules(), now=now)


def explain_access(name: str, *, role: RoleArn | None, now: datetime) -> list[Explanation]:
    """Why the person of this user name may, or may not, take this role, or each role they are led to.

    Refuses a name that the directory does not know.
    """
    identity, book = find_identity(name, now=now), current_rules()
    if role is not None:
        return [explain(identity, book, role, now=now)]
    return list(explain_all(identity, book, now=now))
