"""Which accounts the organization has, asked by the broker's own identity."""

from collections.abc import Mapping

from sts_bridge.aws.clients import broker_client, with_retries
from sts_bridge.conf import BridgeConfig

# Organizations is one for all of AWS, and signed for this region.
REGION = "us-east-1"


def accounts_of_organization(config: BridgeConfig) -> Mapping[str, str]:
    """The state of every account by its number; pages without accounts are normal, so it is the token that counts.

    Refuses where the broker may not ask or there is no organization; is Unavailable where AWS is.
    """
    client = broker_client("organizations", region=REGION, config=config)
    states: dict[str, str] = {}
    token: dict[str, str] = {}
    while True:
        answer = with_retries(lambda token=token: client.list_accounts(**token), config)  # type: ignore[misc] # bound now
        for account in answer["Accounts"]:
            # `Status` is the older name of the same (retired in September 2026).
            states[account["Id"]] = account.get("State") or account.get("Status") or ""
        if not answer.get("NextToken"):
            return states
        token = {"NextToken": answer["NextToken"]}
