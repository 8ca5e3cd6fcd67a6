"""Who makes a call: a user with long-term keys, or somebody whose session a sealed token carries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from sts_bridge.local_aws.policies.decisions import Asker
from sts_bridge.local_aws.world.model import Role, User


class Kind(StrEnum):
    """What sort of credentials somebody holds; each may call other things."""

    LONG_TERM = "long-term"
    ROLE = "role"
    FEDERATED = "federated"
    USER_SESSION = "user session"


_TYPES: Final = {
    Kind.LONG_TERM: "User",
    Kind.ROLE: "AssumedRole",
    Kind.FEDERATED: "FederatedUser",
    Kind.USER_SESSION: "User",
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody, for as long as their credentials last; long-term keys have neither begin nor end."""

    kind: Kind
    partition: str
    account: str
    arn: str
    user_id: str
    # Whose policies count: the role that was taken, or the user whose keys opened the session.
    principal_arn: str
    name: str
    issued_at: datetime | None = None
    ends_at: datetime | None = None
    source_identity: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive_tag_keys: tuple[str, ...] = ()
    session_policy: str | None = None
    session_policy_arns: tuple[str, ...] = ()
    provider: str | None = None
    # What a statement said and every later call of the session still carries.
    kept_keys: Mapping[str, str] = field(default_factory=dict)
    chained: bool = False
    mfa_at: datetime | None = None

    @property
    def is_root(self) -> bool:
        """Whether this is the root user of an account, or a session of it."""
        return self.principal_arn.endswith(":root")

    @property
    def role_name(self) -> str:
        """The name of the role that was taken; empty where none was."""
        return self.principal_arn.rpartition("/")[2] if self.kind is Kind.ROLE else ""

    def has_ended(self, now: datetime) -> bool:
        """Tell whether the session is over; its end is exclusive."""
        return self.ends_at is not None and self.ends_at <= now

    def asker(self) -> Asker:
        """Give the names under which a trust policy may speak of this caller."""
        root = f"arn:{self.partition}:iam::{self.account}:root"
        names = {self.arn} if self.kind is Kind.FEDERATED else {self.arn, self.principal_arn}
        return Asker(names=frozenset(names), account=frozenset({self.account, root}))

    def context(self, own_tags: Mapping[str, str], now: datetime) -> dict[str, tuple[str, ...]]:
        """Give the condition keys that say who somebody is; tags of the session win over those of the role."""
        context = {
            "aws:principalarn": self.arn if self.kind is Kind.FEDERATED else self.principal_arn,
            "aws:principalaccount": self.account,
            "aws:principaltype": "Account" if self.is_root else _TYPES[self.kind],
            "aws:principalisawsservice": "false",
            "aws:viaawsservice": "false",
            "aws:userid": self.user_id,
        } | dict(self.kept_keys)
        if _TYPES[self.kind] == "User" and not self.is_root:
            context["aws:username"] = self.principal_arn.rpartition("/")[2]
        if self.issued_at is not None:
            context["aws:tokenissuetime"] = self.issued_at.strftime("%Y-%m-%dT%H:%M:%SZ")
            context["aws:multifactorauthpresent"] = "false" if self.mfa_at is None else "true"
        if self.mfa_at is not None:
            context["aws:multifactorauthage"] = str(int((now - self.mfa_at).total_seconds()))
        if self.source_identity is not None:
            context["aws:sourceidentity"] = self.source_identity
        if self.provider is not None:
            context["aws:federatedprovider"] = self.provider
        for key, value in (*own_tags.items(), *self.tags.items()):
            context[f"aws:principaltag/{key.lower()}"] = value
        return {key: (value,) for key, value in context.items()}

    def claims(self) -> dict[str, object]:
        """Give the caller as what JSON can carry; what is empty is left out, because tokens travel in headers."""
        claims: dict[str, object] = {
            "kind": self.kind.value,
            "in": [self.partition, self.account],
            "arn": self.arn,
            "id": self.user_id,
            "of": self.principal_arn,
            "name": self.name,
            "from": _seconds(self.issued_at),
            "until": _seconds(self.ends_at),
            "source": self.source_identity,
            "tags": dict(self.tags),
            "transitive": list(self.transitive_tag_keys),
            "policy": self.session_policy,
            "policies": list(self.session_policy_arns),
            "provider": self.provider,
            "keys": dict(self.kept_keys),
            "chained": self.chained,
            "mfa": _seconds(self.mfa_at),
        }
        return {name: value for name, value in claims.items() if value}


def read_caller(claims: Mapping[str, Any]) -> Caller:
    """Give the caller whom sealed claims describe."""
    partition, account = claims["in"]
    return Caller(
        kind=Kind(claims["kind"]),
        partition=partition,
        account=account,
        arn=claims["arn"],
        user_id=claims["id"],
        principal_arn=claims["of"],
        name=claims["name"],
        issued_at=_moment(claims.get("from")),
        ends_at=_moment(claims.get("until")),
        source_identity=claims.get("source"),
        tags=claims.get("tags", {}),
        transitive_tag_keys=tuple(claims.get("transitive", ())),
        session_policy=claims.get("policy"),
        session_policy_arns=tuple(claims.get("policies", ())),
        provider=claims.get("provider"),
        kept_keys=claims.get("keys", {}),
        chained=claims.get("chained", False),
        mfa_at=_moment(claims.get("mfa")),
    )


def long_term_caller(user: User) -> Caller:
    """Give the caller that a user's own keys make."""
    return Caller(
        kind=Kind.LONG_TERM,
        partition=user.arn.partition,
        account=user.arn.account,
        arn=user.arn.text,
        user_id=user.user_id,
        principal_arn=user.arn.text,
        name=user.arn.name or "root",
    )


def role_caller(role: Role, name: str, *, issued_at: datetime, ends_at: datetime, **more: Any) -> Caller:
    """Give the session of a role under a name; the role's path is no part of what AWS calls it."""
    arn = role.arn
    return Caller(
        kind=Kind.ROLE,
        partition=arn.partition,
        account=arn.account,
        arn=f"arn:{arn.partition}:sts::{arn.account}:assumed-role/{arn.name}/{name}",
        user_id=f"{role.role_id}:{name}",
        principal_arn=arn.text,
        name=name,
        issued_at=issued_at,
        ends_at=ends_at.replace(microsecond=0),
        **more,
    )


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
