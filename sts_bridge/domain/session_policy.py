"""Session policies: what of a role a narrowed session may still do. They only ever take away.

What a session may do is the role's permissions and those of its session policies together (IAM User Guide,
"Session policies"). Two session policies allow what either allows: so at most one part of ours allows
anything, and everything else denies.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from idp.domain.aws.narrowing import Narrowing
from idp.domain.aws.role import AwsRole, Road
from sts_bridge.domain.errors import NarrowingTooLarge, NotNarrowedLikeThis

# STS API Reference, AssumeRole: document and managed ARNs together.
LONGEST_PLAIN_TEXT = 2_048
# These answer in one region for all of them (IAM User Guide, example "Deny access based on the requested Region").
EVERYWHERE = (
    "account:*", "billing:*", "budgets:*", "ce:*", "cloudfront:*", "globalaccelerator:*", "health:*", "iam:*",
    "networkmanager:*", "organizations:*", "route53:*", "shield:*", "sts:*", "support:*", "trustedadvisor:*", "waf:*",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """An inline document and managed policies by their ARNs; both empty is the whole role."""

    document: str = ""
    managed: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How much of AWS's plain text limit it takes, in characters."""
        return len(self.document) + sum(len(arn) for arn in self.managed)

    @property
    def percent(self) -> int:
        """The same in whole percent, rounded up: what is foreseen before AWS packs it."""
        return -(-self.size * 100 // LONGEST_PLAIN_TEXT)


WHOLE_ROLE = SessionPolicy()


def session_policy(narrowing: Narrowing, *, role: AwsRole) -> SessionPolicy:
    """The session policy that narrows this role so; refuses one over AWS's limit.

    Also refuses reading only on the road `federation`: beside the role's own policies it would add to them.
    """
    partition = role.arn.partition
    if role.road is Road.FEDERATION:
        if narrowing.read_only:
            raise NotNarrowedLikeThis(f"read-only for {role.arn} by federation token")
        allows, managed = False, role.policies
    elif narrowing.read_only:
        allows, managed = False, (f"arn:{partition}:iam::aws:policy/ReadOnlyAccess",)
    else:
        allows, managed = narrowing.needs_policy, ()
    statements = list(_statements(narrowing, allows=allows))
    document = (
        json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
        if statements
        else ""
    )
    policy = SessionPolicy(document, managed)
    if policy.size > LONGEST_PLAIN_TEXT:
        raise NarrowingTooLarge(f"{policy.size} characters of {LONGEST_PLAIN_TEXT} for {role.arn}")
    return policy


def _statements(narrowing: Narrowing, *, allows: bool) -> Iterator[dict[str, Any]]:
    if allows:
        yield {"Effect": "Allow", "Action": "*", "Resource": "*"}
    if narrowing.region is not None:
        yield {
            "Sid": "OneRegion",
            "Effect": "Deny",
            "NotAction": list(EVERYWHERE),
            "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:RequestedRegion": narrowing.region}},
        }
    if narrowing.address is not None:
        yield {
            "Sid": "OneAddress",
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            # What AWS does on somebody's behalf comes from AWS's own addresses.
            "Condition": {
                "NotIpAddress": {"aws:SourceIp": narrowing.address},
                "BoolIfExists": {"aws:ViaAWSService": "false"},
            },
        }
