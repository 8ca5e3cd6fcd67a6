"""Which operation answers which call: by the version of the interface, which tells the service, and the action."""

from datetime import datetime
from typing import Final, Protocol

from sts_bridge.local_aws.query import STS, Call
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.sts.assume_role import assume_role
from sts_bridge.local_aws.sts.assume_role_with_saml import assume_role_with_saml
from sts_bridge.local_aws.sts.get_caller_identity import get_caller_identity
from sts_bridge.local_aws.sts.get_federation_token import get_federation_token
from sts_bridge.local_aws.sts.get_session_token import get_session_token


class Operation(Protocol):
    """A call in, the members of its result out, or nothing where it has none."""

    def __call__(self, call: Call, *, realm: Realm, now: datetime) -> dict[str, object] | None:
        """Answer one call, or refuse it with AwsError."""


OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    (STS, "AssumeRole"): assume_role,
    (STS, "AssumeRoleWithSAML"): assume_role_with_saml,
    (STS, "GetCallerIdentity"): get_caller_identity,
    (STS, "GetFederationToken"): get_federation_token,
    (STS, "GetSessionToken"): get_session_token,
}
