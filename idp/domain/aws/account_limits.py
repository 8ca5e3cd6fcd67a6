"""What an operator lets accounts be: of which partitions, and through which hubs they are reached.

Whoever writes accounts, roles and rules is not the operator: no row of theirs makes the broker take a role that the
settings do not name (AW-05).
"""

from dataclasses import dataclass

from idp.domain.aws.arn import PARTITIONS, RoleArn, account_grammar
from idp.domain.errors import Malformed, Refused


class HubNotAllowed(Refused):
    """The account's hub is not among those that the operator allows."""

    code = "hub-not-allowed"
    sentence = (
        "This role is reached by way of another that is not allowed here. Please ask your administrators."
    )


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """The partitions that are on, and the hubs: role ARNs, and accounts any role of which may be one."""

    partitions: frozenset[str]
    hubs: tuple[str, ...]

    def partition_problem(self, partition: str) -> str:
        """Why no account of this partition may be saved or used; empty where it may."""
        if partition in self.partitions:
            return ""
        return f"partition {partition} is off: DRAWBRIDGE_PARTITIONS names it once its values are confirmed"

    def hub_problem(self, hub: RoleArn) -> str:
        """Why the broker does not take this role on its way; empty where it does."""
        if str(hub) in self.hubs or hub.account in self.hubs:
            return ""
        return f"{hub} is not among the roles and accounts that DRAWBRIDGE_HUBS allows"

    def unreadable_hubs(self) -> tuple[str, ...]:
        """What is named as a hub and is neither a role nor an account."""
        return tuple(hub for hub in self.hubs if not (account_grammar.fullmatch(hub) or _is_role(hub)))

    def unknown_partitions(self) -> tuple[str, ...]:
        """What is named as a partition and is none that we know."""
        return tuple(sorted(self.partitions - set(PARTITIONS)))


def _is_role(text: str) -> bool:
    try:
        RoleArn.parse(text)
    except Malformed:
        return False
    return True
