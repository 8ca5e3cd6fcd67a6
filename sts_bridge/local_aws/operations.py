"""Which operation answers which call: by the version of the interface, which tells the service, and the action."""

from datetime import datetime
from typing import Final, Protocol

from sts_bridge.local_aws.iam.get_role import get_role
from sts_bridge.local_aws.iam.list_account_aliases import list_account_aliases
from sts_bridge.local_aws.iam.list_roles import list_roles
from sts_bridge.local_aws.iam.role_policies import (
    delete_role_policy,
    get_role_policy,
    list_role_policies,
    put_role_policy,
)
from sts_bridge.local_aws.iam.saml_providers import (
    create_saml_provider,
    get_saml_provider,
    list_saml_providers,
    update_saml_provider,
)
from sts_bridge.local_aws.organizations.list_accounts import list_accounts
from sts_bridge.local_aws.query import IAM, STS, Call
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.sts.assume_role import assume_role
from sts_bridge.local_aws.sts.assume_role_with_saml import assume_role_with_saml
from sts_bridge.local_aws.sts.assume_role_with_web_identity import assume_role_with_web_identity
from sts_bridge.local_aws.sts.assume_root import assume_root
from sts_bridge.local_aws.sts.decode_authorization_message import decode_authorization_message
from sts_bridge.local_aws.sts.get_access_key_info import get_access_key_info
from sts_bridge.local_aws.sts.get_caller_identity import get_caller_identity
from sts_bridge.local_aws.sts.get_delegated_access_token import get_delegated_access_token
from sts_bridge.local_aws.sts.get_federation_token import get_federation_token
from sts_bridge.local_aws.sts.get_session_token import get_session_token
from sts_bridge.local_aws.sts.get_web_identity_token import get_web_identity_token


class Operation(Protocol):
    """A call in, the members of its result out, or nothing where it has none."""

    def __call__(self, call: Call, *, realm: Realm, now: datetime) -> dict[str, object] | None:
        """Answer one call, or refuse it with AwsError."""


OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    (STS, "AssumeRole"): assume_role,
    (STS, "AssumeRoleWithSAML"): assume_role_with_saml,
    (STS, "AssumeRoleWithWebIdentity"): assume_role_with_web_identity,
    (STS, "AssumeRoot"): assume_root,
    (STS, "DecodeAuthorizationMessage"): decode_authorization_message,
    (STS, "GetAccessKeyInfo"): get_access_key_info,
    (STS, "GetCallerIdentity"): get_caller_identity,
    (STS, "GetDelegatedAccessToken"): get_delegated_access_token,
    (STS, "GetFederationToken"): get_federation_token,
    (STS, "GetSessionToken"): get_session_token,
    (STS, "GetWebIdentityToken"): get_web_identity_token,
    (IAM, "CreateSAMLProvider"): create_saml_provider,
    (IAM, "DeleteRolePolicy"): delete_role_policy,
    (IAM, "GetRole"): get_role,
    (IAM, "GetRolePolicy"): get_role_policy,
    (IAM, "GetSAMLProvider"): get_saml_provider,
    (IAM, "ListAccountAliases"): list_account_aliases,
    (IAM, "ListRolePolicies"): list_role_policies,
    (IAM, "ListRoles"): list_roles,
    (IAM, "ListSAMLProviders"): list_saml_providers,
    (IAM, "PutRolePolicy"): put_role_policy,
    (IAM, "UpdateSAMLProvider"): update_saml_provider,
}

# Operations that ask somebody else, and so must not keep everybody waiting.
SLOW: Final = frozenset({"AssumeRoleWithWebIdentity"})

# Services that speak JSON are told by a header.
TARGETS: Final[dict[str, Operation]] = {"AWSOrganizationsV20161128.ListAccounts": list_accounts}
