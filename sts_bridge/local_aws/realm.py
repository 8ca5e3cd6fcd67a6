"""Everything that an operation may look at: the world, what calls have changed in it, and the seal."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from sts_bridge.local_aws.callers import Caller, Kind
from sts_bridge.local_aws.pace import Pace
from sts_bridge.local_aws.policies.documents import Policy, read_permissions
from sts_bridge.local_aws.saml_registry import SamlRegistry
from sts_bridge.local_aws.state import State
from sts_bridge.local_aws.tokens import Vault
from sts_bridge.local_aws.web_identity.keys import IssuerKeys
from sts_bridge.local_aws.world.model import Role, World

_USE_IS_NOTED_EVERY: Final = 3_600


@dataclass(frozen=True, slots=True)
class Realm:
    """One pretended AWS at work."""

    world: World
    state: State
    vault: Vault
    saml: SamlRegistry
    pace: Pace
    issuer_keys: IssuerKeys = field(default_factory=IssuerKeys)

    def role_documents(self, role_arn: str) -> dict[str, str]:
        """Give the inline policies of a role as they are now: the world's, and what calls made of them."""
        role = self.world.roles.get(role_arn)
        found: dict[str, str] = dict(role.inline) if role else {}
        for name, document in self.state.rows(
            "SELECT name, document FROM role_policy WHERE role = ?", role_arn
        ):
            if document is None:
                found.pop(name, None)
            else:
                found[name] = document
        return found

    def permissions(self, caller: Caller) -> list[Policy]:
        """Give the policies of the role or user behind a caller, as they are now."""
        if caller.kind is not Kind.ROLE:
            user = self.world.users.get(caller.principal_arn)
            return list(user.policies.values()) if user else []
        role = self.world.roles.get(caller.principal_arn)
        inline = self.role_documents(caller.principal_arn)
        attached = role.attached if role else ()
        return [*attached, *(read_stored(document, name) for name, document in inline.items())]

    def session_policies(self, caller: Caller) -> list[Policy]:
        """Give the policies that narrow a session; a managed one that does not exist allows nothing."""
        policies = [
            self.world.managed_policies.get(arn, Policy(arn, ())) for arn in caller.session_policy_arns
        ]
        if caller.session_policy is not None:
            policies.append(read_stored(caller.session_policy, "session policy"))
        return policies

    def tags_of(self, caller: Caller) -> Mapping[str, str]:
        """Give the tags of the role or user behind a caller."""
        known = self.world.roles if caller.kind is Kind.ROLE else self.world.users
        found = known.get(caller.principal_arn)
        return found.tags if found else {}

    def role_named(self, partition: str, account: str, name: str) -> Role | None:
        """Give a role by its name, which is one of a kind in its account whatever the path and the case."""
        for role in self.world.roles.values():
            if role.arn.home == (partition, account) and role.arn.name.lower() == name.lower():
                return role
        return None

    def write_role_policy(self, role_arn: str, name: str, document: str | None) -> None:
        """An inline policy is what it says from now on; nothing says that there is none."""
        self.state.rows(
            "INSERT OR REPLACE INTO role_policy (role, name, document) VALUES (?, ?, ?)",
            role_arn,
            name,
            document,
        )

    def note_use(self, role_arn: str, region: str | None, now: datetime) -> None:
        """Remember when a role was last taken; within an hour of the last time nothing is written."""
        found = self.state.rows("SELECT at FROM role_use WHERE role = ?", role_arn)
        if not found or now.timestamp() - found[0][0] >= _USE_IS_NOTED_EVERY:
            self.state.rows(
                "INSERT OR REPLACE INTO role_use (role, at, region) VALUES (?, ?, ?)",
                role_arn,
                now.timestamp(),
                region or "us-east-1",
            )

    def last_use(self, role: Role) -> tuple[datetime, str] | None:
        """Give when and where a role was last taken, or nothing if it never was."""
        found = self.state.rows("SELECT at, region FROM role_use WHERE role = ?", role.arn.text)
        if found:
            return datetime.fromtimestamp(found[0][0], UTC), found[0][1]
        return None if role.last_used_at is None else (role.last_used_at, "us-east-1")


@functools.lru_cache(maxsize=1_024)
def read_stored(document: str, name: str) -> Policy:
    """Give a policy that was checked when it came."""
    return read_permissions(json.loads(document), name=name)


def realm_of(world: World, state: State) -> Realm:
    """Give the realm of a world and what calls have changed in it."""
    return Realm(
        world=world,
        state=state,
        vault=Vault(world.sealing_key),
        saml=SamlRegistry(registered=world.providers, state=state),
        pace=Pace(world.requests_per_second),
    )
