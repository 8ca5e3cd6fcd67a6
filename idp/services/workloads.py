"""Workloads as the engine knows them: an identity whose groups are the ways in which rules name it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from idp.domain.aws.arn import RoleArn
from idp.domain.explanation import Explanation, explain, explain_all
from idp.domain.identity import WORKLOADS, AccountState, DirectoryIdentity, GroupMembership
from idp.domain.workload import account_id
from idp.services.rules import current_rules


def workload_identity(
    issuer: str, subject: str, groups: tuple[GroupMembership, ...], *, now: datetime
) -> DirectoryIdentity:
    """The workload of this issuer and subject, in these groups; no directory has anything like it."""
    return DirectoryIdentity(
        directory=WORKLOADS,
        immutable_id=account_id(issuer, subject),
        username=subject,
        dn="",
        display_name=f"{subject} ({urlsplit(issuer).hostname})",
        mail="",
        state=AccountState.ENABLED,
        groups=groups,
        asked_at=now,
    )


def workload_of(issuer: str, claims: Mapping[str, Any], *, now: datetime) -> DirectoryIdentity:
    """The workload that these claims speak of, with every way in which the rules of this moment name it."""
    groups = current_rules().groups_of_workload(issuer, claims)
    return workload_identity(issuer, str(claims["sub"]), groups, now=now)


def explain_workload(
    issuer: str, claims: Mapping[str, str], *, role: RoleArn | None, now: datetime
) -> list[Explanation]:
    """Why whoever has such claims of this issuer may, or may not, take this role, or each role they are led to."""
    identity, book = workload_of(issuer, claims, now=now), current_rules()
    return (
        [explain(identity, book, role, now=now)]
        if role is not None
        else list(explain_all(identity, book, now=now))
    )
