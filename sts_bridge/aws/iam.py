"""What IAM is asked, with the credentials of a role in the account: the inline policies of a role, and its roles."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from idp.domain.aws.arn import RoleArn
from idp.domain.aws.signin import PARTITIONS
from sts_bridge.aws.clients import client_with, with_retries
from sts_bridge.conf import BridgeConfig
from sts_bridge.domain.credentials import TemporaryCredentials
from sts_bridge.domain.errors import NothingThere


class Iam:
    """IAM of one account; made for one piece of work."""

    def __init__(self, credentials: TemporaryCredentials, *, partition: str, config: BridgeConfig) -> None:
        """IAM is one for a partition, in its first region."""
        self._config = config
        region = PARTITIONS[partition].home_region
        self._client = client_with(credentials, "iam", region=region, config=config)

    def role_policy(self, role: RoleArn, name: str) -> Mapping[str, Any] | None:
        """The inline policy of this name, None where the role has none; refuses a role that is not there."""
        try:
            answer = self._ask("get_role_policy", RoleName=role.name, PolicyName=name)
        except NothingThere:
            # IAM says the same of a missing role; that one has no list of policies either.
            self._ask("list_role_policies", RoleName=role.name, MaxItems=1)
            return None
        document: Mapping[str, Any] = answer["PolicyDocument"]
        return document

    def other_policies(self, role: RoleArn, name: str) -> int:
        """How many characters without white space the role's other inline policies take of AWS's room."""
        names = [str(one) for one in self._pages("list_role_policies", "PolicyNames", RoleName=role.name)]
        documents = (self.role_policy(role, other) for other in names if other != name)
        return sum(len("".join(json.dumps(one, separators=(",", ":")).split())) for one in documents if one)

    def write_role_policy(self, role: RoleArn, name: str, document: str) -> None:
        """The role has this inline policy, in place of one of the same name."""
        self._ask("put_role_policy", RoleName=role.name, PolicyName=name, PolicyDocument=document)

    def remove_role_policy(self, role: RoleArn, name: str) -> None:
        """The role has no inline policy of this name, whether it had one or not."""
        try:
            self._ask("delete_role_policy", RoleName=role.name, PolicyName=name)
        except NothingThere:
            return

    def roles(self) -> Iterator[Mapping[str, Any]]:
        """Every role of the account, page by page."""
        yield from self._pages("list_roles", "Roles")

    def role(self, name: str) -> Mapping[str, Any]:
        """One role with what the list leaves out; refuses one that is not there."""
        found: Mapping[str, Any] = self._ask("get_role", RoleName=name)["Role"]
        return found

    def saml_provider_metadata(self, arn: str) -> str:
        """The metadata that this SAML provider was given; refuses one that is not there."""
        return str(self._ask("get_saml_provider", SAMLProviderArn=arn)["SAMLMetadataDocument"])

    def _pages(self, operation: str, member: str, **parameters: str) -> Iterator[Any]:
        marker: dict[str, str] = {}
        while True:
            answer = self._ask(operation, **parameters, **marker)
            yield from answer[member]
            if not answer.get("IsTruncated"):
                return
            marker = {"Marker": answer["Marker"]}

    def _ask(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return with_retries(lambda: getattr(self._client, operation)(**parameters), self._config)
