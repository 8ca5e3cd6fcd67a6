"""Everything that an operation may look at: the world, what calls have changed in it, and the seal."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass

from sts_bridge.local_aws.callers import Caller, Kind
from sts_bridge.local_aws.policies.documents import Policy, read_permissions
from sts_bridge.local_aws.state import State
from sts_bridge.local_aws.tokens import Vault
from sts_bridge.local_aws.world.model import SamlProvider, World


@dataclass(frozen=True, slots=True)
class Realm:
    """One pretended AWS at work."""

    world: World
    state: State
    vault: Vault

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

    def saml_provider(self, arn: str) -> SamlProvider | None:
        """Give a registered provider, or nothing if it does not exist."""
        return self.world.providers.get(arn)


@functools.lru_cache(maxsize=1_024)
def read_stored(document: str, name: str) -> Policy:
    """Give a policy that was checked when it came."""
    return read_permissions(json.loads(document), name=name)
