"""A role of our own in one account, for reading what is there or for ending sessions: taken for one piece of work."""

from datetime import timedelta

from idp.domain.aws.arn import RoleArn
from idp.services.mapping import external_ids
from sts_bridge.aws.sts import SessionWish, assume_role
from sts_bridge.conf import BridgeConfig
from sts_bridge.domain.credentials import TemporaryCredentials
from sts_bridge.domain.errors import BrokerUnknown
from sts_bridge.domain.session_policy import WHOLE_ROLE
from sts_bridge.services.regions import in_some_region

SESSION_NAME = "drawbridge"
LASTS = timedelta(minutes=15)


def credentials_in_account(*, partition: str, account: str, role_name: str) -> TemporaryCredentials:
    """Credentials of this role in this account, by the ExternalId that we gave it.

    Refuses an account that is not registered, and where its role does not trust us; is Unavailable where STS is.
    """
    external_id = external_ids().get(account)
    if not external_id:
        raise BrokerUnknown(f"account {account} is not registered, or has no ExternalId")
    path, _, name = role_name.rpartition("/")
    role = RoleArn(partition, account, f"/{path}/" if path else "/", name)
    wish = SessionWish(name=SESSION_NAME, duration=LASTS, policy=WHOLE_ROLE, external_id=external_id)

    def ask(region: str, config: BridgeConfig) -> TemporaryCredentials:
        return assume_role(role=role, wish=wish, by=None, region=region, config=config)

    return in_some_region(partition, ask)
